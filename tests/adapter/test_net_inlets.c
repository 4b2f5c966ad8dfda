#include "adapter/net_inlets.h"

#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/socket.h>
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

static void test_net_inlets__reads_one_connection_for_each_lane(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    int raws[NET_LANE_COUNT];
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    for (int lane = 0; lane < NET_LANE_COUNT; lane++) {
        raws[lane] = raw_connect(&bed, testbed_port(&a));
        assert_true(raw_handshake_in_lane(&bed, raws[lane], NET_INITIATOR, (enum net_lane)lane,
                                          ID_RAW, TESTBED_KEY));
    }
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == NET_LANE_COUNT);
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        assert_true(raw_write_frame(&bed, raws[lane], "read"));
    TESTBED_UNTIL(&bed, a.received == NET_LANE_COUNT);
    for (int lane = 0; lane < NET_LANE_COUNT; lane++)
        close(raws[lane]);
    testbed_stop(&a);
    testbed_release(&bed);
}

// Sends frames of `length` zeros until the operating system takes no more, without running the
// loop.
static size_t fill(int raw, size_t length)
{
    size_t sent = 0;
    struct buf frame;
    buf_init(&frame, length + 4);
    buf_append_u32_be(&frame, (uint32_t)length);
    memset(buf_extend(&frame, length), 0, length);
    ssize_t taken;
    while ((taken = send(raw, frame.bytes + sent % frame.length, frame.length - sent % frame.length,
                         MSG_NOSIGNAL)) > 0)
        sent += (size_t)taken;
    buf_release(&frame);
    return sent;
}

static void test_net_inlets__reads_urgent_messages_between_bulk_ones(void **state)
{
    (void)state;
    enum { PEERS = 12, FRAME_BYTES = 1000 };
    struct testbed bed;
    struct testbed_node a;
    int bulk[PEERS];
    size_t waiting = 0;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int urgent = raw_connect(&bed, testbed_port(&a));
    assert_true(
        raw_handshake_in_lane(&bed, urgent, NET_INITIATOR, NET_LANE_URGENT, ID_RAW, TESTBED_KEY));
    for (int i = 0; i < PEERS; i++) {
        bulk[i] = raw_connect(&bed, testbed_port(&a));
        assert_true(
            raw_handshake(&bed, bulk[i], NET_INITIATOR, ID_RAW + 1 + (uint64_t)i, TESTBED_KEY));
    }
    TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == PEERS + 1);
    for (int i = 0; i < PEERS; i++)
        waiting += fill(bulk[i], FRAME_BYTES);
    assert_true(waiting > 2 * NET_TURN_BYTES_MAX);
    assert_int_equal(send(urgent, "\0\0\0\1!", 5, MSG_NOSIGNAL), 5);
    a.awaited = "!";
    TESTBED_UNTIL(&bed, a.awaited_after > 0);
    // What was read before it: what one turn may read of bulk.
    assert_true(a.awaited_after * FRAME_BYTES <= NET_TURN_BYTES_MAX + PEERS * NET_READ_BYTES_MAX);
    for (int i = 0; i < PEERS; i++)
        close(bulk[i]);
    close(urgent);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_inlets__ends_half_open_connections(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int silent = raw_connect(&bed, testbed_port(&a));
    int halting = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_write(&bed, halting, "BRUSIO", 6));
    assert_true(raw_is_ended(&bed, silent));
    assert_true(raw_is_ended(&bed, halting));
    close(silent);
    close(halting);
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

static void test_net_inlets__let_go_of_what_brought_nothing_for_longest(void **state)
{
    (void)state;
    enum { INLETS = 3 };
    struct testbed bed;
    struct testbed_node a;
    int raws[INLETS + 1];
    testbed_init(&bed);
    testbed_start_small(&bed, &a, ID_A, INLETS);
    for (uint64_t i = 0; i < INLETS; i++) {
        raws[i] = raw_connect(&bed, testbed_port(&a));
        assert_true(raw_handshake(&bed, raws[i], NET_INITIATOR, ID_RAW + i, TESTBED_KEY));
        TESTBED_UNTIL(&bed, testbed_counters(&a).accepted == i + 1);
    }
    assert_true(raw_write_frame(&bed, raws[0], "the first speaks"));
    TESTBED_UNTIL(&bed, a.received == 1);
    raws[INLETS] = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_handshake(&bed, raws[INLETS], NET_INITIATOR, ID_RAW + INLETS, TESTBED_KEY));
    assert_true(raw_is_ended(&bed, raws[1]));
    assert_int_equal(testbed_counters(&a).accepted, INLETS);
    assert_true(raw_write_frame(&bed, raws[0], "it does still"));
    assert_true(raw_write_frame(&bed, raws[2], "so does another"));
    assert_true(raw_write_frame(&bed, raws[INLETS], "and the newcomer"));
    TESTBED_UNTIL(&bed, a.received == 4);
    for (unsigned i = 0; i <= INLETS; i++)
        close(raws[i]);
    testbed_stop(&a);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_inlets__reads_only_the_newest_connection_of_a_peer),
        cmocka_unit_test(test_net_inlets__reads_one_connection_for_each_lane),
        cmocka_unit_test(test_net_inlets__reads_urgent_messages_between_bulk_ones),
        cmocka_unit_test(test_net_inlets__ends_half_open_connections),
        cmocka_unit_test(test_net_inlets__lets_the_oldest_silent_connection_go),
        cmocka_unit_test(test_net_inlets__let_go_of_what_brought_nothing_for_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
