// The numbers of one origin, as intervals: what a struct knowledge is made of.
//
// Promise: one set, one list. Finding costs the logarithm of how many intervals there are; adding
// the next number after the last one costs O(1).
//
// Invariants
//  1. Intervals rise and neither overlap nor touch; numbers are 1 to KNOWLEDGE_SEQUENCE_MAX.
//  2. At most KNOWLEDGE_INTERVALS_MAX intervals.
//
// It does not look at the origin, which the knowledge orders by.
#ifndef BRUSIO_CORE_EPIDEMIC_INTERVALS_H
#define BRUSIO_CORE_EPIDEMIC_INTERVALS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define KNOWLEDGE_INTERVALS_MAX (1u << 18)
#define KNOWLEDGE_SEQUENCE_MAX (UINT64_MAX >> 1)

struct interval {
    uint64_t first;
    uint64_t last; // at least first, at most KNOWLEDGE_SEQUENCE_MAX
};

// All zero but the origin is empty.
struct intervals {
    uint64_t origin;
    struct interval *list; // owned
    uint32_t count;
    uint32_t capacity;
};

static inline bool interval_is_valid(struct interval interval)
{
    return interval.first >= 1 && interval.first <= interval.last &&
           interval.last <= KNOWLEDGE_SEQUENCE_MAX;
}

// Gives a list of its own.
struct intervals intervals_copy(const struct intervals *from);

bool intervals_have(const struct intervals *intervals, uint64_t sequence);
// How many intervals there would be with `sequence`, a valid number, added.
uint32_t intervals_count_with(const struct intervals *intervals, uint64_t sequence);
// How many numbers.
uint64_t intervals_sequences(const struct intervals *intervals);

// `interval` must be valid. ERR_TOO_LARGE past the bound of invariant 2; then nothing has changed.
WARN_UNUSED enum err intervals_add(struct intervals *intervals, struct interval interval);
// Union, in linear time. ERR_TOO_LARGE past the bound; then nothing has changed.
WARN_UNUSED enum err intervals_merge(struct intervals *to, const struct intervals *from);

// Whether `a` has all that `b` has; linear, and less where `b` has few.
bool intervals_contain(const struct intervals *a, const struct intervals *b);
bool intervals_equal(const struct intervals *a, const struct intervals *b);
// Appends to `out`, which must be empty, the numbers of `a` that `b` lacks; as soon as `out` has
// KNOWLEDGE_INTERVALS_MAX intervals, no greater ones.
void intervals_subtract(const struct intervals *a, const struct intervals *b,
                        struct intervals *out);

// Aborts unless the invariants hold.
void intervals_invariants(const struct intervals *intervals);

#endif
