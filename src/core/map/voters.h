// Which nodes vote: the policy of a map's voters.
//
// Promise: an odd number of nodes of the map, at most VOTERS_MAX. Who votes and can goes on voting;
// voters that leave, or are replaced, give their vote to another, and keep it without another.
//
// It does not know who can be reached: the caller says who is able.
#ifndef BRUSIO_CORE_MAP_VOTERS_H
#define BRUSIO_CORE_MAP_VOTERS_H

#include "model/cluster_map.h"

// The voters that should follow map->voters. `able`: those that may begin to vote, and are kept
// first. One of `able` and map->voters must name a node (checked).
node_set voters_choose(const struct cluster_map *map, node_set able);

#endif
