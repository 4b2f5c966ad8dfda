// The lease of a node: what its map's voters have granted it, by its own clock.
//
// A node serves only while a majority of its map's voters has granted it a lease (Gray and
// Cheriton, "Leases", 1989). The holder counts from when it sent the request, the voter from when
// it granted, and the holder's time is shortened for drift: so the holder's end comes first, as
// long as no clock runs faster or slower than true time by more than LEASE_DRIFT_PPM_MAX.
//
// Invariants
//  1. until_us of a voter is never later than the end that this voter counts with, in true time.
//  2. held_until_us is the latest time at which a majority of the newest map's voters still grants.
//
// What voters grant, and when they must not, is grants.h.
#ifndef BRUSIO_CORE_MAP_LEASE_H
#define BRUSIO_CORE_MAP_LEASE_H

#include "model/cluster_map.h"

// The bound of clock rates that is assumed: 1 % fast or slow.
#define LEASE_DRIFT_PPM_MAX 10000u

struct lease {
    uint64_t now_us;                  // of this step: sampled after what it is about had arrived
    uint64_t until_us[NODES_MAX + 1]; // by voter; 0: nothing granted
    uint64_t held_until_us;
};

void lease_init(struct lease *lease);

// The newest map changed from `before` to `after`: what other stores under the same ids granted
// does not count.
void lease_on_map(struct lease *lease, const struct cluster_map *before,
                  const struct cluster_map *after);

// A voter grants what was asked for at `sent_us` (by this node's clock; later than now: ignored).
void lease_on_grant(struct lease *lease, const struct cluster_map *map, node_id voter,
                    uint64_t sent_us);

// Whether the node may serve in this step.
static inline bool lease_is_held(const struct lease *lease)
{
    return lease->now_us < lease->held_until_us;
}

#endif
