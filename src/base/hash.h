// Fast keyed hashes (XXH3). For tables, digests and set reconciliation; not a cryptographic
// promise.
#ifndef BRUSIO_BASE_HASH_H
#define BRUSIO_BASE_HASH_H

#include "base/slice.h"

struct hash128 {
    uint64_t high;
    uint64_t low;
};

uint64_t hash64(struct slice bytes, uint64_t seed);
struct hash128 hash128(struct slice bytes, uint64_t seed);

#endif
