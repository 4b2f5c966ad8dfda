// A store in memory, for tests and throw-away clusters: nothing survives its end.
//
// Promise: what port/store.h promises of order and atomicity. Batches are applied inside `commit`
// and reported by store_memory_poll. The same calls give the same results, in the same order, on
// every machine.
//
// Invariants
//  1. In each table keys rise strictly along the lowest level; every higher level is a part of the
//     one below.
//  2. used_bytes is the sum of the lengths of all keys and values, and at most size_bytes_max.
//
// It starts no thread and is not durable.
#ifndef BRUSIO_ADAPTER_STORE_MEMORY_H
#define BRUSIO_ADAPTER_STORE_MEMORY_H

#include "port/store.h"

#define STORE_MEMORY_SIZE_BYTES_DEFAULT (UINT64_C(1) << 30)

struct store_memory_config {
    // 0: the default. Counts keys and values. A batch that could pass it (as if all its puts were
    // of new keys) ends with ERR_FULL, and so does everything after it.
    uint64_t size_bytes_max;

    // May be NULL. Called by `commit`: arrange that store_memory_poll is called soon.
    void (*notify)(void *context);

    store_done *done; // called by store_memory_poll
    void *context;    // given to both
};

struct store_memory;

// Gives a store, to be ended by store_memory_close.
struct store_memory *store_memory_new(const struct store_memory_config *config);

// The port; it lives as long as the store.
struct store store_memory_port(struct store_memory *store);

// Reports, through `done`, the batches committed since the last poll. `done` may use the store, but
// not close it.
void store_memory_poll(struct store_memory *store);

// NULL is fine.
void store_memory_close(struct store_memory *store);

#endif
