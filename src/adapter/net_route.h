// The own ways to one peer: a link for each lane.
//
// Invariants
//  1. Both links lead to the same address and expect the same store id.
//  2. When the urgent link times out, the bulk one is restarted: it leads to the same machine, and
//     its own notice would come later.
#ifndef BRUSIO_ADAPTER_NET_ROUTE_H
#define BRUSIO_ADAPTER_NET_ROUTE_H

#include "adapter/net_link.h"
#include "base/list.h"
#include "base/table.h"

struct net_route {
    struct table_node in_table; // its maker's
    struct list in_unflushed;   // its maker's
    uint64_t peer;
    struct net_link *links[NET_LANE_COUNT];
};

// Gives a route to be ended by net_route_close.
struct net_route *net_route_new(struct net_context *context, uint64_t peer,
                                const struct net_address *address);

// Whether what is sent now has a connection.
bool net_route_is_ready(const struct net_route *route, enum net_lane lane);

// Says that something for the peer goes over a connection that it made, and hands what waits for
// the link to one that it made just now.
void net_route_want(struct net_route *route, enum net_lane lane);
void net_route_hand_over(struct net_route *route, struct net_connection *connection);

// Queues a copy of the message, or drops and counts it.
void net_route_send(struct net_route *route, enum net_lane lane, struct slice message);

// Writes what is queued, urgent messages first, or begins to connect for it.
void net_route_flush(struct net_route *route);

// Goes over to another address, dropping the queues; the same address changes nothing.
void net_route_move(struct net_route *route, const struct net_address *address);

// Drops the queues, closes the links and frees the route, which must be in no list or table any
// more.
void net_route_close(struct net_route *route);

#endif
