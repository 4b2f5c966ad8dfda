// Small maps for the tests of this folder.
#ifndef BRUSIO_TESTS_CORE_MAP_MAP_FIXTURE_H
#define BRUSIO_TESTS_CORE_MAP_MAP_FIXTURE_H

#include "model/cluster_map.h"

#define FIXTURE_EPOCH 5
#define FIXTURE_STORE_ID(id) (100u + (id))

// The nodes 1 to `count`.
node_set fixture_nodes(unsigned count);

// Into `map`, which must be empty: nodes 1 to `nodes`, all up and of incarnation 1, the first
// `voters` of them voters, no keyspace.
void fixture_map(struct cluster_map *map, unsigned nodes, unsigned voters);

// Adds a keyspace all of whose slots have this set.
void fixture_add_keyspace(struct cluster_map *map, const struct replica_set *set);

// All of `nodes` in sync where they should be, the lowest one the primary.
struct replica_set fixture_settled(node_set nodes);

// Replaces the set of one slot.
void fixture_set_slot(struct cluster_map *map, unsigned keyspace_index, unsigned slot,
                      const struct replica_set *set);

#endif
