// HTTP requests to the nodes of one cluster, over libcurl.
//
// Promise: a request is sent to one endpoint after another until one answers, but a request that
// may change something goes on to the next only while nothing of it was sent. So a change is asked
// for once, and when its answer is lost the caller hears ERR_UNKNOWN, never "failed".
//
// Invariants
//  1. Every request ends within timeout_ms for each endpoint, but for an answer that goes on.
//  2. The endpoint that answered last is asked first.
//  3. An answer's body is at most ANSWER_BYTES_MAX bytes.
//
// Proxies of the environment are not used: nodes are addressed directly. It does not follow
// redirects.
#ifndef BRUSIO_PROG_CLI_CLIENT_H
#define BRUSIO_PROG_CLI_CLIENT_H

#include "base/buf.h"
#include "cli/file.h"
#include "cli/options.h"

#include <jansson.h>

enum {
    ENDPOINT_BYTES_MAX = 512,
    ETAG_BYTES_MAX = 128,
    STATE_BYTES_MAX = 16,
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    REQUEST_TIMEOUT_MS = 30000,
};

// Where to, and with which token.
struct target {
    char endpoints[OPTION_ENDPOINTS_MAX][ENDPOINT_BYTES_MAX]; // without a closing slash
    size_t endpoint_count;
    char token[SECRET_BYTES_MAX]; // "" for none
};

// Adds an endpoint; http:// when it names no scheme. ERR_INVALID, ERR_TOO_LARGE past
// OPTION_ENDPOINTS_MAX.
WARN_UNUSED enum err target_add(struct target *target, const char *endpoint, struct errmsg *detail);

// ERR_INVALID when the token could not stand in an HTTP header.
WARN_UNUSED enum err target_set_token(struct target *target, const char *token,
                                      struct errmsg *detail);

enum method { METHOD_GET, METHOD_PUT, METHOD_POST, METHOD_PATCH, METHOD_DELETE };

struct request {
    enum method method;
    const char *path; // with query, percent-encoded
    struct slice body;
    const char *content_type; // NULL for none
    const char *if_match;     // an ETag in quotes, "*", or NULL
    bool if_absent;           // If-None-Match: *
    bool accepts_json;        // Accept: application/json
    // Of an answer that goes on for as long as both sides want (a GET): is given its bytes as they
    // come, if the status is 200; NULL for all others.
    void (*take)(void *context, struct slice piece);
    void *context;
    const char *last_event_id; // Last-Event-ID, looked at with each try; "" for none
};

struct answer {
    long status; // HTTP's
    struct buf body;
    char etag[ETAG_BYTES_MAX]; // without quotes, "" for none
    // Of an optimistic keyspace: "stable" or "tentative", "" for none, and the number of versions
    // that are in conflict.
    char state[STATE_BYTES_MAX];
    uint64_t conflicts;
};

struct client {
    void *curl;
    struct target target;
    size_t current; // the endpoint to ask first
    long timeout_ms;
};

// Copies `target`, which has at least one endpoint. ERR_IO when libcurl cannot start.
WARN_UNUSED enum err client_init(struct client *client, const struct target *target,
                                 long timeout_ms, struct errmsg *detail);
void client_release(struct client *client);

void answer_init(struct answer *answer);
void answer_release(struct answer *answer);

// ERR_OK with an answer of any status, ERR_NETWORK when nothing could be sent, ERR_UNKNOWN when a
// change was sent and not answered, ERR_TIMEOUT, ERR_TOO_LARGE.
WARN_UNUSED enum err client_send(struct client *client, const struct request *request,
                                 struct answer *answer, struct errmsg *detail);

// As client_send, but any status from 400 is an error too: the server's message becomes the detail.
WARN_UNUSED enum err client_ask(struct client *client, const struct request *request,
                                struct answer *answer, struct errmsg *detail);

// client_ask with a JSON body (borrowed, or NULL) and a JSON object as the answer, given to the
// caller in `reply` (ERR_CORRUPT when it is none). `reply` may be NULL when only success matters.
WARN_UNUSED enum err client_ask_json(struct client *client, enum method method, const char *path,
                                     const json_t *body, json_t **reply, struct errmsg *detail);

#endif
