// Which map may follow a map, and whom the step takes something from.
//
// Promise: acceptors check every proposal with map_step_check, whoever made it. Policy is not
// judged here: an unwise map may be legal, a legal map never loses an acknowledged write.
#ifndef BRUSIO_CORE_MAP_MAP_STEP_H
#define BRUSIO_CORE_MAP_MAP_STEP_H

#include "model/cluster_map.h"

// ERR_OK, or ERR_ILLEGAL when `next` is not one step from `base`:
//  1. the same cluster, the next epoch, the same length of leases, no node's incarnation lowered or
//     store replaced;
//  2. nobody in sync who was neither in sync nor joining with the same join id and incarnation;
//  3. a join begins in this epoch or is the join that `base` had;
//  4. a live in-sync replica is dropped only where another live one stays, a down one only where a
//     live one stays (so that no list becomes empty, and none is left to nodes that may miss
//     writes);
//  5. keyspace ids are not reused.
WARN_UNUSED enum err map_step_check(const struct cluster_map *base, const struct cluster_map *next);

// The nodes that the step restricts: from which it takes liveness or serving that they may still
// believe in. Each must have released the base epoch before a voter accepts the step.
node_set map_step_restricted(const struct cluster_map *base, const struct cluster_map *next);

// The nodes that the step relies on: where a live in-sync replica is dropped, those that stay.
// One of them that has just died may lack what it had reported (with durability `interval`), and
// who is dropped has it.
node_set map_step_relied_on(const struct cluster_map *base, const struct cluster_map *next);

#endif
