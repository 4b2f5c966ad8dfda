#include "sim/strong_run.h"

#include "base/check.h"
#include "sim/end_checks.h"
#include "sim/faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SECOND_US = 1000000,
    FORMING_US_MAX = 60 * SECOND_US,
    ANSWERS_US_MAX = 120 * SECOND_US,
    HEALING_US_MAX = 120 * SECOND_US,
    CALM_US_MAX = 60 * SECOND_US,
    LOOK_US = 20000,
    THINK_US_LEAST = 4000,
    NODES_LEAST = 3,
    HOT_KEYS_MOST = 2,
    WRITERS_LEAST = 2,
    WRITERS_MOST = 6,
    READERS_MAX = WORKLOAD_CLIENTS_MAX - WRITERS_MOST,
    REPAIR_DELAY_LONG_MS = 600000
};

struct run {
    struct cluster_sim cluster;
    struct workload_sim workload;
    struct scene scene;
    struct fault_plan plan;
    struct faults faults;
    struct rng rng;
    unsigned node_count;
    unsigned steps;
};

static uint64_t now_us(const struct run *run)
{
    return timeline_now_us(run->cluster.timeline);
}

static void run_for(struct run *run, uint64_t us)
{
    timeline_run_until(run->cluster.timeline, now_us(run) + us);
}

static bool is_well(const struct run *run)
{
    return run->cluster.violation == NULL;
}

// --- drawing the run

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

static uint64_t draw_between(struct rng *rng, uint64_t least, uint64_t most)
{
    return least + rng_below(rng, most - least + 1);
}

static void draw_workload(struct run *run)
{
    static const unsigned reads[] = {2, 4, 4, 6};
    static const unsigned deletes[] = {1, 2, 2, 4};
    const struct scene *scene = &run->scene;
    unsigned most = run->plan.hot ? HOT_KEYS_MOST : scene->keys_most;
    unsigned keys = (unsigned)draw_between(&run->rng, scene->keys_least, most);
    unsigned readers = !scene->readers                 ? 0
                       : run->node_count < READERS_MAX ? run->node_count
                                                       : READERS_MAX;
    unsigned clients = readers + (unsigned)draw_between(&run->rng, WRITERS_LEAST, WRITERS_MOST);
    workload_init(&run->workload, &run->cluster, rng_u64(&run->rng), keys, clients, 0);
    run->workload.reads_in_ten = reads[rng_below(&run->rng, 4)];
    run->workload.deletes_in_ten = deletes[rng_below(&run->rng, 4)];
    if (scene->deletes_in_ten > 0) {
        run->workload.reads_in_ten = 1;
        run->workload.deletes_in_ten = scene->deletes_in_ten;
    }
    run->workload.reader_count = readers;
    run->workload.reader_think_us_max = scene->reader_think_us_max;
}

// Few in a long run, whose cost is that of the quiet hours: messages grow with the square of nodes.
static unsigned draw_nodes(const struct strong_run_setting *setting, const struct scene *scene,
                           struct rng *rng)
{
    bool is_long = scene->kind == SCENE_MIXED && scene->pace == SCENE_PACE_LONG;
    bool few = is_long && !rng_one_in(rng, 4);
    unsigned drawn =
        (unsigned)draw_between(rng, NODES_LEAST, is_long ? NODES_LEAST + 1 : scene->nodes_most);
    return setting->nodes > 0 ? setting->nodes : few ? NODES_LEAST : drawn;
}

// How many make the cluster before faults begin; the others join amid them.
static unsigned first_nodes(const struct run *run)
{
    return run->scene.kind == SCENE_MIXED ? 1 + run->node_count / 2 : run->node_count;
}

// One run in four has stores of durability `interval`.
static bool is_steady(const struct strong_run_setting *setting)
{
    return setting->seed % 4 == 3;
}

// In one run in eight pages of stores are damaged.
static bool has_damage(const struct strong_run_setting *setting)
{
    return setting->seed % 8 == 1;
}

static void add_power_losses(struct run *run)
{
    fault_plan_add(&run->plan, &run->rng, FAULT_POWER_OF_ONE);
    fault_plan_add(&run->plan, &run->rng, FAULT_POWER_LOSS);
}

static void draw_plan(const struct strong_run_setting *setting, struct run *run)
{
    rng_init(&run->rng, setting->seed);
    scene_draw(&run->scene, &run->rng);
    run->node_count = draw_nodes(setting, &run->scene, &run->rng);
    fault_plan_draw(&run->plan, &run->rng, &run->scene, run->node_count - first_nodes(run));
    if (is_steady(setting))
        add_power_losses(run);
    if (has_damage(setting))
        fault_plan_add(&run->plan, &run->rng, FAULT_PAGE_DAMAGED);
    run->plan.rounds = setting->rounds;
    for (unsigned number = 1; number <= FAULTS_MAX; number++)
        if (setting->without[number] != 0)
            fault_plan_leave_out(&run->plan, number);
}

// Outside of a mix, mostly many replicas: with one there is nothing to be seen.
static void draw_strategy(struct run *run)
{
    bool full = run->scene.kind != SCENE_MIXED && !rng_one_in(&run->rng, 4);
    run->cluster.strategy =
        full ? STRATEGY_FULL : (enum strategy)rng_below(&run->rng, STRATEGY_COUNT);
    run->cluster.replication_factor = (uint8_t)(1 + rng_below(&run->rng, 3));
    if (run->cluster.steady && run->cluster.replication_factor < 2)
        run->cluster.replication_factor = 2;
}

static void begin(const struct strong_run_setting *setting, struct run *run)
{
    draw_plan(setting, run);
    run->steps = setting->steps;
    struct net_sim_faults net = draw_net_faults(&run->rng);
    cluster_sim_init(&run->cluster, rng_u64(&run->rng), &net);
    run->cluster.tracing = setting->trace;
    run->cluster.steady = is_steady(setting);
    draw_strategy(run);
    // Soon in some runs, in others not before they end.
    run->cluster.repair_delay_ms =
        rng_one_in(&run->rng, 3) ? 100 + rng_below(&run->rng, 5000) : REPAIR_DELAY_LONG_MS;
    run->cluster.rate_ppm_max = rng_one_in(&run->rng, 2) ? FAULTS_RATE_PPM_MAX : 0;
    draw_workload(run);
    faults_init(&run->faults, &run->cluster, &run->plan, &net, run->node_count);
}

// --- its course

static bool wait_until_whole(struct run *run, uint64_t us_max, unsigned nodes)
{
    uint64_t end_us = now_us(run) + us_max;
    while (now_us(run) < end_us && is_well(run)) {
        if (end_checks_is_whole(cluster_sim_map(&run->cluster), nodes) &&
            end_checks_at_rest(&run->cluster))
            return true;
        faults_restart(&run->faults);
        run_for(run, LOOK_US);
    }
    return false;
}

// Clients go on for about as long as the faults do; those that think for so long at most, until
// the faults end.
static void start_clients(struct run *run, unsigned round)
{
    unsigned share = run->steps / run->plan.rounds;
    unsigned usual = STRONG_RUN_STEPS_DEFAULT / FAULT_ROUNDS_MAX;
    uint64_t spread = 2 * run->plan.round_us[round] * run->workload.client_count;
    run->workload.think_us_max = THINK_US_LEAST + spread / (share > usual ? share : usual);
    if (run->scene.writer_think_us_max > 0)
        run->workload.think_us_max = run->scene.writer_think_us_max;
    run->workload.operations_left = share * run->scene.operations_times;
    workload_start(&run->workload);
}

static void await_answers(struct run *run)
{
    uint64_t left = run->workload.operations_left + 1;
    uint64_t end_us = now_us(run) + ANSWERS_US_MAX + left * run->workload.think_us_max;
    while (!workload_ended(&run->workload) && now_us(run) < end_us && is_well(run)) {
        run_for(run, LOOK_US);
        faults_restart(&run->faults);
    }
    if (!workload_ended(&run->workload))
        cluster_sim_violation(&run->cluster, "an operation was never answered");
}

static bool is_there(const struct cluster_sim *cluster, uint64_t store_id)
{
    for (unsigned i = 0; i < cluster->node_count; i++)
        if (cluster->nodes[i].store_id == store_id)
            return true;
    return false;
}

// Operators end their drills, and remove members whose stores are gone.
static void recover_all(struct run *run)
{
    struct cluster_map map;
    cluster_map_init(&map);
    cluster_map_copy(&map, cluster_sim_map(&run->cluster));
    for (unsigned i = 0; i < map.node_count; i++) {
        struct change change = {.kind = CHANGE_RECOVER, .node = map.nodes[i].id};
        if (!is_there(&run->cluster, map.nodes[i].store_id))
            change.kind = CHANGE_REMOVE;
        else if (map.nodes[i].state != NODE_FAILED)
            continue;
        faults_change(&run->faults, &run->rng, &change);
    }
    cluster_map_release(&map);
}

// Whether what counts may be at a node that an operator has failed: all others wait for it.
static bool waits_for_operator(const struct run *run)
{
    const struct cluster_sim *cluster = &run->cluster;
    bool any_suspect = false;
    for (unsigned i = 0; i < cluster->node_count; i++)
        any_suspect |= store_sim_is_suspect(cluster->nodes[i].data);
    return any_suspect && cluster_map_in_state(cluster_sim_map(cluster), NODE_FAILED) != 0;
}

static bool comes_to_rest(struct run *run)
{
    uint64_t end_us = now_us(run) + CALM_US_MAX;
    while (!end_checks_live_at_rest(&run->cluster) && now_us(run) < end_us && is_well(run)) {
        run_for(run, LOOK_US);
        faults_restart(&run->faults);
    }
    return end_checks_live_at_rest(&run->cluster);
}

// Clients act under faults; then faults pause, and what was begun must end.
static void run_round(struct run *run, unsigned round)
{
    faults_begin(&run->faults, round);
    if (run->scene.homed)
        run->workload.home = &run->cluster.nodes[run->plan.victim % run->cluster.node_count];
    start_clients(run, round);
    uint64_t end_us = now_us(run) + run->plan.round_us[round];
    while (now_us(run) < end_us && is_well(run))
        run_for(run, LOOK_US);
    if (run->scene.operations_times > 1)
        workload_stop(&run->workload);
    faults_stop(&run->faults);
    await_answers(run);
    bool rests = comes_to_rest(run);
    if (!rests && waits_for_operator(run)) {
        recover_all(run);
        rests = comes_to_rest(run);
    }
    if (!rests)
        cluster_sim_violation(&run->cluster, "records stay in flight");
}

static void heal(struct run *run)
{
    while (run->cluster.node_count < run->node_count)
        cluster_sim_add_node(&run->cluster);
    recover_all(run);
    if (wait_until_whole(run, HEALING_US_MAX, run->node_count) || !is_well(run))
        return;
    // An answer to an earlier `fail` may still have come: once more.
    recover_all(run);
    if (!wait_until_whole(run, HEALING_US_MAX, run->node_count))
        cluster_sim_violation(&run->cluster, "the cluster does not become whole");
}

static void run_phases(struct run *run)
{
    while (run->cluster.node_count < first_nodes(run))
        cluster_sim_add_node(&run->cluster);
    if (!wait_until_whole(run, FORMING_US_MAX, run->cluster.node_count)) {
        cluster_sim_violation(&run->cluster, "the cluster does not form");
        return;
    }
    for (unsigned round = 0; round < run->plan.rounds && is_well(run); round++)
        run_round(run, round);
    if (is_well(run))
        heal(run);
    end_checks(&run->workload);
    workload_check(&run->workload, run->cluster.tracing ? stdout : NULL);
}

static void report(const struct run *run, struct strong_run_result *out)
{
    out->passed = is_well(run);
    if (!out->passed)
        memcpy(out->violation, run->cluster.violation_text, sizeof out->violation);
    out->virtual_us = now_us(run);
    out->operations = run->workload.done + run->workload.unsure + run->workload.refused;
    out->epochs = run->cluster.newest.epoch;
    out->messages = net_sim_count(run->cluster.net, NET_SIM_DELIVERED);
    out->events = timeline_steps(run->cluster.timeline);
    out->trace_hash = run->cluster.trace_hash;
    out->coverage = run->cluster.coverage;
}

void strong_run(const struct strong_run_setting *setting, struct strong_run_result *out)
{
    struct run run = {.steps = 0};
    *out = (struct strong_run_result){0};
    begin(setting, &run);
    run_phases(&run);
    report(&run, out);
    // Requests that still wait are answered as their nodes go.
    cluster_sim_release(&run.cluster);
    workload_release(&run.workload);
}

unsigned strong_run_faults(const struct strong_run_setting *setting)
{
    struct run run = {.steps = 0};
    draw_plan(setting, &run);
    return run.plan.count;
}

void strong_run_print_plan(const struct strong_run_setting *setting)
{
    struct run run = {.steps = 0};
    draw_plan(setting, &run);
    printf("seed %" PRIu64 ": %s, %u nodes\n", setting->seed, scene_name(run.scene.kind),
           run.node_count);
    for (unsigned i = 0; i < run.plan.count; i++) {
        const struct fault *fault = &run.plan.faults[i];
        if (fault->round >= run.plan.rounds)
            continue;
        printf("  %3u: round %u, after %" PRIu64 " ms: %s for %" PRIu64 " ms%s\n", fault->number,
               fault->round + 1, fault->at_us / 1000, fault_name(fault->kind),
               fault->lasts_us / 1000, fault->left_out ? " (left out)" : "");
    }
}
