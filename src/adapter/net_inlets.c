#include "adapter/net_inlets.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct inlet {
    struct list in_inlets;
    struct list in_unflushed;
    struct table_node by_peer; // once proven
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
    list_remove(&inlet->in_unflushed);
    if (inlet->peer != 0) {
        table_remove(&inlets->by_peer, &inlet->by_peer);
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

struct wanted_inlet {
    uint64_t peer;
    enum net_lane lane;
};

static bool is_wanted(const struct table_node *node, const void *context)
{
    const struct wanted_inlet *wanted = context;
    const struct inlet *inlet = LIST_ITEM(node, struct inlet, by_peer);
    return inlet->peer == wanted->peer && inlet->lane == wanted->lane;
}

// Store ids are random numbers already, each its own hash.
static uint64_t hash_of(uint64_t peer, enum net_lane lane)
{
    return peer + (uint64_t)lane;
}

static struct inlet *find_proven(const struct net_inlets *inlets, uint64_t peer, enum net_lane lane)
{
    const struct wanted_inlet wanted = {.peer = peer, .lane = lane};
    struct table_node *node = table_find(&inlets->by_peer, hash_of(peer, lane), is_wanted, &wanted);
    return node != NULL ? LIST_ITEM(node, struct inlet, by_peer) : NULL;
}

// It carries something: others give way before it.
static void note_use(struct inlet *inlet)
{
    list_remove(&inlet->in_inlets);
    list_append(&inlet->inlets->proven, &inlet->in_inlets);
}

static void on_ready(void *owner)
{
    struct inlet *inlet = owner;
    struct net_inlets *inlets = inlet->inlets;
    uint64_t peer = net_connection_peer(inlet->connection);
    enum net_lane lane = inlet->connection->lane;
    struct inlet *older = find_proven(inlets, peer, lane);
    if (older != NULL)
        close_inlet(older);
    if (inlets->proven_count >= inlets->context->inlets_max)
        close_inlet(inlet_of(inlets->proven.next));
    inlets->unproven_count--;
    note_use(inlet);
    inlets->proven_count++;
    inlet->peer = peer;
    inlet->lane = lane;
    table_add(&inlets->by_peer, &inlet->by_peer, hash_of(peer, lane));
    if (lane == NET_LANE_BULK)
        inlets->context->bulk_inlets++;
    inlets->context->counters.accepted++;
    inlets->opened(inlets->owner, inlet->connection);
}

static void on_message(void *owner, struct slice message)
{
    struct inlet *inlet = owner;
    struct net_context *context = inlet->inlets->context;
    note_use(inlet);
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

void net_inlets_init(struct net_inlets *inlets, struct net_context *context,
                     net_inlets_opened *opened, void *owner)
{
    *inlets = (struct net_inlets){.context = context, .opened = opened, .owner = owner};
    list_init(&inlets->unproven);
    list_init(&inlets->proven);
    table_init(&inlets->by_peer);
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        list_init(&inlets->unflushed[lane]);
}

void net_inlets_accept(struct net_inlets *inlets, uv_stream_t *listener)
{
    // An honest handshake takes milliseconds, so whoever has been at it the longest is the least
    // likely one.
    if (inlets->unproven_count >= NET_INLETS_UNPROVEN_MAX)
        close_inlet(inlet_of(inlets->unproven.next));
    struct inlet *inlet = memory_zeroed(1, sizeof *inlet);
    inlet->inlets = inlets;
    list_init(&inlet->in_unflushed);
    inlet->connection = net_connection_accept(inlets->context, listener, &inlet_events, inlet);
    if (inlet->connection == NULL) {
        free(inlet);
        return;
    }
    list_append(&inlets->unproven, &inlet->in_inlets);
    inlets->unproven_count++;
}

bool net_inlets_send(struct net_inlets *inlets, uint64_t peer, enum net_lane lane,
                     struct slice message)
{
    struct inlet *inlet = find_proven(inlets, peer, lane);
    if (inlet == NULL)
        return false;
    net_connection_queue(inlet->connection, message);
    if (list_empty(&inlet->in_unflushed))
        list_append(&inlets->unflushed[lane], &inlet->in_unflushed);
    return true;
}

void net_inlets_flush(struct net_inlets *inlets)
{
    struct list *node;
    for (int lane = 0; lane < NET_LANE_COUNT; lane++) {
        while ((node = list_take_first(&inlets->unflushed[lane])) != NULL) {
            struct inlet *inlet = LIST_ITEM(node, struct inlet, in_unflushed);
            note_use(inlet);
            net_connection_flush(inlet->connection);
        }
    }
}

void net_inlets_clear(struct net_inlets *inlets)
{
    while (!list_empty(&inlets->unproven))
        close_inlet(inlet_of(inlets->unproven.next));
    while (!list_empty(&inlets->proven))
        close_inlet(inlet_of(inlets->proven.next));
    table_release(&inlets->by_peer);
}
