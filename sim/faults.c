#include "sim/fault_parts.h"

#include "base/check.h"

#include <inttypes.h>

enum {
    SECOND_US = 1000000,
    RESTART_SPREAD_US = 500000,
    RESTART_SOON_US = 20000,
    HELD_KINDS_MAX = 3
};

static const struct delay disk_delay = {.us_min = 50, .us_max = 2000};

void faults_init(struct faults *faults, struct cluster_sim *cluster, const struct fault_plan *plan,
                 const struct net_sim_faults *net, unsigned nodes_max)
{
    *faults =
        (struct faults){.cluster = cluster, .plan = plan, .net = *net, .nodes_max = nodes_max};
    for (unsigned i = 0; i < CLUSTER_SIM_NODES_MAX; i++)
        faults->starts[i] = (struct fault_start){.faults = faults, .node = i};
    for (unsigned i = 0; i < plan->count; i++)
        faults->events[i] = (struct fault_event){.faults = faults, .fault = &plan->faults[i]};
}

static struct timeline *timeline_of(struct faults *faults)
{
    return faults->cluster->timeline;
}

static uint32_t all_nodes(const struct faults *faults)
{
    return (UINT32_C(1) << faults->cluster->node_count) - 1;
}

// --- processes

static unsigned dead_count(const struct faults *faults)
{
    unsigned dead = 0;
    for (unsigned i = 0; i < faults->cluster->node_count; i++)
        dead += faults->cluster->nodes[i].state == SIM_NODE_DEAD;
    return dead;
}

// Mostly a majority stays up: a cluster that is down teaches little.
bool fault_may_end(const struct faults *faults, struct rng *rng)
{
    return 2 * (dead_count(faults) + 1) < faults->cluster->node_count || rng_one_in(rng, 4);
}

void fault_start(struct faults *faults, struct sim_node *node)
{
    struct fault_start *start = &faults->starts[node->index];
    timeline_cancel(timeline_of(faults), start->event);
    start->event = TIMELINE_NO_EVENT;
    if (node->state == SIM_NODE_DEAD)
        (void)sim_node_start(node);
}

static void on_start(void *context, void *argument)
{
    struct fault_start *start = context;
    (void)argument;
    start->event = TIMELINE_NO_EVENT;
    fault_start(start->faults, &start->faults->cluster->nodes[start->node]);
}

void fault_start_later(struct faults *faults, const struct sim_node *node, uint64_t us)
{
    struct fault_start *start = &faults->starts[node->index];
    timeline_cancel(timeline_of(faults), start->event);
    start->event = timeline_add(timeline_of(faults), timeline_now_us(timeline_of(faults)) + us,
                                on_start, start, NULL);
}

static bool crash(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, fault, rng);
    if (node->state == SIM_NODE_DEAD || !fault_may_end(faults, rng))
        return false;
    sim_node_crash(node);
    fault_start_later(faults, node, fault->lasts_us);
    return true;
}

// Several, or all when power is lost, at one moment.
static bool crash_several(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    bool power = fault->kind == FAULT_POWER_LOSS;
    if (power && faults->cluster->steady)
        return fault_power_of_all(faults, fault, rng) || fault_power_of_one(faults, fault);
    uint64_t spread_us = rng_one_in(rng, 2) ? RESTART_SPREAD_US : RESTART_SOON_US;
    unsigned ended = 0;
    for (unsigned i = 0; i < faults->cluster->node_count; i++) {
        struct sim_node *node = &faults->cluster->nodes[i];
        bool spared = fault->aim == FAULT_AIM_OTHERS && node == fault_victim(faults, fault);
        bool hit = (power || fault->aim == FAULT_AIM_OTHERS || rng_one_in(rng, 2)) && !spared;
        uint64_t back_us = fault->lasts_us + rng_below(rng, spread_us);
        if (node->state == SIM_NODE_DEAD || !hit)
            continue;
        if (power)
            sim_node_lose_power(node, false);
        else
            sim_node_crash(node);
        fault_start_later(faults, node, back_us);
        ended++;
    }
    return ended > (power ? 0 : 1);
}

static bool shut_down(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, event->fault, rng);
    if (!fault_runs(node) || node->disk_fails || !fault_may_end(faults, rng))
        return false;
    event->from = UINT32_C(1) << node->index;
    sim_node_shut_down(node);
    return true;
}

static bool stop_process(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, event->fault, rng);
    if (!fault_runs(node))
        return false;
    event->from = UINT32_C(1) << node->index;
    sim_node_stop(node);
    return true;
}

static bool set_clock_rate(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    const struct sim_node *node = fault_node(faults, fault, rng);
    uint64_t draw = rng_below(rng, 2 * FAULTS_RATE_PPM_MAX + 1);
    // The ends of the range as often as all else.
    int32_t rate = rng_one_in(rng, 4)   ? FAULTS_RATE_PPM_MAX
                   : rng_one_in(rng, 3) ? -FAULTS_RATE_PPM_MAX
                                        : (int32_t)draw - FAULTS_RATE_PPM_MAX;
    cluster_sim_trace(faults->cluster, "node %u: clock at %d ppm", node->index + 1, (int)rate);
    clock_sim_set_rate(node->clock, rate);
    return true;
}

static bool join(struct faults *faults)
{
    struct cluster_sim *cluster = faults->cluster;
    if (cluster->node_count >= faults->nodes_max)
        return false;
    cluster_sim_add_node(cluster);
    return true;
}

// --- the network

static void cut(struct faults *faults, unsigned from, unsigned to, bool more)
{
    uint8_t *cuts = &faults->cuts[from][to];
    const struct sim_node *nodes = faults->cluster->nodes;
    *cuts = (uint8_t)(more ? *cuts + 1 : *cuts - 1);
    net_sim_block(faults->cluster->net, nodes[from].store_id, nodes[to].store_id, *cuts > 0);
}

static void cut_parts(struct fault_event *event, bool more)
{
    for (unsigned from = 0; from < CLUSTER_SIM_NODES_MAX; from++) {
        for (unsigned to = 0; to < CLUSTER_SIM_NODES_MAX; to++) {
            if ((event->from >> from & 1) == 0 || (event->to >> to & 1) == 0)
                continue;
            cut(event->faults, from, to, more);
            if (event->both_ways)
                cut(event->faults, to, from, more);
        }
    }
}

static bool split(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    uint32_t all = all_nodes(faults);
    uint32_t one = UINT32_C(1) << fault_node(faults, event->fault, rng)->index;
    uint32_t other = UINT32_C(1) << rng_below(rng, faults->cluster->node_count);
    uint32_t part = (uint32_t)rng_u64(rng) & all;
    bool whole_parts =
        event->fault->kind == FAULT_SPLIT || event->fault->kind == FAULT_SPLIT_ONE_WAY;
    event->from = whole_parts ? part : one;
    event->to = event->fault->kind == FAULT_PAIR_APART ? other & ~one : all & ~event->from;
    event->both_ways = event->fault->kind != FAULT_SPLIT_ONE_WAY &&
                       (event->fault->kind == FAULT_SPLIT || !rng_one_in(rng, 4));
    if (event->from == 0 || event->to == 0)
        return false;
    cut_parts(event, true);
    return true;
}

static bool net_storm(struct faults *faults, struct rng *rng)
{
    struct net_sim_faults storm = faults->net;
    storm.lose_one_in = 2 + rng_below(rng, 8);
    storm.duplicate_one_in = 1 + rng_below(rng, 10);
    storm.delay.us_max += rng_below(rng, 20000);
    storm.reorder = rng_one_in(rng, 2);
    net_sim_set_faults(faults->cluster->net, &storm);
    return true;
}

// Of strong keyspaces: those are what the plans are about.
static unsigned draw_kind(const struct fault_plan *plan, struct rng *rng)
{
    unsigned kinds[MESSAGE_KIND_COUNT];
    unsigned count = 0;
    for (unsigned kind = 0; kind < MESSAGE_KIND_COUNT; kind++)
        if (!message_is_optimistic((enum message_kind)kind))
            kinds[count++] = kind;
    unsigned drawn = (unsigned)rng_below(rng, count);
    while (plan->held != 0 && (plan->held >> kinds[drawn] & 1) == 0)
        drawn = (drawn + 1) % count;
    return kinds[drawn];
}

static bool hold_kinds(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    bool lost = fault->kind == FAULT_KINDS_LOST;
    uint64_t kinds = 0;
    for (uint64_t left = 1 + rng_below(rng, HELD_KINDS_MAX); left > 0; left--)
        kinds |= UINT64_C(1) << draw_kind(faults->plan, rng);
    uint64_t us_max = lost ? 0 : 1 + rng_below(rng, rng_one_in(rng, 3) ? SECOND_US : 50000);
    uint64_t in_four = 1 + rng_below(rng, 4);
    held_kinds_begin(&faults->held, faults->cluster->net, kinds, us_max, in_four, rng_u64(rng));
    return true;
}

// --- disks

static bool slow_disk(struct faults *faults, const struct fault *fault, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, fault, rng);
    struct delay slow = {.us_min = 1000, .us_max = rng_one_in(rng, 2) ? 3000 : 150000};
    cluster_sim_trace(faults->cluster, "node %u: syncs take up to %" PRIu64 " us", node->index + 1,
                      slow.us_max);
    store_sim_set_sync(rng_one_in(rng, 2) ? node->data : node->voter, &slow);
    return true;
}

static bool break_disk(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, event->fault, rng);
    struct store_sim *store = rng_one_in(rng, 3) ? node->voter : node->data;
    if (!fault_runs(node) || node->disk_fails || !fault_may_end(faults, rng))
        return false;
    node->disk_fails = true;
    event->from = UINT32_C(1) << node->index;
    store_sim_fail_batch(store, store_sim_committed(store) + 1 + rng_below(rng, 4),
                         event->fault->kind == FAULT_DISK_FULL ? ERR_FULL : ERR_IO);
    return true;
}

static bool fail_reads(struct faults *faults, struct fault_event *event, struct rng *rng)
{
    struct sim_node *node = fault_node(faults, event->fault, rng);
    if (!fault_runs(node) || node->disk_fails || !fault_may_end(faults, rng))
        return false;
    node->disk_fails = true;
    event->from = UINT32_C(1) << node->index;
    store_sim_fail_reads(node->data, ERR_IO);
    return true;
}

// The disk was changed for a sound one with the same data, and the node is started again. Who had
// not ended by now is ended.
static void mend_node(struct faults *faults, uint32_t hit)
{
    for (unsigned i = 0; i < faults->cluster->node_count; i++) {
        struct sim_node *node = &faults->cluster->nodes[i];
        if ((hit >> i & 1) == 0)
            continue;
        store_sim_fail_reads(node->data, ERR_OK);
        if (node->disk_fails || node->ends)
            sim_node_crash(node);
        fault_start(faults, node);
    }
}

// --- the course of a fault

static bool take_effect(struct fault_event *event, struct rng *rng)
{
    struct faults *faults = event->faults;
    switch (event->fault->kind) {
    case FAULT_DRILL:
        return fault_drill(faults, event->fault, rng);
    case FAULT_STRATEGY:
        return fault_strategy(faults, rng);
    case FAULT_SLOW_DISK:
        return slow_disk(faults, event->fault, rng);
    case FAULT_CRASH:
        return crash(faults, event->fault, rng);
    case FAULT_CRASH_SEVERAL:
    case FAULT_POWER_LOSS:
        return crash_several(faults, event->fault, rng);
    case FAULT_PAGE_DAMAGED:
        return fault_damage_page(faults, event, rng);
    case FAULT_POWER_OF_ONE:
        return fault_power_of_one(faults, event->fault);
    case FAULT_SHUT_DOWN:
        return shut_down(faults, event, rng);
    case FAULT_LEAVE:
        return fault_leave(faults, event->fault, rng);
    case FAULT_STOP:
        return stop_process(faults, event, rng);
    case FAULT_CLOCK_RATE:
        return set_clock_rate(faults, event->fault, rng);
    case FAULT_SPLIT:
    case FAULT_SPLIT_ONE_WAY:
    case FAULT_PAIR_APART:
    case FAULT_CUT_OFF:
        return split(faults, event, rng);
    case FAULT_NET_STORM:
        return net_storm(faults, rng);
    case FAULT_KINDS_LATE:
    case FAULT_KINDS_LOST:
        return hold_kinds(faults, event->fault, rng);
    case FAULT_DISK_BREAKS:
    case FAULT_DISK_FULL:
        return break_disk(faults, event, rng);
    case FAULT_READS_FAIL:
        return fail_reads(faults, event, rng);
    case FAULT_JOIN:
        return join(faults);
    case FAULT_KIND_COUNT:
        break;
    }
    CHECK(false);
}

static void end_fault(struct fault_event *event)
{
    struct faults *faults = event->faults;
    event->going_on = false;
    cluster_sim_trace(faults->cluster, "fault %u ends", event->fault->number);
    switch (event->fault->kind) {
    case FAULT_STOP:
        for (unsigned i = 0; i < faults->cluster->node_count; i++)
            if ((event->from >> i & 1) != 0 && faults->cluster->nodes[i].state == SIM_NODE_STOPPED)
                sim_node_continue(&faults->cluster->nodes[i]);
        break;
    case FAULT_SPLIT:
    case FAULT_SPLIT_ONE_WAY:
    case FAULT_PAIR_APART:
    case FAULT_CUT_OFF:
        cut_parts(event, false);
        break;
    case FAULT_NET_STORM:
        net_sim_set_faults(faults->cluster->net, &faults->net);
        break;
    case FAULT_KINDS_LATE:
    case FAULT_KINDS_LOST:
        held_kinds_end(&faults->held, faults->cluster->net);
        break;
    case FAULT_SHUT_DOWN:
    case FAULT_DISK_BREAKS:
    case FAULT_DISK_FULL:
    case FAULT_READS_FAIL:
        mend_node(faults, event->from);
        break;
    case FAULT_PAGE_DAMAGED:
        fault_replace_damaged(faults, event);
        break;
    default:
        break;
    }
}

static void on_end(void *context, void *argument)
{
    struct fault_event *event = context;
    (void)argument;
    event->event = TIMELINE_NO_EVENT;
    end_fault(event);
}

static void on_begin(void *context, void *argument)
{
    struct fault_event *event = context;
    struct faults *faults = event->faults;
    struct rng rng;
    (void)argument;
    rng_init(&rng, event->fault->seed);
    cluster_sim_trace(faults->cluster, "fault %u: %s for %" PRIu64 " us", event->fault->number,
                      fault_name(event->fault->kind), event->fault->lasts_us);
    event->event = TIMELINE_NO_EVENT;
    if (!take_effect(event, &rng))
        return;
    faults->cluster->coverage.faults[event->fault->kind]++;
    event->going_on = true;
    event->event = timeline_add(timeline_of(faults),
                                timeline_now_us(timeline_of(faults)) + event->fault->lasts_us,
                                on_end, event, NULL);
}

void faults_restart(struct faults *faults)
{
    for (unsigned i = 0; i < faults->cluster->node_count; i++)
        fault_start(faults, &faults->cluster->nodes[i]);
}

void faults_begin(struct faults *faults, unsigned round)
{
    uint64_t now_us = timeline_now_us(timeline_of(faults));
    net_sim_set_faults(faults->cluster->net, &faults->net);
    cluster_sim_trace(faults->cluster, "faults begin");
    for (unsigned i = 0; i < faults->plan->count; i++) {
        const struct fault *fault = &faults->plan->faults[i];
        if (fault->round == round && !fault->left_out)
            faults->events[i].event = timeline_add(timeline_of(faults), now_us + fault->at_us,
                                                   on_begin, &faults->events[i], NULL);
    }
}

void faults_stop(struct faults *faults)
{
    static const struct net_sim_faults none = {.delay = {.us_min = 50, .us_max = 300}};
    struct cluster_sim *cluster = faults->cluster;
    cluster_sim_trace(cluster, "faults stop");
    for (unsigned i = 0; i < faults->plan->count; i++) {
        struct fault_event *event = &faults->events[i];
        timeline_cancel(cluster->timeline, event->event);
        event->event = TIMELINE_NO_EVENT;
        if (event->going_on)
            end_fault(event);
    }
    net_sim_set_faults(cluster->net, &none);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct sim_node *node = &cluster->nodes[i];
        store_sim_set_sync(node->data, &disk_delay);
        store_sim_set_sync(node->voter, &disk_delay);
        fault_start(faults, node);
        if (node->state == SIM_NODE_DEAD)
            cluster_sim_violation(cluster, "node %u cannot start again", i + 1);
    }
}
