// The newest operations of a store, in memory, ordered by key: what stands in front of a slower
// store until that one has them.
//
// Promise: of several operations on one key the last one added counts. A removal is kept as such,
// for it hides what the store beneath still has.
//
// Invariants
//  1. In each table keys rise strictly along the lowest level; every higher level is a part of the
//     one below.
//  2. `bytes` is what all entries take, their own frames included; `load` what they will ask of the
//     store beneath.
//
// It has no maximum of its own: whoever adds looks at `bytes` before.
#ifndef BRUSIO_ADAPTER_HOT_TABLE_H
#define BRUSIO_ADAPTER_HOT_TABLE_H

#include "adapter/store_batch.h"
#include "base/random.h"

// A level is reached with one chance in four by what reached the level below: 4^12 entries need no
// more levels.
#define HOT_LEVELS_MAX 12u

struct hot_entry {
    uint64_t prefix;   // the key's first bytes as a number, which decides most comparisons
    uint64_t sequence; // of the batch that wrote it last
    uint8_t *value;    // owned
    uint8_t *key;      // inside this allocation, after the links
    uint32_t value_length;
    uint16_t key_length;
    uint8_t levels;
    bool removed;
    struct hot_entry *next[]; // one for each level
};

struct hot_table {
    struct hot_entry *first[STORE_TABLE_COUNT][HOT_LEVELS_MAX];
    struct rng rng;
    size_t bytes;
    struct store_load load;
};

void hot_table_init(struct hot_table *hot);
void hot_table_release(struct hot_table *hot);

// Adds all operations of `batch`, the newest so far; `sequence` is not less than any before.
void hot_table_add(struct hot_table *hot, const struct store_batch *batch, uint64_t sequence);

// The first entry of `table` whose key is not less than `key`, or NULL; the following ones are
// behind next[0]. Borrowed until the table changes.
const struct hot_entry *hot_table_seek(const struct hot_table *hot, enum store_table table,
                                       struct slice key);

// Drops every entry that was last written by batch `sequence` or an earlier one.
void hot_table_drop(struct hot_table *hot, uint64_t sequence);

static inline struct slice hot_entry_key(const struct hot_entry *entry)
{
    return slice_of(entry->key, entry->key_length);
}

static inline struct slice hot_entry_value(const struct hot_entry *entry)
{
    return slice_of(entry->value, entry->value_length);
}

#endif
