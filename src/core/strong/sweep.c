// Leftovers: certificates that no joiner needs any more, and data of slots that moved away.
//
// A slot is swept some time after it was named, when the map lets it, and after all that was
// written before the map is durable: a scan does not show what is still queued. A key with a
// flight is never touched: its write may be queued behind what the store shows.

#include "base/check.h"
#include "core/strong/strong_parts.h"

enum { SLOTS_PER_TICK = 64, SWEEP_INTERVAL_US = 20 * 1000 };

void sweep_add(struct strong *strong, uint32_t keyspace, unsigned slot)
{
    unsigned at = 0;
    while (at < strong->sweep_count && strong->sweeps[at].keyspace != keyspace)
        at++;
    if (at == KEYSPACES_MAX)
        return;
    if (at == strong->sweep_count) {
        strong->sweeps[at].keyspace = keyspace;
        slot_set_clear(&strong->sweeps[at].slots);
        strong->sweep_count++;
    }
    slot_set_add(&strong->sweeps[at].slots, slot);
}

struct sweeping {
    struct strong *strong;
    struct effects *effects;
    uint32_t keyspace;
    uint16_t slot;
    bool all;              // everything goes, not certificates only
    struct stamp greatest; // of the certificates that went
};

static bool sweep_record(void *context, struct slice key, const struct record *record)
{
    struct sweeping *sweeping = context;
    struct flight *flight = flights_find(&sweeping->strong->flights, sweeping->keyspace, key);
    if ((!sweeping->all && !record->dead) || (flight != NULL && !flight->kept))
        return true;
    struct store_key name;
    store_key_make(&name, sweeping->keyspace, sweeping->slot, key);
    effects_remove(sweeping->effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name));
    if (sweeping->all)
        effects_remove(sweeping->effects, EFFECT_DATA, STORE_MARKS, store_key_slice(&name));
    if (record->dead && stamp_compare(record->stamp, sweeping->greatest) > 0)
        sweeping->greatest = record->stamp;
    return true;
}

// True when the slot is done with, false when its time has not come.
static bool sweep_slot(struct strong *strong, struct effects *effects, uint32_t keyspace,
                       uint16_t slot)
{
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    node_set holders = set != NULL ? set->in_sync | set->joining | set->target : 0;
    bool held = node_set_has(holders, strong->self);
    if (held && (set->joining != 0 || !node_set_has(set->in_sync, strong->self)))
        return set->joining == 0;
    struct sweeping sweeping = {
        .strong = strong, .effects = effects, .keyspace = keyspace, .slot = slot, .all = !held};
    if (record_store_scan(strong->data, keyspace, slot, slice_of(NULL, 0), sweep_record,
                          &sweeping) != ERR_OK)
        return false;
    if (sweeping.all)
        prefix_forget(effects, keyspace, slot);
    else
        prefix_on_swept(strong, effects, keyspace, slot, sweeping.greatest);
    return true;
}

static unsigned sweep_some(struct strong *strong, struct effects *effects, struct sweep *sweep,
                           unsigned most)
{
    unsigned done = 0;
    for (unsigned slot = slot_set_next(&sweep->slots, 0); slot < SLOTS && done < most;
         slot = slot_set_next(&sweep->slots, slot + 1)) {
        if (sweep_slot(strong, effects, sweep->keyspace, (uint16_t)slot)) {
            slot_set_remove(&sweep->slots, slot);
            done++;
        }
    }
    return done;
}

void sweep_tick(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    if (!strong->live || strong->sweep_count == 0 || strong->durable_token < strong->sweep_token)
        return;
    unsigned done = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < strong->sweep_count; i++) {
        done += sweep_some(strong, effects, &strong->sweeps[i], SLOTS_PER_TICK - done);
        if (slot_set_count(&strong->sweeps[i].slots) > 0)
            strong->sweeps[kept++] = strong->sweeps[i];
    }
    strong->sweep_count = kept;
    if (done > 0 && kept > 0)
        effects_wake(effects, now_us + SWEEP_INTERVAL_US);
}
