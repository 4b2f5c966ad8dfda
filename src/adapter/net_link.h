// The way out to one routed peer: a queue, and a connection that is made again whenever it fails.
//
//     idle --flush, something queued--> connecting --handshake--> ready
//      ^                                    | failed                | lost
//      |  nothing queued                    v                       |
//      +------------------------------- waiting <-------------------+
//                                           | something queued: connecting again
//
// Invariants
//  1. There is a connection exactly in the states connecting and ready.
//  2. What is queued, being written included, is at most NET_QUEUE_BYTES_MAX; before the link is
//     ready at most NET_QUEUE_UNCONNECTED_BYTES_MAX or one message.
//  3. While a write is under way new messages fill the other buffer (`filling`).
//  4. A failure empties the queue.
#ifndef BRUSIO_ADAPTER_NET_LINK_H
#define BRUSIO_ADAPTER_NET_LINK_H

#include "adapter/net_connection.h"
#include "base/list.h"
#include "base/table.h"

enum net_link_state { NET_LINK_IDLE, NET_LINK_CONNECTING, NET_LINK_READY, NET_LINK_WAITING };

struct net_link {
    struct table_node in_table; // its maker's
    struct list in_unflushed;   // its maker's
    struct net_context *context;
    uint64_t peer;
    struct net_address address;
    enum net_link_state state;
    struct net_connection *connection;
    struct net_outbox filling;
    uv_timer_t retry;
    unsigned failures; // since the last handshake
    enum err reported; // the last state that was logged, ERR_COUNT for none
};

// Gives a link to be ended by net_link_close.
struct net_link *net_link_new(struct net_context *context, uint64_t peer,
                              const struct net_address *address);

// Queues a copy of the message, or drops and counts it.
void net_link_send(struct net_link *link, struct slice message);

// Writes what is queued, or begins to connect for it.
void net_link_flush(struct net_link *link);

// Goes over to another address; the queue is dropped.
void net_link_move(struct net_link *link, const struct net_address *address);

// Drops the queue and closes; the link frees itself once libuv has let go of it. It must be in no
// list or table any more.
void net_link_close(struct net_link *link);

#endif
