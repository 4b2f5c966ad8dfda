#include "sim/cluster_sim.h"

#include "base/check.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPAIR_DELAY_MS = 60000 };

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
    if (fate == NET_SIM_SENT)
        return;
    // Of messages the hash takes the bytes: a line for each would cost more than the run.
    uint64_t words[] = {timeline_now_us(cluster->timeline), fate, from, to};
    cluster->trace_hash = hash64(slice_of(words, sizeof words), cluster->trace_hash);
    cluster->trace_hash = hash64(bytes, cluster->trace_hash);
    if ((fate != NET_SIM_DELIVERED && !cluster->tracing) ||
        message_decode(bytes, &message) != ERR_OK)
        return;
    if (fate == NET_SIM_DELIVERED)
        coverage_of_message(&cluster->coverage, &message);
    if (!cluster->tracing)
        return;
    char record[128];
    describe(&message, record);
    printf("%12" PRIu64 " %s %s %04" PRIx64 " -> %04" PRIx64 " epoch %" PRIu64 " #%" PRIu64 "%s\n",
           timeline_now_us(cluster->timeline), net_sim_fate_name(fate), message_name(message.kind),
           from & 0xffff, to & 0xffff, message.epoch, message.sequence, record);
}

void cluster_sim_init(struct cluster_sim *cluster, uint64_t seed,
                      const struct net_sim_faults *faults)
{
    *cluster = (struct cluster_sim){.replication_factor = 1,
                                    .repair_delay_ms = REPAIR_DELAY_MS,
                                    .sync = {.us_min = 50, .us_max = 2000},
                                    .trace_hash = seed};
    rng_init(&cluster->rng, seed);
    cluster->timeline = timeline_new();
    cluster->net = net_sim_new(cluster->timeline, rng_u64(&cluster->rng), faults);
    cluster->map_hashes = memory_zeroed(CLUSTER_SIM_EPOCHS_MAX, sizeof *cluster->map_hashes);
    cluster_map_init(&cluster->newest);
    net_sim_set_watch(cluster->net, watch_net, cluster);
}

void cluster_sim_release(struct cluster_sim *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++)
        sim_node_release(&cluster->nodes[i]);
    net_sim_free(cluster->net);
    timeline_free(cluster->timeline);
    cluster_map_release(&cluster->newest);
    free(cluster->map_hashes);
}

static void trace_nodes(struct cluster_sim *cluster, const struct cluster_map *map)
{
    node_set states[NODE_STATE_COUNT] = {0};
    node_set leaving = 0;
    for (unsigned i = 0; i < map->node_count; i++) {
        states[map->nodes[i].state] |= node_bit(map->nodes[i].id);
        leaving |= map->nodes[i].leaving ? node_bit(map->nodes[i].id) : 0;
    }
    cluster_sim_trace(cluster,
                      "epoch %" PRIu64 ": up %" PRIx64 " down %" PRIx64 " failed %" PRIx64
                      " leaving %" PRIx64 " voters %" PRIx64,
                      map->epoch, states[NODE_UP], states[NODE_DOWN], states[NODE_FAILED], leaving,
                      map->voters);
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

static uint64_t map_hash(const struct cluster_map *map)
{
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, map);
    uint64_t hash = hash64(buf_slice(&bytes), 1) | 1;
    buf_release(&bytes);
    return hash;
}

static void keep_newest(struct cluster_sim *cluster, const struct cluster_map *map)
{
    coverage_of_step(&cluster->coverage, &cluster->newest, map, cluster->watched,
                     cluster->watched_count);
    cluster_map_release(&cluster->newest);
    cluster_map_copy(&cluster->newest, map);
    trace_nodes(cluster, map);
    trace_slots(cluster, map);
}

void cluster_sim_look(struct sim_node *node)
{
    struct cluster_sim *cluster = node->cluster;
    const struct cluster_map *map = host_map(node->host);
    if (map == NULL || map->epoch == node->epoch_seen)
        return;
    uint64_t hash = map_hash(map);
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
    if (map->epoch > cluster->newest.epoch)
        keep_newest(cluster, map);
}

// A member that stays, and mostly one that runs.
static bool is_good_member(const struct cluster_sim *cluster, const struct sim_node *node, bool any)
{
    const struct map_node *known = cluster_map_node_of_store(&cluster->newest, node->store_id);
    return known != NULL && !known->leaving && (any || node->state == SIM_NODE_RUNS);
}

struct sim_node *cluster_sim_other(struct cluster_sim *cluster, unsigned index)
{
    for (int any = 0; any < 2; any++)
        for (unsigned i = 0; i < cluster->node_count; i++)
            if (i != index && is_good_member(cluster, &cluster->nodes[i], any == 1))
                return &cluster->nodes[i];
    return &cluster->nodes[index == 0];
}

int32_t cluster_sim_draw_rate(struct cluster_sim *cluster)
{
    uint64_t most = (uint64_t)cluster->rate_ppm_max;
    if (most == 0)
        return 0;
    return (int32_t)rng_below(&cluster->rng, 2 * most + 1) - cluster->rate_ppm_max;
}

struct sim_node *cluster_sim_add_node(struct cluster_sim *cluster)
{
    CHECK(cluster->node_count < CLUSTER_SIM_NODES_MAX);
    struct sim_node *node = &cluster->nodes[cluster->node_count];
    sim_node_init(node, cluster, cluster->node_count++);
    bool started = sim_node_start(node);
    CHECK(started);
    return node;
}

void cluster_sim_request(struct sim_node *node, const struct request *request, host_reply *reply,
                         void *context)
{
    sim_node_request(node, request, reply, context);
}

const struct cluster_map *cluster_sim_map(const struct cluster_sim *cluster)
{
    return cluster->newest.epoch > 0 ? &cluster->newest : NULL;
}
