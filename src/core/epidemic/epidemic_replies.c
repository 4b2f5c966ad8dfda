// What waits until it is durable: replies, and news of what was written here.
#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

struct late {
    struct list link;
    uint64_t token;
    uint64_t space; // of news; 0: it is a reply
    struct dot dot;
    uint64_t handle;
    struct reply reply;
    uint8_t *value; // owned, the reply's; or NULL
};

bool epidemic_is_busy(const struct epidemic *epidemic)
{
    return epidemic->reply_count >= EPIDEMIC_REPLIES_MAX ||
           overlay_bytes(&epidemic->overlay) > OVERLAY_BYTES_MAX / 2;
}

static void add(struct epidemic *epidemic, struct effects *effects, const struct late *what)
{
    struct late *late = memory_new(sizeof *late);
    *late = *what;
    late->token = overlay_token(&epidemic->overlay, effects);
    list_init(&late->link);
    list_append(&epidemic->replies, &late->link);
    epidemic->reply_count++;
    epidemic->reply_bytes += late->value != NULL ? late->reply.value.length : 0;
    // Nothing may have been written, and then nothing will be reported.
    epidemic_replies_on_durable(epidemic, effects, epidemic->overlay.durable);
}

void epidemic_reply_late(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                         const struct reply *reply)
{
    add(epidemic, effects, &(struct late){.handle = handle, .reply = *reply});
}

enum err epidemic_value_late(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                             const struct reply *reply)
{
    struct late late = {.handle = handle, .reply = *reply};
    if (reply->value.length > EPIDEMIC_LATE_BYTES_MAX - epidemic->reply_bytes)
        return ERR_BUSY;
    late.value = memory_copy(reply->value.bytes, reply->value.length);
    late.reply.value.bytes = late.value;
    add(epidemic, effects, &late);
    return ERR_OK;
}

void epidemic_news_late(struct epidemic *epidemic, struct effects *effects,
                        const struct replica *replica, struct dot news)
{
    add(epidemic, effects, &(struct late){.space = replica->space.id, .dot = news});
}

static void drop_first(struct epidemic *epidemic)
{
    struct late *late = LIST_ITEM(list_take_first(&epidemic->replies), struct late, link);
    epidemic->reply_count--;
    epidemic->reply_bytes -= late->value != NULL ? late->reply.value.length : 0;
    free(late->value);
    free(late);
}

void epidemic_replies_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t token)
{
    while (!list_empty(&epidemic->replies)) {
        const struct late *late = LIST_ITEM(epidemic->replies.next, struct late, link);
        if (late->token > token)
            return;
        struct replica *replica = epidemic_replica(epidemic, late->space);
        if (late->space == 0)
            effects_reply(effects, late->handle, &late->reply);
        else if (replica != NULL)
            epidemic_heat(epidemic, replica, late->dot);
        drop_first(epidemic);
    }
}

void epidemic_replies_release(struct epidemic *epidemic)
{
    while (!list_empty(&epidemic->replies))
        drop_first(epidemic);
}
