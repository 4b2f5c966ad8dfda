#include "sim/sim_node.h"

#include "base/check.h"
#include "sim/cluster_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURN_US_MAX = 200, CLOCK_START_US_MAX = 1000000000, LATE_US_MAX = 2000 };

// A request that the node has not answered.
struct waiting_request {
    struct list link;
    struct sim_node *node;
    host_reply *reply;
    void *context;
};

enum kept_kind { KEPT_MESSAGE, KEPT_DATA_DONE, KEPT_VOTER_DONE, KEPT_WAKE, KEPT_REQUEST };

// What came in while the node was stopped.
struct kept {
    struct list link;
    enum kept_kind kind;
    uint64_t number; // the peer of a message, the batch of a completion
    enum err error;
    struct waiting_request *waiting;
    size_t length; // of a message, or of a request, encoded
    uint8_t bytes[];
};

static void kept_free(struct sim_node *node, struct kept *kept)
{
    list_remove(&kept->link);
    node->kept_count--;
    free(kept);
}

static void keep(struct sim_node *node, const struct kept *kept, struct slice bytes)
{
    // What is not a message was asked for by the node itself, which bounds it.
    if (node->kept_count >= SIM_NODE_KEPT_MAX && kept->kind == KEPT_MESSAGE)
        return;
    struct kept *own = memory_new(sizeof *own + bytes.length);
    *own = *kept;
    own->length = bytes.length;
    if (bytes.length > 0)
        memcpy(own->bytes, bytes.bytes, bytes.length);
    list_append(&node->kept, &own->link);
    node->kept_count++;
}

// --- the turns of its event loop

// A failed disk, a removal and an orderly end are the end of the process; any other is the node's
// own mistake.
static void note_failure(struct sim_node *node)
{
    enum err failure = host_failure(node->host);
    bool left = (node->ends || failure != ERR_OK) && host_has_left(node->host);
    if (failure == ERR_OK && !left)
        return;
    bool damaged = failure == ERR_CORRUPT && store_sim_has_damage(node->data);
    bool expected = failure == ERR_OK || node->disk_fails || damaged ||
                    (failure == ERR_REMOVED && node->leaves);
    if (!expected)
        cluster_sim_violation(node->cluster, "node %u stopped: %s", node->index + 1,
                              err_name(failure));
    if (!left && !host_is_over(node->host))
        return;
    cluster_sim_trace(node->cluster, "node %u ends: %s", node->index + 1, err_name(failure));
    node->removed = failure == ERR_REMOVED;
    sim_node_crash(node);
}

static void end_turn(void *context, void *argument)
{
    struct sim_node *node = context;
    (void)argument;
    node->turn = TIMELINE_NO_EVENT;
    if (node->state == SIM_NODE_STOPPED)
        return;
    host_turn_end(node->host);
    note_failure(node);
}

// Something came in: the turn ends a little later, after what else comes in until then.
static void after_event(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    cluster_sim_look(node);
    // A map names this process: what its store lacked it holds no more.
    if (store_sim_is_suspect(node->data) && host_is_serving(node->host)) {
        store_sim_trust(node->data);
        coverage_met(&cluster->coverage, COVERAGE_SUSPECT_ADMITTED);
    }
    if (node->turn != TIMELINE_NO_EVENT)
        return;
    uint64_t at_us = timeline_now_us(cluster->timeline) + rng_below(&cluster->rng, TURN_US_MAX);
    node->turn = timeline_add(cluster->timeline, at_us, end_turn, node, NULL);
}

static void on_message(void *context, uint64_t peer, struct slice message)
{
    struct sim_node *node = context;
    if (node->state == SIM_NODE_STOPPED) {
        keep(node, &(struct kept){.kind = KEPT_MESSAGE, .number = peer}, message);
        return;
    }
    host_on_message(node->host, peer, message);
    after_event(node);
}

static void on_data_done(void *context, uint64_t batch, enum err error)
{
    struct sim_node *node = context;
    if (node->state == SIM_NODE_STOPPED) {
        keep(node, &(struct kept){.kind = KEPT_DATA_DONE, .number = batch, .error = error},
             slice_of(NULL, 0));
        return;
    }
    host_on_data_done(node->host, batch, error);
    after_event(node);
}

static void on_voter_done(void *context, uint64_t batch, enum err error)
{
    struct sim_node *node = context;
    if (node->state == SIM_NODE_STOPPED) {
        keep(node, &(struct kept){.kind = KEPT_VOTER_DONE, .number = batch, .error = error},
             slice_of(NULL, 0));
        return;
    }
    host_on_voter_done(node->host, batch, error);
    after_event(node);
}

static void on_wake(void *context)
{
    struct sim_node *node = context;
    if (node->state == SIM_NODE_STOPPED) {
        keep(node, &(struct kept){.kind = KEPT_WAKE}, slice_of(NULL, 0));
        return;
    }
    host_on_wake(node->host);
    after_event(node);
}

// --- its life

static void make_stores(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    node->data = store_sim_new(cluster->timeline, rng_u64(&cluster->rng), &cluster->sync);
    if (cluster->steady)
        store_sim_make_steady(node->data);
    node->voter = store_sim_new(cluster->timeline, rng_u64(&cluster->rng), &cluster->sync);
}

static void make_clock(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    struct clock_sim_setting setting = {.start_us = rng_below(&cluster->rng, CLOCK_START_US_MAX),
                                        .rate_ppm = cluster_sim_draw_rate(cluster),
                                        .late_us_max = LATE_US_MAX,
                                        .seed = rng_u64(&cluster->rng)};
    node->clock = clock_sim_new(cluster->timeline, &setting, on_wake, node);
}

void sim_node_init(struct sim_node *node, struct cluster_sim *cluster, unsigned index)
{
    *node = (struct sim_node){.cluster = cluster, .index = index, .state = SIM_NODE_DEAD};
    snprintf(node->peer_address, sizeof node->peer_address, "node-%u:1", index + 1);
    list_init(&node->kept);
    list_init(&node->requests);
    make_stores(node);
    make_clock(node);
}

// The process is gone, and with it all that it held; the requests are still to be answered.
static void drop_process(struct sim_node *node)
{
    timeline_cancel(node->cluster->timeline, node->turn);
    node->turn = TIMELINE_NO_EVENT;
    while (!list_empty(&node->kept))
        kept_free(node, LIST_ITEM(node->kept.next, struct kept, link));
    host_free(node->host);
    node->host = NULL;
    node->state = SIM_NODE_DEAD;
    node->epoch_seen = 0;
    node->disk_fails = false;
    node->ends = false;
}

void sim_node_release(struct sim_node *node)
{
    drop_process(node);
    for (struct list *link; (link = list_take_first(&node->requests)) != NULL;)
        free(LIST_ITEM(link, struct waiting_request, link));
    clock_sim_free(node->clock);
    store_sim_free(node->data);
    store_sim_free(node->voter);
}

static void crash_store(struct sim_node *node, struct store_sim *store)
{
    struct rng *rng = &node->cluster->rng;
    uint64_t unreported = store_sim_unreported(store);
    uint64_t draw = rng_below(rng, 3);
    store_sim_crash(store, draw == 0 ? 0 : draw == 1 ? unreported : rng_below(rng, unreported + 1));
}

// How a store ends.
enum ending { ENDING_CRASH, ENDING_POWER, ENDING_POWER_LUCKY };

static void lose_unsynced(struct sim_node *node, bool lucky)
{
    uint64_t unsynced = store_sim_unsynced(node->data);
    store_sim_lose_power(node->data,
                         lucky ? unsynced : rng_below(&node->cluster->rng, unsynced + 1));
}

static void end_node(struct sim_node *node, enum ending ending)
{
    CHECK(node->state != SIM_NODE_DEAD);
    drop_process(node);
    if (ending != ENDING_CRASH && node->cluster->steady)
        lose_unsynced(node, ending == ENDING_POWER_LUCKY);
    else
        crash_store(node, node->data);
    crash_store(node, node->voter);
    net_sim_detach(node->cluster->net, node->store_id);
    struct clock clock = clock_sim_port(node->clock);
    clock.ops->wake_at(clock.self, UINT64_MAX);
    cluster_sim_trace(node->cluster, "node %u is gone", node->index + 1);
    for (struct list *link; (link = list_take_first(&node->requests)) != NULL;) {
        struct waiting_request *waiting = LIST_ITEM(link, struct waiting_request, link);
        waiting->reply(waiting->context, &(struct reply){.error = ERR_UNKNOWN});
        free(waiting);
    }
}

void sim_node_crash(struct sim_node *node)
{
    end_node(node, ENDING_CRASH);
}

void sim_node_lose_power(struct sim_node *node, bool lucky)
{
    end_node(node, lucky ? ENDING_POWER_LUCKY : ENDING_POWER);
    clock_sim_free(node->clock);
    make_clock(node);
}

static enum err open_host(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    bool first = node->index == 0 && node->starts == 0;
    // Any other: one that leaves nothing behind must find somebody.
    const char *join = cluster_sim_other(cluster, node->index)->peer_address;
    struct node_config config = {.init = first,
                                 .join_address = first ? NULL : join,
                                 .peer_address = node->peer_address,
                                 .http_address = node->peer_address,
                                 .strategy = cluster->strategy,
                                 .replication_factor = cluster->replication_factor,
                                 .repair_delay_ms = cluster->repair_delay_ms,
                                 .claim =
                                     store_sim_is_suspect(node->data) ? CLAIM_SUSPECT : CLAIM_WHOLE,
                                 .seed = rng_u64(&cluster->rng)};
    struct host_ports ports = {.data = store_sim_open(node->data, on_data_done, node),
                               .voter = store_sim_open(node->voter, on_voter_done, node),
                               .clock = clock_sim_port(node->clock)};
    struct errmsg detail;
    enum err error = host_new(&config, &ports, &node->host, &detail);
    if (error == ERR_OK)
        return ERR_OK;
    cluster_sim_trace(cluster, "node %u cannot start: %s", node->index + 1, detail.text);
    node->host = NULL;
    store_sim_crash(node->data, 0);
    store_sim_crash(node->voter, 0);
    return error;
}

static void empty_stores(struct sim_node *node)
{
    store_sim_free(node->data);
    store_sim_free(node->voter);
    make_stores(node);
    node->removed = false;
    node->leaves = false;
}

static bool was_member(const struct sim_node *node)
{
    const struct cluster_map *map = cluster_sim_map(node->cluster);
    return map != NULL && cluster_map_node_of_store(map, node->store_id) != NULL;
}

bool sim_node_start(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    CHECK(node->state == SIM_NODE_DEAD);
    if (node->removed)
        empty_stores(node);
    enum err error = open_host(node);
    if ((error == ERR_FOREIGN || error == ERR_CORRUPT) && !was_member(node)) {
        // Killed while it made its identity, and one store has it and the other not: the operator
        // empties the directory.
        empty_stores(node);
        error = open_host(node);
    }
    if (error != ERR_OK)
        return false;
    if (node->starts++ > 0)
        coverage_met(&cluster->coverage, COVERAGE_NODE_STARTED_AGAIN);
    node->state = SIM_NODE_RUNS;
    node->store_id = host_store_id(node->host);
    struct net net =
        net_sim_attach(cluster->net, node->store_id, node->peer_address, on_message, node);
    host_connect(node->host, &net);
    cluster_sim_trace(cluster, "node %u starts", node->index + 1);
    after_event(node);
    return true;
}

void sim_node_shut_down(struct sim_node *node)
{
    CHECK(node->state == SIM_NODE_RUNS);
    cluster_sim_trace(node->cluster, "node %u is asked to end", node->index + 1);
    node->ends = true;
    host_stop(node->host);
    after_event(node);
}

void sim_node_stop(struct sim_node *node)
{
    CHECK(node->state == SIM_NODE_RUNS);
    node->state = SIM_NODE_STOPPED;
    cluster_sim_trace(node->cluster, "node %u is stopped", node->index + 1);
}

// --- requests

static void on_reply(void *context, const struct reply *reply)
{
    struct waiting_request *waiting = context;
    list_remove(&waiting->link);
    waiting->reply(waiting->context, reply);
    free(waiting);
}

void sim_node_request(struct sim_node *node, const struct request *request, host_reply *reply,
                      void *context)
{
    if (node->state == SIM_NODE_DEAD) {
        reply(context, &(struct reply){.error = ERR_NETWORK});
        return;
    }
    struct waiting_request *waiting = memory_new(sizeof *waiting);
    *waiting = (struct waiting_request){.node = node, .reply = reply, .context = context};
    list_append(&node->requests, &waiting->link);
    if (node->state == SIM_NODE_STOPPED) {
        struct buf bytes;
        buf_init(&bytes, MESSAGE_BYTES_MAX);
        request_encode(&bytes, request);
        keep(node, &(struct kept){.kind = KEPT_REQUEST, .waiting = waiting}, buf_slice(&bytes));
        buf_release(&bytes);
        return;
    }
    host_request(node->host, request, on_reply, waiting);
    after_event(node);
}

// --- going on

static void hand_over(struct sim_node *node, const struct kept *kept)
{
    struct slice bytes = slice_of(kept->bytes, kept->length);
    struct request request;
    switch (kept->kind) {
    case KEPT_MESSAGE:
        host_on_message(node->host, kept->number, bytes);
        break;
    case KEPT_DATA_DONE:
        host_on_data_done(node->host, kept->number, kept->error);
        break;
    case KEPT_VOTER_DONE:
        host_on_voter_done(node->host, kept->number, kept->error);
        break;
    case KEPT_WAKE:
        host_on_wake(node->host);
        break;
    case KEPT_REQUEST:
        CHECK(request_decode(bytes, &request) == ERR_OK);
        host_request(node->host, &request, on_reply, kept->waiting);
        break;
    }
    after_event(node);
}

// An event loop that was stopped looks at its timers first, or at its sockets.
static void wake_first(struct sim_node *node)
{
    for (struct list *link = node->kept.next; link != &node->kept; link = link->next) {
        if (LIST_ITEM(link, struct kept, link)->kind == KEPT_WAKE) {
            list_remove(link);
            list_append(node->kept.next, link);
            return;
        }
    }
}

void sim_node_continue(struct sim_node *node)
{
    CHECK(node->state == SIM_NODE_STOPPED);
    node->state = SIM_NODE_RUNS;
    coverage_met(&node->cluster->coverage, COVERAGE_NODE_WENT_ON);
    cluster_sim_trace(node->cluster, "node %u goes on with %" PRIu32 " events", node->index + 1,
                      node->kept_count);
    if (rng_one_in(&node->cluster->rng, 2))
        wake_first(node);
    while (!list_empty(&node->kept)) {
        struct kept *kept = LIST_ITEM(node->kept.next, struct kept, link);
        hand_over(node, kept);
        kept_free(node, kept);
    }
    after_event(node);
}

struct node_status sim_node_status(const struct sim_node *node)
{
    return node->host != NULL ? host_status(node->host) : (struct node_status){0};
}
