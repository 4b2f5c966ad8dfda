#include "adapter/net_route.h"

#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

static void test_net_route__sends_urgent_messages_past_a_full_queue(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int bulk = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    testbed_send_urgent_text(&a, ID_RAW, "first");
    int urgent = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, urgent, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    for (uint64_t i = 0; testbed_counters(&a).messages_dropped == 0; i++) {
        testbed_send_numbered(&a, ID_RAW, i, LENGTH);
        testbed_flush(&a);
        testbed_turn(&bed);
    }
    testbed_send_urgent_text(&a, ID_RAW, "second");
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);
    uint8_t frames[9 + 10];
    assert_true(raw_read(&bed, urgent, frames, sizeof frames));
    assert_memory_equal(frames, "\0\0\0\5first\0\0\0\6second", sizeof frames);
    close(urgent);
    close(bulk);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_route__begins_anew_in_both_lanes_when_the_urgent_one_times_out(void **state)
{
    (void)state;
    enum { LENGTH = 3 << 20 };
    static uint8_t bytes[LENGTH];
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int bulk = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    testbed_send_urgent_text(&a, ID_RAW, "first");
    int urgent = raw_accept(&bed, listener);
    assert_true(raw_handshake(&bed, urgent, NET_ACCEPTOR, ID_RAW, TESTBED_KEY));
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 2);
    // Nothing is wrong with the bulk connection, but the urgent one is not read.
    TESTBED_UNTIL(&bed,
                  (a.port.ops->send(a.port.self, ID_RAW, NET_LANE_URGENT, slice_of(bytes, LENGTH)),
                   testbed_flush(&a), testbed_counters(&a).connected != 2));
    assert_int_equal(testbed_counters(&a).connected, 0);
    assert_true(raw_is_ended(&bed, bulk));
    close(urgent);
    close(bulk);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_route__sends_urgent_messages_past_a_full_queue),
        cmocka_unit_test(test_net_route__begins_anew_in_both_lanes_when_the_urgent_one_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
