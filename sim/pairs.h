// A sorted set of (key, value) pairs in memory: one table of a simulated store.
//
// Promise: finding costs O(log n), changing O(n) in pointers moved, which simulations are small
// enough for.
//
// Invariants
//  1. Keys ascend strictly, in byte order.
//  2. Every pair owns its bytes, which stay where they are until the pair is replaced or removed.
#ifndef BRUSIO_SIM_PAIRS_H
#define BRUSIO_SIM_PAIRS_H

#include "base/slice.h"

#define PAIRS_MAX (1u << 24)

struct pair {
    struct slice key;
    struct slice value;
};

struct pairs {
    struct pair **items;
    size_t count;
    size_t capacity;
};

// Owns nothing until the first put.
void pairs_init(struct pairs *pairs);
void pairs_release(struct pairs *pairs);

// Makes `to` (released first) what `from` is.
void pairs_copy(struct pairs *to, const struct pairs *from);

// Copies the bytes. More than PAIRS_MAX pairs are a mistake (checked).
void pairs_put(struct pairs *pairs, struct slice key, struct slice value);

// Removing an absent key changes nothing.
void pairs_remove(struct pairs *pairs, struct slice key);

// NULL when absent; borrowed until the key changes.
const struct pair *pairs_find(const struct pairs *pairs, struct slice key);

// The index of the first pair whose key is `key` or after it.
size_t pairs_from(const struct pairs *pairs, struct slice key);

#endif
