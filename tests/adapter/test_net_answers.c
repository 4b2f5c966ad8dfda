// Messages to peers that cannot be connected to: over the connections that they made.
#include "adapter/net_inlets.h"
#include "adapter/net_link.h"

#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

// A port at which nobody listens.
static uint16_t dead_port(void)
{
    uint16_t port;
    close(raw_listen(&port));
    return port;
}

// A raw peer's connection to a node, proven.
static int connect_raw(struct testbed *bed, const struct testbed_node *node, enum net_lane lane)
{
    uint64_t before = testbed_counters(node).accepted;
    int raw = raw_connect(bed, testbed_port(node));
    assert_true(raw_handshake_in_lane(bed, raw, NET_INITIATOR, lane, ID_RAW, TESTBED_KEY));
    TESTBED_UNTIL(bed, testbed_counters(node).accepted == before + 1);
    return raw;
}

// Reads one frame, which must be this text.
static void expect_frame(struct testbed *bed, int raw, const char *text)
{
    uint8_t frame[4 + 32];
    size_t length = strlen(text);
    assert_true(length <= 32 && raw_read(bed, raw, frame, 4 + length));
    assert_memory_equal(frame, ((uint8_t[]){0, 0, 0, (uint8_t)length}), 4);
    assert_memory_equal(frame + 4, text, length);
}

static void test_net_answers__reach_a_peer_whose_address_is_dead(void **state)
{
    (void)state;
    enum { MESSAGES = 5000, PER_TURN = 50, LENGTH = 600 };
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    testbed_route(&a, ID_B, dead_port());
    testbed_send_text(&b, ID_A, "is there anything?");
    TESTBED_UNTIL(&bed, a.received == 1);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        testbed_send_numbered(&a, ID_B, i, LENGTH);
        if (i % PER_TURN == 0) {
            testbed_flush(&a);
            testbed_turn(&bed);
        }
    }
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, b.received == MESSAGES);
    assert_true(b.in_order);
    assert_int_equal(b.last_peer, ID_A);
    assert_int_equal(testbed_counters(&a).messages_dropped, 0);
    assert_int_equal(testbed_counters(&a).messages_out, MESSAGES);
    assert_int_equal(testbed_counters(&a).bytes_out, testbed_counters(&b).bytes_in);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    assert_int_equal(testbed_counters(&a).connected, 0);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_answers__reach_a_peer_without_a_route(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    a.port.ops->route(a.port.self, ID_B, NULL);
    b.port.ops->route(b.port.self, ID_A, NULL);
    // It knows no more than where somebody is; and learns who.
    testbed_route(&b, PEER_SEED, testbed_port(&a));
    testbed_send_text(&b, PEER_SEED, "who are you?");
    TESTBED_UNTIL(&bed, a.received == 1);
    assert_int_equal(a.last_peer, ID_B);
    testbed_send_text(&a, ID_B, "a");
    TESTBED_UNTIL(&bed, b.received == 1);
    assert_int_equal(b.last_peer, ID_A);
    assert_int_equal(testbed_counters(&a).messages_dropped, 0);
    testbed_stop(&b);
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == 0);
    testbed_send_text(&a, ID_B, "are you there?");
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_answers__may_end_who_receives_them(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    a.port.ops->route(a.port.self, ID_B, NULL);
    b.closes_on_receive = true;
    testbed_send_text(&b, ID_A, "and?");
    TESTBED_UNTIL(&bed, a.received == 1);
    a.port.ops->send(a.port.self, ID_B, NET_LANE_BULK, slice_of_text("one"));
    a.port.ops->send(a.port.self, ID_B, NET_LANE_BULK, slice_of_text("two"));
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, b.closed);
    assert_int_equal(b.received, 1);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_answers__keep_to_their_lane(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int bulk = connect_raw(&bed, &a, NET_LANE_BULK);
    testbed_send_urgent_text(&a, ID_RAW, "behind no bulk");
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);
    int urgent = connect_raw(&bed, &a, NET_LANE_URGENT);
    a.port.ops->send(a.port.self, ID_RAW, NET_LANE_BULK, slice_of_text("bulk"));
    a.port.ops->send(a.port.self, ID_RAW, NET_LANE_URGENT, slice_of_text("urgent"));
    testbed_flush(&a);
    expect_frame(&bed, urgent, "urgent");
    expect_frame(&bed, bulk, "bulk");
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);
    close(bulk);
    close(urgent);
    testbed_stop(&a);
    testbed_release(&bed);
}

// What is queued when the peer connects goes at once, and no failure to connect to it drops any.
static void test_net_answers__take_over_what_waits_for_a_connection(void **state)
{
    (void)state;
    uint16_t port;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    // It takes connections, and says nothing.
    int listener = raw_listen(&port);
    testbed_route(&a, ID_RAW, port);
    testbed_send_text(&a, ID_RAW, "first");
    testbed_send_text(&a, ID_RAW, "second");
    testbed_turn(&bed);
    assert_true(testbed_counters(&a).bytes_queued > 0);
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    testbed_send_text(&a, ID_RAW, "third");
    expect_frame(&bed, raw, "first");
    expect_frame(&bed, raw, "second");
    expect_frame(&bed, raw, "third");
    // Its own attempts go on: this one fails, and another one follows.
    int silent = raw_accept(&bed, listener);
    close(silent);
    testbed_send_text(&a, ID_RAW, "fourth");
    expect_frame(&bed, raw, "fourth");
    int again = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, again, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 1);
    assert_int_equal(testbed_counters(&a).messages_dropped, 0);
    close(again);
    close(raw);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void send_number(struct testbed_node *from, unsigned number)
{
    char text[8];
    snprintf(text, sizeof text, "%04u", number);
    testbed_send_text(from, ID_RAW, text);
}

static void expect_numbers(struct testbed *bed, int raw, unsigned first, unsigned end)
{
    char text[8];
    for (unsigned i = first; i < end; i++) {
        snprintf(text, sizeof text, "%04u", i);
        expect_frame(bed, raw, text);
    }
}

static void test_net_answers__end_with_the_own_connection(void **state)
{
    (void)state;
    enum { BEFORE = 500, ALL = 1000 };
    uint16_t port;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int listener = raw_listen(&port);
    int theirs = connect_raw(&bed, &a, NET_LANE_BULK);
    testbed_route(&a, ID_RAW, port);
    for (unsigned i = 0; i < BEFORE; i++)
        send_number(&a, i);
    int own = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, own, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 1);
    for (unsigned i = BEFORE; i < ALL; i++)
        send_number(&a, i);
    expect_numbers(&bed, own, BEFORE, ALL);
    expect_numbers(&bed, theirs, 0, BEFORE);

    // And begin again when it ends.
    close(own);
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 0);
    for (unsigned i = 0; i < BEFORE; i++)
        send_number(&a, i);
    expect_numbers(&bed, theirs, 0, BEFORE);
    assert_int_equal(testbed_counters(&a).messages_dropped, 0);
    close(theirs);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_answers__are_bounded_and_counted_when_dropped(void **state)
{
    (void)state;
    enum { MESSAGES = 100, LENGTH = 1 << 20 };
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    testbed_route(&a, ID_RAW, dead_port());
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        testbed_send_numbered(&a, ID_RAW, i, LENGTH);
        testbed_flush(&a);
        testbed_turn(&bed);
        assert_true(testbed_counters(&a).bytes_queued <= NET_QUEUE_BYTES_MAX);
    }
    assert_in_range(testbed_counters(&a).messages_dropped, 1, MESSAGES / 2);
    assert_true(testbed_counters(&a).bytes_queued > NET_QUEUE_BYTES_MAX / 2);
    close(raw);
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == 0);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    assert_int_equal(testbed_counters(&a).messages_dropped + testbed_counters(&a).messages_out,
                     MESSAGES);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_answers__are_cut_when_nobody_reads_them(void **state)
{
    (void)state;
    enum { MESSAGES = 40, LENGTH = 1 << 20 };
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    for (uint64_t i = 0; i < MESSAGES; i++)
        testbed_send_numbered(&a, ID_RAW, i, LENGTH);
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == 0);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    assert_int_equal(testbed_counters(&a).messages_dropped, MESSAGES);
    close(raw);
    testbed_stop(&a);
    testbed_release(&bed);
}

// To connect to who is answered anyway is no reason to let go of another one.
static void test_net_answers__make_no_other_give_way(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, 1);
    testbed_start(&bed, &b, ID_B, TESTBED_KEY, 0);
    testbed_route(&a, ID_B, testbed_port(&b));
    testbed_send_text(&a, ID_B, "b");
    TESTBED_UNTIL(&bed, b.received == 1);
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    testbed_route(&a, ID_RAW, dead_port());
    for (unsigned i = 0; i < 20; i++) {
        send_number(&a, i);
        testbed_turn(&bed);
        assert_int_equal(testbed_counters(&a).connected, 1);
    }
    expect_numbers(&bed, raw, 0, 20);
    assert_int_equal(testbed_counters(&b).accepted, 1);
    close(raw);
    testbed_stop_pair(&bed, &a, &b);
}

// An attempt at somebody who is answered anyway goes before a connection that carries something.
static void test_net_answers__leave_hopeless_attempts_to_give_way_first(void **state)
{
    (void)state;
    uint16_t silent;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    struct testbed_node c;
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, 2);
    testbed_start(&bed, &b, ID_B, TESTBED_KEY, 0);
    testbed_start(&bed, &c, ID_C, TESTBED_KEY, 0);
    testbed_route(&a, ID_B, testbed_port(&b));
    testbed_route(&a, ID_C, testbed_port(&c));
    testbed_send_text(&a, ID_B, "b");
    TESTBED_UNTIL(&bed, b.received == 1);
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    int listener = raw_listen(&silent); // takes connections and says nothing
    testbed_route(&a, ID_RAW, silent);
    testbed_send_text(&a, ID_RAW, "answered");
    testbed_turn(&bed);
    testbed_send_text(&a, ID_C, "c");
    TESTBED_UNTIL(&bed, c.received == 1);
    assert_int_equal(testbed_counters(&b).accepted, 1);
    close(raw);
    close(listener);
    testbed_stop(&c);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_answers__keep_their_connection_from_giving_way(void **state)
{
    (void)state;
    enum { INLETS = 2 };
    struct testbed bed;
    struct testbed_node a;
    int others[INLETS];
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, INLETS);
    int raw = connect_raw(&bed, &a, NET_LANE_BULK);
    for (uint64_t i = 0; i < INLETS; i++) {
        testbed_send_text(&a, ID_RAW, "for you");
        expect_frame(&bed, raw, "for you");
        others[i] = raw_connect(&bed, testbed_port(&a));
        assert_true(raw_handshake(&bed, others[i], NET_INITIATOR, ID_RAW + 1 + i, TESTBED_KEY));
        TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == INLETS);
    }
    assert_true(raw_is_ended(&bed, others[0]));
    testbed_send_text(&a, ID_RAW, "still");
    expect_frame(&bed, raw, "still");
    for (unsigned i = 0; i < INLETS; i++)
        close(others[i]);
    close(raw);
    testbed_stop(&a);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_answers__reach_a_peer_whose_address_is_dead),
        cmocka_unit_test(test_net_answers__reach_a_peer_without_a_route),
        cmocka_unit_test(test_net_answers__may_end_who_receives_them),
        cmocka_unit_test(test_net_answers__keep_to_their_lane),
        cmocka_unit_test(test_net_answers__take_over_what_waits_for_a_connection),
        cmocka_unit_test(test_net_answers__end_with_the_own_connection),
        cmocka_unit_test(test_net_answers__are_bounded_and_counted_when_dropped),
        cmocka_unit_test(test_net_answers__are_cut_when_nobody_reads_them),
        cmocka_unit_test(test_net_answers__make_no_other_give_way),
        cmocka_unit_test(test_net_answers__leave_hopeless_attempts_to_give_way_first),
        cmocka_unit_test(test_net_answers__keep_their_connection_from_giving_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
