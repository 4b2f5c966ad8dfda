#include "core/map/grants.h"

#include "base/rule.h"

static uint64_t lease_us(uint32_t lease_ms)
{
    return (uint64_t)lease_ms * 1000;
}

void grants_init(struct grants *grants, const struct cluster_map *map, uint64_t now_us)
{
    memset(grants, 0, sizeof *grants);
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].state != NODE_DOWN)
            grants->heard_us[map->nodes[i].id] = now_us;
    if (RULE(RESTART_WAIT))
        grants_to_everybody(grants, now_us, map->lease_ms);
}

void grants_to_everybody(struct grants *grants, uint64_t now_us, uint32_t lease_ms)
{
    for (unsigned id = 0; id <= NODES_MAX; id++)
        grants->until_us[id] = now_us + lease_us(lease_ms);
}

bool grants_ask(struct grants *grants, node_id id, uint64_t now_us, uint32_t lease_ms)
{
    grants->heard_us[id] = now_us;
    if (RULE(WITHHOLD) && (grants->none || node_set_has(grants->withheld, id)))
        return false;
    if (now_us < grants->refused_until_us[id])
        return false;
    grants->until_us[id] = now_us + lease_us(lease_ms);
    return true;
}

void grants_forgive(struct grants *grants, uint64_t since_us, uint64_t now_us)
{
    for (unsigned id = 0; id <= NODES_MAX; id++)
        if (grants->heard_us[id] != 0)
            grants->heard_us[id] += now_us - since_us;
}

bool grants_ran_out(const struct grants *grants, node_id id, uint64_t now_us)
{
    return now_us > grants->until_us[id];
}

node_set grants_still_running(struct grants *grants, node_set nodes, uint64_t now_us,
                              uint32_t lease_ms)
{
    node_set running = 0;
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id)) {
        if (grants_ran_out(grants, id, now_us))
            continue;
        running |= node_bit(id);
        grants->refused_until_us[id] = now_us + 2 * lease_us(lease_ms);
    }
    return running;
}

void grants_on_map(struct grants *grants, const struct cluster_map *before,
                   const struct cluster_map *after, uint64_t now_us)
{
    for (unsigned i = 0; i < after->node_count; i++) {
        const struct map_node *node = &after->nodes[i];
        const struct map_node *known = cluster_map_node(before, node->id);
        bool same = known != NULL && known->store_id == node->store_id &&
                    known->incarnation == node->incarnation;
        grants->refused_until_us[node->id] = 0;
        if (!same || (known->state == NODE_DOWN && node->state != NODE_DOWN))
            grants->heard_us[node->id] = now_us;
        else if (known->state != NODE_DOWN && node->state == NODE_DOWN)
            grants->heard_us[node->id] = 0;
    }
}

static uint64_t lapse_us(const struct grants *grants, const struct cluster_map *map, node_id id)
{
    uint64_t heard_us = grants->heard_us[id];
    uint64_t until_us = grants->until_us[id];
    uint64_t silent_us = heard_us == 0 ? 0 : heard_us + lease_us(map->lease_ms);
    return silent_us > until_us ? silent_us : until_us;
}

node_set grants_lapsed(const struct grants *grants, const struct cluster_map *map, uint64_t now_us)
{
    node_set lapsed = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        if (now_us > lapse_us(grants, map, map->nodes[i].id))
            lapsed |= node_bit(map->nodes[i].id);
    return lapsed;
}

uint64_t grants_next_lapse_us(const struct grants *grants, const struct cluster_map *map,
                              uint64_t now_us)
{
    uint64_t next_us = UINT64_MAX;
    for (unsigned i = 0; i < map->node_count; i++) {
        uint64_t at_us = lapse_us(grants, map, map->nodes[i].id) + 1;
        if (at_us > now_us && at_us < next_us)
            next_us = at_us;
    }
    return next_us;
}
