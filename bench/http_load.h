// Load on HTTP servers from one thread: a few keep-alive connections, one request under way on
// each.
//
// Promise: what it costs per request is three system calls and a search for two header fields, so
// that on a machine that also runs the servers, what is measured is the servers.
//
// Invariants
//  1. A connection has at most one request under way, and a request goes out in one piece.
//  2. Connection i goes to server i mod `port_count`, for ever.
//  3. Requests are given to connections in the order in which these become free.
//
// It understands only answers with a Content-Length, or without a body. It does not reconnect: a
// lost connection is an error, for a rate with gaps in it would mean nothing.
#ifndef BRUSIO_BENCH_HTTP_LOAD_H
#define BRUSIO_BENCH_HTTP_LOAD_H

#include "base/buf.h"
#include "base/err.h"

enum {
    HTTP_LOAD_CONNECTIONS_MAX = 64,
    HTTP_LOAD_REQUEST_BYTES_MAX = 1024,
    HTTP_LOAD_ANSWER_BYTES_MAX = 16 << 10,
};

struct http_load_connection {
    int fd;
    uint64_t begun_ns;
    size_t answer_bytes;
    uint8_t answer[HTTP_LOAD_ANSWER_BYTES_MAX];
};

struct http_load {
    int epoll_fd;
    size_t connection_count;
    struct http_load_connection connections[HTTP_LOAD_CONNECTIONS_MAX];
};

// Appends one whole request to `out`, which has room for HTTP_LOAD_REQUEST_BYTES_MAX.
typedef void http_load_next(void *context, struct buf *out);

struct http_load_result {
    uint64_t wall_ns;
    uint64_t p50_ns;
    uint64_t p99_ns;
};

// Connects to 127.0.0.1. `connection_count` is at most HTTP_LOAD_CONNECTIONS_MAX.
WARN_UNUSED enum err http_load_open(struct http_load *load, const uint16_t *ports,
                                    size_t port_count, size_t connection_count,
                                    struct errmsg *detail);
void http_load_close(struct http_load *load);

// Makes `operations` requests as fast as the answers come. An answer with a status of 300 or more,
// a lost connection and a signal end it with an error.
WARN_UNUSED enum err http_load_run(struct http_load *load, uint64_t operations,
                                   http_load_next *next, void *context,
                                   struct http_load_result *result, struct errmsg *detail);

// Makes one request on the first connection. `body` borrows from the load until its next request.
WARN_UNUSED enum err http_load_ask(struct http_load *load, struct slice request, struct slice *body,
                                   struct errmsg *detail);

#endif
