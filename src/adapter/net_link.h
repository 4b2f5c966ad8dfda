// The way out to one routed peer in one lane: a queue, and a connection that is made again whenever
// it fails.
//
//     idle --flush, something queued--> connecting --handshake--> ready
//      ^                                    | failed                | lost
//      |  nothing queued                    v                       |
//      +------------------------------- waiting <-------------------+
//                                           | something queued: connecting again
//
// Invariants
//  1. There is a connection exactly in the states connecting and ready; then the link is among the
//     context's outlets.
//  2. What is queued, being written included, is at most NET_QUEUE_BYTES_MAX (in the urgent lane
//     NET_QUEUE_URGENT_BYTES_MAX); before the link is ready at most
//     NET_QUEUE_UNCONNECTED_BYTES_MAX; or one message.
//  3. While a write is under way new messages fill the other buffer (`filling`).
//  4. A failure empties the queue, and so does giving way to another link when there are as many
//     connections as there may be.
#ifndef BRUSIO_ADAPTER_NET_LINK_H
#define BRUSIO_ADAPTER_NET_LINK_H

#include "adapter/net_connection.h"

enum net_link_state { NET_LINK_IDLE, NET_LINK_CONNECTING, NET_LINK_READY, NET_LINK_WAITING };

// Called when a link that was ready has lost its connection by a timeout; it may restart others.
typedef void net_link_timed_out(void *owner, enum net_lane lane);

struct net_link_config {
    uint64_t peer;
    enum net_lane lane;
    const struct net_address *address; // copied
    net_link_timed_out *timed_out;
    void *owner; // outlives the link's last call to `timed_out`, which net_link_close ends
};

struct net_link {
    struct net_context *context;
    net_link_timed_out *timed_out;
    void *owner;
    uint64_t peer;
    enum net_lane lane;
    struct net_address address;
    enum net_link_state state;
    struct net_connection *connection;
    struct list in_outlets; // the context's
    struct net_outbox filling;
    uv_timer_t retry;
    unsigned failures; // since the last handshake
    enum err reported; // the last state that was logged, ERR_COUNT for none
};

// Gives a link to be ended by net_link_close.
struct net_link *net_link_new(struct net_context *context, const struct net_link_config *config);

// Queues a copy of the message, or drops and counts it.
void net_link_send(struct net_link *link, struct slice message);

// Writes what is queued, or begins to connect for it.
void net_link_flush(struct net_link *link);

// Ends the connection of a ready link and drops its queue; in any other state does nothing.
void net_link_restart(struct net_link *link);

// Goes over to another address; the queue is dropped.
void net_link_move(struct net_link *link, const struct net_address *address);

// Drops the queue and closes; the link frees itself once libuv has let go of it.
void net_link_close(struct net_link *link);

#endif
