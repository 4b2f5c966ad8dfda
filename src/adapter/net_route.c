#include "adapter/net_route.h"

#include "base/check.h"

#include <stdlib.h>

static void on_timeout(void *owner, enum net_lane lane)
{
    struct net_route *route = owner;
    if (lane == NET_LANE_URGENT)
        net_link_restart(route->links[NET_LANE_BULK]);
}

struct net_route *net_route_new(struct net_context *context, uint64_t peer,
                                const struct net_address *address)
{
    struct net_route *route = memory_zeroed(1, sizeof *route);
    route->peer = peer;
    list_init(&route->in_unflushed);
    for (int lane = 0; lane < NET_LANE_COUNT; lane++) {
        struct net_link_config config = {.peer = peer,
                                         .lane = (enum net_lane)lane,
                                         .address = address,
                                         .timed_out = on_timeout,
                                         .owner = route};
        route->links[lane] = net_link_new(context, &config);
    }
    return route;
}

bool net_route_is_ready(const struct net_route *route, enum net_lane lane)
{
    return route->links[lane]->state == NET_LINK_READY;
}

void net_route_want(struct net_route *route, enum net_lane lane)
{
    net_link_want(route->links[lane]);
}

void net_route_hand_over(struct net_route *route, struct net_connection *connection)
{
    net_link_hand_over(route->links[connection->lane], connection);
}

void net_route_send(struct net_route *route, enum net_lane lane, struct slice message)
{
    net_link_send(route->links[lane], message);
}

void net_route_flush(struct net_route *route)
{
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        net_link_flush(route->links[lane]);
}

void net_route_move(struct net_route *route, const struct net_address *address)
{
    const struct net_address *present = &route->links[NET_LANE_BULK]->address;
    if (present->port == address->port && strcmp(present->host, address->host) == 0)
        return;
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        net_link_move(route->links[lane], address);
}

void net_route_close(struct net_route *route)
{
    CHECK(list_empty(&route->in_unflushed));
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        net_link_close(route->links[lane]);
    free(route);
}
