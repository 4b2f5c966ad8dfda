#include "front/http/annotation_find.h"

#include "base/check.h"
#include "front/http/entity_tag.h"

#include <stdio.h>

void annotation_find_release(struct annotation_find *find)
{
    annotation_channels_release(&find->channels);
    buf_release(&find->value);
}

// Whether the id is of this node's user.
static bool check_own(struct exchange *exchange, const struct annotation_id *id)
{
    struct signing_key author;
    if (!annotation_author(exchange, &author))
        return false;
    struct annotation_id own = annotation_id_of(&author, id->number);
    if (annotation_id_equal(&own, id))
        return true;
    exchange_fail(exchange, 403, "denied",
                  "the annotation is another author's: only its author can change it");
    return false;
}

bool annotation_find_target(struct exchange *exchange, struct slice text, bool own)
{
    struct annotation_target *target = &((struct annotation_find *)exchange->work)->target;
    bool found;
    if (!annotation_take_id(exchange, text, &target->id) ||
        !annotation_take_channel(exchange, target) ||
        !annotation_family(exchange, &target->family, &found))
        return false;
    if (own && !check_own(exchange, &target->id))
        return false;
    return true;
}

// --- looking

static void look(struct exchange *exchange);

static void respond_look(struct exchange *exchange, const struct reply *reply)
{
    struct annotation_find *find = exchange->work;
    struct annotation_entry entry;
    if (reply->error == ERR_NOT_FOUND) {
        find->at++;
        look(exchange);
        return;
    }
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    struct slice channel = slice_of_text(find->channels.items[find->at].name);
    struct version_entry winner = {
        .stamp = reply->stamp, .is_stable = reply->is_stable, .value = reply->value};
    if (annotation_entry_read(channel, &find->target.id, &winner, reply->versions, &entry) ==
        ERR_OK)
        find->found(exchange, &entry);
    else
        exchange_fail(exchange, 409, "version",
                      "what is stored under this id cannot be read: a newer program wrote it, or "
                      "something that is no annotation");
}

static void ask(struct exchange *exchange, const struct annotation_id *id, struct slice channel)
{
    const struct annotation_find *find = exchange->work;
    struct buf key;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, id);
    struct request request = {.kind = REQUEST_READ,
                              .keyspace = find->target.family,
                              .channel = channel,
                              .key = buf_slice(&key)};
    exchange_ask(exchange, &request, respond_look);
    buf_release(&key);
}

static void look(struct exchange *exchange)
{
    const struct annotation_find *find = exchange->work;
    if (find->at < find->channels.count)
        ask(exchange, &find->target.id, slice_of_text(find->channels.items[find->at].name));
    else
        exchange_fail(exchange, 404, "not_found",
                      "there is no such annotation in the channels of this node: see "
                      "/v1/annotations");
}

void annotation_find_begin(struct exchange *exchange, annotation_found *found)
{
    struct annotation_find *find = exchange->work;
    const struct annotation_target *target = &find->target;
    find->found = found;
    if (target->channel_length == 0) {
        annotation_channels_gather(exchange, target->family, &find->channels);
    } else {
        find->channels.items = memory_zeroed(1, sizeof *find->channels.items);
        find->channels.count = 1;
        memcpy(find->channels.items[0].name, target->channel, target->channel_length);
    }
    look(exchange);
}

// --- writing

bool annotation_find_base(struct exchange *exchange, struct stamp shown, struct stamp *out)
{
    enum condition condition;
    *out = shown;
    if (entity_tag_condition(exchange_header(exchange, "If-Match"),
                             exchange_header(exchange, "If-None-Match"), &condition,
                             out) == ERR_OK &&
        condition != CONDITION_ABSENT) {
        if (condition != CONDITION_STAMP)
            *out = shown;
        return true;
    }
    exchange_fail(exchange, 400, "invalid", "one condition is taken: If-Match: \"<version>\"");
    return false;
}

static void respond_write(struct exchange *exchange, const struct reply *reply)
{
    const struct annotation_find *find = exchange->work;
    struct annotation_entry entry;
    struct cursor in = cursor_of(buf_slice(&find->value));
    if (reply->error != ERR_OK) {
        annotation_fail_write(exchange, reply);
        return;
    }
    struct slice channel = cursor_counted(&in);
    struct version_entry written = {.stamp = reply->stamp,
                                    .value = cursor_bytes(&in, cursor_left(&in))};
    CHECK(annotation_entry_read(channel, &find->target.id, &written, slice_of(NULL, 0), &entry) ==
          ERR_OK);
    annotation_answer_entry(exchange,
                            exchange->method == METHOD_POST && !reply->existed ? 201 : 200, &entry);
}

// The work holds the channel, then the value.
void annotation_find_write(struct exchange *exchange, const struct annotation *annotation,
                           struct stamp base)
{
    struct annotation_find *find = exchange->work;
    struct buf key;
    buf_release(&find->value);
    buf_init(&find->value, ANNOTATION_VALUE_BYTES_MAX + ANNOTATION_CHANNEL_BYTES_MAX + 8);
    buf_append_counted(&find->value, annotation->channel);
    size_t head = find->value.length;
    annotation_encode(&find->value, annotation);
    CHECK(!find->value.overflown);
    find->target.id = annotation->id;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, &annotation->id);
    struct request request = {.kind = REQUEST_PUT,
                              .keyspace = find->target.family,
                              .channel = annotation->channel,
                              .key = buf_slice(&key),
                              .value =
                                  slice_of(find->value.bytes + head, find->value.length - head),
                              .condition = stamp_is_zero(base) ? CONDITION_ABSENT : CONDITION_STAMP,
                              .expected = base};
    exchange_ask(exchange, &request, respond_write);
    buf_release(&key);
}
