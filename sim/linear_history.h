// What the parts of the linearizability checker share: a history as it was recorded.
#ifndef BRUSIO_SIM_LINEAR_HISTORY_H
#define BRUSIO_SIM_LINEAR_HISTORY_H

#include "sim/linear.h"

// Invariants: begin_order ascends with the index; of an operation that did not end, the outcome is
// LINEAR_UNKNOWN and end_order UINT64_MAX.
struct linear_entry {
    struct linear_operation operation;
    struct linear_outcome outcome;
    bool ended;
    uint64_t begin_us;
    uint64_t end_us;
    uint64_t begin_order;
    uint64_t end_order;
};

struct linear_history {
    struct linear_entry *entries;
    uint32_t count;
    uint32_t capacity;
    bool overflown;
    uint32_t states_max;
    uint64_t order; // beginnings and ends so far
    uint64_t last_us;
    uint32_t *prefix; // of the last check
    uint32_t prefix_count;
};

#endif
