#include "map_fixture.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

node_set fixture_nodes(unsigned count)
{
    return count == NODES_MAX ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

void fixture_map(struct cluster_map *map, unsigned nodes, unsigned voters)
{
    map->cluster = (struct cluster_id){.high = 1, .low = 2};
    map->epoch = FIXTURE_EPOCH;
    map->lease_ms = 1000;
    map->voters = fixture_nodes(voters);
    map->node_count = (uint8_t)nodes;
    for (unsigned i = 0; i < nodes; i++) {
        struct map_node *node = &map->nodes[i];
        *node = (struct map_node){
            .id = (node_id)(i + 1), .store_id = FIXTURE_STORE_ID(i + 1), .incarnation = 1};
        snprintf(node->peer_address, sizeof node->peer_address, "127.0.0.1:%u", 5101 + i);
        snprintf(node->http_address, sizeof node->http_address, "127.0.0.1:%u", 5001 + i);
    }
}

void fixture_add_keyspace(struct cluster_map *map, const struct replica_set *set)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    struct map_keyspace *added = &map->keyspaces[map->keyspace_count++];
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slots[slot] = *set;
    added->keyspace = (struct keyspace){.id = map->next_keyspace_id++,
                                        .strategy = STRATEGY_CONSISTENT,
                                        .replication_factor = 2,
                                        .min_in_sync = 1};
    snprintf(added->keyspace.name, sizeof added->keyspace.name, "space-%u", added->keyspace.id);
    map_keyspace_intern(added, slots);
    free(slots);
}

struct replica_set fixture_settled(node_set nodes)
{
    return (struct replica_set){.in_sync = nodes,
                                .target = nodes,
                                .primary = node_set_first(nodes),
                                .target_primary = node_set_first(nodes)};
}

void fixture_set_slot(struct cluster_map *map, unsigned keyspace_index, unsigned slot,
                      const struct replica_set *set)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    map_keyspace_expand(&map->keyspaces[keyspace_index], slots);
    slots[slot] = *set;
    map_keyspace_intern(&map->keyspaces[keyspace_index], slots);
    free(slots);
}
