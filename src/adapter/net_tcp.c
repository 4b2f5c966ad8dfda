#include "adapter/net_tcp.h"

#include "adapter/net_inlets.h"
#include "adapter/net_route.h"
#include "base/check.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 128 };

struct net_tcp {
    struct net_context context;
    uv_tcp_t listener;
    uv_prepare_t turn;
    uint16_t port;
    struct table routes;   // of struct net_route, by peer
    struct list unflushed; // routes to which something was sent since the last flush
    struct net_inlets inlets;
    uint8_t key[NET_KEY_BYTES_MAX];
    net_tcp_closed *closed;
    void *closed_context;
};

// Routes.

static bool route_is_to(const struct table_node *node, const void *peer)
{
    const struct net_route *route = (const struct net_route *)(const void *)node;
    return route->peer == *(const uint64_t *)peer;
}

_Static_assert(offsetof(struct net_route, in_table) == 0,
               "a table node is its route's first member");

static struct net_route *route_of(struct table_node *node)
{
    return (struct net_route *)(void *)node;
}

// Store ids are random numbers already, each its own hash.
static struct net_route *find_route(const struct net_tcp *net, uint64_t peer)
{
    return route_of(table_find(&net->routes, peer, route_is_to, &peer));
}

static void remove_route(struct net_tcp *net, struct net_route *route)
{
    table_remove(&net->routes, &route->in_table);
    list_remove(&route->in_unflushed);
    net_route_close(route);
}

static void set_route(struct net_tcp *net, uint64_t peer, const struct net_address *address)
{
    struct net_route *route = find_route(net, peer);
    if (route != NULL) {
        net_route_move(route, address);
    } else if (net->routes.count >= NET_ROUTES_MAX) {
        net_context_log(&net->context, LOG_WARNING,
                        "no route to peer %016" PRIx64 ": there are %u others", peer,
                        NET_ROUTES_MAX);
    } else {
        route = net_route_new(&net->context, peer, address);
        table_add(&net->routes, &route->in_table, peer);
    }
}

// The operations of the port.

static void net_tcp_route(void *self, uint64_t peer, const char *text)
{
    struct net_tcp *net = self;
    struct net_address address;
    if (text != NULL && net_address_parse(text, &address) == ERR_OK && address.port != 0) {
        set_route(net, peer, &address);
        return;
    }
    if (text != NULL)
        net_context_log(&net->context, LOG_WARNING,
                        "no route to peer %016" PRIx64 ": '%.*s' is not host:port", peer,
                        NET_HOST_BYTES_MAX, text);
    struct net_route *route = find_route(net, peer);
    if (route != NULL)
        remove_route(net, route);
}

static void net_tcp_send(void *self, uint64_t peer, enum net_lane lane, struct slice message)
{
    struct net_tcp *net = self;
    CHECK(message.length >= 1 && message.length <= MESSAGE_BYTES_MAX && lane < NET_LANE_COUNT);
    struct net_route *route = find_route(net, peer);
    bool ready = route != NULL && net_route_is_ready(route, lane);
    bool answers = !ready && net_inlets_send(&net->inlets, peer, lane, message);
    if (route == NULL) {
        net->context.counters.messages_dropped += !answers;
        return;
    }
    if (answers)
        net_route_want(route, lane);
    else
        net_route_send(route, lane, message);
    if (list_empty(&route->in_unflushed))
        list_append(&net->unflushed, &route->in_unflushed);
}

// What waited until the peer could be reached goes to it over the connection that it made, unless
// there is an own one by now, which has what waited.
static void on_inlet_opened(void *owner, struct net_connection *connection)
{
    struct net_tcp *net = owner;
    struct net_route *route = find_route(net, net_connection_peer(connection));
    if (route == NULL)
        return;
    net_route_hand_over(route, connection);
    net_connection_flush(connection);
}

static void net_tcp_flush(void *self)
{
    struct net_tcp *net = self;
    struct list *node;
    while ((node = list_take_first(&net->unflushed)) != NULL)
        net_route_flush(LIST_ITEM(node, struct net_route, in_unflushed));
    net_inlets_flush(&net->inlets);
}

static const struct net_ops net_tcp_ops = {
    .send = net_tcp_send,
    .route = net_tcp_route,
    .flush = net_tcp_flush,
};

struct net net_tcp_port_ops(struct net_tcp *net)
{
    return (struct net){.ops = &net_tcp_ops, .self = net};
}

uint16_t net_tcp_port(const struct net_tcp *net)
{
    return net->port;
}

struct net_tcp_counters net_tcp_counters(const struct net_tcp *net)
{
    return net->context.counters;
}

// Turns of the loop.

static void on_turn(uv_prepare_t *handle)
{
    struct net_tcp *net = handle->data;
    net->context.turn++;
}

static void begin_turns(struct net_tcp *net)
{
    CHECK(uv_prepare_init(net->context.loop, &net->turn) == 0);
    net->turn.data = net;
    net_context_part_begun(&net->context);
    CHECK(uv_prepare_start(&net->turn, on_turn) == 0);
}

// Listening.

static void on_connection(uv_stream_t *listener, int status)
{
    struct net_tcp *net = listener->data;
    if (status == 0)
        net_inlets_accept(&net->inlets, listener);
    else
        net_context_log(&net->context, LOG_WARNING, "cannot accept a connection: %s",
                        uv_strerror(status));
}

static enum err resolve_now(uv_loop_t *loop, const struct net_address *address,
                            struct sockaddr_storage *out, struct errmsg *detail)
{
    if (net_address_is_literal(address, out))
        return ERR_OK;
    char port[6];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    uv_getaddrinfo_t request;
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int status = uv_getaddrinfo(loop, &request, NULL, address->host, port, &hints);
    if (status != 0)
        return errmsg_set(detail, ERR_NETWORK, "cannot resolve '%s': %s", address->host,
                          uv_strerror(status));
    memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(request.addrinfo);
    return ERR_OK;
}

static socklen_t address_length(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

// A listening socket, made before libuv has any part in it, so that a failure leaves nothing to
// close later.
static enum err listen_at(const struct sockaddr_storage *address, int *out, uint16_t *port)
{
    int on = 1;
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    int listener = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(listener, (const struct sockaddr *)address, address_length(address)) == 0 &&
        listen(listener, LISTEN_BACKLOG) == 0 &&
        getsockname(listener, (struct sockaddr *)&bound, &length) == 0) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&bound;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&bound;
        *port = ntohs(bound.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
        *out = listener;
        return ERR_OK;
    }
    int why = errno;
    if (listener >= 0)
        close(listener);
    errno = why;
    return ERR_NETWORK;
}

static enum err open_listener(const struct net_tcp_config *config, int *out, uint16_t *port,
                              struct errmsg *detail)
{
    struct net_address address;
    struct sockaddr_storage resolved;
    if (net_address_parse(config->listen_address, &address) != ERR_OK)
        return errmsg_set(detail, ERR_INVALID, "'%.*s' is not host:port or [host]:port",
                          NET_HOST_BYTES_MAX, config->listen_address);
    enum err e = resolve_now(config->loop, &address, &resolved, detail);
    if (e == ERR_OK && listen_at(&resolved, out, port) != ERR_OK)
        e = errmsg_set(detail, ERR_NETWORK, "cannot listen at %.*s: %s", NET_HOST_BYTES_MAX,
                       config->listen_address, strerror(errno));
    return e;
}

// Opening and closing.

static void on_all_closed(struct net_context *context)
{
    struct net_tcp *net = (struct net_tcp *)(void *)context;
    net_tcp_closed *closed = net->closed;
    void *closed_context = net->closed_context;
    table_release(&net->routes);
    gnutls_memset(net->key, 0, sizeof net->key);
    free(net);
    if (closed != NULL)
        closed(closed_context);
}

_Static_assert(offsetof(struct net_tcp, context) == 0, "a context is its net's first member");

// libuv writes to sockets in the way that raises SIGPIPE.
static void ignore_broken_pipes(void)
{
    struct sigaction present;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
        CHECK(sigaction(SIGPIPE, &ignored, NULL) == 0);
}

static struct net_tcp *net_new(const struct net_tcp_config *config)
{
    struct net_tcp *net = memory_zeroed(1, sizeof *net);
    struct net_context *context = &net->context;
    net_context_init(context, config->loop);
    memcpy(net->key, config->key.bytes, config->key.length);
    context->key = slice_of(net->key, config->key.length);
    context->store_id = config->store_id;
    context->outlets_max = config->outlets_max > 0 ? config->outlets_max : NET_OUTLETS_MAX;
    context->inlets_max = config->inlets_max > 0 ? config->inlets_max : NET_INLETS_MAX;
    context->receive = config->receive;
    context->receive_context = config->context;
    context->all_closed = on_all_closed;
    rng_init(&context->rng, config->store_id ^ uv_hrtime());
    table_init(&net->routes);
    list_init(&net->unflushed);
    net_inlets_init(&net->inlets, context, on_inlet_opened, net);
    return net;
}

enum err net_tcp_open(const struct net_tcp_config *config, struct net_tcp **out,
                      struct errmsg *detail)
{
    CHECK(config->store_id != PEER_SEED && config->receive != NULL);
    if (config->key.length < NET_KEY_BYTES_MIN || config->key.length > NET_KEY_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID,
                          "the cluster key must have %d to %d bytes, this one has %zu",
                          NET_KEY_BYTES_MIN, NET_KEY_BYTES_MAX, config->key.length);
    int listener;
    uint16_t port;
    enum err e = open_listener(config, &listener, &port, detail);
    if (e != ERR_OK)
        return e;
    ignore_broken_pipes();
    struct net_tcp *net = net_new(config);
    net->port = port;
    begin_turns(net);
    CHECK(uv_tcp_init(config->loop, &net->listener) == 0);
    net->listener.data = net;
    net_context_part_begun(&net->context);
    int status = uv_tcp_open(&net->listener, listener);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&net->listener, LISTEN_BACKLOG, on_connection);
    // The socket listens already; only our own misuse of libuv could fail here.
    CHECK(status == 0);
    *out = net;
    return ERR_OK;
}

static void on_part_closed(uv_handle_t *handle)
{
    struct net_tcp *net = handle->data;
    net_context_part_ended(&net->context);
}

void net_tcp_close(struct net_tcp *net, net_tcp_closed *closed, void *context)
{
    CHECK(!net->context.closing);
    net->context.closing = true;
    net->closed = closed;
    net->closed_context = context;
    uv_close((uv_handle_t *)&net->listener, on_part_closed);
    uv_close((uv_handle_t *)&net->turn, on_part_closed);
    net_inlets_clear(&net->inlets);
    struct table_node *node;
    while ((node = table_first(&net->routes)) != NULL)
        remove_route(net, route_of(node));
}
