#include "adapter/net_inlets.h"

#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

static void test_net_inlets__reads_only_the_newest_connection_of_a_peer(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int older = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_handshake(&bed, older, NET_INITIATOR, ID_RAW, TESTBED_KEY));
    assert_true(raw_write_frame(&bed, older, "from the older"));
    TESTBED_UNTIL(&bed, a.received == 1);

    // One that has not proven itself replaces nothing.
    int unproven = raw_connect(&bed, testbed_port(&a));
    assert_false(raw_handshake(&bed, unproven, NET_INITIATOR, ID_RAW, "not the cluster's own key"));
    assert_true(raw_write_frame(&bed, older, "from the older, still"));
    TESTBED_UNTIL(&bed, a.received == 2);

    int newer = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_handshake(&bed, newer, NET_INITIATOR, ID_RAW, TESTBED_KEY));
    assert_true(raw_is_ended(&bed, older));
    (void)raw_write_frame(&bed, older, "from the older, too late");
    assert_true(raw_write_frame(&bed, newer, "from the newer"));
    TESTBED_UNTIL(&bed, a.received == 3);
    assert_true(testbed_last_is(&a, "from the newer"));
    assert_int_equal(testbed_counters(&a).accepted, 1);
    close(older);
    close(unproven);
    close(newer);
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == 0);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_inlets__lets_the_oldest_silent_connection_go(void **state)
{
    (void)state;
    static int raws[NET_INLETS_UNPROVEN_MAX + 1];
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_start_pair(&bed, &a, &b);
    uint64_t begin_ms = uv_now(&bed.loop);
    for (size_t i = 0; i < NET_INLETS_UNPROVEN_MAX + 1; i++)
        raws[i] = raw_connect(&bed, testbed_port(&b));
    assert_true(raw_is_ended(&bed, raws[0]));
    // Not for having been silent too long.
    assert_true(uv_now(&bed.loop) - begin_ms < NET_HANDSHAKE_MS_MAX);
    testbed_send_text(&a, ID_B, "between them all");
    TESTBED_UNTIL(&bed, b.received == 1);
    for (size_t i = 0; i < NET_INLETS_UNPROVEN_MAX + 1; i++)
        close(raws[i]);
    testbed_stop_pair(&bed, &a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_inlets__reads_only_the_newest_connection_of_a_peer),
        cmocka_unit_test(test_net_inlets__lets_the_oldest_silent_connection_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
