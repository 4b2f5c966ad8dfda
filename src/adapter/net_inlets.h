// The ways in: every connection that this node accepted.
//
// Invariants
//  1. Every inlet is in exactly one list: `unproven` (in its handshake, oldest first) or `proven`
//     (the one that brought nothing for longest first).
//  2. There is at most one proven inlet for a store id and a lane: a newer one replaces it.
//  3. unproven_count <= NET_INLETS_UNPROVEN_MAX, proven_count <= the context's inlets_max; where
//     there is one more, the first of its list is closed.
#ifndef BRUSIO_ADAPTER_NET_INLETS_H
#define BRUSIO_ADAPTER_NET_INLETS_H

#include "adapter/net_connection.h"
#include "base/list.h"

struct net_inlets {
    struct net_context *context;
    struct list unproven;
    struct list proven;
    unsigned unproven_count;
    unsigned proven_count;
};

// Borrows `context`. Owns nothing until the first connection.
void net_inlets_init(struct net_inlets *inlets, struct net_context *context);

// Accepts the connection that waits at `listener`. Its messages go to the context's receiver.
void net_inlets_accept(struct net_inlets *inlets, uv_stream_t *listener);

// Closes all of them.
void net_inlets_clear(struct net_inlets *inlets);

#endif
