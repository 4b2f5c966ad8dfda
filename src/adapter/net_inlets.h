// The ways in: every connection that this node accepted. They lead out too, to whom this node
// cannot connect to.
//
// Invariants
//  1. Every inlet is in exactly one list: `unproven` (in its handshake, oldest first) or `proven`
//     (the one that carried nothing for longest first).
//  2. There is at most one proven inlet for a store id and a lane: a newer one replaces it.
//     `by_peer` has all that are proven.
//  3. unproven_count <= NET_INLETS_UNPROVEN_MAX, proven_count <= the context's inlets_max; where
//     there is one more, the first of its list is closed.
//  4. What was queued for an inlet that ends is dropped and counted.
//
// It makes no connection, and keeps nothing for a peer that has none.
#ifndef BRUSIO_ADAPTER_NET_INLETS_H
#define BRUSIO_ADAPTER_NET_INLETS_H

#include "adapter/net_connection.h"
#include "base/list.h"
#include "base/table.h"

// Called when a peer has made a connection, over which it can be sent something now.
typedef void net_inlets_opened(void *owner, struct net_connection *connection);

struct net_inlets {
    struct net_context *context;
    struct list unproven;
    struct list proven;
    struct table by_peer;
    struct list unflushed[NET_LANE_COUNT]; // to which something was sent since the last flush
    net_inlets_opened *opened;
    void *owner;
    unsigned unproven_count;
    unsigned proven_count;
};

// Borrows `context`, and `owner` for the calls of `opened`. Owns nothing until the first
// connection.
void net_inlets_init(struct net_inlets *inlets, struct net_context *context,
                     net_inlets_opened *opened, void *owner);

// Accepts the connection that waits at `listener`. Its messages go to the context's receiver.
void net_inlets_accept(struct net_inlets *inlets, uv_stream_t *listener);

// Sends over the connection that the peer has made for this lane: queues a copy of the message, or
// drops and counts it when the queue is full. False, and nothing is done, when there is none.
bool net_inlets_send(struct net_inlets *inlets, uint64_t peer, enum net_lane lane,
                     struct slice message);

// Writes what is queued, urgent messages first.
void net_inlets_flush(struct net_inlets *inlets);

// Closes all of them.
void net_inlets_clear(struct net_inlets *inlets);

#endif
