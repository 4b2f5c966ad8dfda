// What a node holds of some slots, as items for reconciliation: a hash for each (key, stamp), death
// certificates included, the greatest delete that it knows of in each slot, and each slot's digest
// of all of these.
#ifndef BRUSIO_CORE_STRONG_SYNC_ITEMS_H
#define BRUSIO_CORE_STRONG_SYNC_ITEMS_H

#include "core/reconcile/digest.h"
#include "core/reconcile/riblt.h"
#include "core/strong/record_store.h"
#include "core/strong/slot_past.h"
#include "wire/slot_set.h"

// A session stops taking slots once it has so many items: a scan holds the event loop up.
#define SYNC_ITEMS_ENOUGH 32768

// What a fetched record is at the authority: no more there, committed, or in flight. The first byte
// of each entry of SYNC_RECORDS; key and record, both counted, follow the last two.
enum sync_entry { SYNC_ENTRY_GONE, SYNC_ENTRY_COMMITTED, SYNC_ENTRY_IN_FLIGHT };

struct sync_item {
    struct hash128 hash;
    struct stamp stamp;
    size_t key_offset;
    uint16_t key_length;
    uint16_t slot;
};

struct sync_items {
    struct sync_item *items; // in order of slots, until sync_items_sort
    size_t count;
    size_t capacity;
    struct buf keys;
    uint64_t *folds;   // one for each slot listed, in order
    uint64_t *deletes; // the same: the counter of a delete's stamp, 0 when there was none
    unsigned fold_count;
    uint64_t salt;
};

void sync_items_init(struct sync_items *items, uint64_t salt);
void sync_items_release(struct sync_items *items);

// Lists slots in order until there are enough items, at least one slot; those left out are taken
// out of `slots`. `pasts`: deletes that the store may not show yet (NULL: there are none).
WARN_UNUSED enum err sync_items_list(struct sync_items *items, const struct store *store,
                                     const struct slot_pasts *pasts, uint32_t keyspace,
                                     struct slot_set *slots);

// Afterwards items can be found by their hashes.
void sync_items_sort(struct sync_items *items);
const struct sync_item *sync_items_find(const struct sync_items *items, struct hash128 hash);

static inline struct slice sync_item_key(const struct sync_items *items,
                                         const struct sync_item *item)
{
    return slice_of(items->keys.bytes + item->key_offset, item->key_length);
}

#endif
