// Takeover: in every new map a primary collects what is in flight, re-sends the greatest record of
// each key with its old stamp, takes it itself, and only then orders.
//
// It asks every live replica of the slots whose primary it is; a node answers only in the same
// epoch, and takes no INV of an older one from then on, so what it tells is all there will ever be
// of earlier epochs. Records come in order of (keyspace, slot, key), a bounded message at a time; a
// lost one is asked for again.

#include "base/check.h"
#include "base/rule.h"
#include "core/strong/strong_parts.h"

#include <stdlib.h>

enum { TAKEOVER_BYTES = 4u << 20, ASK_AGAIN_US = 30 * 1000 };

static bool is_mine(const struct strong *strong, const struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    return set != NULL && strong_is_primary(strong, set);
}

static node_set peers_of_my_slots(const struct strong *strong)
{
    const struct cluster_map *map = &strong->agreement->map;
    node_set peers = 0;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++) {
            const struct replica_set *set = &map->keyspaces[i].sets[j];
            if (strong_is_primary(strong, set))
                peers |= set->in_sync | set->joining;
        }
    return peers & cluster_map_live(map) & ~node_bit(strong->self);
}

static void ask(struct strong *strong, struct effects *effects, node_id peer)
{
    struct message message = {.kind = MESSAGE_TAKEOVER_WANT,
                              .takeover_want = {.after = buf_slice(&strong->takeover_after[peer])}};
    agreement_send(strong->agreement, effects, peer, &message);
}

// Sends some of what is left again: a step has a budget. Meanwhile new requests queue behind a
// flight that waits.
static void send_again(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct list *link;
    while (!effects_over_budget(effects) &&
           (link = list_take_first(&strong->takeover_left)) != NULL) {
        struct flight *flight = LIST_ITEM(link, struct flight, age_link);
        list_append(&strong->flights.by_age, &flight->age_link);
        if (RULE(TAKEOVER))
            primary_adopt(strong, effects, flight, now_us);
    }
    if (!list_empty(&strong->takeover_left))
        effects_wake(effects, now_us);
}

// Everything is collected: what is in flight in this node's slots goes out again.
static void finish(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    strong->ready = true;
    // Committing can end flights and begin others: first all are put in a row.
    for (struct flight *flight = flights_next(&strong->flights, NULL); flight != NULL;
         flight = flights_next(&strong->flights, flight)) {
        if (!flight->kept && !flight->committed && is_mine(strong, flight)) {
            list_remove(&flight->age_link);
            list_append(&strong->takeover_left, &flight->age_link);
        }
    }
    send_again(strong, effects, now_us);
    strong->look_at_parked = true;
}

void takeover_begin(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    strong->ready = false;
    strong->takeover_us = now_us;
    list_move_all(&strong->flights.by_age, &strong->takeover_left);
    strong->takeover_wanted = strong->live && RULE(TAKEOVER) ? peers_of_my_slots(strong) : 0;
    for (unsigned id = 0; id <= NODES_MAX; id++)
        buf_clear(&strong->takeover_after[id]);
    if (!strong->live)
        return;
    strong->takeover_sent_us = 0;
    if (strong->takeover_wanted == 0)
        finish(strong, effects, now_us);
    else
        takeover_tick(strong, effects, now_us);
}

void takeover_tick(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    send_again(strong, effects, now_us);
    if (strong->takeover_wanted == 0)
        return;
    if (strong->takeover_sent_us == 0 || now_us >= strong->takeover_sent_us + ASK_AGAIN_US) {
        node_set wanted = strong->takeover_wanted;
        for (node_id id = node_set_first(wanted); id != NODE_NONE; id = node_set_after(wanted, id))
            ask(strong, effects, id);
        strong->takeover_sent_us = now_us;
    }
    effects_wake(effects, strong->takeover_sent_us + ASK_AGAIN_US);
}

static int compare_flights(const void *left, const void *right)
{
    const struct flight *a = *(struct flight *const *)left;
    const struct flight *b = *(struct flight *const *)right;
    struct store_key x;
    struct store_key y;
    store_key_make(&x, a->keyspace, a->slot, flight_key(a));
    store_key_make(&y, b->keyspace, b->slot, flight_key(b));
    return slice_compare(store_key_slice(&x), store_key_slice(&y));
}

// A joiner tells only what came by INV since its join: what it had before loses to everything.
static bool may_tell(const struct strong *strong, const struct flight *flight, node_id primary)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    if (flight->kept || flight->committed || set == NULL || set->primary != primary)
        return false;
    return node_set_has(set->in_sync, strong->self) ||
           (node_set_has(set->joining, strong->self) && flight->epoch >= set->join_epoch);
}

// The flights for `primary` whose store keys come after `after`, in order; gives an array to be
// freed.
static struct flight **flights_to_tell(const struct strong *strong, node_id primary,
                                       struct slice after, size_t *count)
{
    struct flight **told = memory_new((strong->flights.table.count + 1) * sizeof *told);
    *count = 0;
    for (struct flight *flight = flights_next(&strong->flights, NULL); flight != NULL;
         flight = flights_next(&strong->flights, flight)) {
        struct store_key name;
        store_key_make(&name, flight->keyspace, flight->slot, flight_key(flight));
        if (may_tell(strong, flight, primary) && slice_compare(store_key_slice(&name), after) > 0)
            told[(*count)++] = flight;
    }
    qsort(told, *count, sizeof(struct flight *), compare_flights);
    return told;
}

void takeover_on_want(struct strong *strong, struct effects *effects, node_id from,
                      const struct message_takeover_want *want)
{
    if (!strong->live)
        return;
    size_t count;
    struct flight **told = flights_to_tell(strong, from, want->after, &count);
    struct buf records;
    buf_init(&records, MESSAGE_RECORDS_BYTES_MAX);
    size_t i = 0;
    for (; i < count && (i == 0 || records.length < TAKEOVER_BYTES); i++) {
        struct store_key name;
        store_key_make(&name, told[i]->keyspace, told[i]->slot, flight_key(told[i]));
        buf_append_counted(&records, store_key_slice(&name));
        buf_append_counted(&records, slice_of(told[i]->record_bytes, told[i]->record_length));
    }
    struct message message = {
        .kind = MESSAGE_TAKEOVER,
        .takeover = {.after = want->after, .done = i == count, .records = buf_slice(&records)}};
    agreement_send(strong->agreement, effects, from, &message);
    buf_release(&records);
    free(told);
}

// Takes a record that a peer has in flight, if it is greater than what this node has.
static void collect(struct strong *strong, struct effects *effects, uint64_t now_us,
                    struct slice name, const struct record *record)
{
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    if (!store_key_parse(name, &keyspace, &slot, &key) || slot_of_key(key) != slot)
        return;
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    if (set == NULL || !strong_is_primary(strong, set))
        return;
    struct flight *flight = flights_find(&strong->flights, keyspace, key);
    struct record own = {0};
    if (flight != NULL) {
        own = flight->record;
    } else if (record_store_get(strong->data, keyspace, slot, key, &own) != ERR_OK) {
        own = (struct record){0};
    }
    if (stamp_compare(record->stamp, own.stamp) <= 0 ||
        (!RULE(GREATEST_RECORD) && !stamp_is_zero(own.stamp)))
        return;
    if (flight != NULL && (flight->kept || flight->committed)) {
        abandon_flight(strong, effects, flight);
        flight = NULL;
    }
    if (flight == NULL)
        flight = flights_add(&strong->flights, keyspace, slot, key, now_us);
    abandon_writers(strong, effects, flight);
    flight_write(&strong->flights, effects, flight, record);
    flight->epoch = strong_epoch(strong);
}

void takeover_on_records(struct strong *strong, struct effects *effects, uint64_t now_us,
                         node_id from, const struct message_takeover *takeover)
{
    struct buf *after = &strong->takeover_after[from];
    if (!node_set_has(strong->takeover_wanted, from) ||
        !slice_equal(takeover->after, buf_slice(after)))
        return;
    struct cursor in = cursor_of(takeover->records);
    struct slice last = {0};
    while (cursor_left(&in) > 0) {
        struct slice name = cursor_counted(&in);
        struct record record;
        if (record_decode(cursor_counted(&in), &record) != ERR_OK || in.failed)
            return;
        collect(strong, effects, now_us, name, &record);
        last = name;
    }
    if (takeover->done) {
        strong->takeover_wanted &= ~node_bit(from);
        if (strong->takeover_wanted == 0)
            finish(strong, effects, now_us);
    } else if (last.length > 0) {
        buf_clear(after);
        buf_append_slice(after, last);
        ask(strong, effects, from);
    }
}
