// What must hold of a simulated cluster once faults have ended and it was given time.
#ifndef BRUSIO_SIM_END_CHECKS_H
#define BRUSIO_SIM_END_CHECKS_H

#include "sim/workload_sim.h"

// Whether every slot of the map has the replicas and the primary that it should have, with so many
// nodes and all of them up.
bool end_checks_is_whole(const struct cluster_map *map, unsigned nodes);

// Whether all nodes serve in the newest epoch, with nothing in flight.
bool end_checks_at_rest(const struct cluster_sim *cluster);

// The same while some nodes are still failed by drills: what is in flight at a live node must land,
// where every slot in use has a primary.
bool end_checks_live_at_rest(const struct cluster_sim *cluster);

// Every key is readable through every node; marks, certificates and moved records go away; replicas
// are equal. Tells the cluster of the first violation.
void end_checks(struct workload_sim *workload);

#endif
