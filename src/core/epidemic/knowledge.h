// Which operations a peer knows of: for each origin, the intervals of its numbers that were seen.
//
// Promise: a set of dots that takes room by gaps, not by dots; what was superseded and has left the
// store stays in it. One set, one encoding. Decoding any bytes gives a set or fails.
//
// Invariants
//  1. Origins rise strictly and are not 0; each has at least one interval.
//  2. Intervals of an origin rise and neither overlap nor touch; numbers are 1 to
//     KNOWLEDGE_SEQUENCE_MAX (intervals.h).
//  3. At most KNOWLEDGE_ORIGINS_MAX origins, KNOWLEDGE_INTERVALS_MAX intervals of each.
//
// Finding and adding cost the logarithm of how many origins and intervals there are; a number that
// follows its origin's greatest moves nothing. Functions of two sets are linear, and nothing that
// only looks allocates.
#ifndef BRUSIO_CORE_EPIDEMIC_KNOWLEDGE_H
#define BRUSIO_CORE_EPIDEMIC_KNOWLEDGE_H

#include "base/buf.h"
#include "base/hash.h"
#include "core/epidemic/dot.h"
#include "core/epidemic/intervals.h"

#define KNOWLEDGE_ORIGINS_MAX (1u << 20)

// All zero is the empty set.
struct knowledge {
    struct intervals *origins; // owned, by origin
    uint32_t count;
    uint32_t capacity;
};

// Owns nothing until something is added.
void knowledge_init(struct knowledge *knowledge);
void knowledge_release(struct knowledge *knowledge);
// Empties, keeps the table of origins.
void knowledge_clear(struct knowledge *knowledge);
// Makes `to` equal to `from`, whatever it was.
void knowledge_copy(struct knowledge *to, const struct knowledge *from);
void knowledge_swap(struct knowledge *a, struct knowledge *b);

bool knowledge_is_empty(const struct knowledge *knowledge);
bool knowledge_has(const struct knowledge *knowledge, struct dot dot);
// Whether 1 to `dot.sequence` of its origin are all in it; true for 0.
bool knowledge_has_all_up_to(const struct knowledge *knowledge, struct dot dot);
// The intervals of an origin, NULL when it has none. Borrowed until the set changes.
const struct intervals *knowledge_of(const struct knowledge *knowledge, uint64_t origin);
// The greatest number of an origin, 0 for none.
uint64_t knowledge_greatest(const struct knowledge *knowledge, uint64_t origin);
// How many intervals the origin would have with `dot` added; what is no dot adds none.
uint32_t knowledge_intervals_with(const struct knowledge *knowledge, struct dot dot);
// How many dots, saturating.
uint64_t knowledge_dots(const struct knowledge *knowledge);

// ERR_TOO_LARGE past the bounds of invariant 3, ERR_INVALID for what is no dot; then nothing has
// changed.
WARN_UNUSED enum err knowledge_add(struct knowledge *knowledge, struct dot dot);
WARN_UNUSED enum err knowledge_add_interval(struct knowledge *knowledge, uint64_t origin,
                                            struct interval interval);
// Union. ERR_TOO_LARGE past the bounds; then `to` has all it had and, of each origin of `from`, all
// or nothing more.
WARN_UNUSED enum err knowledge_merge(struct knowledge *to, const struct knowledge *from);

// Whether `a` has all that `b` has.
bool knowledge_contains(const struct knowledge *a, const struct knowledge *b);
bool knowledge_equal(const struct knowledge *a, const struct knowledge *b);
// Makes `out`, whatever it was (`a` or `b` too), the dots of `a` that `b` lacks. Of an origin where
// that takes more than KNOWLEDGE_INTERVALS_MAX intervals, the first so many; so `out` is empty only
// if `b` lacks nothing.
void knowledge_missing(const struct knowledge *a, const struct knowledge *b, struct knowledge *out);

// The same for equal sets; for others the same by chance alone, drawn afresh with each salt.
struct hash128 knowledge_hash(const struct knowledge *knowledge, uint64_t salt);

// Varints, numbers as differences: about 10 bytes for an origin and 2 to 4 for an interval. A
// buffer that is too small overflows.
void knowledge_encode(struct buf *out, const struct knowledge *knowledge);
// Total: bad bytes fail the cursor and leave `out`, which must be empty, empty. Allocates memory in
// proportion to the bytes that it reads.
void knowledge_decode(struct cursor *in, struct knowledge *out);

// One origin's intervals, as a store keeps them; the origin is not part of the bytes.
void intervals_encode(struct buf *out, const struct intervals *intervals);
// Adds what the bytes say to `out`. Total: bad bytes, an origin 0, and what would pass the bounds
// fail the cursor and change nothing.
void intervals_decode(struct cursor *in, uint64_t origin, struct knowledge *out);

// Aborts unless the invariants hold.
void knowledge_invariants(const struct knowledge *knowledge);

#endif
