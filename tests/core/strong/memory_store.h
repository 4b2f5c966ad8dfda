// A data store in memory whose batches become durable, and visible, when the test says so.
//
// Promise: what was queued is seen by nobody before memory_store_apply; then it is applied in
// order. It fails never, and keeps no batch numbers: the bench reports tokens itself.
#ifndef BRUSIO_TESTS_CORE_STRONG_MEMORY_STORE_H
#define BRUSIO_TESTS_CORE_STRONG_MEMORY_STORE_H

#include "base/buf.h"
#include "port/store.h"

struct memory_pair {
    enum store_table table;
    struct buf key;
    struct buf value;
};

struct memory_write {
    bool remove;
    struct memory_pair pair;
};

struct memory_store {
    struct memory_pair *pairs; // ascending by (table, key)
    size_t pair_count, pair_capacity;
    struct memory_write *writes; // queued
    size_t write_count, write_capacity;
};

void memory_store_init(struct memory_store *store);
void memory_store_release(struct memory_store *store);

// Borrows `memory`. Only get and scan are there: writes come by memory_store_queue.
struct store memory_store_reader(struct memory_store *memory);

// The pairs of records and of marks.
size_t memory_store_kept(const struct memory_store *store);

// Copies the bytes. `value` is ignored when it removes.
void memory_store_queue(struct memory_store *store, enum store_table table, bool remove,
                        struct slice key, struct slice value);

// Applies the oldest `most` queued writes; SIZE_MAX for all.
void memory_store_apply(struct memory_store *store, size_t most);

// Drops what is queued, as when the process dies.
void memory_store_forget(struct memory_store *store);

#endif
