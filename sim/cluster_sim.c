#include "sim/cluster_sim.h"

#include "base/check.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURN_US_MAX = 200, CLOCK_START_US_MAX = 1000000000, LATE_US_MAX = 2000 };

void cluster_sim_violation(struct cluster_sim *cluster, const char *format, ...)
{
    if (cluster->violation != NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cluster->violation_text, sizeof cluster->violation_text, format, arguments);
    va_end(arguments);
    cluster->violation = cluster->violation_text;
    cluster_sim_trace(cluster, "violation: %s", cluster->violation);
}

void cluster_sim_trace(struct cluster_sim *cluster, const char *format, ...)
{
    char line[512];
    int start = snprintf(line, sizeof line, "%12" PRIu64 " ", timeline_now_us(cluster->timeline));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + start, sizeof line - (size_t)start, format, arguments);
    va_end(arguments);
    cluster->trace_hash = hash64(slice_of_text(line), cluster->trace_hash);
    if (cluster->tracing)
        puts(line);
}

// What a message says of one record, for the trace.
static void describe(const struct message *message, char text[128])
{
    struct record record = {0};
    struct slice key = {0};
    if (message->kind == MESSAGE_INV && record_decode(message->inv.record, &record) == ERR_OK)
        key = message->inv.key;
    if (message->kind == MESSAGE_ACK || message->kind == MESSAGE_VAL ||
        message->kind == MESSAGE_CHECK) {
        key = message->kind == MESSAGE_ACK   ? message->ack.key
              : message->kind == MESSAGE_VAL ? message->val.key
                                             : message->check.key;
        record.stamp = message->kind == MESSAGE_ACK   ? message->ack.stamp
                       : message->kind == MESSAGE_VAL ? message->val.stamp
                                                      : message->check.stamp;
    }
    text[0] = '\0';
    if (key.length > 0)
        snprintf(text, 128, " %.*s %" PRIx64 "-%" PRIx64 "%s", (int)key.length,
                 (const char *)key.bytes, record.stamp.counter, record.stamp.id,
                 record.dead ? " dead" : "");
}

static void watch_net(void *context, enum net_sim_fate fate, uint64_t from, uint64_t to,
                      struct slice bytes)
{
    struct cluster_sim *cluster = context;
    struct message message;
    if (fate == NET_SIM_SENT || message_decode(bytes, &message) != ERR_OK)
        return;
    char record[128];
    describe(&message, record);
    cluster_sim_trace(cluster,
                      "%s %s %04" PRIx64 " -> %04" PRIx64 " epoch %" PRIu64 " #%" PRIu64 "%s",
                      net_sim_fate_name(fate), message_name(message.kind), from & 0xffff,
                      to & 0xffff, message.epoch, message.sequence, record);
}

void cluster_sim_init(struct cluster_sim *cluster, uint64_t seed,
                      const struct net_sim_faults *faults)
{
    *cluster = (struct cluster_sim){
        .replication_factor = 1, .sync = {.us_min = 50, .us_max = 2000}, .trace_hash = seed};
    rng_init(&cluster->rng, seed);
    cluster->timeline = timeline_new();
    cluster->net = net_sim_new(cluster->timeline, rng_u64(&cluster->rng), faults);
    cluster->map_hashes = memory_zeroed(CLUSTER_SIM_EPOCHS_MAX, sizeof *cluster->map_hashes);
    net_sim_set_watch(cluster->net, watch_net, cluster);
}

void cluster_sim_release(struct cluster_sim *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct sim_node *node = &cluster->nodes[i];
        host_free(node->host);
        clock_sim_free(node->clock);
        store_sim_free(node->data);
        store_sim_free(node->voter);
    }
    net_sim_free(cluster->net);
    timeline_free(cluster->timeline);
    free(cluster->map_hashes);
}

static void trace_slots(struct cluster_sim *cluster, const struct cluster_map *map)
{
    for (unsigned i = 0; i < cluster->watched_count; i++) {
        const struct replica_set *set = map_keyspace_slot(&map->keyspaces[0], cluster->watched[i]);
        cluster_sim_trace(cluster,
                          "epoch %" PRIu64 " slot %u: in sync %" PRIx64 " joining %" PRIx64
                          " since %" PRIu64 " target %" PRIx64 " live %" PRIx64 " primary %u",
                          map->epoch, cluster->watched[i], set->in_sync, set->joining,
                          set->join_epoch, set->target, cluster_map_live(map), set->primary);
    }
}

// One map for each epoch, whoever learned it.
static void check_map(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    const struct cluster_map *map = host_map(node->host);
    if (map == NULL || map->epoch == node->epoch_seen)
        return;
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, map);
    uint64_t hash = hash64(buf_slice(&bytes), 1) | 1;
    buf_release(&bytes);
    CHECK(map->epoch < CLUSTER_SIM_EPOCHS_MAX);
    if (cluster->map_hashes[map->epoch] != 0 && cluster->map_hashes[map->epoch] != hash)
        cluster_sim_violation(cluster, "two maps of epoch %" PRIu64, map->epoch);
    if (map->epoch < node->epoch_seen)
        cluster_sim_violation(cluster, "node %u went back to epoch %" PRIu64, node->index + 1,
                              map->epoch);
    cluster->map_hashes[map->epoch] = hash;
    node->epoch_seen = map->epoch;
    cluster_sim_trace(cluster, "node %u learns epoch %" PRIu64 " (%" PRIx64 ")", node->index + 1,
                      map->epoch, hash);
    if (map->epoch <= cluster->epoch_last)
        return;
    cluster->epoch_last = map->epoch;
    trace_slots(cluster, map);
}

static void end_turn(void *context, void *argument)
{
    struct sim_node *node = context;
    (void)argument;
    node->turn = TIMELINE_NO_EVENT;
    host_turn_end(node->host);
    enum err failure = host_failure(node->host);
    if (failure != ERR_OK)
        cluster_sim_violation(node->cluster, "node %u stopped: %s", node->index + 1,
                              err_name(failure));
}

// Something came in: the turn ends a little later, after what else comes in until then.
static void after_event(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    check_map(node);
    if (node->turn != TIMELINE_NO_EVENT)
        return;
    uint64_t at_us = timeline_now_us(cluster->timeline) + rng_below(&cluster->rng, TURN_US_MAX);
    node->turn = timeline_add(cluster->timeline, at_us, end_turn, node, NULL);
}

static void on_message(void *context, uint64_t peer, struct slice message)
{
    struct sim_node *node = context;
    host_on_message(node->host, peer, message);
    after_event(node);
}

static void on_data_done(void *context, uint64_t batch, enum err error)
{
    struct sim_node *node = context;
    host_on_data_done(node->host, batch, error);
    after_event(node);
}

static void on_voter_done(void *context, uint64_t batch, enum err error)
{
    struct sim_node *node = context;
    host_on_voter_done(node->host, batch, error);
    after_event(node);
}

static void on_wake(void *context)
{
    struct sim_node *node = context;
    host_on_wake(node->host);
    after_event(node);
}

static void start_host(struct sim_node *node, bool first)
{
    struct cluster_sim *cluster = node->cluster;
    struct node_config config = {.init = first,
                                 .join_address = first ? NULL : cluster->nodes[0].peer_address,
                                 .peer_address = node->peer_address,
                                 .http_address = node->peer_address,
                                 .strategy = cluster->strategy,
                                 .replication_factor = cluster->replication_factor,
                                 .seed = rng_u64(&cluster->rng)};
    struct host_ports ports = {.data = store_sim_open(node->data, on_data_done, node),
                               .voter = store_sim_open(node->voter, on_voter_done, node),
                               .clock = clock_sim_port(node->clock)};
    struct errmsg detail;
    enum err error = host_new(&config, &ports, &node->host, &detail);
    CHECK(error == ERR_OK);
    struct net net = net_sim_attach(cluster->net, host_store_id(node->host), node->peer_address,
                                    on_message, node);
    host_connect(node->host, &net);
    after_event(node);
}

struct sim_node *cluster_sim_add_node(struct cluster_sim *cluster)
{
    CHECK(cluster->node_count < CLUSTER_SIM_NODES_MAX);
    struct sim_node *node = &cluster->nodes[cluster->node_count];
    *node = (struct sim_node){.cluster = cluster, .index = cluster->node_count++};
    snprintf(node->peer_address, sizeof node->peer_address, "node-%u:1", node->index + 1);
    node->data = store_sim_new(cluster->timeline, rng_u64(&cluster->rng), &cluster->sync);
    node->voter = store_sim_new(cluster->timeline, rng_u64(&cluster->rng), &cluster->sync);
    struct clock_sim_setting setting = {.start_us = rng_below(&cluster->rng, CLOCK_START_US_MAX),
                                        .late_us_max = LATE_US_MAX,
                                        .seed = rng_u64(&cluster->rng)};
    node->clock = clock_sim_new(cluster->timeline, &setting, on_wake, node);
    start_host(node, node->index == 0);
    cluster_sim_trace(cluster, "node %u starts", node->index + 1);
    return node;
}

void cluster_sim_request(struct sim_node *node, const struct request *request, host_reply *reply,
                         void *context)
{
    host_request(node->host, request, reply, context);
    after_event(node);
}

const struct cluster_map *cluster_sim_map(const struct cluster_sim *cluster)
{
    const struct cluster_map *newest = NULL;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct cluster_map *map = host_map(cluster->nodes[i].host);
        if (map != NULL && (newest == NULL || map->epoch > newest->epoch))
            newest = map;
    }
    return newest;
}
