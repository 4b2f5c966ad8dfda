// SHA-256 (FIPS 180-4), for names that nobody can forge. By nettle.
//
// Promise: the same bytes give the same sum on every machine, and nobody finds other bytes for it.
// Not for tables and digests of what is trusted: hash.h is many times faster.
#ifndef BRUSIO_BASE_SHA256_H
#define BRUSIO_BASE_SHA256_H

#include "base/slice.h"

#define SHA256_BYTES 32u

struct sha256 {
    uint8_t bytes[SHA256_BYTES];
};

// Total: any length, 0 included.
struct sha256 sha256_of(struct slice bytes);

// Of several pieces, one after the other: sha256_of their concatenation.
struct sha256 sha256_of_pieces(const struct slice *pieces, size_t count);

// Byte order: less, equal or greater than 0.
int sha256_compare(const struct sha256 *a, const struct sha256 *b);

// The first eight bytes as a number, for tables and store keys.
uint64_t sha256_head(const struct sha256 *sum);

#endif
