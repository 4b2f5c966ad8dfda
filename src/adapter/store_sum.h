// The checksum behind each value of a store on disk.
//
// Promise: a value whose bytes, key or table changed since it was stored is told apart from one
// that is whole (but for one chance in 2^64).
//
// It does not repair, and a key that was damaged is merely not found.
#ifndef BRUSIO_ADAPTER_STORE_SUM_H
#define BRUSIO_ADAPTER_STORE_SUM_H

#include "port/store.h"

#define STORE_SUM_BYTES sizeof(uint64_t)

// Writes `value` and its sum to `out`, which has value.length + STORE_SUM_BYTES bytes.
void store_sum_seal(enum store_table table, struct slice key, struct slice value, uint8_t *out);

// Gives the value within `sealed`, which it borrows; ERR_CORRUPT, and an empty one.
WARN_UNUSED enum err store_sum_open(enum store_table table, struct slice key, struct slice sealed,
                                    struct slice *out);

#endif
