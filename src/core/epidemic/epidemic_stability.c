// Stability (rule R15): the primary publishes what is stable, others take it.
#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

// Told at once of a new record; the others hear of it with their next session.
enum { TOLD_AT_ONCE = 3 };

static void record_name(struct buf *out, const struct replica *replica)
{
    buf_init(out, STORE_KEY_BYTES_MAX);
    buf_append_slice(out, slice_of_text("stability/"));
    buf_append_u64_be(out, replica->space.id);
}

static void remember(struct replica *replica, struct slice bytes, struct stamp number)
{
    buf_clear(&replica->stability);
    buf_append_slice(&replica->stability, bytes);
    replica->stability_number = number;
}

static void store_record(struct epidemic *epidemic, struct effects *effects,
                         const struct replica *replica, struct slice bytes)
{
    struct buf name;
    record_name(&name, replica);
    overlay_put(&epidemic->overlay, effects, STORE_META, buf_slice(&name), bytes);
    buf_release(&name);
}

void epidemic_stability_load(struct epidemic *epidemic, struct replica *replica)
{
    struct buf name;
    struct slice bytes;
    struct stability_record record = {0};
    buf_init(&replica->stability, STABILITY_BYTES_MAX);
    buf_init(&replica->unpublished, STABILITY_BYTES_MAX);
    record_name(&name, replica);
    // A record that is lost or damaged comes again from others.
    // So does that of a space that is being removed: what it says was removed with it.
    if (!replica->space.forgetting &&
        overlay_get(&epidemic->overlay, STORE_META, buf_slice(&name), &bytes) == ERR_OK &&
        stability_decode(bytes, &record) == ERR_OK) {
        remember(replica, bytes, record.number);
        replica->stability_unread = true;
    }
    replica->next_stability_us = epidemic->now_us;
    stability_release(&record);
    buf_release(&name);
}

void epidemic_stability_forget(struct epidemic *epidemic, struct effects *effects,
                               const struct replica *replica)
{
    struct buf name;
    record_name(&name, replica);
    overlay_remove(&epidemic->overlay, effects, STORE_META, buf_slice(&name));
    buf_release(&name);
}

static void stop_making(struct replica *replica)
{
    if (replica->maker != NULL)
        stability_maker_release(replica->maker);
    free(replica->maker);
    replica->maker = NULL;
    replica->durable_awaited = false;
    buf_clear(&replica->unpublished);
}

void epidemic_stability_release(struct replica *replica)
{
    stop_making(replica);
    knowledge_release(&replica->durable);
    buf_release(&replica->stability);
    buf_release(&replica->unpublished);
}

static void begin_making(struct replica *replica)
{
    struct stability_record newest = {0};
    replica->maker_since = replica->primary.keyspace->primary_epoch;
    bool has = replica->stability.length > 0 &&
               stability_decode(buf_slice(&replica->stability), &newest) == ERR_OK;
    replica->maker = memory_zeroed(1, sizeof *replica->maker);
    stability_maker_init(replica->maker, replica->primary.self, replica->setting.retention_ms,
                         has ? &newest : NULL);
    stability_release(&newest);
}

// Whether the map names this peer, with a lease or without, and has since the maker began.
static bool goes_on_making(const struct replica *replica)
{
    const struct replica_primary *primary = &replica->primary;
    return primary->keyspace != NULL && primary->self != NODE_NONE &&
           primary->keyspace->primary == primary->self &&
           primary->keyspace->primary_epoch == replica->maker_since;
}

// The maker outlives a lease that is lost for a while: it signs nothing then, but what it remembers
// of the retention stays true.
void epidemic_set_primary(struct epidemic *epidemic, uint64_t id,
                          const struct replica_primary *primary)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    if (replica == NULL)
        return;
    replica->primary = *primary;
    if (replica->maker != NULL && !goes_on_making(replica))
        stop_making(replica);
    if (primary->is_self && replica->maker == NULL)
        begin_making(replica);
    epidemic_wake_for(epidemic, replica);
}

static void send_record(struct epidemic *epidemic, struct effects *effects,
                        const struct replica *replica, uint64_t peer)
{
    struct message message = {
        .kind = MESSAGE_STABILITY,
        .stability = {.space = replica->space.id, .record = buf_slice(&replica->stability)}};
    epidemic_send(epidemic, effects, peer, &message);
}

void epidemic_help_stability(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica, uint64_t peer, struct stamp number)
{
    if (replica->stability.length > 0 && stamp_compare(number, replica->stability_number) < 0)
        send_record(epidemic, effects, replica, peer);
}

static void stabilise(struct effects *effects, struct replica *replica,
                      const struct stability_record *record)
{
    // Past the bounds of knowledge S stays as it is: less is called stable than could be.
    enum err error = space_stabilise(&replica->space, effects, &record->stable, &record->horizon);
    (void)error;
}

void epidemic_stability_retry(struct effects *effects, struct replica *replica)
{
    struct stability_record record = {0};
    if (replica->stability.length > 0 &&
        stability_decode(buf_slice(&replica->stability), &record) == ERR_OK &&
        (!knowledge_contains(&replica->space.horizon, &record.horizon) ||
         !knowledge_contains(&replica->space.stable, &record.stable)))
        stabilise(effects, replica, &record);
    stability_release(&record);
}

// --- making

static void make(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    const struct stability_record *record = NULL;
    struct stability_moment moment = {.epoch = replica->primary.map->epoch,
                                      .now_us = epidemic->now_us,
                                      .lease_held = replica->primary.is_self,
                                      .clean_audit_us = replica->clean_audit_us,
                                      .secret = replica->primary.secret};
    replica->durable_awaited = false;
    if (stability_make(replica->maker, &replica->space, &replica->durable, &moment, &record) !=
        ERR_OK)
        return;
    buf_clear(&replica->unpublished);
    stability_encode(&replica->unpublished, record);
    replica->unpublished_number = record->number;
    store_record(epidemic, effects, replica, buf_slice(&replica->unpublished));
    replica->unpublished_token = overlay_token(&epidemic->overlay, effects);
}

static void publish(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    struct stability_record record = {0};
    remember(replica, buf_slice(&replica->unpublished), replica->unpublished_number);
    buf_clear(&replica->unpublished);
    CHECK(stability_decode(buf_slice(&replica->stability), &record) == ERR_OK);
    stabilise(effects, replica, &record);
    stability_release(&record);
    for (unsigned i = 0; i < TOLD_AT_ONCE; i++) {
        const struct peer *peer =
            peers_choose(&epidemic->peers, replica->space.id, epidemic->now_us);
        if (peer != NULL)
            send_record(epidemic, effects, replica, peer->store_id);
    }
}

bool epidemic_stability_is_due(const struct replica *replica)
{
    bool makes = replica->maker != NULL && replica->primary.is_self;
    bool waits = replica->durable_awaited || replica->unpublished.length > 0;
    return replica->stability_unread || (makes && !waits);
}

void epidemic_stability_tick(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica)
{
    if (!epidemic_stability_is_due(replica) || epidemic->now_us < replica->next_stability_us)
        return;
    // An earlier run may have ended between the record and what it does to the space.
    if (replica->stability_unread)
        epidemic_stability_retry(effects, replica);
    replica->stability_unread = false;
    if (!epidemic_stability_is_due(replica))
        return;
    replica->next_stability_us = epidemic_jittered_us(epidemic, replica->setting.stability_ms);
    knowledge_copy(&replica->durable, &replica->space.known);
    replica->durable_token = overlay_token(&epidemic->overlay, effects);
    replica->durable_awaited = true;
    epidemic_stability_on_durable(epidemic, effects, replica, epidemic->overlay.durable);
}

void epidemic_stability_on_durable(struct epidemic *epidemic, struct effects *effects,
                                   struct replica *replica, uint64_t token)
{
    if (replica->maker == NULL)
        return;
    if (replica->unpublished.length > 0 && replica->unpublished_token <= token)
        publish(epidemic, effects, replica);
    else if (replica->durable_awaited && replica->durable_token <= token)
        make(epidemic, effects, replica);
    epidemic_wake_for(epidemic, replica);
}

// --- taking

static const struct signing_key *key_of(const void *context, node_id id)
{
    const struct map_node *node = cluster_map_node(context, id);
    return node != NULL ? (const struct signing_key *)(const void *)node->key : NULL;
}

void epidemic_on_stability(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica, const struct message_stability *message)
{
    const struct replica_primary *primary = &replica->primary;
    struct stability_record record = {0};
    if (primary->map == NULL || primary->keyspace == NULL ||
        stability_decode(message->record, &record) != ERR_OK)
        return;
    struct stability_authority authority = {.space = replica->space.id,
                                            .epoch = primary->map->epoch,
                                            .primary = primary->keyspace->primary,
                                            .since = primary->keyspace->primary_epoch,
                                            .key_of = key_of,
                                            .context = primary->map};
    if (stability_judge(&record, &authority) == STABILITY_TAKE) {
        stabilise(effects, replica, &record);
        if (stamp_compare(record.number, replica->stability_number) > 0) {
            remember(replica, message->record, record.number);
            store_record(epidemic, effects, replica, message->record);
        }
    }
    stability_release(&record);
}
