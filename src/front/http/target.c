#include "front/http/target.h"

#include "base/check.h"
#include "base/utf8.h"
#include "core/epidemic/epidemic.h"
#include "front/http/entity_tag.h"
#include "front/http/percent.h"

enum { LIMIT_DEFAULT = 100 };

const struct cluster_map *target_map(struct exchange *exchange)
{
    const struct cluster_map *map = host_map(exchange->gateway->host);
    if (map == NULL) {
        exchange_fail(exchange, 503, "unavailable",
                      "this node knows no cluster yet: ask again once it has joined one");
    }
    return map;
}

const struct epidemic *target_epidemic(struct exchange *exchange)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    if (epidemic == NULL)
        exchange_fail(exchange, 503, "unavailable", "this node begins: ask again in a moment");
    return epidemic;
}

const struct map_keyspace *target_keyspace(struct exchange *exchange, struct slice name)
{
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return NULL;
    const struct map_keyspace *keyspace = cluster_map_keyspace_named(map, name);
    if (keyspace == NULL)
        exchange_fail(exchange, 404, "not_found",
                      "there is no keyspace \"%.*s\": see /v1/keyspaces", (int)name.length,
                      (const char *)name.bytes);
    return keyspace;
}

// The family that the name begins with, and the channel behind its slash.
static bool find_channel(const struct cluster_map *map, struct slice name, struct named *out)
{
    for (size_t slash = name.length; slash-- > 0;) {
        if (name.bytes[slash] != '/')
            continue;
        const struct optimistic *family =
            cluster_map_optimistic_named(map, slice_of(name.bytes, slash));
        if (family == NULL || !family->is_family)
            continue;
        out->optimistic = family;
        out->channel = slice_of(name.bytes + slash + 1, name.length - slash - 1);
        return keyspace_name_is_valid(out->channel);
    }
    return false;
}

static bool find_named(struct exchange *exchange, const struct cluster_map *map, struct slice name,
                       struct named *out)
{
    *out = (struct named){.strong = cluster_map_keyspace_named(map, name),
                          .optimistic = cluster_map_optimistic_named(map, name)};
    if (out->strong != NULL || out->optimistic != NULL || find_channel(map, name, out))
        return true;
    if (keyspace_name_is_valid(name) && out->optimistic == NULL)
        exchange_fail(exchange, 404, "not_found", "there is no keyspace \"%s\": see /v1/keyspaces",
                      exchange->keyspace_path);
    else
        exchange_fail(
            exchange, 400, "invalid",
            "that is no name of a keyspace: use 1 to %d of a-z 0-9 - _ . /, with a letter or digit "
            "at both ends, and / written as %%2F; a channel has such a name behind its family's",
            KEYSPACE_NAME_BYTES_MAX);
    return false;
}

bool target_named(struct exchange *exchange, struct slice text, struct named *out)
{
    uint8_t *bytes = (uint8_t *)exchange->keyspace_path;
    size_t length = 0;
    enum err error = percent_decode(text, bytes, KEYSPACE_PATH_BYTES_MAX, &length);
    // What is not decoded has no valid name.
    exchange->keyspace_path[error == ERR_OK ? length : 0] = 0;
    const struct cluster_map *map = target_map(exchange);
    return map != NULL &&
           find_named(exchange, map, slice_of(bytes, error == ERR_OK ? length : 0), out);
}

bool target_holder(struct exchange *exchange, struct slice text, struct named *out)
{
    if (!target_named(exchange, text, out))
        return false;
    if (out->optimistic == NULL || !out->optimistic->is_family || out->channel.length > 0)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "\"%s\" is a family, which holds channels and no keys: write %s%%2F<channel>",
                  exchange->keyspace_path, exchange->keyspace_path);
    return false;
}

bool target_space(struct exchange *exchange, struct slice text, struct named *out)
{
    if (!target_holder(exchange, text, out))
        return false;
    if (out->optimistic != NULL)
        return true;
    exchange_fail(exchange, 400, "invalid", "\"%s\" is a strong keyspace: name an optimistic one",
                  exchange->keyspace_path);
    return false;
}

const struct replica *named_replica(const struct exchange *exchange, const struct named *named)
{
    const struct host *host = exchange->gateway->host;
    const struct epidemic *epidemic = host_epidemic(host);
    struct cluster_id cluster = host_map(host)->cluster;
    CHECK(named->optimistic != NULL);
    if (epidemic == NULL)
        return NULL;
    uint64_t id = space_id_of(cluster.high, cluster.low, named->optimistic->id, named->channel);
    return epidemic_replica(epidemic, id);
}

const struct replica *target_replica(struct exchange *exchange, const struct named *named)
{
    if (target_epidemic(exchange) == NULL)
        return NULL;
    const struct replica *replica = named_replica(exchange, named);
    if (replica == NULL)
        exchange_fail(exchange, 404, "not_found",
                      "this node keeps no copy of \"%s\": ask a node that does (/v1/peers), or "
                      "subscribe with POST /v1/keyspaces/<name>/subscription",
                      exchange->keyspace_path);
    return replica;
}

bool target_peer(struct exchange *exchange, const char *what, struct slice text, uint64_t *out)
{
    uint64_t id = 0;
    bool good = text.length == 16;
    for (size_t i = 0; good && i < text.length; i++) {
        int digit = hex_digit_value(text.bytes[i]);
        good = digit >= 0;
        id = id << 4 | (uint64_t)(digit & 15);
    }
    *out = id;
    if (good && id != 0)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "%s must be a peer's store id, 16 hexadecimal digits: see /v1/peers", what);
    return false;
}

bool target_limit(struct exchange *exchange, uint32_t *out)
{
    struct slice text = exchange_argument(exchange, "limit");
    *out = LIMIT_DEFAULT;
    if (text.bytes == NULL)
        return true;
    uint32_t value = 0;
    bool good = text.length > 0 && text.length <= 4;
    for (size_t i = 0; good && i < text.length; i++) {
        good = text.bytes[i] >= '0' && text.bytes[i] <= '9';
        value = value * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    *out = value;
    if (good && value >= 1 && value <= LIST_LIMIT_MAX)
        return true;
    exchange_fail(exchange, 400, "invalid", "the limit must be an integer from 1 to %d",
                  LIST_LIMIT_MAX);
    return false;
}

bool target_key(struct exchange *exchange, struct slice text, bool utf8)
{
    size_t length = 0;
    enum err error = percent_decode(text, exchange->key_bytes, KEY_BYTES_MAX, &length);
    exchange->key = slice_of(exchange->key_bytes, error == ERR_OK ? length : 0);
    if (error == ERR_TOO_LARGE)
        exchange_fail(exchange, 400, "invalid", "the key is too long: at most %d bytes",
                      KEY_BYTES_MAX);
    else if (error != ERR_OK)
        exchange_fail(exchange, 400, "invalid",
                      "the key is not percent-encoded well: each %% needs two hexadecimal digits");
    else if (length == 0)
        exchange_fail(exchange, 400, "invalid", "the key is empty: give 1 to %d bytes",
                      KEY_BYTES_MAX);
    else if (utf8 && !utf8_is_valid(exchange->key))
        exchange_fail(exchange, 400, "invalid",
                      "the key is not UTF-8: use /v1/kv for keys of any bytes");
    else
        return true;
    return false;
}

bool target_key_set(struct exchange *exchange, struct slice key)
{
    CHECK(key.length > 0);
    if (key.length > KEY_BYTES_MAX) {
        exchange_fail(exchange, 400, "invalid", "the key is too long: at most %d bytes",
                      KEY_BYTES_MAX);
        return false;
    }
    memcpy(exchange->key_bytes, key.bytes, key.length);
    exchange->key = slice_of(exchange->key_bytes, key.length);
    return true;
}

// Decimal digits, perhaps after a '-'. A number that no node can have gives NODE_NONE.
static bool parse_node(struct slice text, node_id *out)
{
    bool negative = text.length > 0 && text.bytes[0] == '-';
    struct slice digits = negative ? slice_of(text.bytes + 1, text.length - 1) : text;
    if (digits.length == 0)
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.bytes[i] < '0' || digits.bytes[i] > '9')
            return false;
        value = value > NODES_MAX ? value : value * 10 + (unsigned)(digits.bytes[i] - '0');
    }
    *out = negative || value > NODES_MAX ? NODE_NONE : (node_id)value;
    return true;
}

const struct map_node *target_node(struct exchange *exchange, struct slice text)
{
    node_id id = NODE_NONE;
    if (!parse_node(text, &id)) {
        exchange_fail(exchange, 400, "invalid", "the node's id must be an integer: see /nodes");
        return NULL;
    }
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return NULL;
    const struct map_node *node = id == NODE_NONE ? NULL : cluster_map_node(map, id);
    if (node == NULL)
        exchange_fail(exchange, 404, "not_found", "there is no node of this id: see /nodes");
    return node;
}

bool target_operation(struct exchange *exchange, struct operation_id *out)
{
    *out = (struct operation_id){0};
    struct slice text = exchange_header(exchange, "Idempotency-Key");
    if (text.bytes == NULL || operation_id_parse(text, out) == ERR_OK)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "the Idempotency-Key must be 32 hexadecimal digits, not all of them zero");
    return false;
}
