// Messages between nodes.
//
// Promise
//  1. A message arrives whole or not at all. Messages may be lost; what arrives from one peer in
//     one lane, over one connection, arrives in the order of sending. (The cores assume less: they
//     survive reordering and duplication too.)
//  2. Who sent it is proven: the peer knows the cluster key and named its store id.
//  3. What is queued for one peer is bounded, for each lane by itself; past the bound new messages
//     are dropped and counted.
//  4. A peer that cannot be connected to is sent messages over the connections that it made, each
//     in the lane that it made it for, while they last.
//  5. An urgent message never waits behind bulk ones, neither here, nor in an operating system's
//     buffer, nor at the receiver for longer than one turn of its event loop. It may overtake them.
//
// Peers are named by store id. Everything is called from the event loop's thread.
#ifndef BRUSIO_PORT_NET_H
#define BRUSIO_PORT_NET_H

#include "base/err.h"
#include "base/slice.h"

#define MESSAGE_BYTES_MAX (16u << 20)
// Peers that have a route at the same time, PEER_SEED among them; one more gets none.
#define NET_ROUTES_MAX (16u << 10)

// A name for "whoever answers at the address that I was given", before its store id is known.
#define PEER_SEED UINT64_C(0)

enum net_lane {
    NET_LANE_URGENT, // few and small: what a peer must hear in time, however much data is under way
    NET_LANE_BULK,   // all else
    NET_LANE_COUNT
};

struct net_ops {
    // Queues a message (1 to MESSAGE_BYTES_MAX bytes, copied). With neither a route to the peer nor
    // a connection from it, it is dropped.
    void (*send)(void *net, uint64_t peer, enum net_lane lane, struct slice message);

    // Sets where a peer can be connected to ("host:port"; NULL: nowhere any more, and what was
    // queued for there is dropped). Connections are made when needed and kept; setting the same
    // address again changes nothing.
    void (*route)(void *net, uint64_t peer, const char *address);

    // Writes what was queued since the last flush; called once at the end of each turn of the event
    // loop.
    void (*flush)(void *net);
};

struct net {
    const struct net_ops *ops;
    void *self;
};

// What the maker of a net is called with; `message` is borrowed for the call.
typedef void net_receive(void *context, uint64_t peer, struct slice message);

#endif
