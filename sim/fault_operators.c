// What operators do: drills, other strategies, removals.
#include "sim/fault_parts.h"

static void on_change_reply(void *context, const struct reply *reply)
{
    struct faults *faults = context;
    faults->changes_waiting--;
    cluster_sim_trace(faults->cluster, "change: %s", err_name(reply->error));
}

// Where an operator asks: at a node that runs, and mostly not the one that the change is about.
static struct sim_node *draw_door(struct faults *faults, struct rng *rng, node_id about)
{
    struct cluster_sim *cluster = faults->cluster;
    unsigned first = (unsigned)rng_below(rng, cluster->node_count);
    bool anywhere = rng_one_in(rng, 4);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct sim_node *node = &cluster->nodes[(first + i) % cluster->node_count];
        if (fault_runs(node) && (anywhere || sim_node_status(node).self != about))
            return node;
    }
    return &cluster->nodes[first];
}

void faults_change(struct faults *faults, struct rng *rng, const struct change *change)
{
    struct cluster_sim *cluster = faults->cluster;
    struct request request = {.kind = REQUEST_CHANGE, .change = *change};
    struct sim_node *node = draw_door(faults, rng, change->node);
    cluster_sim_trace(cluster, "at node %u: change %d node %u strategy %d factor %u",
                      node->index + 1, (int)change->kind, change->node, (int)change->strategy,
                      change->replication_factor);
    faults->changes_waiting++;
    cluster_sim_request(node, &request, on_change_reply, faults);
}

bool fault_drill(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    const struct cluster_map *map = cluster_sim_map(faults->cluster);
    const struct map_node *known =
        cluster_map_node_of_store(map, fault_node(faults, fault, rng)->store_id);
    if (known == NULL)
        return false;
    // Mostly a majority stays up here too.
    bool most_up = 2 * node_set_count(cluster_map_live(map)) > map->node_count + 1u;
    bool fails = known->state == NODE_UP && (most_up || rng_one_in(rng, 8));
    enum change_kind kind = fails ? CHANGE_FAIL : CHANGE_RECOVER;
    faults_change(faults, rng, &(struct change){.kind = kind, .node = known->id});
    return true;
}

bool fault_strategy(struct faults *faults, struct rng *rng)
{
    unsigned nodes = cluster_sim_map(faults->cluster)->node_count;
    struct change change = {.kind = CHANGE_STRATEGY,
                            .keyspace = 0,
                            .strategy = (enum strategy)rng_below(rng, STRATEGY_COUNT),
                            .replication_factor = (uint8_t)(1 + rng_below(rng, nodes))};
    // What one has alone is lost with it.
    if (faults->cluster->steady && change.replication_factor < 2)
        change.replication_factor = 2;
    faults_change(faults, rng, &change);
    return true;
}

bool fault_leave(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, fault, rng);
    const struct map_node *known =
        cluster_map_node_of_store(cluster_sim_map(faults->cluster), node->store_id);
    if (known == NULL || node->removed)
        return false;
    node->leaves = true;
    faults_change(faults, rng, &(struct change){.kind = CHANGE_REMOVE, .node = known->id});
    return true;
}
