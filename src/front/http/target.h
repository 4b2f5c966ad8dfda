// What a request names: the map, a keyspace, a key, a node, a peer, an operation.
//
// Promise: each function either gives what was named or answers the exchange with the reason why
// not, and then returns NULL or false.
#ifndef BRUSIO_FRONT_HTTP_TARGET_H
#define BRUSIO_FRONT_HTTP_TARGET_H

#include "front/http/exchange.h"

// Borrowed until control returns to the event loop.
const struct cluster_map *target_map(struct exchange *exchange);
const struct epidemic *target_epidemic(struct exchange *exchange);
const struct map_keyspace *target_keyspace(struct exchange *exchange, struct slice name);

// What the name of a keyspace leads to: a strong keyspace, an optimistic one, or a channel of a
// family: of the longest one that the name begins with, if there is no keyspace of the whole name.
struct named {
    const struct map_keyspace *strong;   // NULL when it is optimistic
    const struct optimistic *optimistic; // NULL when it is strong
    struct slice channel;                // in exchange->keyspace_path; empty: the keyspace itself
};

// Decodes the percent-encoded name to exchange->keyspace_path.
bool target_named(struct exchange *exchange, struct slice text, struct named *out);
// The same, of what holds keys: not of a family by itself.
bool target_holder(struct exchange *exchange, struct slice text, struct named *out);
// The same, of what is optimistic.
bool target_space(struct exchange *exchange, struct slice text, struct named *out);

// Whether this node keeps a copy of what is optimistic, and where it is looked at; NULL when it
// keeps none. target_replica answers 404 then.
const struct replica *named_replica(const struct exchange *exchange, const struct named *named);
const struct replica *target_replica(struct exchange *exchange, const struct named *named);

// Decodes the percent-encoded key to exchange->key; `utf8`: refuses one that JSON could not carry.
bool target_key(struct exchange *exchange, struct slice text, bool utf8);

// Copies `key` (1 byte or more) to exchange->key.
bool target_key_set(struct exchange *exchange, struct slice key);

// The node of the map that decimal `text` names.
const struct map_node *target_node(struct exchange *exchange, struct slice text);

// A store id, 16 hexadecimal digits. `what` names the argument or field for the message.
bool target_peer(struct exchange *exchange, const char *what, struct slice text, uint64_t *out);

// The argument `limit`, 1 to LIST_LIMIT_MAX; 100 without one.
bool target_limit(struct exchange *exchange, uint32_t *out);

// The operation id of the Idempotency-Key header, zero without one.
bool target_operation(struct exchange *exchange, struct operation_id *out);

#endif
