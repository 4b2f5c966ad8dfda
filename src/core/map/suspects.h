// Which suspects the next map may name: members that are started again after a loss of power, and
// may lack the end of what they had reported.
//
// One may be named when nothing rests on what it lacks: each slot that it is listed for is held by
// somebody who surely has everything; or all that are listed are suspects that may be named too and
// have told what they have, and one with the longest prefix (prefixes.h) is not failed by an
// operator: it is to serve alone.
#ifndef BRUSIO_CORE_MAP_SUSPECTS_H
#define BRUSIO_CORE_MAP_SUSPECTS_H

#include "core/map/wants.h"

// The member of `map` that asks to be known by a later process, may lack something, and has
// nobody's word; NODE_NONE when it is no such wish.
node_id suspects_who_asks(const struct cluster_map *map, const struct want_admit *admit);

// All that do.
node_set suspects_of(const struct cluster_map *map, const struct wants *wants);

// Those that surely have what they should: live, heard (not in `unheard`), and not started again.
node_set suspects_holders(const struct cluster_map *map, const struct wants *wants,
                          node_set unheard);

// The suspects that may be named now, with these holders.
node_set suspects_admissible(const struct cluster_map *map, const struct wants *wants,
                             node_set holders);

#endif
