// What the net's tests stand on: one loop that is run until something holds, nodes that note what
// they receive, and raw sockets that speak the protocol well or badly.
#ifndef BRUSIO_TESTS_ADAPTER_NET_TESTBED_H
#define BRUSIO_TESTS_ADAPTER_NET_TESTBED_H

#include "adapter/net_handshake.h"
#include "adapter/net_tcp.h"

#include <uv.h>

enum { ID_A = 11, ID_B = 22, ID_C = 33, ID_RAW = 44 };

#define TESTBED_KEY "the key of the cluster under test"

struct testbed {
    uv_loop_t loop;
    uv_timer_t tick; // so that a turn of the loop never waits for long
};

struct testbed_node {
    struct testbed *bed;
    struct net_tcp *net;
    struct net port;
    uint64_t id;
    uint64_t received;
    uint64_t last_peer;
    struct buf last;        // the last message
    uint64_t expected_next; // of testbed_send's messages
    bool in_order;
    const char *awaited; // NULL, or a text; and how many messages there were when it came
    uint64_t awaited_after;
    bool closes_on_receive;
    bool closed;
};

void testbed_init(struct testbed *bed);
// Fails the test when a handle is still open.
void testbed_release(struct testbed *bed);

// One turn of the loop, of a millisecond at most.
void testbed_turn(struct testbed *bed);

// Runs the loop until `condition` holds; fails the test when it has not after a generous time.
#define TESTBED_UNTIL(bed, condition)                                                              \
    do {                                                                                           \
        uint64_t until_ms = uv_now(&(bed)->loop) + 30000;                                          \
        while (!(condition)) {                                                                     \
            testbed_turn(bed);                                                                     \
            if (uv_now(&(bed)->loop) > until_ms)                                                   \
                fail_msg("never became true: %s", #condition);                                     \
        }                                                                                          \
    } while (0)

// A node that listens on 127.0.0.1; `port` 0 takes a free one.
void testbed_start(struct testbed *bed, struct testbed_node *node, uint64_t id, const char *key,
                   uint16_t port);
// The same, on a free port, with at most so many connections each way.
void testbed_start_small(struct testbed *bed, struct testbed_node *node, uint64_t id,
                         unsigned connections_max);
void testbed_stop(struct testbed_node *node);
void testbed_route(struct testbed_node *from, uint64_t peer, uint16_t port);
void testbed_send_text(struct testbed_node *from, uint64_t peer, const char *text);
void testbed_send_urgent_text(struct testbed_node *from, uint64_t peer, const char *text);
// Sends a message that carries its number and whose other bytes follow from it.
void testbed_send_numbered(struct testbed_node *from, uint64_t peer, uint64_t number,
                           size_t length);
bool testbed_last_is(const struct testbed_node *node, const char *text);
struct net_tcp_counters testbed_counters(const struct testbed_node *node);

void testbed_flush(struct testbed_node *node);
uint16_t testbed_port(const struct testbed_node *node);

// Two nodes, ID_A and ID_B, that know each other's address.
void testbed_start_pair(struct testbed *bed, struct testbed_node *a, struct testbed_node *b);
void testbed_stop_pair(struct testbed *bed, struct testbed_node *a, struct testbed_node *b);

// One node, ID_A, whose messages to ID_RAW go to a raw socket that has done the handshake: the
// socket that comes back.
int testbed_start_with_raw_acceptor(struct testbed *bed, struct testbed_node *a, int *listener);

// Raw sockets, non-blocking. Each function runs the loop until it is done.
int raw_connect(struct testbed *bed, uint16_t port);
int raw_listen(uint16_t *port);
int raw_accept(struct testbed *bed, int listener);
// False when the other side ends the connection before.
bool raw_read(struct testbed *bed, int raw, uint8_t *bytes, size_t length);
bool raw_write(struct testbed *bed, int raw, const void *bytes, size_t length);
bool raw_write_frame(struct testbed *bed, int raw, const char *text);
// True when the other side has ended the connection and sent nothing more before.
bool raw_is_ended(struct testbed *bed, int raw);
// A whole handshake, as an initiator for bulk; false when the other side refuses.
bool raw_handshake(struct testbed *bed, int raw, enum net_role role, uint64_t id, const char *key);
bool raw_handshake_in_lane(struct testbed *bed, int raw, enum net_role role, enum net_lane lane,
                           uint64_t id, const char *key);

#endif
