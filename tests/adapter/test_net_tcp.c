#include "adapter/net_tcp.h"

#include "base/random.h"
#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void test_net_tcp__delivers_messages_in_order_both_ways(void **state)
{
    (void)state;
    enum { MESSAGES = 10000, PER_TURN = 100 };
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    struct rng rng;
    rng_init(&rng, 1);
    testbed_start_pair(&bed, &a, &b);
    testbed_send_numbered(&a, ID_B, 0, 8);
    testbed_send_numbered(&b, ID_A, 0, 8);
    testbed_flush(&a);
    testbed_flush(&b);
    TESTBED_UNTIL(&bed, a.received == 1 && b.received == 1);
    for (uint64_t i = 1; i < MESSAGES; i++) {
        size_t length_max = rng_one_in(&rng, 50) ? 100000 : 500;
        testbed_send_numbered(&a, ID_B, i, 8 + (size_t)rng_below(&rng, length_max));
        testbed_send_numbered(&b, ID_A, i, 8 + (size_t)rng_below(&rng, length_max));
        if (i % PER_TURN == 0) {
            testbed_flush(&a);
            testbed_flush(&b);
            testbed_turn(&bed);
        }
    }
    testbed_flush(&a);
    testbed_flush(&b);
    TESTBED_UNTIL(&bed, a.received == MESSAGES && b.received == MESSAGES);
    assert_true(a.in_order && b.in_order);
    assert_int_equal(a.last_peer, ID_B);
    assert_int_equal(b.last_peer, ID_A);

    struct net_tcp_counters of_a = testbed_counters(&a);
    struct net_tcp_counters of_b = testbed_counters(&b);
    assert_int_equal(of_a.connected, 1);
    assert_int_equal(of_a.accepted, 1);
    assert_int_equal(of_a.messages_out, MESSAGES);
    assert_int_equal(of_a.messages_in, MESSAGES);
    assert_int_equal(of_a.messages_dropped + of_b.messages_dropped, 0);
    assert_int_equal(of_a.bytes_out, of_b.bytes_in);
    assert_int_equal(of_b.bytes_out, of_a.bytes_in);
    assert_int_equal(of_a.bytes_queued + of_b.bytes_queued, 0);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__delivers_the_greatest_message(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    // The first of them while there is no connection yet.
    for (uint64_t i = 0; i < 3; i++) {
        testbed_send_numbered(&a, ID_B, 2 * i, MESSAGE_BYTES_MAX);
        testbed_flush(&a);
        TESTBED_UNTIL(&bed, b.received == 2 * i + 1);
        testbed_send_numbered(&a, ID_B, 2 * i + 1, 9);
        testbed_flush(&a);
        TESTBED_UNTIL(&bed, b.received == 2 * i + 2);
    }
    assert_true(b.in_order);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__refuses_another_peer_at_the_address(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    testbed_route(&a, ID_C, testbed_port(&b));
    testbed_send_text(&a, ID_C, "for c alone");
    TESTBED_UNTIL(&bed, testbed_counters(&a).refused == 1);
    assert_int_equal(testbed_counters(&a).connected, 0);

    // Whoever answers is right for the seed.
    testbed_route(&a, PEER_SEED, testbed_port(&b));
    testbed_send_text(&a, PEER_SEED, "for anyone");
    TESTBED_UNTIL(&bed, b.received == 1);
    assert_true(testbed_last_is(&b, "for anyone"));
    assert_int_equal(b.last_peer, ID_A);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__does_not_talk_to_itself(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    testbed_route(&a, PEER_SEED, testbed_port(&a));
    testbed_send_text(&a, PEER_SEED, "hello?");
    TESTBED_UNTIL(&bed, testbed_counters(&a).messages_dropped == 1);
    assert_int_equal(a.received, 0);
    assert_int_equal(testbed_counters(&a).connected, 0);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_tcp__connects_again_when_the_peer_is_back(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    uint16_t port = testbed_port(&b);
    testbed_send_text(&a, ID_B, "first");
    TESTBED_UNTIL(&bed, b.received == 1);
    for (int round = 0; round < 3; round++) {
        testbed_stop(&b);
        TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 0);
        uint64_t dropped = testbed_counters(&a).messages_dropped;
        testbed_send_text(&a, ID_B, "lost with the attempt that fails for it");
        TESTBED_UNTIL(&bed, testbed_counters(&a).messages_dropped == dropped + 1);
        testbed_start(&bed, &b, ID_B, TESTBED_KEY, port);
        testbed_send_text(&a, ID_B, "waits for the next attempt");
        TESTBED_UNTIL(&bed, b.received == 1);
        assert_true(testbed_last_is(&b, "waits for the next attempt"));
        assert_int_equal(testbed_counters(&a).connected, 1);
    }
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__bounds_what_waits_for_a_connection(void **state)
{
    (void)state;
    enum { MESSAGES = 3000, LENGTH = 1020 };
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    for (uint64_t i = 0; i < MESSAGES; i++)
        testbed_send_numbered(&a, ID_B, i, LENGTH);
    uint64_t kept = NET_QUEUE_UNCONNECTED_BYTES_MAX / (LENGTH + 4);
    assert_int_equal(testbed_counters(&a).messages_dropped, MESSAGES - kept);
    assert_int_equal(testbed_counters(&a).bytes_queued, kept * (LENGTH + 4));
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, b.received == kept);
    assert_true(b.in_order);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__bounds_the_queue_to_a_slow_reader(void **state)
{
    (void)state;
    enum { MESSAGES = 100, LENGTH = 1 << 20 };
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int raw = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        testbed_send_numbered(&a, ID_RAW, i, LENGTH);
        testbed_flush(&a);
        testbed_turn(&bed);
        assert_true(testbed_counters(&a).bytes_queued <= NET_QUEUE_BYTES_MAX);
    }
    uint64_t dropped = testbed_counters(&a).messages_dropped;
    assert_in_range(dropped, MESSAGES - 64 - 16, MESSAGES - 64 + 1);

    // The reader wakes up: every message that was kept comes whole, in order, none twice.
    uint8_t head[12];
    uint8_t *rest = malloc(LENGTH);
    uint64_t number = 0;
    for (uint64_t i = 0; i < MESSAGES - dropped; i++) {
        assert_true(raw_read(&bed, raw, head, sizeof head));
        struct cursor in = cursor_of(slice_of(head, sizeof head));
        assert_int_equal(cursor_u32_be(&in), LENGTH);
        uint64_t next = cursor_u64_be(&in);
        assert_true(i == 0 || next > number);
        number = next;
        assert_true(raw_read(&bed, raw, rest, LENGTH - 8));
    }
    free(rest);
    TESTBED_UNTIL(&bed, testbed_counters(&a).bytes_queued == 0);
    assert_int_equal(testbed_counters(&a).messages_dropped, dropped);
    testbed_send_text(&a, ID_RAW, "!");
    assert_true(raw_read(&bed, raw, head, 5));
    assert_memory_equal(head, "\0\0\0\1!", 5);
    close(raw);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_tcp__drops_without_a_route(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    testbed_send_text(&a, ID_C, "to nobody");
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);

    testbed_send_text(&a, ID_B, "on its way");
    a.port.ops->route(a.port.self, ID_B, NULL);
    assert_int_equal(testbed_counters(&a).messages_dropped, 2);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    a.port.ops->route(a.port.self, ID_B, "no address");
    a.port.ops->route(a.port.self, ID_B, "127.0.0.1:0");
    testbed_send_text(&a, ID_B, "to nobody");
    assert_int_equal(testbed_counters(&a).messages_dropped, 3);

    testbed_route(&a, ID_B, testbed_port(&b));
    testbed_send_text(&a, ID_B, "to b");
    TESTBED_UNTIL(&bed, b.received == 1);
    assert_true(testbed_last_is(&b, "to b"));
    testbed_stop_pair(&bed, &a, &b);
}

static bool is_routed(struct testbed_node *node, uint64_t peer)
{
    uint64_t dropped = testbed_counters(node).messages_dropped;
    node->port.ops->send(node->port.self, peer, NET_LANE_BULK, slice_of_text("!"));
    return testbed_counters(node).messages_dropped == dropped;
}

static void test_net_tcp__has_room_again_when_a_route_goes(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    uint64_t first = UINT64_C(1) << 32;
    uint64_t last = first + NET_ROUTES_MAX - 1;
    for (uint64_t peer = first; peer <= last; peer++)
        testbed_route(&a, peer, 1);
    assert_true(is_routed(&a, first) && is_routed(&a, last));
    testbed_route(&a, last + 1, 1);
    assert_false(is_routed(&a, last + 1));
    testbed_route(&a, first, 2); // those that are there can move
    assert_true(is_routed(&a, first));
    a.port.ops->route(a.port.self, first, NULL);
    testbed_route(&a, last + 1, 1);
    assert_true(is_routed(&a, last + 1) && !is_routed(&a, first));
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_tcp__keeps_the_connection_when_the_route_stays(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    struct testbed_node moved;
    testbed_start_pair(&bed, &a, &b);
    testbed_send_text(&a, ID_B, "1");
    TESTBED_UNTIL(&bed, b.received == 1);
    testbed_route(&a, ID_B, testbed_port(&b));
    assert_int_equal(testbed_counters(&a).connected, 1);

    testbed_start(&bed, &moved, ID_B, TESTBED_KEY, 0);
    testbed_route(&a, ID_B, testbed_port(&moved));
    assert_int_equal(testbed_counters(&a).connected, 0);
    testbed_send_text(&a, ID_B, "2");
    TESTBED_UNTIL(&bed, moved.received == 1);
    assert_int_equal(b.received, 1);
    testbed_stop(&moved);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__resolves_host_names(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    char address[64];
    testbed_start_pair(&bed, &a, &b);
    snprintf(address, sizeof address, "localhost:%u", (unsigned)testbed_port(&b));
    a.port.ops->route(a.port.self, ID_B, address);
    // Should the name stand for an IPv6 address too, each has its turn.
    TESTBED_UNTIL(&bed, (testbed_send_text(&a, ID_B, "by name"), b.received > 0));
    assert_true(testbed_last_is(&b, "by name"));
    // Closed in the middle of another look-up.
    a.port.ops->route(a.port.self, ID_C, address);
    testbed_send_text(&a, ID_C, "never");
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__can_be_closed_while_it_receives(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    b.closes_on_receive = true;
    for (uint64_t i = 0; i < 10; i++)
        testbed_send_numbered(&a, ID_B, i, 100);
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, b.closed);
    assert_int_equal(b.received, 1);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_tcp__can_be_closed_while_it_sends(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int raw = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    for (uint64_t i = 0; i < 3; i++) {
        testbed_send_numbered(&a, ID_RAW, i, MESSAGE_BYTES_MAX);
        testbed_flush(&a);
    }
    assert_true(testbed_counters(&a).bytes_queued > 0);
    a.port.ops->route(a.port.self, ID_RAW, NULL);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    assert_int_equal(testbed_counters(&a).messages_dropped, 3);
    testbed_stop(&a);
    close(raw);
    close(listener);
    testbed_release(&bed);
}

static void ignore(void *context, uint64_t peer, struct slice message)
{
    (void)context;
    (void)peer;
    (void)message;
}

static void test_net_tcp__speaks_ipv6(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct net_tcp *v6 = NULL;
    struct errmsg detail;
    char address[32];
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    struct net_tcp_config config = {
        .loop = &bed.loop,
        .listen_address = "[::1]:0",
        .store_id = ID_B,
        .key = slice_of_text(TESTBED_KEY),
        .receive = ignore,
    };
    // A machine without IPv6 has nothing to test.
    if (net_tcp_open(&config, &v6, &detail) == ERR_OK) {
        snprintf(address, sizeof address, "[::1]:%u", (unsigned)net_tcp_port(v6));
        a.port.ops->route(a.port.self, ID_B, address);
        testbed_send_text(&a, ID_B, "over IPv6");
        TESTBED_UNTIL(&bed, net_tcp_counters(v6).messages_in == 1);
        net_tcp_close(v6, NULL, NULL);
    }
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_tcp__tells_why_it_cannot_open(void **state)
{
    (void)state;
    static const uint8_t key[NET_KEY_BYTES_MAX + 1];
    struct testbed bed;
    struct testbed_node a;
    struct net_tcp *net = NULL;
    struct errmsg detail = {.text = ""};
    char taken[32];
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", (unsigned)testbed_port(&a));
    const struct {
        const char *address;
        size_t key_bytes;
        enum err error;
        const char *says;
    } rows[] = {
        {taken, 16, ERR_NETWORK, "in use"},
        {"127.0.0.1", 16, ERR_INVALID, "host:port"},
        {"127.0.0.1:0", NET_KEY_BYTES_MIN - 1, ERR_INVALID, "key"},
        {"127.0.0.1:0", NET_KEY_BYTES_MAX + 1, ERR_INVALID, "key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net_tcp_config config = {
            .loop = &bed.loop,
            .listen_address = rows[i].address,
            .store_id = ID_B,
            .key = slice_of(key, rows[i].key_bytes),
            .receive = ignore,
        };
        assert_int_equal(net_tcp_open(&config, &net, &detail), rows[i].error);
        assert_non_null(strstr(detail.text, rows[i].says));
        assert_null(net);
    }
    testbed_stop(&a);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_tcp__delivers_messages_in_order_both_ways),
        cmocka_unit_test(test_net_tcp__delivers_the_greatest_message),
        cmocka_unit_test(test_net_tcp__refuses_another_peer_at_the_address),
        cmocka_unit_test(test_net_tcp__does_not_talk_to_itself),
        cmocka_unit_test(test_net_tcp__connects_again_when_the_peer_is_back),
        cmocka_unit_test(test_net_tcp__bounds_what_waits_for_a_connection),
        cmocka_unit_test(test_net_tcp__bounds_the_queue_to_a_slow_reader),
        cmocka_unit_test(test_net_tcp__drops_without_a_route),
        cmocka_unit_test(test_net_tcp__has_room_again_when_a_route_goes),
        cmocka_unit_test(test_net_tcp__keeps_the_connection_when_the_route_stays),
        cmocka_unit_test(test_net_tcp__resolves_host_names),
        cmocka_unit_test(test_net_tcp__speaks_ipv6),
        cmocka_unit_test(test_net_tcp__can_be_closed_while_it_receives),
        cmocka_unit_test(test_net_tcp__can_be_closed_while_it_sends),
        cmocka_unit_test(test_net_tcp__tells_why_it_cannot_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
