// A digest: how many records a slot holds, and the sum of their hashes.
//
// Promise: two slots with the same (key, stamp) pairs have equal digests, in whatever order the
// pairs came and went; two slots that differ have equal digests by chance alone (about 2^-128 for
// pairs that were not chosen against the salt). Keeping a digest costs O(1) for each write.
//
// Invariants
//  1. A digest is a function of the multiset of hashes: `count` of them, summed modulo 2^128.
//  2. Adding a hash and removing it again, whatever happens between, changes nothing.
//  3. One digest, one encoding; decoding any bytes gives a digest or fails the cursor.
//
// It does not say what differs (riblt.h does), nor does it withstand someone who knows the salt.
#ifndef BRUSIO_CORE_RECONCILE_DIGEST_H
#define BRUSIO_CORE_RECONCILE_DIGEST_H

#include "base/hash.h"
#include "model/record.h"

#define DIGEST_COUNT_MAX (UINT64_MAX >> 1)
// An encoded digest is at most this.
#define DIGEST_BYTES_MAX 26

// All zero is the digest of nothing.
struct digest {
    uint64_t count;    // at most DIGEST_COUNT_MAX
    uint64_t sum_high; // the sum modulo 2^128
    uint64_t sum_low;
};

// The hash of one record's identity. The same on every machine. `key` must be at most
// KEY_BYTES_MAX bytes (checked). `salt` is the keyspace's secret or a session's salt: hashes
// under two salts have nothing in common.
struct hash128 item_hash(uint64_t salt, struct slice key, struct stamp stamp);

void digest_add(struct digest *digest, struct hash128 item);

// `item` was added before and not removed since: `count` may not fall below 0 (checked).
void digest_remove(struct digest *digest, struct hash128 item);

// Adds everything that `other` holds, such as the slots of a keyspace into one digest.
void digest_merge(struct digest *digest, const struct digest *other);

bool digest_equal(const struct digest *a, const struct digest *b);

// The digest in 8 bytes: equal digests fold equally under one salt, others differ but for a
// chance of 2^-64, drawn afresh with each salt. For comparing many slots cheaply; a session with
// another salt finds what one missed.
uint64_t digest_fold(const struct digest *digest, uint64_t salt);

// 1 to DIGEST_BYTES_MAX bytes; 1 for the digest of nothing.
void digest_encode(struct buf *out, const struct digest *digest);

// Total over any bytes: bad ones fail the cursor and leave `out` the digest of nothing.
void digest_decode(struct cursor *in, struct digest *out);

#endif
