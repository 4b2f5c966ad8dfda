#include "core/strong/sync_items.h"

#include "base/check.h"
#include "base/hash.h"
#include "core/strong/strong_parts.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64, KEYS_BYTES_MAX = 1 << 30 };

void sync_items_init(struct sync_items *items, uint64_t salt)
{
    *items = (struct sync_items){.salt = salt};
    buf_init(&items->keys, KEYS_BYTES_MAX);
}

void sync_items_release(struct sync_items *items)
{
    free(items->items);
    free(items->folds);
    free(items->deletes);
    buf_release(&items->keys);
    *items = (struct sync_items){0};
}

struct listing {
    struct sync_items *items;
    struct digest digest;
    uint64_t deleted;
    uint16_t slot;
};

static bool list_record(void *context, struct slice key, const struct record *record)
{
    struct listing *listing = context;
    struct sync_items *items = listing->items;
    struct hash128 hash = item_hash(items->salt, key, record->stamp);
    struct sync_item item = {.hash = riblt_item(hash),
                             .stamp = record->stamp,
                             .key_offset = items->keys.length,
                             .key_length = (uint16_t)key.length,
                             .slot = listing->slot};
    if (items->count == items->capacity) {
        items->capacity = items->capacity > 0 ? items->capacity * 2 : CAPACITY_FIRST;
        items->items = memory_resize(items->items, items->capacity * sizeof *items->items);
    }
    items->items[items->count++] = item;
    buf_append_slice(&items->keys, key);
    digest_add(&listing->digest, hash);
    if (record->dead && record->stamp.counter > listing->deleted)
        listing->deleted = record->stamp.counter;
    return !items->keys.overflown;
}

static uint64_t fold(const struct listing *listing)
{
    uint64_t salt = listing->items->salt;
    uint64_t folded = digest_fold(&listing->digest, salt);
    uint8_t bytes[sizeof(uint64_t)];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(listing->deleted >> 8 * i);
    return listing->deleted == 0 ? folded : folded ^ hash64(slice_of(bytes, sizeof bytes), salt);
}

enum err sync_items_list(struct sync_items *items, const struct store *store,
                         const struct slot_pasts *pasts, uint32_t keyspace, struct slot_set *slots)
{
    items->folds = memory_resize(items->folds, SLOTS * sizeof *items->folds);
    items->deletes = memory_resize(items->deletes, SLOTS * sizeof *items->deletes);
    unsigned slot = slot_set_next(slots, 0);
    for (; slot < SLOTS; slot = slot_set_next(slots, slot + 1)) {
        if (items->fold_count > 0 && items->count >= SYNC_ITEMS_ENOUGH)
            break;
        uint64_t noted = prefix_swept(store, keyspace, (uint16_t)slot);
        uint64_t retired = pasts != NULL ? slot_pasts_deleted(pasts, keyspace, (uint16_t)slot) : 0;
        struct listing listing = {
            .items = items, .deleted = noted > retired ? noted : retired, .slot = (uint16_t)slot};
        enum err error = record_store_scan(store, keyspace, (uint16_t)slot, slice_of(NULL, 0),
                                           list_record, &listing);
        if (error != ERR_OK || items->keys.overflown)
            return error != ERR_OK ? error : ERR_TOO_LARGE;
        items->folds[items->fold_count] = fold(&listing);
        items->deletes[items->fold_count++] = listing.deleted;
    }
    for (; slot < SLOTS; slot = slot_set_next(slots, slot + 1))
        slot_set_remove(slots, slot);
    return ERR_OK;
}

static int compare_hashes(struct hash128 a, struct hash128 b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

static int compare_items(const void *left, const void *right)
{
    const struct sync_item *a = left;
    const struct sync_item *b = right;
    return compare_hashes(a->hash, b->hash);
}

void sync_items_sort(struct sync_items *items)
{
    if (items->count > 0)
        qsort(items->items, items->count, sizeof *items->items, compare_items);
}

const struct sync_item *sync_items_find(const struct sync_items *items, struct hash128 hash)
{
    size_t low = 0;
    size_t high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_hashes(items->items[middle].hash, hash);
        if (order == 0)
            return &items->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
