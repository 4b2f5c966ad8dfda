#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

// The answer to a write that is not durable yet.
struct late_reply {
    struct list link;
    uint64_t token;
    uint64_t handle;
    uint64_t space;
    struct dot dot;
    struct reply reply;
};

void epidemic_reply_late(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                         const struct reply *reply, uint64_t space, struct dot news)
{
    struct late_reply *late = memory_zeroed(1, sizeof *late);
    late->token = overlay_token(&epidemic->overlay, effects);
    late->handle = handle;
    late->space = space;
    late->dot = news;
    late->reply = *reply;
    list_append(&epidemic->replies, &late->link);
    epidemic->reply_count++;
    // Nothing may have been written, and then nothing will be reported.
    epidemic_replies_on_durable(epidemic, effects, epidemic->overlay.durable);
}

static void answer(struct effects *effects, uint64_t handle, enum err error)
{
    struct reply reply = {.error = error};
    effects_reply(effects, handle, &reply);
}

// What a read gathers: the winner, and what is in conflict with it.
struct reading {
    struct reply *reply;
    struct buf *value;
    struct buf *versions;
    bool first_seen;
};

static bool gather(void *context, const struct space_version *version)
{
    struct reading *reading = context;
    if (!reading->first_seen) {
        reading->first_seen = true;
        reading->reply->stamp = version->stamp;
        reading->reply->is_stable = version->is_stable;
        buf_append_slice(reading->value, version->value);
        return true;
    }
    struct version_entry entry = {
        .stamp = version->stamp, .is_stable = version->is_stable, .value = version->value};
    version_entry_append(reading->versions, &entry);
    return true;
}

static void answer_read(struct epidemic *epidemic, struct effects *effects, struct replica *replica,
                        uint64_t handle, const struct request *request)
{
    struct reply reply = {.error = ERR_OK};
    struct buf versions;
    buf_init(&versions, VERSIONS_LIVE_MAX * (VALUE_BYTES_MAX + 64u));
    buf_clear(&epidemic->scratch);
    struct reading reading = {.reply = &reply, .value = &epidemic->scratch, .versions = &versions};
    reply.error = space_read(&replica->space, request->key,
                             request->only_stable ? SPACE_STABLE : SPACE_LATEST, gather, &reading);
    if (reply.error == ERR_OK) {
        reply.value = buf_slice(&epidemic->scratch);
        reply.versions = buf_slice(&versions);
    }
    effects_reply(effects, handle, &reply);
    buf_release(&versions);
}

static void answer_list(struct epidemic *epidemic, struct effects *effects, struct replica *replica,
                        uint64_t handle, const struct request *request)
{
    struct reply reply = {.cursor = request->cursor};
    buf_clear(&epidemic->scratch);
    reply.error = space_list(&replica->space, request->prefix, &reply.cursor, request->limit,
                             &epidemic->scratch);
    reply.entries = buf_slice(&epidemic->scratch);
    effects_reply(effects, handle, &reply);
}

static void answer_write(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica, uint64_t handle, const struct request *request)
{
    bool dead = request->kind == REQUEST_DELETE;
    struct space_written written = {0};
    struct space_write write = {.key = request->key,
                                .value = request->value,
                                .dead = dead,
                                .condition = request->condition,
                                .expected = request->expected,
                                .author =
                                    replica->space.setting.is_signed ? epidemic->author : NULL};
    enum err error = space_write(&replica->space, effects, &write, &written);
    struct reply reply = {.error = error, .existed = written.existed, .stamp = written.stamp};
    if (error != ERR_OK) {
        effects_reply(effects, handle, &reply);
        return;
    }
    epidemic_reply_late(epidemic, effects, handle, &reply, replica->space.id, written.dot);
}

static void answer_exchange(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle, const struct request *request)
{
    bool opened = epidemic_exchange(epidemic, effects, epidemic->now_us, replica->space.id,
                                    request->since, false);
    answer(effects, handle, opened ? ERR_OK : ERR_UNAVAILABLE);
}

void epidemic_request(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                      uint64_t handle, uint64_t id, const struct request *request)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    epidemic->now_us = now_us;
    bool writes = request->kind == REQUEST_PUT || request->kind == REQUEST_DELETE ||
                  request->kind == REQUEST_IMPORT;
    if (request_check(request) != ERR_OK || request->kind == REQUEST_CHANGE)
        answer(effects, handle, ERR_INVALID);
    else if (replica == NULL)
        answer(effects, handle, ERR_NOT_FOUND);
    else if (writes && (epidemic->reply_count >= EPIDEMIC_REPLIES_MAX ||
                        overlay_bytes(&epidemic->overlay) > OVERLAY_BYTES_MAX / 2))
        answer(effects, handle, ERR_BUSY);
    else if (request->kind == REQUEST_READ)
        answer_read(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_LIST)
        answer_list(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_SCAN)
        epidemic_answer_scan(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_EXPORT)
        epidemic_answer_export(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_IMPORT)
        epidemic_answer_import(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_EXCHANGE)
        answer_exchange(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_PUT || request->kind == REQUEST_DELETE)
        answer_write(epidemic, effects, replica, handle, request);
    else
        answer(effects, handle, ERR_INVALID);
}

// A write is told of once it is durable, to its writer and to others.
void epidemic_replies_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t token)
{
    while (!list_empty(&epidemic->replies)) {
        struct late_reply *late = LIST_ITEM(epidemic->replies.next, struct late_reply, link);
        if (late->token > token)
            return;
        struct replica *replica = epidemic_replica(epidemic, late->space);
        if (replica != NULL && late->dot.sequence != 0)
            rumor_heat(&replica->rumor, late->dot);
        effects_reply(effects, late->handle, &late->reply);
        list_remove(&late->link);
        epidemic->reply_count--;
        free(late);
    }
}

void epidemic_replies_release(struct epidemic *epidemic)
{
    while (!list_empty(&epidemic->replies))
        free(LIST_ITEM(list_take_first(&epidemic->replies), struct late_reply, link));
    epidemic->reply_count = 0;
}
