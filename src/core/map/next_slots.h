// Policy of the slots of one keyspace: the table that is, one step nearer to the table that should
// be.
#ifndef BRUSIO_CORE_MAP_NEXT_SLOTS_H
#define BRUSIO_CORE_MAP_NEXT_SLOTS_H

#include "core/map/wants.h"

// So many slots are shrunk only because a record waits to commit there; from then on each map
// shrinks as many more as have been.
#define SHRINK_ONE_BY_ONE 1024

struct slots_step {
    const struct cluster_map *map; // the next one: nodes and epoch are already what they will be
    const struct wants *wants;
    node_set was_live;   // by the map before
    node_set spared;     // not restricted by this step
    node_set holders;    // surely have what they should
    node_set suspects;   // admitted in this map, perhaps without all that they should have
    node_set trusted;    // those of them that count by an operator's word
    node_set restarted;  // nodes admitted anew: what they were joining begins again
    unsigned moves_left; // joins that may still begin in this map
};

// Changes `slots` (SLOTS entries); true when anything changed.
bool next_slots_compute(struct slots_step *step, uint32_t keyspace, struct replica_set *slots);

// Computes the targets of a keyspace anew, for those that may be given slots, from the targets that
// `slots` (SLOTS entries) has.
void next_slots_place(const struct cluster_map *map, const struct keyspace *keyspace,
                      struct replica_set *slots);

// The primary that rule 5 of next_map.h gives.
node_id next_slots_primary(const struct replica_set *set, node_set live, unsigned slot);

#endif
