#include "sim/strong_run.h"

#include "base/check.h"
#include "sim/workload_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SECOND_US = 1000000,
    FORMING_US_MAX = 60 * SECOND_US,
    FAULTS_US_MAX = 300 * SECOND_US,
    HEALING_US_MAX = 120 * SECOND_US,
    LOOK_US = 20000,
    ASK_AGAIN_LOOKS = 50,
    FAULT_PAUSE_US_MAX = 400000,
    HOT_PAUSE_US_MAX = 40000,
    HOT_THINK_US_MAX = 4000,
    ROUNDS = 3,
    FAULTS_PER_ROUND_MAX = 25,
    CLEANING_LOOKS = 2000,
    CALM_US_MAX = 30 * SECOND_US
};

struct run {
    struct cluster_sim cluster;
    struct workload_sim workload;
    struct rng rng;
    unsigned node_count;
    unsigned steps;
    bool faults_on;
    unsigned faults_left;  // in this round
    uint64_t pause_us_max; // between faults
    struct net_sim_faults net_faults;
    bool hot;   // few keys, little pause, drills of their primaries
    bool churn; // mostly changes of strategy: slots move and move back
    unsigned changes_waiting;
    struct strong_run_result *result;
};

static uint64_t now_us(const struct run *run)
{
    return timeline_now_us(run->cluster.timeline);
}

static void run_for(struct run *run, uint64_t us)
{
    timeline_run_until(run->cluster.timeline, now_us(run) + us);
}

// --- faults: drills, changes, slow disks

static void on_change_reply(void *context, const struct reply *reply)
{
    struct run *run = context;
    run->changes_waiting--;
    cluster_sim_trace(&run->cluster, "change: %s", err_name(reply->error));
}

static void ask_change(struct run *run, const struct change *change)
{
    struct cluster_sim *cluster = &run->cluster;
    struct request request = {.kind = REQUEST_CHANGE, .change = *change};
    struct sim_node *node = &cluster->nodes[rng_below(&run->rng, cluster->node_count)];
    cluster_sim_trace(cluster, "at node %u: change %d node %u strategy %d factor %u",
                      node->index + 1, (int)change->kind, change->node, (int)change->strategy,
                      change->replication_factor);
    run->changes_waiting++;
    cluster_sim_request(node, &request, on_change_reply, run);
}

// Any node; in a hot run mostly the one that orders a key's writes.
static node_id draw_node(struct run *run)
{
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    if (run->hot && rng_one_in(&run->rng, 2)) {
        uint16_t slot = run->cluster.watched[rng_below(&run->rng, run->cluster.watched_count)];
        node_id primary = map_keyspace_slot(&map->keyspaces[0], slot)->primary;
        if (primary != NODE_NONE)
            return primary;
    }
    return (node_id)(1 + rng_below(&run->rng, run->cluster.node_count));
}

static void drill(struct run *run)
{
    node_id node = draw_node(run);
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    const struct map_node *known = cluster_map_node(map, node);
    // Mostly a majority stays up: a cluster that is down teaches little.
    bool most_up = 2 * node_set_count(cluster_map_live(map)) > map->node_count + 1u;
    bool fails = known != NULL && known->state == NODE_UP && (most_up || rng_one_in(&run->rng, 8));
    enum change_kind kind = fails ? CHANGE_FAIL : CHANGE_RECOVER;
    ask_change(run, &(struct change){.kind = kind, .node = node});
    run->result->drills++;
}

static void change_strategy(struct run *run)
{
    struct change change = {.kind = CHANGE_STRATEGY,
                            .keyspace = 0,
                            .strategy = (enum strategy)rng_below(&run->rng, STRATEGY_COUNT),
                            .replication_factor =
                                (uint8_t)(1 + rng_below(&run->rng, run->cluster.node_count))};
    ask_change(run, &change);
    run->result->changes++;
}

static void slow_disk(struct run *run)
{
    struct sim_node *node = &run->cluster.nodes[rng_below(&run->rng, run->cluster.node_count)];
    struct delay slow = {.us_min = 1000, .us_max = rng_one_in(&run->rng, 2) ? 3000 : 150000};
    cluster_sim_trace(&run->cluster, "node %u: syncs take up to %" PRIu64 " us", node->index + 1,
                      slow.us_max);
    store_sim_set_sync(rng_one_in(&run->rng, 2) ? node->data : node->voter, &slow);
}

static void next_fault(void *context, void *argument);

static void plan_fault(struct run *run)
{
    uint64_t at_us = now_us(run) + rng_below(&run->rng, run->pause_us_max);
    timeline_add(run->cluster.timeline, at_us, next_fault, run, NULL);
}

static void next_fault(void *context, void *argument)
{
    struct run *run = context;
    (void)argument;
    if (!run->faults_on || run->faults_left == 0)
        return;
    run->faults_left--;
    uint64_t draw = rng_below(&run->rng, 10);
    if (run->cluster.node_count < run->node_count && rng_one_in(&run->rng, 3))
        cluster_sim_add_node(&run->cluster);
    else if (draw < (run->churn ? 2 : 6))
        drill(run);
    else if (draw < 8)
        change_strategy(run);
    else
        slow_disk(run);
    plan_fault(run);
}

// Each seed draws its own mix.
static struct net_sim_faults draw_net_faults(struct rng *rng)
{
    static const uint64_t chances[] = {0, 0, 100, 20, 6};
    struct net_sim_faults faults = {.delay = {.us_min = 50,
                                              .us_max = 200 + rng_below(rng, 5000),
                                              .tail_one_in = 5 + rng_below(rng, 50),
                                              .tail_us_max = 80000},
                                    .lose_one_in = chances[rng_below(rng, 5)],
                                    .duplicate_one_in = chances[rng_below(rng, 5)],
                                    .reorder = rng_one_in(rng, 2)};
    return faults;
}

// --- the cluster as it should be

static bool is_whole(const struct cluster_map *map, unsigned nodes)
{
    if (map == NULL || map->node_count != nodes || node_set_count(cluster_map_live(map)) != nodes)
        return false;
    for (unsigned i = 0; i < map->keyspaces[0].set_count; i++) {
        const struct replica_set *set = &map->keyspaces[0].sets[i];
        if (set->in_sync != set->target || set->joining != 0 || set->primary != set->target_primary)
            return false;
    }
    return true;
}

// With faults stopped, and nodes still failed by drills: where a slot has a primary, what is in
// flight at a live node must land.
static bool live_nodes_are_at_rest(const struct run *run)
{
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    for (unsigned i = 0; map != NULL && i < run->cluster.watched_count; i++)
        if (map_keyspace_slot(&map->keyspaces[0], run->cluster.watched[i])->primary == NODE_NONE)
            return true;
    for (unsigned i = 0; map != NULL && i < run->cluster.node_count; i++) {
        struct node_status status = host_status(run->cluster.nodes[i].host);
        const struct map_node *node = cluster_map_node(map, status.self);
        if (node != NULL && node->state == NODE_UP && status.in_flight != 0)
            return false;
    }
    return map != NULL;
}

static bool nodes_are_at_rest(const struct run *run)
{
    const struct cluster_map *newest = cluster_sim_map(&run->cluster);
    for (unsigned i = 0; i < run->cluster.node_count; i++) {
        struct node_status status = host_status(run->cluster.nodes[i].host);
        if (newest == NULL || status.epoch != newest->epoch || !status.serving ||
            status.in_flight != 0)
            return false;
    }
    return true;
}

static bool wait_until_whole(struct run *run, uint64_t us_max, unsigned nodes)
{
    uint64_t end_us = now_us(run) + us_max;
    while (now_us(run) < end_us && run->cluster.violation == NULL) {
        if (is_whole(cluster_sim_map(&run->cluster), nodes) && nodes_are_at_rest(run))
            return true;
        run_for(run, LOOK_US);
    }
    return false;
}

static void start_faults(struct run *run)
{
    run->faults_on = true;
    run->faults_left = FAULTS_PER_ROUND_MAX;
    net_sim_set_faults(run->cluster.net, &run->net_faults);
    cluster_sim_trace(&run->cluster, "faults begin");
    plan_fault(run);
}

static void stop_faults(struct run *run)
{
    static const struct net_sim_faults none = {.delay = {.us_min = 50, .us_max = 300}};
    static const struct delay sync = {.us_min = 50, .us_max = 1000};
    run->faults_on = false;
    net_sim_set_faults(run->cluster.net, &none);
    for (unsigned i = 0; i < run->cluster.node_count; i++) {
        store_sim_set_sync(run->cluster.nodes[i].data, &sync);
        store_sim_set_sync(run->cluster.nodes[i].voter, &sync);
    }
    cluster_sim_trace(&run->cluster, "faults stop");
}

static void recover_all(struct run *run)
{
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    for (unsigned i = 0; map != NULL && i < map->node_count; i++)
        if (map->nodes[i].state == NODE_FAILED)
            ask_change(run, &(struct change){.kind = CHANGE_RECOVER, .node = map->nodes[i].id});
}

static void heal(struct run *run)
{
    while (run->cluster.node_count < run->node_count)
        cluster_sim_add_node(&run->cluster);
    stop_faults(run);
    recover_all(run);
    if (!wait_until_whole(run, HEALING_US_MAX, run->node_count) && run->cluster.violation == NULL) {
        // An answer to an earlier `fail` may still have come: once more.
        recover_all(run);
        if (!wait_until_whole(run, HEALING_US_MAX, run->node_count))
            cluster_sim_violation(&run->cluster, "the cluster does not become whole");
    }
}

// --- the end: every key through every node, the same everywhere

static void read_everything(struct run *run)
{
    for (unsigned key = 0; key < run->workload.key_count; key++) {
        for (unsigned i = 0; i < run->cluster.node_count && run->cluster.violation == NULL; i++) {
            int answered = 0;
            workload_read(&run->workload, key, &run->cluster.nodes[i], &answered);
            for (int looks = 0; answered == 0 && looks < 1000; looks++)
                run_for(run, LOOK_US);
            if (answered != 1)
                cluster_sim_violation(&run->cluster, "%s cannot be read at node %u",
                                      run->workload.keys[key].name, i + 1);
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

static void compare_replicas(struct run *run)
{
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    for (unsigned key = 0; key < run->workload.key_count; key++) {
        struct slice name = slice_of_text(run->workload.keys[key].name);
        const struct replica_set *set = map_keyspace_slot(&map->keyspaces[0], slot_of_key(name));
        struct local_read first = {.error = ERR_COUNT};
        for (unsigned i = 0; i < run->cluster.node_count; i++) {
            struct sim_node *node = &run->cluster.nodes[i];
            if (!node_set_has(set->in_sync, host_status(node->host).self))
                continue;
            struct request request = {
                .kind = REQUEST_READ, .key = name, .consistency = CONSISTENCY_LOCAL};
            struct local_read own = {.error = ERR_COUNT};
            cluster_sim_request(node, &request, on_local, &own);
            if (first.error == ERR_COUNT)
                first = own;
            if (own.error != first.error || stamp_compare(own.stamp, first.stamp) != 0 ||
                own.value_hash != first.value_hash)
                cluster_sim_violation(&run->cluster, "replicas differ in %s",
                                      run->workload.keys[key].name);
        }
    }
}

// How many records a node may hold in the end: those of the keys whose slots it keeps in sync.
static size_t records_most(const struct run *run, node_id self)
{
    const struct cluster_map *map = cluster_sim_map(&run->cluster);
    size_t most = 0;
    for (unsigned key = 0; key < run->workload.key_count; key++) {
        uint16_t slot = slot_of_key(slice_of_text(run->workload.keys[key].name));
        most += node_set_has(map_keyspace_slot(&map->keyspaces[0], slot)->in_sync, self);
    }
    return most;
}

// Marks are cleared, certificates and moved data are gone: in the end only what is alive is stored.
// The first node where it is not so, or NULL.
static const struct sim_node *first_unclean(const struct run *run)
{
    for (unsigned i = 0; i < run->cluster.node_count; i++) {
        const struct sim_node *node = &run->cluster.nodes[i];
        if (store_sim_pairs(node->data, STORE_MARKS) != 0 ||
            store_sim_pairs(node->data, STORE_RECORDS) >
                records_most(run, host_status(node->host).self))
            return node;
    }
    return NULL;
}

static void wait_until_clean(struct run *run)
{
    for (int looks = 0; looks < CLEANING_LOOKS && first_unclean(run) != NULL; looks++)
        run_for(run, LOOK_US);
    const struct sim_node *node = first_unclean(run);
    if (node != NULL)
        cluster_sim_violation(&run->cluster,
                              "node %u keeps %zu marks and %zu records where %zu are alive",
                              node->index + 1, store_sim_pairs(node->data, STORE_MARKS),
                              store_sim_pairs(node->data, STORE_RECORDS),
                              records_most(run, host_status(node->host).self));
}

// Clients act under faults; then faults pause, and what was begun must end.
static void run_round(struct run *run)
{
    start_faults(run);
    workload_start(&run->workload);
    uint64_t end_us = now_us(run) + FAULTS_US_MAX;
    while (!workload_ended(&run->workload) && now_us(run) < end_us &&
           run->cluster.violation == NULL)
        run_for(run, LOOK_US);
    if (!workload_ended(&run->workload))
        cluster_sim_violation(&run->cluster, "an operation was never answered");
    stop_faults(run);
    end_us = now_us(run) + CALM_US_MAX;
    while (!live_nodes_are_at_rest(run) && now_us(run) < end_us && run->cluster.violation == NULL)
        run_for(run, LOOK_US);
    if (!live_nodes_are_at_rest(run))
        cluster_sim_violation(&run->cluster, "records stay in flight");
}

static void run_phases(struct run *run)
{
    while (run->cluster.node_count < 1 + run->node_count / 2)
        cluster_sim_add_node(&run->cluster);
    if (!wait_until_whole(run, FORMING_US_MAX, run->cluster.node_count)) {
        cluster_sim_violation(&run->cluster, "the cluster does not form");
        return;
    }
    for (unsigned round = 0; round < ROUNDS && run->cluster.violation == NULL; round++) {
        run->workload.operations_left = run->steps / ROUNDS;
        run_round(run);
    }
    if (run->cluster.violation == NULL)
        heal(run);
    if (run->cluster.violation == NULL)
        read_everything(run);
    if (run->cluster.violation == NULL)
        wait_until_clean(run);
    if (run->cluster.violation == NULL)
        compare_replicas(run);
    workload_check(&run->workload, run->cluster.tracing ? stdout : NULL);
}

static void report(const struct run *run, struct strong_run_result *out)
{
    out->passed = run->cluster.violation == NULL;
    if (!out->passed)
        memcpy(out->violation, run->cluster.violation_text, sizeof out->violation);
    out->virtual_us = now_us(run);
    out->operations = run->workload.done + run->workload.unsure + run->workload.refused;
    out->unsure = run->workload.unsure;
    out->refused = run->workload.refused;
    out->epochs = run->cluster.epoch_last;
    out->messages = net_sim_count(run->cluster.net, NET_SIM_DELIVERED);
    out->trace_hash = run->cluster.trace_hash;
}

void strong_run(const struct strong_run_setting *setting, struct strong_run_result *out)
{
    struct run run = {.result = out};
    *out = (struct strong_run_result){0};
    rng_init(&run.rng, setting->seed);
    run.node_count = setting->nodes > 0 ? setting->nodes : 3 + (unsigned)rng_below(&run.rng, 5);
    run.steps = setting->steps;
    run.hot = rng_one_in(&run.rng, 2);
    run.churn = rng_one_in(&run.rng, 3);
    run.pause_us_max = 20000 + rng_below(&run.rng, run.hot ? HOT_PAUSE_US_MAX : FAULT_PAUSE_US_MAX);
    run.net_faults = draw_net_faults(&run.rng);
    cluster_sim_init(&run.cluster, rng_u64(&run.rng), &run.net_faults);
    run.cluster.tracing = setting->trace;
    run.cluster.strategy = (enum strategy)rng_below(&run.rng, STRATEGY_COUNT);
    run.cluster.replication_factor = (uint8_t)(1 + rng_below(&run.rng, 3));
    unsigned keys = 1 + (unsigned)rng_below(&run.rng, run.hot ? 2 : 8);
    unsigned clients = 2 + (unsigned)rng_below(&run.rng, 5);
    workload_init(&run.workload, &run.cluster, rng_u64(&run.rng), keys, clients, 0);
    if (run.hot)
        run.workload.think_us_max = HOT_THINK_US_MAX;
    run_phases(&run);
    report(&run, out);
    workload_release(&run.workload);
    cluster_sim_release(&run.cluster);
}
