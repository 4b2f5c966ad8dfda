// The own way out to one routed peer in one lane: a connection that is made again whenever it
// fails, and a queue of what waits for it.
//
//     idle --flush, wanted--> connecting --handshake--> ready
//      ^                          | failed                | lost
//      |  not wanted              v                       |
//      +--------------------- waiting <-------------------+
//                                 | wanted: connecting again
//
// It is wanted while something is queued, and once more for what went out over a connection that
// the peer made, because this link was not ready: then it makes no other link give way.
//
// Invariants
//  1. There is a connection exactly in the states connecting and ready; then the link is among the
//     context's outlets.
//  2. Before the link is ready at most NET_QUEUE_UNCONNECTED_BYTES_MAX, or one message, are queued
//     here (`waiting`); then nothing is: its connection has the queue.
//  3. A message that comes over its connection is from the store id that the peer has proven.
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
    struct net_outbox waiting;
    bool wanted; // by something that was sent another way
    uv_timer_t retry;
    unsigned failures; // since the last handshake
    enum err reported; // the last state that was logged, ERR_COUNT for none
};

// Gives a link to be ended by net_link_close.
struct net_link *net_link_new(struct net_context *context, const struct net_link_config *config);

// Queues a copy of the message, or drops and counts it.
void net_link_send(struct net_link *link, struct slice message);

// Writes what is queued, or begins to connect if it is wanted.
void net_link_flush(struct net_link *link);

// Says that something for its peer went another way.
void net_link_want(struct net_link *link);

// Hands what waits for the link to become ready to a connection that the peer made, to which
// nothing was given yet.
void net_link_hand_over(struct net_link *link, struct net_connection *connection);

// Ends the connection of a ready link and drops its queue; in any other state does nothing.
void net_link_restart(struct net_link *link);

// Goes over to another address; the queue is dropped.
void net_link_move(struct net_link *link, const struct net_address *address);

// Drops the queue and closes; the link frees itself once libuv has let go of it.
void net_link_close(struct net_link *link);

#endif
