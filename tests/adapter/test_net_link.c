#include "adapter/net_link.h"

#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static void test_net_link__bounds_the_urgent_queue(void **state)
{
    (void)state;
    enum { MESSAGES = 100, LENGTH = 1 << 20 };
    static uint8_t bytes[LENGTH];
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int bulk = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    testbed_send_urgent_text(&a, ID_RAW, "first");
    int urgent = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, urgent, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 2);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        a.port.ops->send(a.port.self, ID_RAW, NET_LANE_URGENT, slice_of(bytes, LENGTH));
        testbed_flush(&a);
        testbed_turn(&bed);
        assert_true(testbed_counters(&a).bytes_queued <= NET_QUEUE_URGENT_BYTES_MAX);
    }
    assert_true(testbed_counters(&a).messages_dropped > 0);
    close(urgent);
    close(bulk);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

// Fills the way to a reader, which then takes `bytes` at each turn, until it is cut off.
static void outlast_a_reader(size_t bytes)
{
    enum { MESSAGES = 40, LENGTH = 1 << 20 };
    struct testbed bed;
    struct testbed_node a;
    int listener;
    static uint8_t taken[1024];
    int raw = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    for (uint64_t i = 0; i < MESSAGES; i++)
        testbed_send_numbered(&a, ID_RAW, i, LENGTH);
    testbed_flush(&a);
    TESTBED_UNTIL(&bed, ((void)recv(raw, taken, bytes, 0), testbed_counters(&a).connected == 0));
    // With it went what was queued.
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    assert_int_equal(testbed_counters(&a).messages_dropped, MESSAGES);
    close(raw);
    testbed_send_text(&a, ID_RAW, "again");
    raw = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, raw, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    close(raw);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_link__ends_a_connection_that_is_not_read(void **state)
{
    (void)state;
    outlast_a_reader(0);
}

static void test_net_link__ends_a_connection_that_is_read_byte_by_byte(void **state)
{
    (void)state;
    outlast_a_reader(1);
}

enum { OUTLETS = 2, OTHERS = 3 };

// Sends one message and waits for it.
static void expect_sent(struct testbed *bed, struct testbed_node *from, struct testbed_node *to)
{
    uint64_t before = to->received;
    testbed_send_text(from, to->id, "!");
    TESTBED_UNTIL(bed, to->received == before + 1);
    assert_in_range(testbed_counters(from).connected, 1, OUTLETS);
}

static void test_net_link__gives_way_when_it_wrote_longest_ago(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node others[OTHERS];
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, OUTLETS);
    for (unsigned i = 0; i < OTHERS; i++) {
        testbed_start(&bed, &others[i], ID_B + i, TESTBED_KEY, 0);
        testbed_route(&a, ID_B + i, testbed_port(&others[i]));
    }
    expect_sent(&bed, &a, &others[0]);
    expect_sent(&bed, &a, &others[1]);
    expect_sent(&bed, &a, &others[0]);
    expect_sent(&bed, &a, &others[2]);
    TESTBED_UNTIL(&bed, testbed_counters(&others[1]).accepted == 0);
    assert_int_equal(testbed_counters(&others[0]).accepted, 1);
    // It comes back when it is needed, and another one gives way.
    expect_sent(&bed, &a, &others[1]);
    TESTBED_UNTIL(&bed, testbed_counters(&others[0]).accepted == 0);
    assert_int_equal(testbed_counters(&others[2]).accepted, 1);
    assert_int_equal(testbed_counters(&a).messages_dropped, 0);
    testbed_stop(&a);
    for (unsigned i = 0; i < OTHERS; i++)
        testbed_stop(&others[i]);
    testbed_release(&bed);
}

// More at once than there may be connections: what does not arrive is counted.
static void test_net_link__counts_what_it_drops_when_it_gives_way(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node others[OTHERS];
    uint64_t received = 0;
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, OUTLETS);
    for (unsigned i = 0; i < OTHERS; i++) {
        testbed_start(&bed, &others[i], ID_B + i, TESTBED_KEY, 0);
        testbed_route(&a, ID_B + i, testbed_port(&others[i]));
        a.port.ops->send(a.port.self, ID_B + i, NET_LANE_BULK, slice_of_text("!"));
    }
    testbed_flush(&a);
    assert_int_equal(testbed_counters(&a).messages_dropped, OTHERS - OUTLETS);
    for (unsigned i = OTHERS - OUTLETS; i < OTHERS; i++)
        TESTBED_UNTIL(&bed, others[i].received == 1);
    for (unsigned i = 0; i < OTHERS; i++)
        received += others[i].received;
    assert_int_equal(received, OUTLETS);
    assert_int_equal(testbed_counters(&a).bytes_queued, 0);
    testbed_stop(&a);
    for (unsigned i = 0; i < OTHERS; i++)
        testbed_stop(&others[i]);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_link__bounds_the_urgent_queue),
        cmocka_unit_test(test_net_link__ends_a_connection_that_is_not_read),
        cmocka_unit_test(test_net_link__ends_a_connection_that_is_read_byte_by_byte),
        cmocka_unit_test(test_net_link__gives_way_when_it_wrote_longest_ago),
        cmocka_unit_test(test_net_link__counts_what_it_drops_when_it_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
