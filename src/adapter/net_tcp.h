// Messages between nodes over TCP: the port of port/net.h, on a libuv loop.
//
// Promise: port/net.h's, plus
//  1. Every pair of nodes has up to four connections: each node makes one for each lane and sends
//     over it. So nothing has to be agreed about two that are made at the same moment, and urgent
//     messages share no buffer with bulk ones. In one turn of the loop about NET_TURN_BYTES_MAX of
//     bulk are read, and all that is urgent.
//  2. A connection carries messages only after both sides have proven that they know the cluster
//     key (net_handshake.h). A peer that is routed by its store id has also proven that store id.
//  3. While its own connection is not there, a node sends over the one that the peer has made for
//     the same lane, and goes on trying to make its own. So whoever cannot be connected to, for its
//     address is behind a firewall or not known, is answered over the connections that it makes.
//     When sending goes over to the own one, messages may overtake those that are still under way.
//  4. Of several connections from one store id for one lane only the newest is used.
//  5. A connection that fails is made again when there is something to send, after a random delay
//     that doubles from NET_RETRY_MS_MIN to NET_RETRY_MS_MAX and starts anew after a handshake.
//     What was queued when it failed is dropped and counted, so that nothing stale is sent after a
//     long outage.
//  6. A connection whose other end vanished, stopped reading, or reads less than
//     NET_PROGRESS_BYTES_MIN in NET_STALLED_MS_MAX while more is waiting, is ended. When the urgent
//     connection to a peer times out, the bulk one is made anew too. So a peer that can be reached
//     again is reached within about a second, however long it was gone.
//  7. Of more peers than it may have connections with it keeps those it speaks with now: one that
//     gave way is made again when there is something to send.
//  8. Log lines tell changes of state, not each attempt, and their rate is bounded.
//
// What it does not do: it neither encrypts nor authenticates the messages after the handshake
// (whoever can alter packets on the way can alter messages), knows no heartbeats, and sends nothing
// again.
#ifndef BRUSIO_ADAPTER_NET_TCP_H
#define BRUSIO_ADAPTER_NET_TCP_H

#include "port/net.h"

#define NET_KEY_BYTES_MIN 16
#define NET_KEY_BYTES_MAX 1024
// Queued for one peer in each lane, frames included: over a connection, and before there is one.
// While sending goes over from one connection to another, both have their queues. One message
// always fits into an empty queue.
#define NET_QUEUE_BYTES_MAX (64u << 20)
#define NET_QUEUE_URGENT_BYTES_MAX (4u << 20)
#define NET_QUEUE_UNCONNECTED_BYTES_MAX (1u << 20)
// Read from all peers together in one turn of the loop, though at least one read over each
// connection.
#define NET_TURN_BYTES_MAX (1u << 20)
// Connections, each a file descriptor: those that it made; accepted ones that are proven (of both
// the one that carried nothing for longest gives way); and accepted ones in their handshake (the
// oldest gives way).
#define NET_OUTLETS_MAX 2048
#define NET_INLETS_MAX 2048
#define NET_INLETS_UNPROVEN_MAX 128
// Looking up a name; connecting to an address; the handshake.
#define NET_RESOLVE_MS_MAX 5000
#define NET_CONNECT_MS_MAX 750
#define NET_HANDSHAKE_MS_MAX 2000
#define NET_RETRY_MS_MIN 20
#define NET_RETRY_MS_MAX 250
// What is sent and not acknowledged by the other machine ends a connection after this.
#define NET_VANISHED_URGENT_MS 1000
#define NET_VANISHED_BULK_MS 3000
// What is acknowledged must make progress all the same.
#define NET_STALLED_MS_MAX 5000
#define NET_PROGRESS_BYTES_MIN (64u << 10)

struct uv_loop_s;
struct net_tcp;

// Text and key are copied.
struct net_tcp_config {
    struct uv_loop_s *loop;
    const char *listen_address; // "host:port", "[::1]:port"; port 0 takes a free one
    uint64_t store_id;          // not PEER_SEED
    struct slice key;           // the cluster key: NET_KEY_BYTES_MIN to NET_KEY_BYTES_MAX bytes
    unsigned outlets_max;       // 0: NET_OUTLETS_MAX
    unsigned inlets_max;        // 0: NET_INLETS_MAX
    net_receive *receive;       // may call send, route, flush and net_tcp_close
    void *context;
};

struct net_tcp_counters {
    uint64_t connected; // connections that it made and can use now
    uint64_t accepted;  // connections that it accepted and can use now
    uint64_t refused;   // handshakes that failed, either way, for more than a lost connection
    uint64_t messages_in;
    uint64_t messages_out; // handed to the operating system
    // No way to the peer, queue full, or the connection failed before or while it was sent.
    uint64_t messages_dropped;
    uint64_t bytes_in; // frames, without handshakes
    uint64_t bytes_out;
    uint64_t bytes_queued; // now, over all peers
};

// Listens and gives a net to be ended by net_tcp_close. ERR_INVALID (address, key) or ERR_NETWORK,
// with detail. A host name in `listen_address` is resolved before this returns. Where SIGPIPE would
// still end the process it is ignored from here on: a peer that goes away must not.
WARN_UNUSED enum err net_tcp_open(const struct net_tcp_config *config, struct net_tcp **out,
                                  struct errmsg *detail);

// Stops everything now; when the loop has let go of the last handle, frees the net and calls
// `closed` (may be NULL). After this call nothing of the net may be used any more.
typedef void net_tcp_closed(void *context);
void net_tcp_close(struct net_tcp *net, net_tcp_closed *closed, void *context);

// Borrows `net`.
struct net net_tcp_port_ops(struct net_tcp *net);

// The port that it listens on.
uint16_t net_tcp_port(const struct net_tcp *net);

struct net_tcp_counters net_tcp_counters(const struct net_tcp *net);

#endif
