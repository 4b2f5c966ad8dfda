// Ballots: who proposes, and in which attempt. Never reused: the counter grows within a process,
// and each start of the process has an incarnation of its own.
#ifndef BRUSIO_CORE_MAP_BALLOT_H
#define BRUSIO_CORE_MAP_BALLOT_H

#include "base/buf.h"

struct ballot {
    uint64_t counter; // 0: no ballot
    uint64_t store_id;
    uint64_t incarnation;
};

static inline int ballot_compare(const struct ballot *a, const struct ballot *b)
{
    if (a->counter != b->counter)
        return a->counter < b->counter ? -1 : 1;
    if (a->store_id != b->store_id)
        return a->store_id < b->store_id ? -1 : 1;
    return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

static inline bool ballot_equal(const struct ballot *a, const struct ballot *b)
{
    return ballot_compare(a, b) == 0;
}

#endif
