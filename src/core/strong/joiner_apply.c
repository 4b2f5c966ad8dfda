// What sync may change at a joiner.

#include "base/rule.h"
#include "core/strong/joiner.h"

// Removals go before the records that were fetched, so that an older version of a fetched key does
// not take it along.
void joiner_remove_extra(struct strong *strong, struct effects *effects)
{
    struct joiner *joiner = strong->joiner;
    for (uint32_t i = 0; i < joiner->decoder.local_only.count; i++) {
        const struct sync_item *item =
            sync_items_find(&joiner->items, joiner->decoder.local_only.items[i]);
        if (item == NULL)
            continue;
        struct slice key = sync_item_key(&joiner->items, item);
        struct record own;
        if (flights_find(&strong->flights, joiner->keyspace, key) != NULL ||
            stamp_epoch(item->stamp) >= joiner->join_epoch ||
            record_store_get(strong->data, joiner->keyspace, item->slot, key, &own) != ERR_OK ||
            stamp_compare(own.stamp, item->stamp) != 0)
            continue;
        struct store_key name;
        store_key_make(&name, joiner->keyspace, item->slot, key);
        effects_remove(effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name));
    }
}

bool joiner_note_deletes(struct strong *strong, struct effects *effects, struct slice deletes)
{
    struct joiner *joiner = strong->joiner;
    struct cursor in = cursor_of(deletes);
    struct slot_set deleted;
    slot_set_decode_within(&in, &joiner->differing, &deleted);
    for (unsigned slot = slot_set_next(&deleted, 0); slot < SLOTS;
         slot = slot_set_next(&deleted, slot + 1)) {
        struct stamp stamp = {.counter = cursor_varint(&in)};
        if (in.failed || stamp_epoch(stamp) > strong_epoch(strong))
            return false;
        slot_pasts_note_delete(&strong->pasts, joiner->keyspace, (uint16_t)slot, stamp);
        prefix_on_swept(strong, effects, joiner->keyspace, (uint16_t)slot, stamp);
    }
    return cursor_finish(&in) == ERR_OK;
}

static void apply_one(struct strong *strong, struct effects *effects, uint64_t now_us,
                      struct slice key, struct slice bytes, const struct record *record,
                      bool in_flight)
{
    struct joiner *joiner = strong->joiner;
    uint16_t slot = slot_of_key(key);
    // What came by INV since the join, in flight or kept, has a stamp at least as great.
    if (!slot_set_has(&joiner->slots, slot) ||
        flights_find(&strong->flights, joiner->keyspace, key) != NULL)
        return;
    struct record own;
    bool has = record_store_get(strong->data, joiner->keyspace, slot, key, &own) == ERR_OK;
    if (has && stamp_epoch(own.stamp) >= joiner->join_epoch &&
        stamp_compare(record->stamp, own.stamp) <= 0)
        return;
    strong->sync_records++;
    strong->sync_bytes += key.length + bytes.length;
    if (in_flight && RULE(JOINER_IN_FLIGHT)) {
        struct flight *flight = flights_add(&strong->flights, joiner->keyspace, slot, key, now_us);
        flight->epoch = strong_epoch(strong);
        flight_write(&strong->flights, effects, flight, record);
        return;
    }
    struct store_key name;
    store_key_make(&name, joiner->keyspace, slot, key);
    effects_put(effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name), bytes);
    if (record->dead)
        sweep_add(strong, joiner->keyspace, slot);
}

bool joiner_apply(struct strong *strong, struct effects *effects, uint64_t now_us,
                  struct slice records)
{
    struct cursor in = cursor_of(records);
    while (cursor_left(&in) > 0) {
        uint8_t kind = cursor_u8(&in);
        if (kind == SYNC_ENTRY_GONE)
            continue;
        struct slice key = cursor_counted(&in);
        struct slice bytes = cursor_counted(&in);
        struct record record;
        if (in.failed || kind > SYNC_ENTRY_IN_FLIGHT || !key_is_valid(key) ||
            record_decode(bytes, &record) != ERR_OK)
            return false;
        apply_one(strong, effects, now_us, key, bytes, &record, kind == SYNC_ENTRY_IN_FLIGHT);
    }
    return true;
}
