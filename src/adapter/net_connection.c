#include "adapter/net_connection_parts.h"

#include "base/check.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEEPALIVE_S = 10,
    // The greatest answer of a handshake step.
    ANSWER_BYTES_MAX = NET_HELLO_BYTES + NET_PROOF_BYTES
};

static void let_go(struct net_connection *connection)
{
    CHECK(connection->held > 0);
    connection->held--;
    if (connection->held > 0)
        return;
    struct net_context *context = connection->context;
    net_frames_release(&connection->input);
    net_outbox_release(&connection->filling);
    net_outbox_release(&connection->sending);
    free(connection);
    net_context_part_ended(context);
}

static void on_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void net_connection_close(struct net_connection *connection)
{
    CHECK(!connection->closing);
    connection->closing = true;
    net_connection_drop_queued(connection);
    if (connection->resolving)
        (void)uv_cancel((uv_req_t *)&connection->resolve); // too late to cancel: it ends by itself
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
    uv_close((uv_handle_t *)&connection->deadline, on_closed);
}

void net_connection_lose(struct net_connection *connection, enum err error, const char *format, ...)
{
    if (connection->closing)
        return;
    char text[ERRMSG_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    net_connection_close(connection);
    connection->events->lost(connection->owner, error, text);
}

void net_connection_lose_by_status(struct net_connection *connection, int status)
{
    net_connection_lose(connection, status == UV_ETIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "%s",
                        uv_strerror(status));
}

static void on_deadline(uv_timer_t *timer)
{
    struct net_connection *connection = timer->data;
    if (connection->dial_status != 0)
        net_connection_lose_by_status(connection, connection->dial_status);
    else
        net_connection_lose(connection, ERR_TIMEOUT, "no connection, or no handshake, within %u ms",
                            connection->deadline_ms);
}

static void set_deadline(struct net_connection *connection, unsigned ms)
{
    connection->deadline_ms = ms;
    CHECK(uv_timer_start(&connection->deadline, on_deadline, ms, 0) == 0);
}

static struct net_connection *
connection_new(struct net_context *context, const struct net_connection_events *events, void *owner)
{
    struct net_connection *connection = memory_zeroed(1, sizeof *connection);
    connection->context = context;
    connection->events = events;
    connection->owner = owner;
    connection->lane = NET_LANE_BULK;
    net_frames_init(&connection->input);
    net_outbox_init(&connection->filling);
    net_outbox_init(&connection->sending);
    CHECK(uv_tcp_init(context->loop, &connection->tcp) == 0);
    CHECK(uv_timer_init(context->loop, &connection->deadline) == 0);
    connection->tcp.data = connection;
    connection->deadline.data = connection;
    connection->resolve.data = connection;
    connection->connect.data = connection;
    connection->write.data = connection;
    connection->held = 2;
    net_context_part_begun(context);
    return connection;
}

bool net_connection_ready(const struct net_connection *connection)
{
    return !connection->closing && connection->handshake.state == NET_HANDSHAKE_DONE;
}

uint64_t net_connection_peer(const struct net_connection *connection)
{
    CHECK(net_connection_ready(connection));
    return connection->handshake.other.store_id;
}

void net_connection_describe(const struct net_connection *connection,
                             char text[NET_ADDRESS_TEXT_BYTES])
{
    net_address_format((const struct sockaddr *)&connection->other_end, text);
}

// Reading: the handshake first, then frames.

// How much may be read now: what is urgent always.
static size_t read_bytes_max(struct net_connection *connection)
{
    const struct net_context *context = connection->context;
    if (connection->lane == NET_LANE_URGENT)
        return NET_READ_BYTES_MAX;
    if (connection->read_turn != context->turn) {
        size_t share = 0;
        if (connection->handshake.role == NET_ACCEPTOR && context->bulk_inlets > 0)
            share = NET_TURN_BYTES_MAX / context->bulk_inlets;
        connection->read_turn = context->turn;
        connection->read_left = share < NET_READ_BYTES_MAX ? NET_READ_BYTES_MAX : share;
    }
    return connection->read_left < NET_READ_BYTES_MAX ? connection->read_left : NET_READ_BYTES_MAX;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct net_connection *connection = handle->data;
    size_t length;
    if (!net_connection_ready(connection))
        length = net_handshake_wanted(&connection->handshake) - net_frames_left(&connection->input);
    else
        length = read_bytes_max(connection);
    // Without room libuv turns to the next connection, and comes back in the next turn.
    if (length == 0)
        *out = uv_buf_init(NULL, 0);
    else
        *out = uv_buf_init((char *)net_frames_room(&connection->input, length), (unsigned)length);
}

// How long what was sent may stay unacknowledged; by its lane, so an acceptor's first bound is only
// good for the handshake.
static void bound_silence(struct net_connection *connection)
{
    // Without it the retransmission timer, which doubles all through an outage, would delay
    // everything long after the outage's end.
    uv_os_fd_t socket;
    unsigned vanished_ms =
        connection->lane == NET_LANE_URGENT ? NET_VANISHED_URGENT_MS : NET_VANISHED_BULK_MS;
    if (uv_fileno((const uv_handle_t *)&connection->tcp, &socket) == 0)
        (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_ms, sizeof vanished_ms);
}

// A handshake message is far smaller than a fresh socket's buffer, so one attempt takes it whole.
static bool write_at_once(struct net_connection *connection, const struct buf *bytes)
{
    uv_buf_t piece = uv_buf_init((char *)bytes->bytes, (unsigned)bytes->length);
    return bytes->length == 0 ||
           uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1) == (int)bytes->length;
}

static void take_handshake(struct net_connection *connection)
{
    struct net_handshake *handshake = &connection->handshake;
    size_t wanted = net_handshake_wanted(handshake);
    if (net_frames_left(&connection->input) < wanted)
        return;
    struct buf answer;
    struct errmsg detail = {.text = ""};
    buf_init(&answer, ANSWER_BYTES_MAX);
    enum err e = net_handshake_step(handshake, net_frames_take(&connection->input, wanted), &answer,
                                    &detail);
    bool written = write_at_once(connection, &answer);
    buf_release(&answer);
    if (e != ERR_OK) {
        connection->context->counters.refused++;
        net_connection_lose(connection, e, "%s", detail.text);
    } else if (!written) {
        net_connection_lose(connection, ERR_NETWORK, "the connection broke during the handshake");
    } else if (handshake->state == NET_HANDSHAKE_DONE) {
        uv_timer_stop(&connection->deadline);
        connection->lane = net_handshake_lane(handshake);
        bound_silence(connection);
        connection->events->ready(connection->owner);
    }
}

static void take_frames(struct net_connection *connection)
{
    struct net_tcp_counters *counters = &connection->context->counters;
    // A receiver may close this very connection, or the whole net.
    while (!connection->closing) {
        struct slice message;
        enum err e = net_frames_next(&connection->input, &message);
        if (e == ERR_RETRY)
            return;
        if (e != ERR_OK) {
            net_connection_lose(connection, ERR_INVALID, "it sent a message of impossible length");
            return;
        }
        counters->messages_in++;
        connection->events->message(connection->owner, message);
    }
}

static void on_end(struct net_connection *connection, int status)
{
    const struct net_handshake *handshake = &connection->handshake;
    if (handshake->state == NET_HANDSHAKE_PROOF && handshake->role == NET_INITIATOR) {
        connection->context->counters.refused++;
        net_connection_lose(
            connection, ERR_DENIED,
            "it closed the connection at the proof: is the cluster key the same there?");
    } else if (status == UV_EOF) {
        net_connection_lose(connection, ERR_NETWORK, "the other side closed the connection");
    } else {
        net_connection_lose_by_status(connection, status);
    }
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
    (void)room;
    struct net_connection *connection = stream->data;
    if (connection->closing || length == 0 || length == UV_ENOBUFS)
        return;
    if (length < 0) {
        on_end(connection, (int)length);
        return;
    }
    net_frames_added(&connection->input, (size_t)length);
    if (!net_connection_ready(connection)) {
        take_handshake(connection);
    } else {
        connection->context->counters.bytes_in += (uint64_t)length;
        if (connection->lane == NET_LANE_BULK)
            connection->read_left -= (size_t)length;
        take_frames(connection);
    }
}

// Beginning.

static void set_options(struct net_connection *connection)
{
    // None of these decides whether the connection works, so failures are let pass.
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    (void)uv_tcp_keepalive(&connection->tcp, 1, KEEPALIVE_S);
    int length = sizeof connection->other_end;
    (void)uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&connection->other_end, &length);
    bound_silence(connection);
}

static enum err begin(struct net_connection *connection, enum net_role role, uint64_t expected)
{
    struct net_context *context = connection->context;
    struct buf hello;
    buf_init(&hello, ANSWER_BYTES_MAX);
    set_options(connection);
    set_deadline(connection, NET_HANDSHAKE_MS_MAX);
    enum err e = net_handshake_begin(&connection->handshake, role, connection->lane,
                                     context->store_id, expected, context->key, &hello);
    if (e == ERR_OK && !write_at_once(connection, &hello))
        e = ERR_NETWORK;
    if (e == ERR_OK && uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_read) != 0)
        e = ERR_NETWORK;
    buf_release(&hello);
    return e;
}

struct net_connection *net_connection_accept(struct net_context *context, uv_stream_t *listener,
                                             const struct net_connection_events *events,
                                             void *owner)
{
    struct net_connection *connection = connection_new(context, events, owner);
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) == 0 &&
        begin(connection, NET_ACCEPTOR, 0) == ERR_OK)
        return connection;
    net_connection_close(connection);
    return NULL;
}

static void on_connected(uv_connect_t *request, int status)
{
    struct net_connection *connection = request->data;
    if (connection->closing)
        return;
    if (status != 0)
        net_connection_lose_by_status(connection, status);
    else if (begin(connection, NET_INITIATOR, connection->handshake.expected) != ERR_OK)
        net_connection_lose(connection, ERR_NETWORK, "the handshake could not begin");
}

static void connect_to(struct net_connection *connection, const struct sockaddr *address)
{
    int status = uv_tcp_connect(&connection->connect, &connection->tcp, address, on_connected);
    if (status != 0)
        net_connection_lose_by_status(connection, status);
    else
        set_deadline(connection, NET_CONNECT_MS_MAX);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct net_connection *connection = request->data;
    connection->resolving = false;
    if (!connection->closing && (status != 0 || found == NULL)) {
        net_connection_lose(connection, ERR_NETWORK, "%s",
                            status != 0 ? uv_strerror(status) : "the name has no address");
    } else if (!connection->closing) {
        unsigned count = 0;
        for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
            count++;
        const struct addrinfo *chosen = found;
        for (unsigned i = connection->attempt % count; i > 0; i--)
            chosen = chosen->ai_next;
        connect_to(connection, chosen->ai_addr);
    }
    uv_freeaddrinfo(found);
    let_go(connection);
}

// Looks a name up; on_resolved goes on.
static int resolve(struct net_connection *connection, const struct net_address *address)
{
    char port[6];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int status = uv_getaddrinfo(connection->context->loop, &connection->resolve, on_resolved,
                                address->host, port, &hints);
    if (status == 0) {
        connection->resolving = true;
        connection->held++;
    }
    return status;
}

struct net_connection *net_connection_dial(struct net_context *context,
                                           const struct net_address *address, unsigned attempt,
                                           enum net_lane lane, uint64_t expected,
                                           const struct net_connection_events *events, void *owner)
{
    struct net_connection *connection = connection_new(context, events, owner);
    connection->attempt = attempt;
    connection->lane = lane;
    connection->handshake.expected = expected;
    struct sockaddr_storage literal;
    bool is_literal = net_address_is_literal(address, &literal);
    if (is_literal)
        connection->dial_status = uv_tcp_connect(&connection->connect, &connection->tcp,
                                                 (const struct sockaddr *)&literal, on_connected);
    else
        connection->dial_status = resolve(connection, address);
    // A failure on the spot is told from the loop, as all others are.
    if (connection->dial_status != 0)
        set_deadline(connection, 0);
    else
        set_deadline(connection, is_literal ? NET_CONNECT_MS_MAX : NET_RESOLVE_MS_MAX);
    return connection;
}
