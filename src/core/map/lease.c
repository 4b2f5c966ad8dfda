#include "core/map/lease.h"

void lease_init(struct lease *lease)
{
    memset(lease, 0, sizeof *lease);
}

// The greatest time at which still more than half of the voters grant.
static void find_majority(struct lease *lease, node_set voters)
{
    unsigned needed = node_set_count(voters) / 2 + 1;
    lease->held_until_us = 0;
    for (node_id id = node_set_first(voters); id != NODE_NONE; id = node_set_after(voters, id)) {
        unsigned as_long = 0;
        for (node_id other = node_set_first(voters); other != NODE_NONE;
             other = node_set_after(voters, other))
            as_long += lease->until_us[other] >= lease->until_us[id];
        if (as_long >= needed && lease->until_us[id] > lease->held_until_us)
            lease->held_until_us = lease->until_us[id];
    }
}

void lease_on_map(struct lease *lease, const struct cluster_map *before,
                  const struct cluster_map *after)
{
    for (node_id id = 1; id <= NODES_MAX; id++) {
        const struct map_node *old = cluster_map_node(before, id);
        const struct map_node *new = cluster_map_node(after, id);
        if (old == NULL || new == NULL || old->store_id != new->store_id)
            lease->until_us[id] = 0;
    }
    find_majority(lease, after->voters);
}

// The holder's clock may be slow and the voter's fast: twice the bound.
static uint64_t held_us(uint32_t lease_ms)
{
    uint64_t lease_us = (uint64_t)lease_ms * 1000;
    return lease_us - lease_us / 1000000 * 2 * LEASE_DRIFT_PPM_MAX -
           lease_us % 1000000 * 2 * LEASE_DRIFT_PPM_MAX / 1000000;
}

void lease_on_grant(struct lease *lease, const struct cluster_map *map, node_id voter,
                    uint64_t sent_us)
{
    if (sent_us > lease->now_us || !node_set_has(map->voters, voter))
        return;
    uint64_t until_us = sent_us + held_us(map->lease_ms);
    if (until_us > lease->until_us[voter])
        lease->until_us[voter] = until_us;
    find_majority(lease, map->voters);
}
