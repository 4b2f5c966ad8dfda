// How one sure operation can come next: which operations of unknown outcome go before it, and what
// it leaves.
//
// Promise: linear_plan_make gives every way that is worth trying, as variants 0 and 1. Any other
// way uses up operations of unknown outcome that could have done as well for something else.
//
// Invariants
//  1. A version is left only when no sure operation that needs it is still to come: no version
//     comes back.
//  2. An operation of unknown outcome is used once, and not before every operation that ended
//     before it began.
#ifndef BRUSIO_SIM_LINEAR_PLAN_H
#define BRUSIO_SIM_LINEAR_PLAN_H

#include "sim/linear_meaning.h"

#define LINEAR_PLAN_HELPERS_MAX 2
#define LINEAR_PLAN_VARIANTS 2

// The unseen operations whose condition names no stamp, by what they can be used for.
enum linear_pool {
    LINEAR_POOL_PUT,
    LINEAR_POOL_PUT_IF_ABSENT,
    LINEAR_POOL_PUT_IF_PRESENT,
    LINEAR_POOL_DELETE,
    LINEAR_POOL_COUNT
};

// What does not change while a history is searched. Pools and chains are in the order of beginning.
struct linear_helpers {
    const struct linear_history *history;
    const struct linear_meanings *meanings;
    uint32_t *pools[LINEAR_POOL_COUNT];
    uint32_t pool_counts[LINEAR_POOL_COUNT];
    uint32_t *put_if;    // for each state: the first unseen put whose condition names its stamp, or
    uint32_t *delete_if; // delete, or LINEAR_NO_OPERATION
};

void linear_helpers_init(struct linear_helpers *helpers, const struct linear_history *history,
                         const struct linear_meanings *meanings);
void linear_helpers_release(struct linear_helpers *helpers);

// Where the search stands. `left`: for each state, the sure operations still to come that need it.
// `limit_order`: the first end of an operation still to come; what begins later cannot be next.
struct linear_place {
    uint32_t state;
    uint32_t used[LINEAR_POOL_COUNT];
    const uint32_t *left;
    uint64_t limit_order;
};

struct linear_plan {
    uint32_t state; // afterwards
    uint32_t used[LINEAR_POOL_COUNT];
    uint32_t helpers[LINEAR_PLAN_HELPERS_MAX];
    uint32_t helper_count;
};

// False when the sure operation cannot come next in this way.
bool linear_plan_make(const struct linear_helpers *helpers, const struct linear_place *place,
                      uint32_t operation, int variant, struct linear_plan *plan);

#endif
