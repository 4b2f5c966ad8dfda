#include "adapter/beacon_datagram.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { RANDOM_ROUNDS = 20000 };

#define KEY slice_of_text("the key of the cluster under test")

static struct beacon_datagram datagram_of(uint64_t store_id, const char *address)
{
    struct beacon_datagram datagram = {.store_id = store_id};
    memcpy(datagram.address, address, strlen(address));
    return datagram;
}

static void encode(struct buf *out, uint64_t store_id, const char *address)
{
    struct beacon_datagram datagram = datagram_of(store_id, address);
    buf_init(out, BEACON_BYTES_MAX);
    assert_int_equal(beacon_datagram_encode(out, KEY, &datagram), ERR_OK);
}

static void expect_back(uint64_t store_id, const char *address)
{
    struct beacon_datagram back;
    struct buf bytes;
    encode(&bytes, store_id, address);
    assert_int_equal(bytes.length, BEACON_BYTES_MIN + strlen(address));
    assert_int_equal(beacon_datagram_decode(buf_slice(&bytes), KEY, &back), ERR_OK);
    assert_true(back.store_id == store_id);
    assert_string_equal(back.address, address);
    buf_release(&bytes);
}

static void test_beacon_datagram__says_who_is_where(void **state)
{
    (void)state;
    char longest[BEACON_ADDRESS_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + BEACON_ADDRESS_BYTES_MAX - 5, ":5100", 6);
    expect_back(1, "127.0.0.1:5100");
    expect_back(UINT64_MAX, "[::1]:1");
    expect_back(77, "0.0.0.0:65535");
    expect_back(77, longest);
}

static void test_beacon_datagram__names_only_what_can_be_reached(void **state)
{
    (void)state;
    static const char *const none[] = {"",        "127.0.0.1",   "127.0.0.1:",     ":5100",
                                       "host:0x", "127.0.0.1:0", "127.0.0.1:65536"};
    struct beacon_datagram datagram;
    struct buf bytes;
    buf_init(&bytes, BEACON_BYTES_MAX);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        datagram = datagram_of(1, none[i]);
        assert_int_equal(beacon_datagram_encode(&bytes, KEY, &datagram), ERR_INVALID);
    }
    datagram = datagram_of(0, "127.0.0.1:5100");
    assert_int_equal(beacon_datagram_encode(&bytes, KEY, &datagram), ERR_INVALID);
    assert_int_equal(bytes.length, 0);
    buf_release(&bytes);
}

static void test_beacon_datagram__no_changed_byte_passes(void **state)
{
    (void)state;
    struct beacon_datagram back;
    struct buf bytes;
    encode(&bytes, 5, "10.0.0.7:5100");
    for (size_t bit = 0; bit < bytes.length * 8; bit++) {
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(beacon_datagram_decode(buf_slice(&bytes), KEY, &back), ERR_OK);
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(beacon_datagram_decode(buf_slice(&bytes), KEY, &back), ERR_OK);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_not_equal(beacon_datagram_decode(slice_of(bytes.bytes, length), KEY, &back),
                             ERR_OK);
    buf_release(&bytes);
}

static void test_beacon_datagram__nothing_may_follow(void **state)
{
    (void)state;
    struct beacon_datagram back;
    struct buf bytes;
    uint8_t longer[BEACON_BYTES_MAX + 1] = {0};
    encode(&bytes, 5, "10.0.0.7:5100");
    memcpy(longer, bytes.bytes, bytes.length);
    for (size_t length = bytes.length + 1; length <= sizeof longer; length++)
        assert_int_equal(beacon_datagram_decode(slice_of(longer, length), KEY, &back), ERR_INVALID);
    buf_release(&bytes);
}

static void test_beacon_datagram__another_key_is_denied(void **state)
{
    (void)state;
    struct beacon_datagram back;
    struct buf bytes;
    encode(&bytes, 5, "10.0.0.7:5100");
    struct slice other = slice_of_text("the key of some other cluster");
    assert_int_equal(beacon_datagram_decode(buf_slice(&bytes), other, &back), ERR_DENIED);
    buf_release(&bytes);
}

// Bytes that begin as a beacon does, so that more than the magic is tried.
static void test_beacon_datagram__any_bytes_are_refused(void **state)
{
    (void)state;
    struct beacon_datagram back;
    struct buf good;
    uint8_t bytes[BEACON_BYTES_MAX + 8];
    struct rng rng;
    rng_init(&rng, 5099);
    encode(&good, 5, "10.0.0.7:5100");
    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        size_t kept = (size_t)rng_below(&rng, 32);
        for (size_t at = 0; at < length; at++)
            bytes[at] = at < kept ? good.bytes[at] : (uint8_t)rng_u64(&rng);
        enum err error = beacon_datagram_decode(slice_of(bytes, length), KEY, &back);
        assert_true(error == ERR_INVALID || error == ERR_DENIED);
    }
    buf_release(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beacon_datagram__says_who_is_where),
        cmocka_unit_test(test_beacon_datagram__names_only_what_can_be_reached),
        cmocka_unit_test(test_beacon_datagram__no_changed_byte_passes),
        cmocka_unit_test(test_beacon_datagram__nothing_may_follow),
        cmocka_unit_test(test_beacon_datagram__another_key_is_denied),
        cmocka_unit_test(test_beacon_datagram__any_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
