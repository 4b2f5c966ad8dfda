// Policy: from the map that is and what nodes wish, the whole next map as a value.
//
// Promise: every map that it makes is a legal step (map_step_check). Repeated on its own results it
// converges: when the table that is equals the table that should be and nothing is wished, there is
// no next map.
//
// Silent nodes are taken down in a step that restricts nobody else; nodes that were down for long
// are replaced; a node that was started again and may have lost something leaves its lists to those
// who have everything, and waits until there are some; nodes that leave keep serving until others
// hold what they hold, then they are removed.
//
// What a step does, slot by slot
//  1. joiners that are not live targets stop joining; reported ones are promoted;
//  2. where a record waits to commit, nodes that are not live leave the list (lazy shrink); once
//     they left many lists, they leave as many more with each such step;
//  3. when all targets are live and in sync, others leave the list;
//  4. live targets that are not in sync begin to join, at most MOVES_PER_MAP_MAX at a time, all of
//     one slot by one join id: others wait until these have ended;
//  5. the primary is the wished one if it can be, else the one that was, else any live in-sync
//     node.
#ifndef BRUSIO_CORE_MAP_NEXT_MAP_H
#define BRUSIO_CORE_MAP_NEXT_MAP_H

#include "core/map/wants.h"

#define MOVES_PER_MAP_MAX 8192
#define LEASE_MS_DEFAULT 1000

// The first map of a new cluster: one node, which is the only voter, and keyspace `default`.
// Gives into `out`, which must be empty.
void next_map_first(struct cluster_id cluster, const struct want_admit *node,
                    enum strategy strategy, uint8_t replication_factor, struct cluster_map *out);

// True and the next map in `out` (which must be empty) when there is something to change, else
// false and nothing in `out`. What cannot be done of `wants` is left out.
bool next_map_compute(const struct cluster_map *base, const struct wants *wants,
                      struct cluster_map *out);

// Whether the map holds what the change asks for: for CHANGE_RECOVER also that the node is in sync
// wherever it can be; for CHANGE_REMOVE that the node leaves, which goes on by itself.
bool next_map_satisfies(const struct cluster_map *map, const struct change *change);

// ERR_OK when the change makes sense for this map: ERR_NOT_FOUND (node, keyspace), ERR_EXISTS,
// ERR_ILLEGAL (nobody would be left to take what a removed node has),
// ERR_INVALID (a factor above the number of nodes), ERR_TOO_LARGE (no room for another keyspace).
WARN_UNUSED enum err next_map_check_change(const struct cluster_map *map,
                                           const struct change *change);

#endif
