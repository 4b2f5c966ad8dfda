// A server over a fake host, and a client that speaks raw bytes to it, in one thread.
#ifndef BRUSIO_TESTS_FRONT_HTTP_HTTP_TESTBED_H
#define BRUSIO_TESTS_FRONT_HTTP_HTTP_TESTBED_H

#include "fake_host.h"
#include "front/http/server.h"

#define TESTBED_TOKEN "sesame"
#define TESTBED_CONNECTIONS_MAX 6
// Of every request that needs it; ends its line.
#define TESTBED_AUTH "Authorization: Bearer " TESTBED_TOKEN "\r\n"

struct testbed {
    struct host host;
    struct http_server *server;
    int fd;        // the client's connection
    struct buf in; // received, not yet taken
    // The latest answer.
    unsigned status;
    char head[4096];
    char *body; // with a NUL behind it
    size_t body_bytes;
    bool closed; // the server took no more of what was sent
    bool ended;  // the server has sent its last
};

// Opens a server with small limits (values of 1000 bytes, all together 64 KiB) and connects.
void testbed_open(struct testbed *testbed);
void testbed_close(struct testbed *testbed);

// For cmocka: the state is a struct testbed, open.
int testbed_setup(void **state);
int testbed_teardown(void **state);

void testbed_connect(struct testbed *testbed);

// More clients of the same server, each for testbed_send, testbed_take, testbed_connect; all to be
// closed again.
void testbed_open_others(struct testbed *testbed, struct testbed *others, int count);
void testbed_close_others(struct testbed *testbed, struct testbed *others, int count);

// Sends bytes, then takes the answer (with `without_body`, to HEAD, none is expected).
void testbed_send(struct testbed *testbed, const void *bytes, size_t length);
void testbed_take(struct testbed *testbed, bool without_body);

// Runs the server until it has nothing to do.
void testbed_settle(struct testbed *testbed);

// One request with the token: `target` is "METHOD /path", `headers` lines that end in \r\n. Returns
// the status.
unsigned testbed_ask(struct testbed *testbed, const char *target, const char *headers,
                     const char *body);

// Does the latest answer's head (in lower case) have this line's beginning? Its value is compared
// as it is.
bool testbed_has_header(const struct testbed *testbed, const char *line);

// Fails the test unless the latest answer is an error of this name and its body is JSON with a
// message.
void testbed_expect_error(const struct testbed *testbed, unsigned status, const char *name);

#endif
