// What a voter has granted: until when, by its own clock, each node may believe that it serves.
//
// Promise: a node whose grants have run out here holds no lease of this voter's, in any epoch.
//
// Invariants
//  1. Nothing is granted to a node in `withheld`, nor to anybody while `none` is set: the voter has
//     accepted a map that takes serving from them.
//  2. A voter that was started again, or that learned of other voters than it knew, counts as if it
//     had just granted a lease to everybody: what was granted before it, by itself or by the
//     voters of an epoch that it never saw, is unknown to it.
#ifndef BRUSIO_CORE_MAP_GRANTS_H
#define BRUSIO_CORE_MAP_GRANTS_H

#include "model/cluster_map.h"

struct grants {
    uint64_t until_us[NODES_MAX + 1];         // may hold a lease until then
    uint64_t heard_us[NODES_MAX + 1];         // asked last, or was newly named by a map
    uint64_t refused_until_us[NODES_MAX + 1]; // is to lose its lease: asked in vain until then
    node_set withheld;                        // restricted by the map that this voter accepted
    bool none; // the voters change by the map that this voter accepted
};

// As of a voter that was just started with this map: granted to everybody.
void grants_init(struct grants *grants, const struct cluster_map *map, uint64_t now_us);

// Everybody may hold a lease from now on, for as long as one lasts.
void grants_to_everybody(struct grants *grants, uint64_t now_us, uint32_t lease_ms);

// A node, by the process that the map names, asks. False when it gets nothing.
bool grants_ask(struct grants *grants, node_id id, uint64_t now_us, uint32_t lease_ms);

// This voter itself was away since `since_us`, and heard nobody: that is nobody's silence.
void grants_forgive(struct grants *grants, uint64_t since_us, uint64_t now_us);

// Whether nothing that was granted to the node is valid any more.
bool grants_ran_out(const struct grants *grants, node_id id, uint64_t now_us);

// Of `nodes`, those whose grants have not run out; they are not renewed for two leases from now on,
// so that they will.
node_set grants_still_running(struct grants *grants, node_set nodes, uint64_t now_us,
                              uint32_t lease_ms);

// The newest map changed: who is newly named, or up again, is given a lease's time to ask; who was
// taken down is heard when it asks again.
void grants_on_map(struct grants *grants, const struct cluster_map *before,
                   const struct cluster_map *after, uint64_t now_us);

// The members that have not asked for longer than a lease and hold none of this voter's.
node_set grants_lapsed(const struct grants *grants, const struct cluster_map *map, uint64_t now_us);

// When the next member lapses unless it asks; UINT64_MAX when all have.
uint64_t grants_next_lapse_us(const struct grants *grants, const struct cluster_map *map,
                              uint64_t now_us);

#endif
