#include "front/http/target.h"

#include "base/check.h"
#include "front/http/entity_tag.h"
#include "front/http/percent.h"
#include "front/http/utf8.h"

const struct cluster_map *target_map(struct exchange *exchange)
{
    const struct cluster_map *map = host_map(exchange->gateway->host);
    if (map == NULL) {
        exchange_fail(exchange, 503, "unavailable",
                      "this node knows no cluster yet: ask again once it has joined one");
    }
    return map;
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

const struct map_keyspace *target_keyspace_encoded(struct exchange *exchange, struct slice text)
{
    uint8_t name[KEYSPACE_NAME_BYTES_MAX];
    size_t length = 0;
    if (percent_decode(text, name, sizeof name, &length) != ERR_OK ||
        !keyspace_name_is_valid(slice_of(name, length))) {
        exchange_fail(
            exchange, 400, "invalid",
            "that is no name of a keyspace: use 1 to %d of a-z 0-9 - _ . /, with / written as %%2F",
            KEYSPACE_NAME_BYTES_MAX);
        return NULL;
    }
    return target_keyspace(exchange, slice_of(name, length));
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
