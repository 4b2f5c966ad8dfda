// What a request names: the map, a keyspace, a key, a node, an operation.
//
// Promise: each function either gives what was named or answers the exchange with the reason why
// not, and then returns NULL or false.
#ifndef BRUSIO_FRONT_HTTP_TARGET_H
#define BRUSIO_FRONT_HTTP_TARGET_H

#include "front/http/exchange.h"

// Borrowed until control returns to the event loop.
const struct cluster_map *target_map(struct exchange *exchange);
const struct map_keyspace *target_keyspace(struct exchange *exchange, struct slice name);

// The percent-encoded name of a keyspace, and the keyspace.
const struct map_keyspace *target_keyspace_encoded(struct exchange *exchange, struct slice text);

// Decodes the percent-encoded key to exchange->key; `utf8`: refuses one that JSON could not carry.
bool target_key(struct exchange *exchange, struct slice text, bool utf8);

// Copies `key` (1 byte or more) to exchange->key.
bool target_key_set(struct exchange *exchange, struct slice key);

// The node of the map that decimal `text` names.
const struct map_node *target_node(struct exchange *exchange, struct slice text);

// The operation id of the Idempotency-Key header, zero without one.
bool target_operation(struct exchange *exchange, struct operation_id *out);

#endif
