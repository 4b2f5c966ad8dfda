// Nodes that lose what they have: machines with durability `interval` whose power goes, and stores
// whose pages are damaged.
#include "core/map/next_map.h"
#include "sim/fault_parts.h"

enum { START_SPREAD_US = 3 * 1000 * 1000 };

// Whether another node that runs and serves has all that this one has, and has not lost power
// itself.
static bool is_had_elsewhere(const struct faults *faults, const struct sim_node *node)
{
    struct cluster_sim *cluster = faults->cluster;
    const struct cluster_map *map = cluster_sim_map(cluster);
    const struct map_node *known = cluster_map_node_of_store(map, node->store_id);
    node_set others = 0;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct sim_node *other = &cluster->nodes[i];
        if (other == node || !fault_runs(other) || store_sim_is_suspect(other->data))
            continue;
        struct node_status status = sim_node_status(other);
        if (status.serving && status.lease_held && status.epoch == map->epoch)
            others |= node_bit(status.self);
    }
    for (unsigned i = 0; known != NULL && i < map->keyspace_count; i++)
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++) {
            node_set in_sync = map->keyspaces[i].sets[j].in_sync;
            if (node_set_has(in_sync, known->id) && (in_sync & others) == 0)
                return false;
        }
    return known != NULL;
}

// Of a node whose acknowledged writes others have: with durability `interval` one machine may lose
// power at a time.
bool fault_power_of_one(struct faults *faults, const struct fault *fault)
{
    struct sim_node *node = fault_victim(faults, fault);
    if (node->state == SIM_NODE_DEAD || !is_had_elsewhere(faults, node))
        return false;
    sim_node_lose_power(node, false);
    fault_start_later(faults, node, fault->lasts_us);
    return true;
}

// Whether nothing is in flight anywhere: what is acknowledged is at all that are listed for it.
static bool is_quiet(const struct faults *faults)
{
    struct cluster_sim *cluster = faults->cluster;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct sim_node *node = &cluster->nodes[i];
        if (!fault_runs(node) || sim_node_status(node).in_flight > 0)
            return false;
    }
    return true;
}

static bool is_listed_everywhere(const struct cluster_map *map, node_id id)
{
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++)
            if (!node_set_has(map->keyspaces[i].sets[j].in_sync, id))
                return false;
    return true;
}

// One that serves, and has everything that was acknowledged; NULL when there is none.
static struct sim_node *find_complete(const struct faults *faults, struct rng *rng)
{
    struct cluster_sim *cluster = faults->cluster;
    const struct cluster_map *map = cluster_sim_map(cluster);
    unsigned first = (unsigned)rng_below(rng, cluster->node_count);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct sim_node *node = &cluster->nodes[(first + i) % cluster->node_count];
        struct node_status status = sim_node_status(node);
        if (status.serving && status.lease_held && status.epoch == map->epoch &&
            !store_sim_is_suspect(node->data) && is_listed_everywhere(map, status.self))
            return node;
    }
    return NULL;
}

// All machines lose power, and all that they had not synced but one, which is as suspect as the
// others: nothing acknowledged is lost, if what this one has is what counts.
bool fault_power_of_all(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    struct cluster_sim *cluster = faults->cluster;
    const struct sim_node *lucky = is_quiet(faults) ? find_complete(faults, rng) : NULL;
    if (lucky == NULL)
        return false;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct sim_node *node = &cluster->nodes[i];
        sim_node_lose_power(node, node == lucky);
        fault_start_later(faults, node, fault->lasts_us + rng_below(rng, START_SPREAD_US));
    }
    return true;
}

bool fault_damage_page(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    struct sim_node *node = fault_victim(faults, event->fault);
    if (!fault_runs(node) || node->disk_fails || !is_had_elsewhere(faults, node) ||
        !fault_may_end(faults, rng) || !store_sim_damage_page(node->data, rng_u64(rng)))
        return false;
    node->disk_fails = true;
    event->from = UINT32_C(1) << node->index;
    return true;
}

// Whether most voters run, on the stores by which the map knows them, without this one: else nobody
// could agree that another comes in its place.
static bool most_vote_without(const struct faults *faults, const struct sim_node *node)
{
    struct cluster_sim *cluster = faults->cluster;
    const struct cluster_map *map = cluster_sim_map(cluster);
    unsigned votes = 0;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct sim_node *other = &cluster->nodes[i];
        const struct map_node *known = cluster_map_node_of_store(map, other->store_id);
        votes += other != node && fault_runs(other) && !other->disk_fails && known != NULL &&
                 node_set_has(map->voters, known->id);
    }
    return 2 * votes > node_set_count(map->voters);
}

static bool may_be_removed(const struct cluster_map *map, node_id id)
{
    const struct change remove = {.kind = CHANGE_REMOVE, .node = id};
    return next_map_check_change(map, &remove) == ERR_OK;
}

static void replace(struct faults *faults, struct sim_node *node)
{
    struct rng rng;
    const struct cluster_map *map = cluster_sim_map(faults->cluster);
    const struct map_node *known = cluster_map_node_of_store(map, node->store_id);
    bool anew = known != NULL && is_had_elsewhere(faults, node) &&
                most_vote_without(faults, node) && may_be_removed(map, known->id);
    store_sim_mend_page(node->data);
    if (node->state != SIM_NODE_DEAD)
        sim_node_crash(node);
    if (anew) {
        rng_init(&rng, node->store_id);
        node->removed = true;
        faults_change(faults, &rng, &(struct change){.kind = CHANGE_REMOVE, .node = known->id});
    }
    fault_start(faults, node);
}

void fault_replace_damaged(struct faults *faults, struct fault_event *event)
{
    for (unsigned i = 0; i < faults->cluster->node_count; i++)
        if ((event->from >> i & 1) != 0)
            replace(faults, &faults->cluster->nodes[i]);
}
