// Whom a fault hits.
#include "sim/fault_parts.h"

static struct sim_node *node_named(struct faults *faults, const struct map_node *named)
{
    for (unsigned i = 0; named != NULL && i < faults->cluster->node_count; i++)
        if (faults->cluster->nodes[i].store_id == named->store_id)
            return &faults->cluster->nodes[i];
    return NULL;
}

// The one that orders a key's writes, or the one that is to.
static struct sim_node *draw_orderer(struct faults *faults, struct rng *rng)
{
    struct cluster_sim *cluster = faults->cluster;
    const struct cluster_map *map = cluster_sim_map(cluster);
    if (map == NULL || cluster->watched_count == 0)
        return NULL;
    uint16_t slot = cluster->watched[rng_below(rng, cluster->watched_count)];
    const struct replica_set *set = map_keyspace_slot(&map->keyspaces[0], slot);
    node_id id = rng_one_in(rng, 2) ? set->primary : set->target_primary;
    return node_named(faults, cluster_map_node(map, id));
}

struct sim_node *fault_victim(struct faults *faults, const struct fault *fault)
{
    return &faults->cluster->nodes[fault->victim % faults->cluster->node_count];
}

// As the fault is aimed; one aimed at any, in a hot run mostly at who orders a key's writes.
struct sim_node *fault_node(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    struct cluster_sim *cluster = faults->cluster;
    struct sim_node *any = &cluster->nodes[rng_below(rng, cluster->node_count)];
    struct sim_node *orderer = NULL;
    if (fault->aim == FAULT_AIM_VICTIM)
        return fault_victim(faults, fault);
    if (fault->aim == FAULT_AIM_OTHERS)
        return any != fault_victim(faults, fault)
                   ? any
                   : &cluster->nodes[(any->index + 1) % cluster->node_count];
    if (fault->aim == FAULT_AIM_ORDERER || (faults->plan->hot && rng_one_in(rng, 2)))
        orderer = draw_orderer(faults, rng);
    return orderer != NULL ? orderer : any;
}

bool fault_runs(const struct sim_node *node)
{
    return node->state == SIM_NODE_RUNS;
}
