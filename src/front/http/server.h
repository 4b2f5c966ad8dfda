// The HTTP server of a node: takes requests, asks the host, answers.
//
// It owns no thread and no event loop: the caller polls one file descriptor and calls
// http_server_run.
//
// Promise
//  1. Every request is answered, at the latest when its limit has passed, with JSON that names the
//     error if there is one; a request that is refused changes nothing.
//  2. No path but those of health answers without the token.
//  3. Memory is bounded: by connections, by the bytes of each body, and by the bytes of all bodies
//     and answers together, also of those that the host works on.
//  4. Past a bound the answer is a 503 with Retry-After. Callers that send or read too slowly, or
//     not at all, are cut (callers.h), so that they do not keep others out.
//
// What it does not do: TLS, and HTTP/2.
#ifndef BRUSIO_FRONT_HTTP_SERVER_H
#define BRUSIO_FRONT_HTTP_SERVER_H

#include "host/host.h"

// At once; fewer where the process may not open enough descriptors.
#define HTTP_CONNECTIONS_MAX 1024
#define HTTP_TOKEN_BYTES_MAX 1024

struct http_server;

// Zero in a number takes the default.
struct http_server_config {
    // "host:port", "[address]:port" or ":port" for all addresses; port 0: any free one.
    const char *listen_address;
    const char *token; // 1 to HTTP_TOKEN_BYTES_MAX bytes, copied
    struct host *host; // borrowed; it may answer what it owes after the server was closed
    struct clock clock;
    uint32_t connections_max;    // at most HTTP_CONNECTIONS_MAX, the default
    uint32_t idle_timeout_s;     // a connection that asks nothing more is closed; 60
    uint32_t request_timeout_ms; // until a request for records is given up; 30,000
    uint32_t change_timeout_ms;  // until a change of the map is given up; 120,000
    size_t value_bytes_max;      // at most VALUE_BYTES_MAX, the default
    size_t held_bytes_max;       // of bodies and answers of all requests together; 64 MiB
    size_t intake_bytes_max;     // with so much held, large bodies are refused; 16 MiB
};

// Gives a server that listens, to be ended by http_server_close. ERR_INVALID (config) or
// ERR_NETWORK (the address), both with detail.
WARN_UNUSED enum err http_server_open(const struct http_server_config *config,
                                      struct http_server **out, struct errmsg *detail);

// Answers those that still wait, as far as one run goes, and closes all connections. NULL is fine.
void http_server_close(struct http_server *server);

// To be polled for readability; it stays the same.
int http_server_fd(const struct http_server *server);

// The port that it listens on.
uint16_t http_server_port(const struct http_server *server);

// Does whatever can be done without waiting. To be called when the descriptor is readable, when
// http_server_timeout_ms has passed, and while http_server_wants_run.
void http_server_run(struct http_server *server);

// Milliseconds until it must run even if nothing happens; UINT64_MAX for never.
uint64_t http_server_timeout_ms(struct http_server *server);

// Must it run before the caller waits again: was a waiting request answered, or is something half
// read?
bool http_server_wants_run(struct http_server *server);

#endif
