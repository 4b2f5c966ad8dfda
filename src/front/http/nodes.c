// Who is in the cluster.
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

// Slots over all keyspaces, by node id.
struct shares {
    uint32_t in_sync[NODES_MAX + 1];
    uint32_t joining[NODES_MAX + 1];
    uint32_t primary[NODES_MAX + 1];
};

static void count_set(struct shares *shares, const struct replica_set *set)
{
    for (node_id id = node_set_first(set->in_sync); id != NODE_NONE;
         id = node_set_after(set->in_sync, id))
        shares->in_sync[id]++;
    for (node_id id = node_set_first(set->joining); id != NODE_NONE;
         id = node_set_after(set->joining, id))
        shares->joining[id]++;
    if (set->primary <= NODES_MAX)
        shares->primary[set->primary]++;
}

static void count_shares(struct shares *shares, const struct cluster_map *map)
{
    *shares = (struct shares){0};
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        for (uint16_t slot = 0; slot < SLOTS; slot++)
            count_set(shares, map_keyspace_slot(&map->keyspaces[i], slot));
    }
}

static void append_self(struct buf *out, const struct node_status *status)
{
    buf_append_format(out,
                      ",\"answered_by\":{\"node_id\":%u,\"serving\":%s,\"epoch\":%" PRIu64
                      ",\"in_flight\":%" PRIu64 ",\"slots_in_sync\":%" PRIu64
                      ",\"slots_joining\":%" PRIu64 ",\"slots_awaited\":%" PRIu64 "}",
                      status->self, status->serving ? "true" : "false", status->epoch,
                      status->in_flight, status->slots_in_sync, status->slots_joining,
                      status->slots_awaited);
}

static void append_rich_node(struct buf *out, const struct cluster_map *map,
                             const struct map_node *node, const struct shares *shares)
{
    append_node(out, node);
    json_append_raw(out, ",\"http_address\":");
    json_append_string(out, slice_of_text(node->http_address));
    json_append_raw(out, ",\"peer_address\":");
    json_append_string(out, slice_of_text(node->peer_address));
    buf_append_format(out,
                      ",\"voter\":%s,\"slots_in_sync\":%" PRIu32 ",\"slots_joining\":%" PRIu32
                      ",\"slots_primary\":%" PRIu32,
                      node_set_has(map->voters, node->id) ? "true" : "false",
                      shares->in_sync[node->id], shares->joining[node->id],
                      shares->primary[node->id]);
}

void handle_v1_nodes(struct exchange *exchange)
{
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return;
    struct shares shares;
    count_shares(&shares, map);
    struct node_status status = host_status(exchange->gateway->host);
    struct buf *out = exchange_json(exchange, 200, 512 + map->node_count * 320u);
    buf_append_format(out,
                      "{\"status\":\"success\",\"cluster\":\"%016" PRIx64 "%016" PRIx64
                      "\",\"generation\":%" PRIu64 ",\"epoch\":%" PRIu64,
                      map->cluster.high, map->cluster.low, map->generation, map->epoch);
    append_self(out, &status);
    json_append_raw(out, ",\"nodes\":[");
    for (unsigned i = 0; i < map->node_count; i++) {
        buf_append_format(out, "%s{", i == 0 ? "" : ",");
        append_rich_node(out, map, &map->nodes[i], &shares);
        json_append_raw(out, "}");
    }
    json_append_raw(out, "]}");
}
