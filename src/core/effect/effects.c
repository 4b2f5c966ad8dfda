#include "core/effect/effects.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };

void effects_init(struct effects *effects)
{
    memset(effects, 0, sizeof *effects);
    buf_init(&effects->bytes, EFFECTS_BYTES_MAX);
    effects->wake_us = UINT64_MAX;
}

void effects_release(struct effects *effects)
{
    buf_release(&effects->bytes);
    free(effects->sends);
    free(effects->writes);
    free(effects->replies);
    free(effects->routes);
}

void effects_clear(struct effects *effects)
{
    buf_clear(&effects->bytes);
    effects->send_count = 0;
    effects->write_count = 0;
    effects->reply_count = 0;
    effects->route_count = 0;
    effects->wake_us = UINT64_MAX;
}

void effects_distrust(struct effects *effects)
{
    size_t kept = 0;
    for (size_t i = 0; i < effects->write_count; i++)
        if (effects->writes[i].store == EFFECT_VOTER)
            effects->writes[kept++] = effects->writes[i];
    effects->write_count = kept;
    effects->send_count = 0;
    effects->reply_count = 0;
}

bool effects_empty(const struct effects *effects)
{
    return effects->send_count == 0 && effects->write_count == 0 && effects->reply_count == 0 &&
           effects->route_count == 0;
}

void effects_hand_over(struct effects *effects, struct effects *carried)
{
    struct effects empty = *carried;
    *carried = *effects;
    *effects = empty;
    memcpy(effects->tokens, carried->tokens, sizeof effects->tokens);
    effects->epoch = carried->epoch;
    effects->sequence = carried->sequence;
    effects->incarnation = carried->incarnation;
    effects->wake_us = carried->wake_us;
}

// Room for one more item of `size` bytes behind `count`; moves the array when it is full.
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity > 0 ? *capacity * 2 : CAPACITY_FIRST;
    return memory_resize(items, *capacity * size);
}

static struct effect_span span_since(const struct effects *effects, size_t start)
{
    CHECK(!effects->bytes.overflown);
    return (struct effect_span){.offset = start, .length = effects->bytes.length - start};
}

static struct effect_span keep(struct effects *effects, struct slice bytes)
{
    size_t start = effects->bytes.length;
    buf_append_slice(&effects->bytes, bytes);
    return span_since(effects, start);
}

void effects_send(struct effects *effects, uint64_t peer, uint64_t to_incarnation,
                  struct message *message)
{
    message->epoch = effects->epoch;
    message->sequence = ++effects->sequence;
    message->from_incarnation = effects->incarnation;
    message->to_incarnation = to_incarnation;
    size_t start = effects->bytes.length;
    message_encode(&effects->bytes, message);
    effects->sends =
        grow(effects->sends, effects->send_count, &effects->send_capacity, sizeof *effects->sends);
    effects->sends[effects->send_count++] = (struct effect_send){
        .peer = peer,
        .lane = message_is_urgent(message->kind) ? NET_LANE_URGENT : NET_LANE_BULK,
        .message = span_since(effects, start)};
}

static struct effect_write *add_write(struct effects *effects)
{
    effects->writes = grow(effects->writes, effects->write_count, &effects->write_capacity,
                           sizeof *effects->writes);
    return &effects->writes[effects->write_count++];
}

void effects_put(struct effects *effects, enum effect_store store, enum store_table table,
                 struct slice key, struct slice value)
{
    struct effect_write write = {.store = store, .table = table, .key = keep(effects, key)};
    write.value = keep(effects, value);
    *add_write(effects) = write;
}

void effects_remove(struct effects *effects, enum effect_store store, enum store_table table,
                    struct slice key)
{
    struct effect_write write = {
        .store = store, .table = table, .remove = true, .key = keep(effects, key)};
    *add_write(effects) = write;
}

uint64_t effects_token(struct effects *effects, enum effect_store store)
{
    return ++effects->tokens[store];
}

void effects_reply(struct effects *effects, uint64_t handle, const struct reply *reply)
{
    size_t start = effects->bytes.length;
    reply_encode(&effects->bytes, reply);
    effects->replies = grow(effects->replies, effects->reply_count, &effects->reply_capacity,
                            sizeof *effects->replies);
    effects->replies[effects->reply_count++] =
        (struct effect_reply){.handle = handle, .reply = span_since(effects, start)};
}

void effects_route(struct effects *effects, uint64_t peer, const char *address)
{
    struct effect_route route = {.peer = peer};
    route.address = keep(effects, slice_of(address, address != NULL ? strlen(address) + 1 : 0));
    effects->routes = grow(effects->routes, effects->route_count, &effects->route_capacity,
                           sizeof *effects->routes);
    effects->routes[effects->route_count++] = route;
}
