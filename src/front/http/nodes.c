// Who is in the cluster, how far moves are, and taking a node out of it.
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

#include <inttypes.h>

// The port of "host:port", 0 when there is none.
static unsigned port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    unsigned port = 0;
    for (const char *c = colon == NULL ? "" : colon + 1; *c >= '0' && *c <= '9' && port <= 65535;
         c++)
        port = port * 10 + (unsigned)(*c - '0');
    return port <= 65535 ? port : 0;
}

static const char *state_name(enum node_state state)
{
    static const char *const names[NODE_STATE_COUNT] = {"up", "down", "failed"};
    return names[state];
}

// The fields that both listings have, without braces.
static void append_node(struct buf *out, const struct map_node *node)
{
    buf_append_format(out, "\"node_id\":%u,\"status\":\"%s\",\"port\":%u,\"address\":", node->id,
                      node->state == NODE_UP ? "alive" : "dead", port_of(node->http_address));
    json_append_string(out, slice_of_text(node->http_address));
    buf_append_format(out, ",\"state\":\"%s\"", state_name(node->state));
}

void handle_nodes(struct exchange *exchange)
{
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return;
    struct buf *out = exchange_json(exchange, 200, 64 + map->node_count * 128u);
    json_append_raw(out, "{\"status\":\"success\",\"nodes\":[");
    for (unsigned i = 0; i < map->node_count; i++) {
        buf_append_format(out, "%s{", i == 0 ? "" : ",");
        append_node(out, &map->nodes[i]);
        json_append_raw(out, "}");
    }
    json_append_raw(out, "]}");
}

// Slots over all keyspaces, by node id, and over all nodes.
struct shares {
    uint32_t in_sync[NODES_MAX + 1];
    uint32_t joining[NODES_MAX + 1];
    uint32_t target[NODES_MAX + 1];
    uint32_t awaited[NODES_MAX + 1]; // target slots that are not in sync yet
    uint32_t primary[NODES_MAX + 1];
    uint64_t moves_left; // all that are awaited
};

static void add_slots(uint32_t *counts, node_set nodes, uint32_t slots)
{
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id))
        counts[id] += slots;
}

static void count_set(struct shares *shares, const struct replica_set *set, uint32_t slots)
{
    node_set awaited = set->target & ~set->in_sync;
    add_slots(shares->in_sync, set->in_sync, slots);
    add_slots(shares->joining, set->joining, slots);
    add_slots(shares->target, set->target, slots);
    add_slots(shares->awaited, awaited, slots);
    shares->moves_left += (uint64_t)node_set_count(awaited) * slots;
    if (set->primary <= NODES_MAX)
        shares->primary[set->primary] += slots;
}

static void count_shares(struct shares *shares, const struct cluster_map *map)
{
    *shares = (struct shares){0};
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        const struct map_keyspace *keyspace = &map->keyspaces[i];
        uint32_t slots[SLOTS] = {0}; // of each set
        for (unsigned slot = 0; slot < SLOTS; slot++)
            slots[keyspace->set_of_slot[slot]]++;
        for (unsigned set = 0; set < keyspace->set_count; set++)
            count_set(shares, &keyspace->sets[set], slots[set]);
    }
}

static const char *bool_name(bool value)
{
    return value ? "true" : "false";
}

static void append_self(struct buf *out, const struct node_status *status)
{
    buf_append_format(out,
                      ",\"answered_by\":{\"node_id\":%u,\"serving\":%s,\"lease_held\":%s"
                      ",\"epoch\":%" PRIu64 ",\"in_flight\":%" PRIu64,
                      status->self, bool_name(status->serving), bool_name(status->lease_held),
                      status->epoch, status->in_flight);
    buf_append_format(out,
                      ",\"slots_in_sync\":%" PRIu64 ",\"slots_joining\":%" PRIu64
                      ",\"slots_awaited\":%" PRIu64 ",\"sync_records\":%" PRIu64
                      ",\"sync_bytes\":%" PRIu64 "}",
                      status->slots_in_sync, status->slots_joining, status->slots_awaited,
                      status->sync_records, status->sync_bytes);
}

// A whole object.
static void append_member(struct buf *out, const struct cluster_map *map,
                          const struct map_node *node, const struct shares *shares)
{
    json_append_raw(out, "{");
    append_node(out, node);
    json_append_raw(out, ",\"http_address\":");
    json_append_string(out, slice_of_text(node->http_address));
    json_append_raw(out, ",\"peer_address\":");
    json_append_string(out, slice_of_text(node->peer_address));
    buf_append_format(out, ",\"leaving\":%s,\"replaced\":%s,\"voter\":%s", bool_name(node->leaving),
                      bool_name(node->replaced), bool_name(node_set_has(map->voters, node->id)));
    buf_append_format(
        out,
        ",\"slots_in_sync\":%" PRIu32 ",\"slots_joining\":%" PRIu32 ",\"slots_target\":%" PRIu32
        ",\"slots_awaited\":%" PRIu32 ",\"slots_primary\":%" PRIu32 "}",
        shares->in_sync[node->id], shares->joining[node->id], shares->target[node->id],
        shares->awaited[node->id], shares->primary[node->id]);
}

void handle_v1_nodes(struct exchange *exchange)
{
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return;
    struct shares shares;
    count_shares(&shares, map);
    struct node_status status = host_status(exchange->gateway->host);
    struct buf *out = exchange_json(exchange, 200, 640 + map->node_count * 448u);
    buf_append_format(out,
                      "{\"status\":\"success\",\"cluster\":\"%016" PRIx64 "%016" PRIx64
                      "\",\"generation\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"moves_left\":%" PRIu64,
                      map->cluster.high, map->cluster.low, map->generation, map->epoch,
                      shares.moves_left);
    append_self(out, &status);
    json_append_raw(out, ",\"nodes\":[");
    for (unsigned i = 0; i < map->node_count; i++) {
        if (i > 0)
            json_append_raw(out, ",");
        append_member(out, map, &map->nodes[i], &shares);
    }
    json_append_raw(out, "]}");
}

static void fail_removal(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found",
                      "there is no node of this id any more: see /v1/nodes");
    else if (reply->error == ERR_ILLEGAL)
        exchange_fail(exchange, 409, "illegal",
                      "no other node that is up is left to take what this one holds: add one, or "
                      "start one again, first");
    else
        exchange_fail_reply(exchange, reply);
}

static void respond_removal(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        fail_removal(exchange, reply);
        return;
    }
    const struct cluster_map *map = host_map(exchange->gateway->host);
    const struct map_node *node = cluster_map_node(map, exchange->change.node);
    struct buf *out = exchange_json(exchange, 202, 640);
    buf_append_format(
        out,
        "{\"status\":\"success\",\"message\":\"node %u leaves: it serves until others "
        "hold what it holds\",\"node_id\":%u",
        exchange->change.node, exchange->change.node);
    // One that held nothing may be gone by now.
    if (node != NULL) {
        struct shares shares;
        count_shares(&shares, map);
        json_append_raw(out, ",\"node\":");
        append_member(out, map, node, &shares);
    }
    json_append_raw(out, "}");
}

void handle_v1_node_remove(struct exchange *exchange)
{
    const struct map_node *node = target_node(exchange, exchange->rest);
    if (node == NULL)
        return;
    exchange->change = (struct change){.kind = CHANGE_REMOVE, .node = node->id};
    struct request request = {.kind = REQUEST_CHANGE, .change = exchange->change};
    exchange_ask(exchange, &request, respond_removal);
}
