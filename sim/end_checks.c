#include "sim/end_checks.h"

#include "base/check.h"

enum { LOOK_US = 20000, READ_LOOKS = 1000, CLEANING_LOOKS = 2000 };

bool end_checks_is_whole(const struct cluster_map *map, unsigned nodes)
{
    if (map == NULL || map->node_count != nodes || node_set_count(cluster_map_live(map)) != nodes)
        return false;
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].leaving)
            return false;
    for (unsigned i = 0; i < map->keyspaces[0].set_count; i++) {
        const struct replica_set *set = &map->keyspaces[0].sets[i];
        if (set->in_sync != set->target || set->joining != 0 || set->primary != set->target_primary)
            return false;
    }
    return true;
}

bool end_checks_at_rest(const struct cluster_sim *cluster)
{
    const struct cluster_map *newest = cluster_sim_map(cluster);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node_status status = sim_node_status(&cluster->nodes[i]);
        if (newest == NULL || status.epoch != newest->epoch || !status.serving ||
            status.in_flight != 0)
            return false;
    }
    return true;
}

bool end_checks_live_at_rest(const struct cluster_sim *cluster)
{
    const struct cluster_map *map = cluster_sim_map(cluster);
    for (unsigned i = 0; map != NULL && i < cluster->watched_count; i++)
        if (map_keyspace_slot(&map->keyspaces[0], cluster->watched[i])->primary == NODE_NONE)
            return true;
    for (unsigned i = 0; map != NULL && i < cluster->node_count; i++) {
        struct node_status status = sim_node_status(&cluster->nodes[i]);
        const struct map_node *node = cluster_map_node(map, status.self);
        if (node != NULL && node->state == NODE_UP && status.in_flight != 0)
            return false;
    }
    return map != NULL;
}

// --- every key through every node, the same everywhere

static void run_for(struct workload_sim *workload, uint64_t us)
{
    struct timeline *timeline = workload->cluster->timeline;
    timeline_run_until(timeline, timeline_now_us(timeline) + us);
}

static void read_everything(struct workload_sim *workload)
{
    for (unsigned key = 0; key < workload->key_count; key++) {
        for (unsigned i = 0;
             i < workload->cluster->node_count && workload->cluster->violation == NULL; i++) {
            int answered = 0;
            workload_read(workload, key, &workload->cluster->nodes[i], &answered);
            for (int looks = 0; answered == 0 && looks < READ_LOOKS; looks++)
                run_for(workload, LOOK_US);
            if (answered != 1)
                cluster_sim_violation(workload->cluster, "%s cannot be read at node %u",
                                      workload->keys[key].name, i + 1);
        }
    }
}

struct local_read {
    struct stamp stamp;
    uint64_t value_hash;
    enum err error;
};

static void on_local(void *context, const struct reply *reply)
{
    struct local_read *read = context;
    struct cursor in = cursor_of(reply->value);
    *read = (struct local_read){
        .stamp = reply->stamp, .value_hash = cursor_u64_be(&in), .error = reply->error};
}

static void compare_replicas(struct workload_sim *workload)
{
    const struct cluster_map *map = cluster_sim_map(workload->cluster);
    for (unsigned key = 0; key < workload->key_count; key++) {
        struct slice name = slice_of_text(workload->keys[key].name);
        const struct replica_set *set = map_keyspace_slot(&map->keyspaces[0], slot_of_key(name));
        struct local_read first = {.error = ERR_COUNT};
        for (unsigned i = 0; i < workload->cluster->node_count; i++) {
            struct sim_node *node = &workload->cluster->nodes[i];
            if (!node_set_has(set->in_sync, sim_node_status(node).self))
                continue;
            struct request request = {
                .kind = REQUEST_READ, .key = name, .consistency = CONSISTENCY_LOCAL};
            struct local_read own = {.error = ERR_COUNT};
            cluster_sim_request(node, &request, on_local, &own);
            if (first.error == ERR_COUNT)
                first = own;
            if (own.error != first.error || stamp_compare(own.stamp, first.stamp) != 0 ||
                own.value_hash != first.value_hash)
                cluster_sim_violation(workload->cluster, "replicas differ in %s",
                                      workload->keys[key].name);
        }
    }
}

// How many records a node may hold in the end: those of the keys whose slots it keeps in sync.
static size_t records_most(const struct workload_sim *workload, node_id self)
{
    const struct cluster_map *map = cluster_sim_map(workload->cluster);
    size_t most = 0;
    for (unsigned key = 0; key < workload->key_count; key++) {
        uint16_t slot = slot_of_key(slice_of_text(workload->keys[key].name));
        most += node_set_has(map_keyspace_slot(&map->keyspaces[0], slot)->in_sync, self);
    }
    return most;
}

// Marks are cleared, certificates and moved data are gone: in the end only what is alive is stored.
// The first node where it is not so, or NULL.
static const struct sim_node *first_unclean(const struct workload_sim *workload)
{
    for (unsigned i = 0; i < workload->cluster->node_count; i++) {
        const struct sim_node *node = &workload->cluster->nodes[i];
        if (store_sim_pairs(node->data, STORE_MARKS) != 0 ||
            store_sim_pairs(node->data, STORE_RECORDS) >
                records_most(workload, sim_node_status(node).self))
            return node;
    }
    return NULL;
}

static void wait_until_clean(struct workload_sim *workload)
{
    for (int looks = 0; looks < CLEANING_LOOKS && first_unclean(workload) != NULL; looks++)
        run_for(workload, LOOK_US);
    const struct sim_node *node = first_unclean(workload);
    if (node != NULL)
        cluster_sim_violation(workload->cluster,
                              "node %u keeps %zu marks and %zu records where %zu are alive",
                              node->index + 1, store_sim_pairs(node->data, STORE_MARKS),
                              store_sim_pairs(node->data, STORE_RECORDS),
                              records_most(workload, sim_node_status(node).self));
}

void end_checks(struct workload_sim *workload)
{
    const struct cluster_sim *cluster = workload->cluster;
    if (cluster->violation == NULL)
        read_everything(workload);
    if (cluster->violation == NULL)
        wait_until_clean(workload);
    if (cluster->violation == NULL)
        compare_replicas(workload);
}
