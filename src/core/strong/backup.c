// A replica that follows the primary of a slot.

#include "base/check.h"
#include "core/strong/strong_parts.h"

void backup_send_ack(struct strong *strong, struct effects *effects, const struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    if (!strong->live || set == NULL || flight->epoch != strong_epoch(strong))
        return;
    struct message message = {.kind = MESSAGE_ACK,
                              .ack = {.keyspace = flight->keyspace,
                                      .stamp = flight->record.stamp,
                                      .key = flight_key(flight)}};
    agreement_send(strong->agreement, effects, set->primary, &message);
}

void backup_send_check(struct strong *strong, struct effects *effects, struct flight *flight,
                       uint64_t now_us)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    flight_touch(&strong->flights, flight, now_us);
    if (!strong->live || set == NULL || strong_is_primary(strong, set))
        return;
    struct message message = {.kind = MESSAGE_CHECK,
                              .check = {.keyspace = flight->keyspace,
                                        .stamp = flight->record.stamp,
                                        .dead = flight->record.dead,
                                        .key = flight_key(flight)}};
    agreement_send(strong->agreement, effects, set->primary, &message);
}

// The same record again: resent, or re-sent by a new primary.
static void take_again(struct strong *strong, struct effects *effects, struct flight *flight)
{
    flight->epoch = strong_epoch(strong);
    if (flight->persisted)
        backup_send_ack(strong, effects, flight);
    else
        flight->ack_owed = true;
}

static void take(struct strong *strong, struct effects *effects, uint64_t now_us, uint32_t keyspace,
                 uint16_t slot, struct slice key, const struct record *record,
                 struct flight *flight)
{
    if (flight != NULL && (flight->kept || flight->committed)) {
        // Committed before; whoever waits there waits for the next record now.
        struct list waiting;
        list_init(&waiting);
        list_move_all(&waiting, &flight->waiting);
        flight_end(&strong->flights, effects, flight);
        flight = flights_add(&strong->flights, keyspace, slot, key, now_us);
        list_move_all(&flight->waiting, &waiting);
    } else if (flight != NULL) {
        abandon_writers(strong, effects, flight);
    } else {
        flight = flights_add(&strong->flights, keyspace, slot, key, now_us);
    }
    flight->epoch = strong_epoch(strong);
    flight->ack_owed = true;
    flight_write(&strong->flights, effects, flight, record);
}

void backup_on_inv(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                   const struct message_inv *inv)
{
    uint32_t keyspace = (uint32_t)inv->keyspace;
    struct record record;
    if (!key_is_valid(inv->key) || record_decode(inv->record, &record) != ERR_OK)
        return;
    uint16_t slot = slot_of_key(inv->key);
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    if (!strong->live || set == NULL || set->primary != from ||
        !node_set_has(set->in_sync | set->joining, strong->self))
        return;
    struct flight *flight = flights_find(&strong->flights, keyspace, inv->key);
    bool current = flight != NULL && !flight->kept;
    int order = current ? stamp_compare(record.stamp, flight->record.stamp) : 1;
    if (current && order == 0 && !flight->committed)
        take_again(strong, effects, flight);
    else if (!current || order > 0 || flight->epoch < strong_epoch(strong))
        take(strong, effects, now_us, keyspace, slot, inv->key, &record, flight);
}

void backup_on_val(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                   const struct message_val *val)
{
    struct flight *flight = flights_find(&strong->flights, (uint32_t)val->keyspace, val->key);
    if (!strong->live || flight == NULL || flight->kept || flight->committed ||
        stamp_compare(flight->record.stamp, val->stamp) != 0)
        return;
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    if (set != NULL && set->primary == from && !flight->ordered)
        commit_flight(strong, effects, flight, now_us);
}
