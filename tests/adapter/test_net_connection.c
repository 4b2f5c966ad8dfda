#include "adapter/net_connection.h"

#include "base/random.h"
#include "net_testbed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

// What an acceptor without the key could try as its proof.
enum false_proof { PROOF_SENT_BACK, PROOF_OF_ZEROS, PROOF_BY_ANOTHER_KEY, FALSE_PROOF_COUNT };

static void prove_falsely(struct testbed *bed, int raw, enum false_proof attempt)
{
    uint8_t hello[NET_HELLO_BYTES];
    uint8_t proof[NET_PROOF_BYTES];
    struct net_hello own = {
        .version = NET_PROTOCOL_VERSION, .store_id = ID_RAW, .lane = NET_LANE_BULK};
    struct buf out;
    buf_init(&out, 256);
    net_hello_encode(&out, &own);
    assert_true(raw_read(bed, raw, hello, sizeof hello));
    assert_true(raw_write(bed, raw, out.bytes, out.length));
    assert_true(raw_read(bed, raw, proof, sizeof proof));
    if (attempt == PROOF_OF_ZEROS)
        memset(proof, 0, sizeof proof);
    if (attempt == PROOF_BY_ANOTHER_KEY)
        assert_int_equal(net_proof_make(slice_of_text("the key of some other cluster"),
                                        NET_ACCEPTOR, &own, &own, proof),
                         ERR_OK);
    assert_true(raw_write(bed, raw, proof, sizeof proof));
    buf_release(&out);
}

static void test_net_connection__refuses_another_key(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    testbed_start(&bed, &b, ID_B, "the key of some other cluster", 0);
    testbed_route(&a, ID_B, testbed_port(&b));
    testbed_send_text(&a, ID_B, "secret");
    TESTBED_UNTIL(&bed, testbed_counters(&a).refused == 1 && testbed_counters(&b).refused == 1);
    assert_int_equal(testbed_counters(&a).connected, 0);
    assert_int_equal(testbed_counters(&b).accepted, 0);
    assert_int_equal(testbed_counters(&a).messages_dropped, 1);
    assert_int_equal(b.received, 0);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_connection__refuses_an_acceptor_without_the_key(void **state)
{
    (void)state;
    for (int attempt = 0; attempt < FALSE_PROOF_COUNT; attempt++) {
        struct testbed bed;
        struct testbed_node a;
        uint16_t port;
        testbed_init(&bed);
        testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
        int listener = raw_listen(&port);
        testbed_route(&a, ID_RAW, port);
        testbed_send_text(&a, ID_RAW, "secret");
        int raw = raw_accept(&bed, listener);
        prove_falsely(&bed, raw, (enum false_proof)attempt);
        assert_true(raw_is_ended(&bed, raw));
        TESTBED_UNTIL(&bed, testbed_counters(&a).refused == 1);
        assert_int_equal(testbed_counters(&a).bytes_out, 0);
        close(raw);
        close(listener);
        testbed_stop(&a);
        testbed_release(&bed);
    }
}

static void test_net_connection__refuses_an_initiator_without_the_key(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int raw = raw_connect(&bed, testbed_port(&a));
    assert_false(raw_handshake(&bed, raw, NET_INITIATOR, ID_RAW, "the key of some other cluster"));
    TESTBED_UNTIL(&bed, testbed_counters(&a).refused == 1);
    close(raw);

    // Frames without any handshake.
    raw = raw_connect(&bed, testbed_port(&a));
    for (int i = 0; i < 8; i++)
        (void)raw_write_frame(&bed, raw, "let me in");
    assert_true(raw_is_ended(&bed, raw));
    close(raw);
    assert_int_equal(a.received, 0);
    assert_int_equal(testbed_counters(&a).accepted, 0);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_connection__survives_garbage(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    struct testbed_node b;
    struct rng rng;
    rng_init(&rng, 7);
    testbed_start_pair(&bed, &a, &b);
    for (int round = 0; round < 50; round++) {
        uint8_t bytes[300];
        size_t length = 1 + (size_t)rng_below(&rng, sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)rng_u64(&rng);
        if (round % 2 == 0)
            snprintf((char *)bytes, sizeof bytes, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        int raw = raw_connect(&bed, testbed_port(&b));
        (void)raw_write(&bed, raw, bytes, length);
        if (length >= NET_HELLO_BYTES)
            assert_true(raw_is_ended(&bed, raw));
        close(raw);
    }
    testbed_send_text(&a, ID_B, "still there");
    TESTBED_UNTIL(&bed, testbed_last_is(&b, "still there"));
    assert_int_equal(b.received, 1);
    testbed_stop_pair(&bed, &a, &b);
}

static void test_net_connection__refuses_another_version(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    struct net_hello newer = {.version = NET_PROTOCOL_VERSION + 1, .store_id = ID_RAW};
    struct buf out;
    uint8_t answer[NET_HELLO_BYTES];
    buf_init(&out, 256);
    net_hello_encode(&out, &newer);
    int raw = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_write(&bed, raw, out.bytes, out.length));
    assert_true(raw_read(&bed, raw, answer, sizeof answer));
    assert_true(raw_is_ended(&bed, raw));
    assert_int_equal(testbed_counters(&a).refused, 1);
    close(raw);
    buf_release(&out);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_connection__closes_at_an_impossible_length(void **state)
{
    (void)state;
    static const uint8_t heads[][4] = {{0, 0, 0, 0}, {1, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff}};
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        int raw = raw_connect(&bed, testbed_port(&a));
        assert_true(raw_handshake(&bed, raw, NET_INITIATOR, ID_RAW, TESTBED_KEY));
        assert_true(raw_write_frame(&bed, raw, "good"));
        assert_true(raw_write(&bed, raw, heads[i], sizeof heads[i]));
        assert_true(raw_is_ended(&bed, raw));
        close(raw);
    }
    assert_int_equal(a.received, 3);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_connection__takes_frames_byte_by_byte(void **state)
{
    (void)state;
    static const char frames[] = "\0\0\0\1a\0\0\0\3bcd\0\0\0\2ef";
    struct testbed bed;
    struct testbed_node a;
    testbed_init(&bed);
    testbed_start(&bed, &a, ID_A, TESTBED_KEY, 0);
    int raw = raw_connect(&bed, testbed_port(&a));
    assert_true(raw_handshake(&bed, raw, NET_INITIATOR, ID_RAW, TESTBED_KEY));
    for (size_t i = 0; i < sizeof frames - 1; i++) {
        assert_true(raw_write(&bed, raw, frames + i, 1));
        TESTBED_UNTIL(&bed, testbed_counters(&a).bytes_in == i + 1);
    }
    assert_int_equal(a.received, 3);
    assert_true(testbed_last_is(&a, "ef"));
    close(raw);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_connection__takes_what_an_acceptor_sends(void **state)
{
    (void)state;
    static const char frames[] = "\0\0\0\3bcd\0\0\0\2ef";
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int raw = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    for (size_t i = 0; i < sizeof frames - 1; i++) {
        assert_true(raw_write(&bed, raw, frames + i, 1));
        TESTBED_UNTIL(&bed, testbed_counters(&a).bytes_in == i + 1);
    }
    assert_int_equal(a.received, 2);
    assert_true(testbed_last_is(&a, "ef"));
    assert_int_equal(a.last_peer, ID_RAW);
    // As strict as with what an initiator sends.
    assert_true(raw_write(&bed, raw, "\1\0\0\1", 4));
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 0);
    assert_int_equal(a.received, 2);
    close(raw);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

static void test_net_connection__survives_a_write_to_a_closed_connection(void **state)
{
    (void)state;
    struct testbed bed;
    struct testbed_node a;
    int listener;
    int raw = testbed_start_with_raw_acceptor(&bed, &a, &listener);
    close(raw);
    // The first is answered with a reset, of which the loop has no chance to hear before the
    // second.
    testbed_send_text(&a, ID_RAW, "1");
    testbed_send_text(&a, ID_RAW, "2");
    TESTBED_UNTIL(&bed, testbed_counters(&a).connected == 0);
    close(listener);
    testbed_stop(&a);
    testbed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_connection__refuses_another_key),
        cmocka_unit_test(test_net_connection__refuses_an_acceptor_without_the_key),
        cmocka_unit_test(test_net_connection__refuses_an_initiator_without_the_key),
        cmocka_unit_test(test_net_connection__survives_garbage),
        cmocka_unit_test(test_net_connection__refuses_another_version),
        cmocka_unit_test(test_net_connection__closes_at_an_impossible_length),
        cmocka_unit_test(test_net_connection__takes_frames_byte_by_byte),
        cmocka_unit_test(test_net_connection__takes_what_an_acceptor_sends),
        cmocka_unit_test(test_net_connection__survives_a_write_to_a_closed_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
