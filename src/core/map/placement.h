// Placement: the table that should be, of one keyspace.
//
// Promise: from the members, the strategy and the table before, one exactly balanced table, and of
// all exactly balanced tables one that asks for the fewest new replicas. What the ring of
// consistent hashing (Karger et al., STOC 1997) leaves open in balance, and what balance leaves
// open in movement, a minimum-cost flow over nodes decides.
//
// Invariants of the table that comes out
//  1. Every slot has min(replication_factor, members) distinct targets (`full`: all members), all
//     of them members, and its primary is one of them. Without members all are empty and NODE_NONE.
//  2. Any two nodes differ by at most one in slots that they hold, and by at most one in slots
//     whose primary they are.
//  3. No table with 1 and 2 has fewer replicas that `before` lacks: a joining node takes its share
//     and nobody else gets anything; the replicas of a leaving node move and no more than balance
//     forces; unchanged inputs give `before` again. Of such tables it is one that takes a replica
//     from the fewest primaries; and given its targets, no choice of primaries changes fewer.
//  4. Equal inputs, equal tables: integers only, no state.
//
// It does not move data, nor know which nodes are up: the caller says who counts as a member.
#ifndef BRUSIO_CORE_MAP_PLACEMENT_H
#define BRUSIO_CORE_MAP_PLACEMENT_H

#include "model/keyspace.h"
#include "model/node_set.h"
#include "model/slot.h"

struct placement {
    node_set target[SLOTS];
    node_id primary[SLOTS];
};

// Writes the table to all of `out`. `replication_factor` is at least 1; `full` ignores it. `before`
// is any table (nodes in it that are no members count as gone), or NULL or all zero to build from
// scratch; it must not be `out`. Both are borrowed for the call. Uses under 100 KiB of stack and
// allocates nothing.
void placement_compute(enum strategy strategy, uint8_t replication_factor, node_set members,
                       const struct placement *before, struct placement *out);

#endif
