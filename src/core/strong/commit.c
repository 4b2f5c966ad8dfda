// How a flight ends, at the primary and at backups alike.

#include "base/check.h"
#include "base/rule.h"
#include "core/strong/strong_parts.h"

static bool enough_in_sync(const struct strong *strong, const struct flight *flight)
{
    const struct map_keyspace *keyspace =
        cluster_map_keyspace(&strong->agreement->map, flight->keyspace);
    if (keyspace == NULL)
        return false;
    node_set live = cluster_map_live(&strong->agreement->map);
    node_set in_sync = map_keyspace_slot(keyspace, flight->slot)->in_sync;
    return node_set_count(in_sync & live) >= keyspace->keyspace.min_in_sync;
}

static void answer_writers(struct strong *strong, struct effects *effects, struct flight *flight)
{
    // Fewer replicas than the keyspace asks for: readers go on, but the writer is not told "safe".
    bool enough = enough_in_sync(strong, flight);
    struct list *link;
    while ((link = list_take_first(&flight->writers)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        if (pending->wrote && !enough)
            strong_answer_error(strong, effects, pending, ERR_UNKNOWN);
        else
            strong_answer(strong, effects, pending, &pending->reply);
    }
}

// Reads that waited get this record; what is left, writes mostly, stays in `waiting`.
static void answer_reads(struct strong *strong, struct effects *effects, struct list *waiting,
                         const struct flight *flight)
{
    struct reply found = {.error = flight->record.dead ? ERR_NOT_FOUND : ERR_OK,
                          .stamp = flight->record.stamp,
                          .value = flight->record.value};
    struct list others;
    struct list *link;
    list_init(&others);
    bool serves = strong_serves(strong, flight->keyspace, flight->slot);
    while ((link = list_take_first(waiting)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        bool reads = pending->request.kind == REQUEST_READ;
        if (reads && serves && !effects_over_budget(effects)) {
            strong_answer(strong, effects, pending, &found);
        } else if (reads) {
            list_append(&strong->parked, &pending->link);
            strong->look_at_parked = true;
        } else {
            list_append(&others, &pending->link);
        }
    }
    list_move_all(waiting, &others);
}

static bool certificate_may_go(const struct strong *strong, const struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    return flight->record.dead && set != NULL && (set->joining == 0 || !RULE(KEEP_CERTIFICATE));
}

static bool must_be_kept(const struct strong *strong, const struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    return set != NULL && node_set_has(set->joining, strong->self) &&
           stamp_epoch(flight->record.stamp) < set->join_epoch;
}

// Ends a flight that is committed and persisted.
static void retire_flight(struct strong *strong, struct effects *effects, struct flight *flight)
{
    CHECK(flight->persisted && flight->committed);
    if (flight->record.dead)
        slot_pasts_note_delete(&strong->pasts, flight->keyspace, flight->slot,
                               flight->record.stamp);
    if (certificate_may_go(strong, flight)) {
        struct store_key name;
        store_key_make(&name, flight->keyspace, flight->slot, flight_key(flight));
        effects_remove(effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name));
        prefix_on_swept(strong, effects, flight->keyspace, flight->slot, flight->record.stamp);
    } else if (flight->record.dead) {
        sweep_add(strong, flight->keyspace, flight->slot);
    }
    if (must_be_kept(strong, flight))
        flight_keep(&strong->flights, effects, flight);
    else
        flight_end(&strong->flights, effects, flight);
}

// Answers what waited, and ends it if it is persisted.
static void finish_flight(struct strong *strong, struct effects *effects, struct flight *flight,
                          uint64_t now_us)
{
    struct list waiting;
    list_init(&waiting);
    list_move_all(&waiting, &flight->waiting);
    answer_reads(strong, effects, &waiting, flight);
    if (!flight->persisted) {
        list_move_all(&flight->waiting, &waiting);
        return;
    }
    retire_flight(strong, effects, flight);
    primary_run_queue(strong, effects, now_us, &waiting);
}

void commit_flight(struct strong *strong, struct effects *effects, struct flight *flight,
                   uint64_t now_us)
{
    CHECK(!flight->committed);
    flight->committed = true;
    strong->ordered_count -= flight->ordered;
    flight->ordered = false;
    answer_writers(strong, effects, flight);
    finish_flight(strong, effects, flight, now_us);
}

void persisted_flight(struct strong *strong, struct effects *effects, struct flight *flight,
                      uint64_t now_us)
{
    if (flight->ack_owed)
        backup_send_ack(strong, effects, flight);
    flight->ack_owed = false;
    if (flight->committed)
        finish_flight(strong, effects, flight, now_us);
    else
        primary_try_commit(strong, effects, flight, now_us);
}

void abandon_writers(struct strong *strong, struct effects *effects, struct flight *flight)
{
    struct list *link;
    while ((link = list_take_first(&flight->writers)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        // What only rested on the record, a mismatch for one, had no effect.
        struct reply reply = {.error = pending->wrote ? ERR_UNDECIDED : ERR_RETRY,
                              .stamp = flight->record.stamp};
        strong_answer(strong, effects, pending, &reply);
    }
}

void abandon_flight(struct strong *strong, struct effects *effects, struct flight *flight)
{
    struct list *link;
    abandon_writers(strong, effects, flight);
    while ((link = list_take_first(&flight->waiting)) != NULL)
        strong_answer_error(strong, effects, LIST_ITEM(link, struct pending, link), ERR_RETRY);
    strong->ordered_count -= flight->ordered;
    flight_end(&strong->flights, effects, flight);
}
