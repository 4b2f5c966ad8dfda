// Keys and values through the HTTP API: get, put, delete, list.
//
// Promise: keys and values are any bytes. ERR_NOT_FOUND is an absent key, ERR_MISMATCH a condition
// that did not hold, ERR_UNKNOWN a change that may or may not have taken effect.
#ifndef BRUSIO_PROG_CLI_KV_H
#define BRUSIO_PROG_CLI_KV_H

#include "cli/client.h"

// What a read asks for. All false: the newest value of a strong keyspace, or what the node has of
// an optimistic one.
struct kv_view {
    bool local;    // of a strong keyspace: whatever the node has
    bool stable;   // of an optimistic one: what is stable
    bool versions; // of an optimistic one: all versions, as JSON (version_list.h)
};

// `answer` (initialized by the caller) gets the value as its body, or, with `versions`, JSON if it
// has a state; and the headers. `view` may be NULL.
WARN_UNUSED enum err kv_get(struct client *client, const char *keyspace, struct slice key,
                            const struct kv_view *view, struct answer *answer,
                            struct errmsg *detail);

struct kv_condition {
    const char *etag; // with or without quotes, or "*"; NULL for none
    bool absent;
};

struct kv_outcome {
    bool created;
    char etag[ETAG_BYTES_MAX]; // "" when the server gave none
};

// `condition` may be NULL.
WARN_UNUSED enum err kv_put(struct client *client, const char *keyspace, struct slice key,
                            struct slice value, const struct kv_condition *condition,
                            struct kv_outcome *outcome, struct errmsg *detail);
// The same with a lifetime, of an optimistic keyspace: `ttl_s` is 0 for ever.
WARN_UNUSED enum err kv_put_for(struct client *client, const char *keyspace, struct slice key,
                                struct slice value, uint64_t ttl_s,
                                const struct kv_condition *condition, struct kv_outcome *outcome,
                                struct errmsg *detail);
WARN_UNUSED enum err kv_delete(struct client *client, const char *keyspace, struct slice key,
                               const struct kv_condition *condition, struct errmsg *detail);

// One page of a list: `cursor` is NULL for the first. `page` (given to the caller) holds "keys", an
// array, and "cursor", a string unless this page was the last.
WARN_UNUSED enum err kv_list(struct client *client, const char *keyspace, struct slice prefix,
                             uint64_t limit, const char *cursor, json_t **page,
                             struct errmsg *detail);

#endif
