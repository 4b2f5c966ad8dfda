// The operations of several batches as one: in the order of their keys, each key once.
//
// Promise: applying a group gives what applying its batches one after the other gives. Of several
// operations on one key the last one counts, and neighbours in the tree are written together: one
// descent, one page copied.
//
// Invariants, after store_group_settle
//  1. (table, key) rises strictly.
//
// It borrows the bytes of the batches, which must stay unchanged until store_group_clear.
#ifndef BRUSIO_ADAPTER_STORE_GROUP_H
#define BRUSIO_ADAPTER_STORE_GROUP_H

#include "adapter/store_batch.h"

struct store_group_op {
    uint64_t prefix; // the key's first bytes as a big-endian number, which decides most comparisons
    const uint8_t *key; // the value follows the key
    uint32_t sequence;
    uint32_t value_length;
    uint16_t key_length;
    uint8_t table;
    bool removes;
};

struct store_group {
    struct store_group_op *ops;
    size_t count;
    size_t capacity;
};

void store_group_init(struct store_group *group);
void store_group_release(struct store_group *group);

// Empties the group; keeps its memory, unless that is large.
void store_group_clear(struct store_group *group);

// Adds the operations of `batch`, which come after all that were added before.
void store_group_add(struct store_group *group, const struct store_batch *batch);

// Sorts, and drops what a later operation on the same key replaced.
void store_group_settle(struct store_group *group);

#endif
