// Operations carried by hand (rule R14): a bundle as the answer to a request, and as its value. It
// is made and applied a little in each step, for it may be long, and leases do not wait.
#include "core/epidemic/bundle_export.h"
#include "core/epidemic/bundle_import.h"
#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

// A bundle that is under way.
struct carried {
    struct list link;
    struct replica *replica; // there as long as it is not leaving
    uint64_t handle;
    bool imports;
    struct bundle_export export;
    uint64_t restored; // of the world, when it began
    struct bundle_import import;
    struct buf bytes; // what was written of it; or all of it,
    size_t at;        // read so far, this time
};

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

void epidemic_friends_release(struct replica *replica)
{
    for (unsigned i = 0; i < REPLICA_FRIENDS_MAX; i++)
        knowledge_release(&replica->friends[i].known);
}

static void name_space(const struct replica *replica, struct bundle_header *header)
{
    const struct optimistic *keyspace = replica->primary.keyspace;
    if (keyspace != NULL)
        memcpy(header->keyspace, keyspace->name, sizeof header->keyspace);
    memcpy(header->channel, replica->channel, sizeof header->channel);
}

static void end(struct epidemic *epidemic, struct carried *carried)
{
    if (carried->imports)
        bundle_import_release(&carried->import);
    else
        bundle_export_release(&carried->export);
    buf_release(&carried->bytes);
    list_remove(&carried->link);
    epidemic->carried_count--;
    free(carried);
}

static void end_with(struct epidemic *epidemic, struct effects *effects, struct carried *carried,
                     enum err error)
{
    effects_reply(effects, carried->handle, &(struct reply){.error = error});
    end(epidemic, carried);
}

// --- a bundle that is made

static enum err begin_export(struct epidemic *epidemic, struct replica *replica,
                             const struct request *request, struct carried *carried)
{
    struct bundle_header header = {.space = replica->space.id,
                                   .exporter = epidemic->config.self,
                                   .created_ms = request->now_ms};
    const struct replica_friend *friend =
        request->since != 0 ? find_friend(replica, request->since) : NULL;
    if (request->since != 0 && friend == NULL)
        return ERR_NOT_FOUND;
    name_space(replica, &header);
    carried->restored = epidemic->world.restored;
    if (friend != NULL)
        header.since = friend->known; // borrowed
    return bundle_export_begin(&carried->export, &replica->space, &header, &carried->bytes);
}

static void go_on_exporting(struct epidemic *epidemic, struct effects *effects,
                            struct carried *carried)
{
    struct buf *out = &carried->bytes;
    carried->export.is_unsure |= carried->restored != epidemic->world.restored;
    enum err error = bundle_export_next(&carried->export, epidemic->config.step_bytes,
                                        buf_slice(&carried->replica->stability), out);
    if (error == ERR_OK && out->length > BUNDLE_BYTES_MAX)
        error = ERR_TOO_LARGE;
    if (error == ERR_OK && !carried->export.over)
        return;
    // What is carried away must not be lost here.
    if (error == ERR_OK)
        error = epidemic_value_late(epidemic, effects, carried->handle,
                                    &(struct reply){.value = buf_slice(out)});
    if (error == ERR_OK)
        end(epidemic, carried);
    else
        end_with(epidemic, effects, carried, error);
}

// --- a bundle that is brought

static void on_news(void *context, struct space *space, struct dot dot)
{
    struct epidemic *epidemic = context;
    epidemic_heat(epidemic, epidemic_replica(epidemic, space->id), dot);
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

static void close_import(struct epidemic *epidemic, struct effects *effects,
                         struct carried *carried)
{
    struct bundle_import *import = &carried->import;
    enum bundle_verdict verdict = BUNDLE_REFUSED;
    enum err error = bundle_import_close(import, effects, &verdict);
    if (error != ERR_OK) {
        end_with(epidemic, effects, carried, error);
        return;
    }
    take_stability(epidemic, effects, carried->replica, import);
    struct reply reply = {.error = ERR_OK,
                          .existed = import->outcomes[SPACE_NEWS] > 0,
                          .bundle = {.operations = import->operations,
                                     .news = import->outcomes[SPACE_NEWS],
                                     .closed = verdict == BUNDLE_APPLIED}};
    epidemic_reply_late(epidemic, effects, carried->handle, &reply);
    end(epidemic, carried);
}

// Waits for the store to take what was applied.
static bool waits(const struct epidemic *epidemic, const struct carried *carried)
{
    return carried->imports && carried->import.is_checked && epidemic_is_busy(epidemic);
}

// Reads on: once through to check, and once more to apply. False when it is over.
static bool go_on_importing(struct epidemic *epidemic, struct effects *effects,
                            struct carried *carried, size_t *budget_bytes)
{
    struct bundle_import *import = &carried->import;
    size_t left = carried->bytes.length - carried->at;
    struct slice portion =
        slice_of(carried->bytes.bytes + carried->at, left < *budget_bytes ? left : *budget_bytes);
    bool applies = import->is_checked;
    bool is_last = portion.length == left;
    enum err error = applies ? bundle_import_apply(import, effects, portion, on_news, epidemic)
                             : bundle_import_check(import, portion);
    *budget_bytes -= portion.length;
    carried->at += portion.length;
    if (error == ERR_OK && is_last && !applies) {
        carried->at = 0;
        error = bundle_import_checked(import);
    }
    if (error != ERR_OK)
        end_with(epidemic, effects, carried, error);
    else if (is_last && applies)
        close_import(epidemic, effects, carried);
    return error == ERR_OK && !(is_last && applies);
}

// --- all of them

// So much of it that nobody else waits for long.
static void go_on(struct epidemic *epidemic, struct effects *effects, struct carried *carried)
{
    size_t budget_bytes = epidemic->config.step_bytes;
    if (!carried->imports)
        go_on_exporting(epidemic, effects, carried);
    else
        while (budget_bytes > 0 && !waits(epidemic, carried) &&
               go_on_importing(epidemic, effects, carried, &budget_bytes))
            continue;
}

void epidemic_answer_bundle(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle, const struct request *request)
{
    if (epidemic->carried_count == EPIDEMIC_CARRIED_MAX) {
        effects_reply(effects, handle, &(struct reply){.error = ERR_BUSY});
        return;
    }
    enum err error = ERR_OK;
    struct carried *carried = memory_zeroed(1, sizeof *carried);
    carried->replica = replica;
    carried->handle = handle;
    carried->imports = request->kind == REQUEST_IMPORT;
    list_append(&epidemic->carried, &carried->link);
    epidemic->carried_count++;
    buf_init(&carried->bytes, 2 * BUNDLE_BYTES_MAX + BUNDLE_PART_BYTES_MAX);
    if (carried->imports) {
        bundle_import_init(&carried->import, &replica->space);
        buf_append_slice(&carried->bytes, request->value);
    } else {
        error = begin_export(epidemic, replica, request, carried);
    }
    if (error == ERR_OK)
        go_on(epidemic, effects, carried);
    else
        end_with(epidemic, effects, carried, error);
    if (epidemic_bundles_are_due(epidemic))
        effects_wake(effects, epidemic->now_us + 1);
}

// The next one that can go on; NULL: none can.
static struct carried *next_to_go_on(const struct epidemic *epidemic)
{
    for (struct list *at = epidemic->carried.next; at != &epidemic->carried; at = at->next)
        if (!waits(epidemic, LIST_ITEM(at, struct carried, link)))
            return LIST_ITEM(at, struct carried, link);
    return NULL;
}

bool epidemic_bundles_are_due(const struct epidemic *epidemic)
{
    return next_to_go_on(epidemic) != NULL;
}

void epidemic_bundles_tick(struct epidemic *epidemic, struct effects *effects)
{
    for (struct list *at = epidemic->carried.next, *next; at != &epidemic->carried; at = next) {
        struct carried *carried = LIST_ITEM(at, struct carried, link);
        next = at->next;
        if (carried->replica->leaving)
            end_with(epidemic, effects, carried, ERR_NOT_FOUND);
    }
    struct carried *carried = next_to_go_on(epidemic);
    if (carried == NULL)
        return;
    // In turns.
    list_remove(&carried->link);
    list_append(&epidemic->carried, &carried->link);
    go_on(epidemic, effects, carried);
}

void epidemic_bundles_release(struct epidemic *epidemic)
{
    while (!list_empty(&epidemic->carried))
        end(epidemic, LIST_ITEM(epidemic->carried.next, struct carried, link));
}
