#include "adapter/net_handshake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define KEY "a key of more than sixteen bytes"

// Both sides of a connection in the hands of the test.
struct pair {
    struct net_handshake initiator;
    struct net_handshake acceptor;
    struct buf to_acceptor;
    struct buf to_initiator;
};

static void begin(struct pair *pair, uint64_t expected, const char *initiator_key,
                  const char *acceptor_key)
{
    buf_init(&pair->to_acceptor, 1024);
    buf_init(&pair->to_initiator, 1024);
    assert_int_equal(net_handshake_begin(&pair->initiator, NET_INITIATOR, NET_LANE_URGENT, 1,
                                         expected, slice_of_text(initiator_key),
                                         &pair->to_acceptor),
                     ERR_OK);
    assert_int_equal(net_handshake_begin(&pair->acceptor, NET_ACCEPTOR, NET_LANE_BULK, 2, 0,
                                         slice_of_text(acceptor_key), &pair->to_initiator),
                     ERR_OK);
    assert_int_equal(pair->to_initiator.length, 0);
}

static void end(struct pair *pair)
{
    buf_release(&pair->to_acceptor);
    buf_release(&pair->to_initiator);
}

// Hands over what was sent to `handshake`, which must be all that it waits for.
static enum err step(struct net_handshake *handshake, struct buf *input, struct buf *answer,
                     struct errmsg *detail)
{
    assert_int_equal(input->length, net_handshake_wanted(handshake));
    enum err e = net_handshake_step(handshake, buf_slice(input), answer, detail);
    buf_clear(input);
    return e;
}

static enum err step_acceptor(struct pair *pair)
{
    return step(&pair->acceptor, &pair->to_acceptor, &pair->to_initiator, NULL);
}

static enum err step_initiator(struct pair *pair)
{
    return step(&pair->initiator, &pair->to_initiator, &pair->to_acceptor, NULL);
}

static void exchange_hellos(struct pair *pair)
{
    assert_int_equal(step_acceptor(pair), ERR_OK);
    assert_int_equal(step_initiator(pair), ERR_OK);
}

static void test_net_handshake__proves_both_sides(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 2, KEY, KEY);
    exchange_hellos(&pair);
    assert_int_equal(step_acceptor(&pair), ERR_OK);
    assert_int_equal(pair.acceptor.state, NET_HANDSHAKE_DONE);
    assert_int_equal(pair.acceptor.other.store_id, 1);
    assert_int_equal(pair.initiator.state, NET_HANDSHAKE_PROOF);
    assert_int_equal(step_initiator(&pair), ERR_OK);
    assert_int_equal(pair.initiator.state, NET_HANDSHAKE_DONE);
    assert_int_equal(pair.initiator.other.store_id, 2);
    assert_int_equal(net_handshake_wanted(&pair.initiator), 0);
    end(&pair);
}

static void test_net_handshake__agrees_on_the_lane(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, KEY, KEY);
    exchange_hellos(&pair);
    assert_int_equal(step_acceptor(&pair), ERR_OK);
    assert_int_equal(step_initiator(&pair), ERR_OK);
    assert_int_equal(net_handshake_lane(&pair.initiator), NET_LANE_URGENT);
    assert_int_equal(net_handshake_lane(&pair.acceptor), NET_LANE_URGENT);
    end(&pair);

    // One that there is not; and an answer for another one than was asked for.
    begin(&pair, 0, KEY, KEY);
    pair.to_acceptor.bytes[20] = NET_LANE_COUNT;
    assert_int_equal(step_acceptor(&pair), ERR_INVALID);
    end(&pair);
    begin(&pair, 0, KEY, KEY);
    assert_int_equal(step_acceptor(&pair), ERR_OK);
    pair.to_initiator.bytes[20] = NET_LANE_BULK;
    assert_int_equal(step_initiator(&pair), ERR_INVALID);
    end(&pair);
}

static void test_net_handshake__refuses_an_initiator_with_another_key(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, "another key, as long as the first", KEY);
    exchange_hellos(&pair);
    assert_int_equal(step_acceptor(&pair), ERR_DENIED);
    // Nothing that was made with the key has left the acceptor.
    assert_int_equal(pair.to_initiator.length, 0);
    end(&pair);
}

static void test_net_handshake__refuses_an_acceptor_with_another_key(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, KEY, KEY);
    exchange_hellos(&pair);
    pair.acceptor.key = slice_of_text("another key, as long as the first");
    buf_clear(&pair.to_acceptor);
    uint8_t proof[NET_PROOF_BYTES];
    assert_int_equal(net_proof_make(pair.acceptor.key, NET_ACCEPTOR, &pair.acceptor.other,
                                    &pair.acceptor.own, proof),
                     ERR_OK);
    buf_append(&pair.to_initiator, proof, sizeof proof);
    assert_int_equal(step_initiator(&pair), ERR_DENIED);
    end(&pair);
}

static void test_net_handshake__refuses_its_own_proof_sent_back(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, KEY, KEY);
    exchange_hellos(&pair);
    buf_append_slice(&pair.to_initiator, buf_slice(&pair.to_acceptor));
    assert_int_equal(step_initiator(&pair), ERR_DENIED);
    end(&pair);
}

static void test_net_handshake__refuses_a_proof_of_an_older_connection(void **state)
{
    (void)state;
    struct pair older;
    struct pair newer;
    begin(&older, 0, KEY, KEY);
    exchange_hellos(&older);
    // The replayer repeats the older hello and proof to an acceptor with a nonce of its own.
    begin(&newer, 0, KEY, KEY);
    buf_clear(&newer.to_acceptor);
    net_hello_encode(&newer.to_acceptor, &older.initiator.own);
    assert_int_equal(step_acceptor(&newer), ERR_OK);
    buf_append_slice(&newer.to_acceptor, buf_slice(&older.to_acceptor));
    assert_int_equal(step_acceptor(&newer), ERR_DENIED);
    end(&older);
    end(&newer);
}

static void test_net_handshake__binds_the_store_ids(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, KEY, KEY);
    // In between someone gives the initiator another name.
    pair.to_acceptor.bytes[19] ^= 1;
    pair.to_acceptor.bytes[18] ^= 1;
    exchange_hellos(&pair);
    assert_int_equal(step_acceptor(&pair), ERR_DENIED);
    end(&pair);
}

static void test_net_handshake__refuses_another_store_than_expected(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 3, KEY, KEY);
    assert_int_equal(step_acceptor(&pair), ERR_OK);
    assert_int_equal(step_initiator(&pair), ERR_FOREIGN);
    assert_int_equal(pair.to_acceptor.length, 0);
    end(&pair);
}

static void test_net_handshake__refuses_itself(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, 0, KEY, KEY);
    pair.acceptor.own.store_id = 1;
    assert_int_equal(step_acceptor(&pair), ERR_EXISTS);
    end(&pair);
}

static void test_net_handshake__names_both_versions(void **state)
{
    (void)state;
    struct pair pair;
    struct errmsg detail;
    begin(&pair, 0, KEY, KEY);
    pair.initiator.own.version = 7;
    buf_clear(&pair.to_acceptor);
    net_hello_encode(&pair.to_acceptor, &pair.initiator.own);
    assert_int_equal(step(&pair.acceptor, &pair.to_acceptor, &pair.to_initiator, &detail),
                     ERR_VERSION);
    assert_non_null(strstr(detail.text, "version 7"));
    // The acceptor's hello is sent all the same, so that the other side can tell why.
    assert_int_equal(pair.to_initiator.length, NET_HELLO_BYTES);
    end(&pair);
}

static void test_net_handshake__refuses_any_changed_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < NET_HELLO_BYTES; i++) {
        struct pair pair;
        begin(&pair, 0, KEY, KEY);
        pair.to_acceptor.bytes[i] ^= 0x80;
        enum err e = step_acceptor(&pair);
        if (e == ERR_OK)
            e = step_initiator(&pair);
        if (e == ERR_OK)
            e = step_acceptor(&pair);
        assert_int_not_equal(e, ERR_OK);
        end(&pair);
    }
    for (size_t i = 0; i < NET_PROOF_BYTES; i++) {
        struct pair pair;
        begin(&pair, 0, KEY, KEY);
        exchange_hellos(&pair);
        pair.to_acceptor.bytes[i] ^= 0x01;
        assert_int_equal(step_acceptor(&pair), ERR_DENIED);
        end(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_handshake__proves_both_sides),
        cmocka_unit_test(test_net_handshake__agrees_on_the_lane),
        cmocka_unit_test(test_net_handshake__refuses_an_initiator_with_another_key),
        cmocka_unit_test(test_net_handshake__refuses_an_acceptor_with_another_key),
        cmocka_unit_test(test_net_handshake__refuses_its_own_proof_sent_back),
        cmocka_unit_test(test_net_handshake__refuses_a_proof_of_an_older_connection),
        cmocka_unit_test(test_net_handshake__binds_the_store_ids),
        cmocka_unit_test(test_net_handshake__refuses_another_store_than_expected),
        cmocka_unit_test(test_net_handshake__refuses_itself),
        cmocka_unit_test(test_net_handshake__names_both_versions),
        cmocka_unit_test(test_net_handshake__refuses_any_changed_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
