// Operations carried by hand (rule R14): a bundle as the answer to a request, and as its value.
#include "core/epidemic/bundle_export.h"
#include "core/epidemic/bundle_import.h"
#include "core/epidemic/epidemic_parts.h"

static struct replica_friend *find_friend(struct replica *replica, uint64_t peer)
{
    for (unsigned i = 0; i < REPLICA_FRIENDS_MAX; i++)
        if (replica->friends[i].peer == peer)
            return &replica->friends[i];
    return NULL;
}

void epidemic_remember_known(struct replica *replica, uint64_t peer, const struct knowledge *known)
{
    struct replica_friend *friend = find_friend(replica, peer);
    if (friend == NULL) {
        friend = &replica->friends[replica->next_friend];
        replica->next_friend = (replica->next_friend + 1) % REPLICA_FRIENDS_MAX;
        knowledge_release(&friend->known);
        friend->peer = peer;
    }
    // Less is remembered past the bounds, and then more is carried than need be.
    enum err error = knowledge_merge(&friend->known, known);
    (void)error;
}

void epidemic_bundles_release(struct replica *replica)
{
    for (unsigned i = 0; i < REPLICA_FRIENDS_MAX; i++)
        knowledge_release(&replica->friends[i].known);
}

static void answer(struct effects *effects, uint64_t handle, enum err error)
{
    effects_reply(effects, handle, &(struct reply){.error = error});
}

static void name_space(const struct replica *replica, struct bundle_header *header)
{
    const struct optimistic *keyspace = replica->primary.keyspace;
    if (keyspace != NULL)
        memcpy(header->keyspace, keyspace->name, sizeof header->keyspace);
    memcpy(header->channel, replica->channel, sizeof header->channel);
}

static enum err export_all(struct epidemic *epidemic, struct replica *replica,
                           const struct request *request, struct buf *out)
{
    struct bundle_export export;
    struct bundle_header header = {.space = replica->space.id,
                                   .exporter = epidemic->config.self,
                                   .created_ms = request->now_ms};
    const struct replica_friend *friend =
        request->since != 0 ? find_friend(replica, request->since) : NULL;
    if (request->since != 0 && friend == NULL)
        return ERR_NOT_FOUND;
    name_space(replica, &header);
    if (friend != NULL)
        header.since = friend->known; // borrowed
    enum err error = bundle_export_begin(&export, &replica->space, &header, out);
    if (error != ERR_OK)
        return error;
    while (error == ERR_OK && !export.over) {
        error = bundle_export_next(&export, BUNDLE_BYTES_MAX, buf_slice(&replica->stability), out);
        if (error == ERR_OK && out->length > BUNDLE_BYTES_MAX)
            error = ERR_TOO_LARGE;
    }
    bundle_export_release(&export);
    return error;
}

void epidemic_answer_export(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle, const struct request *request)
{
    struct buf bundle;
    buf_init(&bundle, 2 * BUNDLE_BYTES_MAX + BUNDLE_PART_BYTES_MAX);
    struct reply reply = {.error = export_all(epidemic, replica, request, &bundle)};
    // What is carried away must not be lost here.
    if (reply.error == ERR_OK) {
        reply.value = buf_slice(&bundle);
        reply.error = epidemic_value_late(epidemic, effects, handle, &reply);
    }
    if (reply.error != ERR_OK)
        answer(effects, handle, reply.error);
    buf_release(&bundle);
}

static void on_news(void *context, struct space *space, struct dot dot)
{
    struct epidemic *epidemic = context;
    epidemic_heat(epidemic, epidemic_replica(epidemic, space->id), dot);
}

// Feeds all of the bytes, in portions; once to check, once more to apply.
static enum err feed(struct epidemic *epidemic, struct bundle_import *import,
                     struct effects *effects, struct slice bytes, bool applies)
{
    enum err error = ERR_OK;
    for (size_t at = 0; error == ERR_OK && at < bytes.length; at += BUNDLE_PORTION_BYTES_MAX) {
        size_t left = bytes.length - at;
        struct slice portion = slice_of(
            bytes.bytes + at, left < BUNDLE_PORTION_BYTES_MAX ? left : BUNDLE_PORTION_BYTES_MAX);
        error = applies ? bundle_import_apply(import, effects, portion, on_news, epidemic)
                        : bundle_import_check(import, portion);
    }
    return error;
}

// The record is judged whatever became of the close; a horizon may have waited for that.
static void take_stability(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica, const struct bundle_import *import)
{
    struct message_stability message = {.space = replica->space.id,
                                        .record = import->reader.close.stability};
    if (message.record.length > 0)
        epidemic_on_stability(epidemic, effects, replica, &message);
    epidemic_stability_retry(effects, replica);
}

void epidemic_answer_import(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle, const struct request *request)
{
    struct bundle_import import;
    enum bundle_verdict verdict = BUNDLE_REFUSED;
    struct reply reply = {.error = ERR_OK};
    bundle_import_init(&import, &replica->space);
    reply.error = feed(epidemic, &import, effects, request->value, false);
    if (reply.error == ERR_OK)
        reply.error = bundle_import_checked(&import);
    if (reply.error == ERR_OK)
        reply.error = feed(epidemic, &import, effects, request->value, true);
    if (reply.error == ERR_OK)
        reply.error = bundle_import_close(&import, effects, &verdict);
    if (reply.error == ERR_OK)
        take_stability(epidemic, effects, replica, &import);
    reply.existed = import.outcomes[SPACE_NEWS] > 0;
    reply.bundle.operations = import.operations;
    reply.bundle.news = import.outcomes[SPACE_NEWS];
    reply.bundle.closed = verdict == BUNDLE_APPLIED;
    bundle_import_release(&import);
    if (reply.error == ERR_OK)
        epidemic_reply_late(epidemic, effects, handle, &reply);
    else
        answer(effects, handle, reply.error);
}
