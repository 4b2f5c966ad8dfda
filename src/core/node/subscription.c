#include "core/node/subscription.h"

#include "base/check.h"

static const char prefix[] = "channel/";
static const char prefix_end[] = "channel0";

enum { PREFIX_BYTES = sizeof prefix - 1, NAME_BYTES_MAX = PREFIX_BYTES + 4 };

static void name_of(struct buf *out, uint32_t keyspace, struct slice channel)
{
    CHECK(channel.length <= KEYSPACE_NAME_BYTES_MAX);
    buf_init(out, NAME_BYTES_MAX + KEYSPACE_NAME_BYTES_MAX);
    buf_append_slice(out, slice_of_text(prefix));
    buf_append_u32_be(out, keyspace);
    buf_append_slice(out, channel);
}

static enum subscription_state state_of(struct slice value)
{
    bool good = value.length == 1 && value.bytes[0] < SUBSCRIPTION_STATE_COUNT;
    return good ? (enum subscription_state)value.bytes[0] : SUBSCRIPTION_NONE;
}

enum subscription_state subscription_state_of(struct overlay *overlay, uint32_t keyspace,
                                              struct slice channel)
{
    struct buf name;
    struct slice value;
    name_of(&name, keyspace, channel);
    enum err error = overlay_get(overlay, STORE_META, buf_slice(&name), &value);
    buf_release(&name);
    return error == ERR_OK ? state_of(value) : SUBSCRIPTION_NONE;
}

void subscription_note(struct overlay *overlay, struct effects *effects,
                       const struct subscription *subscription)
{
    struct buf name;
    uint8_t state = (uint8_t)subscription->state;
    name_of(&name, subscription->keyspace, subscription->channel);
    if (subscription->state == SUBSCRIPTION_NONE)
        overlay_remove(overlay, effects, STORE_META, buf_slice(&name));
    else
        overlay_put(overlay, effects, STORE_META, buf_slice(&name), slice_of(&state, 1));
    buf_release(&name);
}

struct list_of_notes {
    struct buf *out;
    uint32_t count;
};

static bool gather(void *context, struct slice name, struct slice value)
{
    struct list_of_notes *list = context;
    struct cursor in = cursor_of(name);
    cursor_bytes(&in, PREFIX_BYTES);
    uint32_t keyspace = cursor_u32_be(&in);
    struct slice channel = cursor_bytes(&in, cursor_left(&in));
    enum subscription_state state = state_of(value);
    if (in.failed || channel.length > KEYSPACE_NAME_BYTES_MAX || state == SUBSCRIPTION_NONE)
        return true;
    buf_append_u32_be(list->out, keyspace);
    buf_append_counted(list->out, channel);
    buf_append_u8(list->out, (uint8_t)state);
    return ++list->count < SUBSCRIPTIONS_MAX;
}

enum err subscriptions_list(struct overlay *overlay, struct buf *out)
{
    struct list_of_notes list = {.out = out};
    return overlay_scan(overlay, STORE_META, slice_of_text(prefix), slice_of_text(prefix_end),
                        gather, &list);
}

bool subscription_next(struct cursor *in, struct subscription *out)
{
    if (cursor_left(in) == 0)
        return false;
    out->keyspace = cursor_u32_be(in);
    out->channel = cursor_counted(in);
    out->state = (enum subscription_state)cursor_u8(in);
    return !in->failed;
}
