#include "core/epidemic/epidemic_parts.h"

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
    uint32_t count;
};

static bool gather(void *context, const struct space_version *version)
{
    struct reading *reading = context;
    if (reading->count++ == 0) {
        reading->reply->stamp = version->stamp;
        reading->reply->is_stable = version->is_stable;
        reading->reply->expiry_ms = version->expiry_ms;
        buf_append_slice(reading->value, version->value);
        return true;
    }
    struct version_entry entry = {.stamp = version->stamp,
                                  .is_stable = version->is_stable,
                                  .expiry_ms = version->expiry_ms,
                                  .value = version->value};
    version_entry_append(reading->versions, &entry);
    return reading->count < VERSIONS_LIVE_MAX;
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
                                .expiry_ms = request->expiry_ms,
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
    epidemic_news_late(epidemic, effects, replica, written.dot);
    epidemic_reply_late(epidemic, effects, handle, &reply);
}

static void answer_exchange(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle, const struct request *request)
{
    enum err error = epidemic_open_session(epidemic, effects, replica, request->since, false);
    answer(effects, handle, error == ERR_EXISTS ? ERR_OK : error);
}

void epidemic_request(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                      uint64_t handle, uint64_t id, const struct request *request)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    enum err error = request_check(request);
    epidemic->now_us = now_us;
    if (replica != NULL)
        replica->space.utc_ms = epidemic_utc_ms(epidemic);
    bool writes = request->kind == REQUEST_PUT || request->kind == REQUEST_DELETE ||
                  request->kind == REQUEST_IMPORT;
    if (error != ERR_OK)
        answer(effects, handle, error);
    else if (replica == NULL)
        answer(effects, handle, ERR_NOT_FOUND);
    else if (writes && epidemic_is_busy(epidemic))
        answer(effects, handle, ERR_BUSY);
    else if (request->kind == REQUEST_READ)
        answer_read(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_LIST)
        answer_list(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_SCAN)
        epidemic_answer_scan(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_EXPORT || request->kind == REQUEST_IMPORT)
        epidemic_answer_bundle(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_EXCHANGE)
        answer_exchange(epidemic, effects, replica, handle, request);
    else if (request->kind == REQUEST_PUT || request->kind == REQUEST_DELETE)
        answer_write(epidemic, effects, replica, handle, request);
    else
        answer(effects, handle, ERR_INVALID);
}
