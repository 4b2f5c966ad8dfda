#include "adapter/net_inlets.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct inlet {
    struct list in_inlets;
    struct net_inlets *inlets;
    struct net_connection *connection;
    uint64_t peer; // 0 while unproven
    enum net_lane lane;
};

static struct inlet *inlet_of(struct list *node)
{
    return LIST_ITEM(node, struct inlet, in_inlets);
}

static void forget(struct inlet *inlet)
{
    struct net_inlets *inlets = inlet->inlets;
    list_remove(&inlet->in_inlets);
    if (inlet->peer != 0) {
        inlets->proven_count--;
        if (inlet->lane == NET_LANE_BULK)
            inlets->context->bulk_inlets--;
        inlets->context->counters.accepted--;
    } else {
        inlets->unproven_count--;
    }
    free(inlet);
}

static void close_inlet(struct inlet *inlet)
{
    net_connection_close(inlet->connection);
    forget(inlet);
}

static struct inlet *find_proven(const struct net_inlets *inlets, uint64_t peer, enum net_lane lane)
{
    for (struct list *node = inlets->proven.next; node != &inlets->proven; node = node->next)
        if (inlet_of(node)->peer == peer && inlet_of(node)->lane == lane)
            return inlet_of(node);
    return NULL;
}

static void on_ready(void *owner)
{
    struct inlet *inlet = owner;
    struct net_inlets *inlets = inlet->inlets;
    uint64_t peer = inlet->connection->handshake.other.store_id;
    enum net_lane lane = net_handshake_lane(&inlet->connection->handshake);
    struct inlet *older = find_proven(inlets, peer, lane);
    if (older != NULL)
        close_inlet(older);
    if (inlets->proven_count >= inlets->context->inlets_max)
        close_inlet(inlet_of(inlets->proven.next));
    inlets->unproven_count--;
    list_remove(&inlet->in_inlets);
    list_append(&inlets->proven, &inlet->in_inlets);
    inlets->proven_count++;
    inlet->peer = peer;
    inlet->lane = lane;
    if (lane == NET_LANE_BULK)
        inlets->context->bulk_inlets++;
    inlets->context->counters.accepted++;
}

static void on_message(void *owner, struct slice message)
{
    struct inlet *inlet = owner;
    struct net_context *context = inlet->inlets->context;
    list_remove(&inlet->in_inlets);
    list_append(&inlet->inlets->proven, &inlet->in_inlets);
    context->receive(context->receive_context, inlet->peer, message);
}

// Ends that are no one's fault are ordinary: the peer tells its side, and a port scan deserves no
// line.
static void on_lost(void *owner, enum err error, const char *detail)
{
    struct inlet *inlet = owner;
    bool ordinary = error == ERR_NETWORK || error == ERR_TIMEOUT || error == ERR_EXISTS;
    char from[NET_ADDRESS_TEXT_BYTES];
    net_connection_describe(inlet->connection, from);
    if (inlet->peer != 0)
        net_context_log(inlet->inlets->context, ordinary ? LOG_DEBUG : LOG_WARNING,
                        "from peer %016" PRIx64 " at %s: %s", inlet->peer, from, detail);
    else if (!ordinary)
        net_context_log(inlet->inlets->context, LOG_WARNING, "refused a connection from %s: %s",
                        from, detail);
    forget(inlet);
}

static const struct net_connection_events inlet_events = {
    .ready = on_ready,
    .message = on_message,
    .lost = on_lost,
};

void net_inlets_init(struct net_inlets *inlets, struct net_context *context)
{
    *inlets = (struct net_inlets){.context = context};
    list_init(&inlets->unproven);
    list_init(&inlets->proven);
}

void net_inlets_accept(struct net_inlets *inlets, uv_stream_t *listener)
{
    // An honest handshake takes milliseconds, so whoever has been at it the longest is the least
    // likely one.
    if (inlets->unproven_count >= NET_INLETS_UNPROVEN_MAX)
        close_inlet(inlet_of(inlets->unproven.next));
    struct inlet *inlet = memory_zeroed(1, sizeof *inlet);
    inlet->inlets = inlets;
    inlet->connection = net_connection_accept(inlets->context, listener, &inlet_events, inlet);
    if (inlet->connection == NULL) {
        free(inlet);
        return;
    }
    list_append(&inlets->unproven, &inlet->in_inlets);
    inlets->unproven_count++;
}

void net_inlets_clear(struct net_inlets *inlets)
{
    while (!list_empty(&inlets->unproven))
        close_inlet(inlet_of(inlets->unproven.next));
    while (!list_empty(&inlets->proven))
        close_inlet(inlet_of(inlets->proven.next));
}
