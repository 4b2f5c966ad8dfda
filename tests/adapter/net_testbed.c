#include "net_testbed.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
// cmocka wants the standard headers above before it.
#include <setjmp.h>
#include <cmocka.h>

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

void testbed_init(struct testbed *bed)
{
    assert_int_equal(uv_loop_init(&bed->loop), 0);
    assert_int_equal(uv_timer_init(&bed->loop, &bed->tick), 0);
    assert_int_equal(uv_timer_start(&bed->tick, on_tick, 1, 1), 0);
}

void testbed_release(struct testbed *bed)
{
    uv_close((uv_handle_t *)&bed->tick, NULL);
    uv_run(&bed->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&bed->loop), 0);
}

void testbed_turn(struct testbed *bed)
{
    uv_run(&bed->loop, UV_RUN_ONCE);
}

static void on_closed(void *context)
{
    struct testbed_node *node = context;
    node->closed = true;
}

static uint8_t byte_at(uint64_t number, size_t index)
{
    return (uint8_t)(number * 131 + index * 7);
}

static bool is_numbered(struct slice message, uint64_t number)
{
    struct cursor in = cursor_of(message);
    if (message.length < 8 || cursor_u64_be(&in) != number)
        return false;
    for (size_t i = 8; i < message.length; i++)
        if (message.bytes[i] != byte_at(number, i))
            return false;
    return true;
}

static void on_receive(void *context, uint64_t peer, struct slice message)
{
    struct testbed_node *node = context;
    assert_false(node->closed || node->net == NULL);
    node->received++;
    node->last_peer = peer;
    node->in_order = node->in_order && is_numbered(message, node->expected_next++);
    buf_clear(&node->last);
    buf_append_slice(&node->last, message);
    if (node->awaited != NULL && testbed_last_is(node, node->awaited))
        node->awaited_after = node->received;
    if (node->closes_on_receive) {
        net_tcp_close(node->net, on_closed, node);
        node->net = NULL;
    }
}

static void start(struct testbed *bed, struct testbed_node *node, uint64_t id, const char *key,
                  uint16_t port, unsigned connections_max)
{
    char address[32];
    struct errmsg detail = {.text = ""};
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    *node = (struct testbed_node){.bed = bed, .id = id, .in_order = true};
    buf_init(&node->last, MESSAGE_BYTES_MAX);
    struct net_tcp_config config = {
        .loop = &bed->loop,
        .listen_address = address,
        .store_id = id,
        .key = slice_of_text(key),
        .outlets_max = connections_max,
        .inlets_max = connections_max,
        .receive = on_receive,
        .context = node,
    };
    if (net_tcp_open(&config, &node->net, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    node->port = net_tcp_port_ops(node->net);
}

void testbed_start(struct testbed *bed, struct testbed_node *node, uint64_t id, const char *key,
                   uint16_t port)
{
    start(bed, node, id, key, port, 0);
}

void testbed_start_small(struct testbed *bed, struct testbed_node *node, uint64_t id,
                         unsigned connections_max)
{
    start(bed, node, id, TESTBED_KEY, 0, connections_max);
}

void testbed_stop(struct testbed_node *node)
{
    if (node->net != NULL)
        net_tcp_close(node->net, on_closed, node);
    node->net = NULL;
    TESTBED_UNTIL(node->bed, node->closed);
    buf_release(&node->last);
}

void testbed_route(struct testbed_node *from, uint64_t peer, uint16_t port)
{
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    from->port.ops->route(from->port.self, peer, address);
}

static void send_slice(struct testbed_node *from, uint64_t peer, struct slice message)
{
    from->port.ops->send(from->port.self, peer, NET_LANE_BULK, message);
}

void testbed_send_text(struct testbed_node *from, uint64_t peer, const char *text)
{
    send_slice(from, peer, slice_of_text(text));
    from->port.ops->flush(from->port.self);
}

void testbed_send_urgent_text(struct testbed_node *from, uint64_t peer, const char *text)
{
    from->port.ops->send(from->port.self, peer, NET_LANE_URGENT, slice_of_text(text));
    from->port.ops->flush(from->port.self);
}

void testbed_send_numbered(struct testbed_node *from, uint64_t peer, uint64_t number, size_t length)
{
    struct buf message;
    buf_init(&message, MESSAGE_BYTES_MAX);
    buf_append_u64_be(&message, number);
    uint8_t *rest = buf_extend(&message, length - 8);
    for (size_t i = 8; i < length; i++)
        rest[i - 8] = byte_at(number, i);
    send_slice(from, peer, buf_slice(&message));
    buf_release(&message);
}

bool testbed_last_is(const struct testbed_node *node, const char *text)
{
    return slice_equal(buf_slice(&node->last), slice_of_text(text));
}

struct net_tcp_counters testbed_counters(const struct testbed_node *node)
{
    return net_tcp_counters(node->net);
}

// Raw sockets.

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

int raw_connect(struct testbed *bed, uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(raw >= 0);
    int status = connect(raw, (const struct sockaddr *)&address, sizeof address);
    assert_true(status == 0 || errno == EINPROGRESS);
    testbed_turn(bed);
    return raw;
}

int raw_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

int raw_accept(struct testbed *bed, int listener)
{
    int raw;
    TESTBED_UNTIL(bed, (raw = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
    return raw;
}

static bool is_broken(ssize_t status)
{
    return status < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOTCONN;
}

bool raw_read(struct testbed *bed, int raw, uint8_t *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t status = -1;
        TESTBED_UNTIL(bed, (status = recv(raw, bytes + done, length - done, 0)) >= 0 ||
                               is_broken(status));
        if (status <= 0)
            return false;
        done += (size_t)status;
    }
    return true;
}

bool raw_write(struct testbed *bed, int raw, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;
    while (length > 0) {
        ssize_t status = -1;
        TESTBED_UNTIL(bed,
                      (status = send(raw, next, length, MSG_NOSIGNAL)) >= 0 || is_broken(status));
        if (status < 0)
            return false;
        next += status;
        length -= (size_t)status;
    }
    return true;
}

bool raw_write_frame(struct testbed *bed, int raw, const char *text)
{
    struct buf frame;
    buf_init(&frame, MESSAGE_BYTES_MAX);
    buf_append_u32_be(&frame, (uint32_t)strlen(text));
    buf_append_slice(&frame, slice_of_text(text));
    bool written = raw_write(bed, raw, frame.bytes, frame.length);
    buf_release(&frame);
    return written;
}

bool raw_is_ended(struct testbed *bed, int raw)
{
    uint8_t byte;
    return !raw_read(bed, raw, &byte, 1);
}

bool raw_handshake_in_lane(struct testbed *bed, int raw, enum net_role role, enum net_lane lane,
                           uint64_t id, const char *key)
{
    struct net_handshake handshake;
    struct buf out;
    buf_init(&out, 1024);
    enum err e = net_handshake_begin(&handshake, role, lane, id, 0, slice_of_text(key), &out);
    bool whole = true;
    while (e == ERR_OK && whole) {
        uint8_t input[NET_HELLO_BYTES];
        size_t wanted = net_handshake_wanted(&handshake);
        whole = raw_write(bed, raw, out.bytes, out.length);
        buf_clear(&out);
        if (wanted == 0)
            break;
        whole = whole && raw_read(bed, raw, input, wanted);
        if (whole)
            e = net_handshake_step(&handshake, slice_of(input, wanted), &out, NULL);
    }
    buf_release(&out);
    return whole && e == ERR_OK;
}

bool raw_handshake(struct testbed *bed, int raw, enum net_role role, uint64_t id, const char *key)
{
    return raw_handshake_in_lane(bed, raw, role, NET_LANE_BULK, id, key);
}

// Whole scenes.

void testbed_flush(struct testbed_node *node)
{
    node->port.ops->flush(node->port.self);
}

uint16_t testbed_port(const struct testbed_node *node)
{
    return net_tcp_port(node->net);
}

void testbed_start_pair(struct testbed *bed, struct testbed_node *a, struct testbed_node *b)
{
    testbed_init(bed);
    testbed_start(bed, a, ID_A, TESTBED_KEY, 0);
    testbed_start(bed, b, ID_B, TESTBED_KEY, 0);
    testbed_route(a, ID_B, testbed_port(b));
    testbed_route(b, ID_A, testbed_port(a));
}

void testbed_stop_pair(struct testbed *bed, struct testbed_node *a, struct testbed_node *b)
{
    testbed_stop(a);
    testbed_stop(b);
    testbed_release(bed);
}

int testbed_start_with_raw_acceptor(struct testbed *bed, struct testbed_node *a, int *listener)
{
    uint16_t port;
    testbed_init(bed);
    testbed_start(bed, a, ID_A, TESTBED_KEY, 0);
    *listener = raw_listen(&port);
    testbed_route(a, ID_RAW, port);
    testbed_send_text(a, ID_RAW, "x");
    int raw = raw_accept(bed, *listener);
    assert_true(raw_handshake(bed, raw, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    uint8_t frame[5];
    assert_true(raw_read(bed, raw, frame, sizeof frame));
    assert_memory_equal(frame, "\0\0\0\1x", 5);
    return raw;
}
