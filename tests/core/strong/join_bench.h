// The ground that the tests of joining share: A and C hold a slot, J joins it, A is the authority.
#ifndef BRUSIO_TESTS_CORE_STRONG_JOIN_BENCH_H
#define BRUSIO_TESTS_CORE_STRONG_JOIN_BENCH_H

#include "strong_bench.h"

#define KEY BENCH_TAG "k"

enum {
    A = 1, // the authority
    C = 2,
    J = 3 // the joiner
};

#define LIST (node_bit(A) | node_bit(C))
#define ALL (LIST | node_bit(J))

// The next map, told to all; joins of `joining` begin with it.
void join_map(struct strong_bench *bench, node_set in_sync, node_set joining);

// The next map; J hears nothing of it.
void join_map_behind(struct strong_bench *bench, node_set in_sync);

// The nodes of `in_sync` hold "old"; epoch 1. To be given to bench_free.
struct strong_bench *join_with_old(node_set in_sync);

// A asks the others what they have in flight, and hears it. Nothing is synced meanwhile.
void join_take_over(struct strong_bench *bench);

#endif
