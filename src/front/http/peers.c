// Whom this node exchanges optimistic keyspaces with, and what came of it so far.
#include "base/check.h"
#include "core/epidemic/epidemic.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    PEER_BYTES_GUESS = 512,
    // Of one peer; how many it keeps is told beside.
    KEYSPACES_SHOWN_MAX = 64,
    NAMES_MAX = EPIDEMIC_REPLICAS_MAX + OPTIMISTIC_MAX,
};

// --- names of what peers keep, which they tell by id

struct kept_name {
    uint64_t id;
    const struct optimistic *keyspace; // borrowed from the map
    const char *channel;               // borrowed from the replica; empty: the keyspace itself
    bool kept;                         // by this node
};

struct kept_names {
    struct kept_name list[NAMES_MAX]; // by id
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    uint64_t left = ((const struct kept_name *)a)->id;
    uint64_t right = ((const struct kept_name *)b)->id;
    return (left > right) - (left < right);
}

static void add_name(struct kept_names *names, struct kept_name name)
{
    CHECK(names->count < NAMES_MAX);
    names->list[names->count++] = name;
}

// All that this node keeps, and all keyspaces of the map. Gives names to be freed.
static struct kept_names *gather_names(const struct cluster_map *map,
                                       const struct epidemic *epidemic)
{
    struct kept_names *names = memory_zeroed(1, sizeof *names);
    for (const struct list *at = epidemic->replicas.next; at != &epidemic->replicas;
         at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        const struct optimistic *keyspace = cluster_map_optimistic(map, replica->keyspace);
        if (keyspace != NULL && !replica->leaving)
            add_name(names, (struct kept_name){.id = replica->space.id,
                                               .keyspace = keyspace,
                                               .channel = replica->channel,
                                               .kept = true});
    }
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        const struct optimistic *keyspace = &map->optimistic[i];
        uint64_t id =
            space_id_of(map->cluster.high, map->cluster.low, keyspace->id, slice_of(NULL, 0));
        if (!keyspace->is_family && epidemic_replica(epidemic, id) == NULL)
            add_name(names, (struct kept_name){.id = id, .keyspace = keyspace, .channel = ""});
    }
    qsort(names->list, names->count, sizeof names->list[0], compare_names);
    return names;
}

static void append_name(struct buf *out, const struct kept_name *name)
{
    // Both are of letters, digits and marks that JSON takes as they are.
    buf_append_format(out, "\"%s%s%s\"", name->keyspace->name, name->channel[0] == 0 ? "" : "/",
                      name->channel);
}

// --- this peer

static void append_self(struct buf *out, const struct epidemic *epidemic,
                        const struct kept_names *names, node_id node)
{
    bool first = true;
    buf_append_format(
        out, "\"self\":{\"store_id\":\"%016" PRIx64 "\",\"node_id\":", epidemic->config.self);
    if (node == NODE_NONE)
        json_append_raw(out, "null");
    else
        buf_append_format(out, "%u", node);
    json_append_raw(out, ",\"address\":");
    json_append_string(out, slice_of_text(epidemic->config.address));
    json_append_raw(out, ",\"keyspaces\":[");
    for (size_t i = 0; i < names->count; i++) {
        if (!names->list[i].kept)
            continue;
        if (!first)
            json_append_raw(out, ",");
        append_name(out, &names->list[i]);
        first = false;
    }
    json_append_raw(out, "]}");
}

static size_t count_hot(const struct epidemic *epidemic)
{
    size_t hot = 0;
    for (const struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next)
        hot += rumor_count(&LIST_ITEM(at, struct replica, link)->rumor);
    return hot;
}

static void append_counts(struct buf *out, const struct epidemic *epidemic)
{
    static const char *const verdicts[SESSION_VERDICT_COUNT] = {[SESSION_EQUAL] = "equal",
                                                                [SESSION_APPLIED] = "applied",
                                                                [SESSION_REFUSED] = "refused",
                                                                [SESSION_AGAIN] = "again",
                                                                [SESSION_BROKEN] = "broken"};
    const struct epidemic_counts *counts = &epidemic->counts;
    buf_append_format(out,
                      ",\"counts\":{\"operations_sent\":%" PRIu64 ",\"operation_bytes\":%" PRIu64
                      ",\"control_bytes\":%" PRIu64 ",\"sessions_opened\":%" PRIu64
                      ",\"sessions_under_way\":%" PRIu32 ",\"sessions_ended\":%" PRIu64,
                      counts->payloads, counts->payload_bytes, counts->control_bytes,
                      counts->sessions_opened, epidemic->session_count, counts->sessions);
    json_append_raw(out, ",\"verdicts\":{");
    for (unsigned i = 0; i < SESSION_VERDICT_COUNT; i++)
        buf_append_format(out, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", verdicts[i],
                          counts->verdicts[i]);
    buf_append_format(out, "},\"hot\":%zu}", count_hot(epidemic));
}

// --- the others

static void append_keyspaces(struct buf *out, const struct peer *peer,
                             const struct kept_names *names)
{
    unsigned shown = 0;
    size_t at = 0;
    json_append_raw(out, ",\"keyspaces\":[");
    // Both lists ascend.
    for (uint32_t i = 0; i < peer->space_count && shown < KEYSPACES_SHOWN_MAX; i++) {
        while (at < names->count && names->list[at].id < peer->spaces[i])
            at++;
        if (at == names->count || names->list[at].id != peer->spaces[i])
            continue;
        if (shown++ > 0)
            json_append_raw(out, ",");
        append_name(out, &names->list[at]);
    }
    buf_append_format(out, "],\"keyspace_count\":%" PRIu32, peer->space_count);
}

static void append_peer(struct buf *out, const struct cluster_map *map, const struct peer *peer,
                        const struct kept_names *names, uint64_t now_us)
{
    const struct map_node *node = cluster_map_node_of_store(map, peer->store_id);
    buf_append_format(out, "{\"store_id\":\"%016" PRIx64 "\",\"kind\":\"%s\",\"node_id\":",
                      peer->store_id, peer->is_member ? "member" : "roaming");
    if (node == NULL)
        json_append_raw(out, "null");
    else
        buf_append_format(out, "%u", node->id);
    json_append_raw(out, ",\"address\":");
    json_append_string(out, slice_of_text(peer->address));
    buf_append_format(
        out, ",\"reachable\":%s,\"heard_ms\":", peer_is_heard(peer, now_us) ? "true" : "false");
    if (peer->heard_us == 0)
        json_append_raw(out, "null");
    else
        buf_append_format(out, "%" PRIu64,
                          now_us > peer->heard_us ? (now_us - peer->heard_us) / 1000 : 0);
    append_keyspaces(out, peer, names);
    json_append_raw(out, "}");
}

static int compare_peers(const void *a, const void *b)
{
    uint64_t left = (*(const struct peer *const *)a)->store_id;
    uint64_t right = (*(const struct peer *const *)b)->store_id;
    return (left > right) - (left < right);
}

// The peers after `cursor`, in the order of their ids, to be freed.
static const struct peer **sort_peers(const struct peers *peers, uint64_t cursor, uint32_t *count)
{
    const struct peer **sorted = memory_zeroed(peers->count + 1u, sizeof(struct peer *));
    *count = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        if (peers->list[i]->store_id > cursor)
            sorted[(*count)++] = peers->list[i];
    }
    qsort(sorted, *count, sizeof *sorted, compare_peers);
    return sorted;
}

static void append_peers(struct buf *out, const struct exchange *exchange,
                         const struct kept_names *names, uint64_t cursor, uint32_t limit)
{
    const struct host *host = exchange->gateway->host;
    uint32_t count = 0;
    const struct peer **sorted = sort_peers(&host_epidemic(host)->peers, cursor, &count);
    json_append_raw(out, ",\"peers\":[");
    for (uint32_t i = 0; i < count && i < limit; i++) {
        if (i > 0)
            json_append_raw(out, ",");
        append_peer(out, host_map(host), sorted[i], names, gateway_now_us(exchange->gateway));
    }
    json_append_raw(out, "],\"cursor\":");
    if (count > limit)
        buf_append_format(out, "\"%016" PRIx64 "\"", sorted[limit - 1]->store_id);
    else
        json_append_raw(out, "null");
    free(sorted);
}

static bool take_cursor(struct exchange *exchange, uint64_t *out)
{
    struct slice text = exchange_argument(exchange, "cursor");
    *out = 0;
    return text.bytes == NULL || target_peer(exchange, "the cursor", text, out);
}

void handle_peers(struct exchange *exchange)
{
    uint32_t limit = 0;
    uint64_t cursor = 0;
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL || !target_limit(exchange, &limit) || !take_cursor(exchange, &cursor))
        return;
    const struct epidemic *epidemic = target_epidemic(exchange);
    if (epidemic == NULL)
        return;
    const struct map_node *self = cluster_map_node_of_store(map, epidemic->config.self);
    struct kept_names *names = gather_names(map, epidemic);
    uint32_t shown = epidemic->peers.count < limit ? epidemic->peers.count : limit;
    struct buf *out = exchange_json(exchange, 200, 1024u + shown * PEER_BYTES_GUESS);
    json_append_raw(out, "{\"status\":\"success\",");
    append_self(out, epidemic, names, self == NULL ? NODE_NONE : self->id);
    append_counts(out, epidemic);
    append_peers(out, exchange, names, cursor, limit);
    json_append_raw(out, "}");
    free(names);
}
