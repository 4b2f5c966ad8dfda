// The operations of one batch, copied into one growing run of bytes.
//
// Promise: operations come back in the order in which they were added, byte for byte; adding one
// allocates nothing but, now and then, a larger run.
//
// Invariants
//  1. Keys have 1 to STORE_KEY_BYTES_MAX bytes, values at most STORE_VALUE_BYTES_MAX.
//  2. A batch holds at most STORE_BATCH_BYTES_MAX bytes. More is the caller's mistake: whoever
//     fills batches bounds what one turn of the event loop puts in.
//
// It does not sort, merge or apply anything.
#ifndef BRUSIO_ADAPTER_STORE_BATCH_H
#define BRUSIO_ADAPTER_STORE_BATCH_H

#include "adapter/store_space.h"
#include "base/buf.h"
#include "base/list.h"
#include "port/store.h"

#define STORE_BATCH_BYTES_MAX ((size_t)1 << 30)

struct store_batch {
    struct list link; // for whoever queues batches
    uint64_t number;  // what `commit` gave; 0 while open
    struct buf ops;
    struct store_load load; // of all operations
};

struct store_op {
    enum store_table table;
    bool removes;
    struct slice key;
    struct slice value; // empty when `removes`
};

void store_batch_init(struct store_batch *batch);
void store_batch_release(struct store_batch *batch);

// Empties the batch, keeps its memory.
void store_batch_clear(struct store_batch *batch);

void store_batch_put(struct store_batch *batch, enum store_table table, struct slice key,
                     struct slice value);
void store_batch_remove(struct store_batch *batch, enum store_table table, struct slice key);

// Fills an empty batch with `bytes`, which come from a disk, as the operations of a batch.
// ERR_CORRUPT, with nothing added: they are no such operations.
WARN_UNUSED enum err store_batch_load(struct store_batch *batch, struct slice bytes);

// Reads the operation at `*position` (0 at first) and moves on; false at the end. What `out`
// borrows lives until the batch changes.
bool store_batch_next(const struct store_batch *batch, size_t *position, struct store_op *out);

#endif
