// The coordinator: turns wishes into proposals. Every voter has one; by default the lowest live
// voter acts on its own, the others only on what they are asked. Two at once are harmless, only
// slow.
//
// Promise: while a majority of voters can talk, a wish that the policy can fulfil is fulfilled.
#ifndef BRUSIO_CORE_MAP_COORDINATOR_H
#define BRUSIO_CORE_MAP_COORDINATOR_H

#include "core/map/agreement.h"
#include "core/map/wants.h"

struct coordinator {
    struct wants wants;               // gathered in this epoch
    bool look;                        // something is new: look for a next map
    uint64_t heard_us[NODES_MAX + 1]; // when each member was last heard
    node_set spared;                  // who was not, at the last look
};

void coordinator_init(struct coordinator *coordinator);

// A new map: wishes of the old one are forgotten.
void coordinator_on_map(struct coordinator *coordinator);

// A message of this member came.
void coordinator_on_heard(struct coordinator *coordinator, node_id member, uint64_t now_us);

// Adds wishes: `bytes` are wants_encode's, of the epoch that the agreement is in. Bad bytes are
// ignored.
void coordinator_on_wants(struct coordinator *coordinator, struct slice bytes);

// Proposes the next map when there is one to propose and the proposer is free.
void coordinator_tick(struct coordinator *coordinator, struct agreement *agreement,
                      struct effects *effects, uint64_t now_us);

// The voter that wishes go to at the `attempt`-th try: the lowest live one first, then by rank.
node_id coordinator_rank(const struct cluster_map *map, unsigned attempt);

#endif
