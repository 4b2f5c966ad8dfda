// The name of one operation of an optimistic keyspace: the origin that wrote it, and its number
// there.
//
// Invariants
//  1. Numbers of an origin are dense, from 1 on; an origin's dot names one operation for ever.
#ifndef BRUSIO_CORE_EPIDEMIC_DOT_H
#define BRUSIO_CORE_EPIDEMIC_DOT_H

#include <stdbool.h>
#include <stdint.h>

struct dot {
    uint64_t origin;
    uint64_t sequence;
};

static inline bool dot_equal(struct dot a, struct dot b)
{
    return a.origin == b.origin && a.sequence == b.sequence;
}

#endif
