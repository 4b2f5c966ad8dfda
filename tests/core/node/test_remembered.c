#include "core/node/remembered.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { SELF = 9999, RANDOM_ROUNDS = 20000 };

#define NOW_US (UINT64_C(1000) * 1000 * 1000)
#define LATER_US (NOW_US + PEER_SILENT_US)

static int begin(void **state)
{
    static struct peers peers;
    peers_init(&peers, SELF, 1000, 1);
    *state = &peers;
    return 0;
}

static int end(void **state)
{
    peers_release(*state);
    return 0;
}

static struct peer *add(struct peers *peers, uint64_t store_id, const char *address,
                        uint64_t heard_us)
{
    bool changed;
    struct peer *peer = peers_add(peers, store_id, slice_of_text(address), false, &changed);
    assert_non_null(peer);
    peer->heard_us = heard_us;
    return peer;
}

static void add_many(struct peers *peers, uint64_t first, uint64_t count, uint64_t heard_us)
{
    char address[32];
    for (uint64_t id = first; id < first + count; id++) {
        snprintf(address, sizeof address, "10.0.0.1:%u", (unsigned)id);
        add(peers, id, address, heard_us);
    }
}

static bool has(const struct remembered *remembered, uint64_t store_id, const char *address)
{
    for (unsigned i = 0; i < remembered->count; i++)
        if (remembered->peers[i].store_id == store_id)
            return strcmp(remembered->peers[i].address, address) == 0;
    return false;
}

static void test_remembered__takes_in_who_is_heard_and_no_member(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    assert_false(remembered_revise(&remembered, peers, NOW_US));
    add(peers, 1, "a:1", NOW_US);
    add(peers, 2, "b:2", 0);
    add(peers, 3, "", NOW_US);
    add(peers, 4, "d:4", NOW_US)->is_member = true;
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    assert_int_equal(remembered.count, 1);
    assert_true(has(&remembered, 1, "a:1"));
    assert_false(remembered_revise(&remembered, peers, NOW_US));
}

static void test_remembered__keeps_who_was_heard_until_it_is_a_member(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    add(peers, 1, "a:1", NOW_US);
    add(peers, 2, "b:2", NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    // Silent, and known no more.
    peers_remove(peers, 2);
    assert_false(remembered_revise(&remembered, peers, LATER_US));
    assert_int_equal(remembered.count, 2);
    peers_find(peers, 1)->is_member = true;
    assert_true(remembered_revise(&remembered, peers, LATER_US));
    assert_int_equal(remembered.count, 1);
    assert_true(has(&remembered, 2, "b:2"));
}

static void test_remembered__follows_who_moves(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    add(peers, 1, "a:1", NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    add(peers, 1, "elsewhere:1", NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    assert_true(has(&remembered, 1, "elsewhere:1"));
    assert_int_equal(remembered.count, 1);
}

// A peer on an empty directory, where another one was.
static void test_remembered__forgets_whose_place_was_taken(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    add(peers, 1, "a:1", NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    add(peers, 2, "a:1", LATER_US);
    assert_true(remembered_revise(&remembered, peers, LATER_US));
    assert_int_equal(remembered.count, 1);
    assert_true(has(&remembered, 2, "a:1"));
}

static void test_remembered__of_many_the_heard_ones_stay(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    add_many(peers, 201, 100, 0);
    add_many(peers, 1, 40, NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    add_many(peers, 101, 60, LATER_US);
    assert_true(remembered_revise(&remembered, peers, LATER_US));
    assert_int_equal(remembered.count, REMEMBERED_MAX);
    unsigned heard = 0;
    for (unsigned i = 0; i < remembered.count; i++)
        heard += remembered.peers[i].store_id > 100;
    assert_int_equal(heard, 60);
    // More that are heard as well displace none of these.
    struct remembered before = remembered;
    add_many(peers, 201, 100, LATER_US);
    assert_true(remembered_revise(&remembered, peers, LATER_US));
    for (unsigned i = 0; i < before.count; i++)
        if (before.peers[i].store_id > 100)
            assert_true(has(&remembered, before.peers[i].store_id, before.peers[i].address));
    assert_false(remembered_revise(&remembered, peers, LATER_US));
}

static void expect_same(const struct remembered *a, const struct remembered *b)
{
    assert_int_equal(a->count, b->count);
    for (unsigned i = 0; i < a->count; i++) {
        assert_true(a->peers[i].store_id == b->peers[i].store_id);
        assert_string_equal(a->peers[i].address, b->peers[i].address);
    }
}

static void test_remembered__comes_back_from_its_bytes(void **state)
{
    struct peers *peers = *state;
    struct remembered remembered = {.count = 0};
    struct remembered back;
    struct buf bytes;
    char longest[ADDRESS_BYTES_MAX + 1];
    memset(longest, 'h', ADDRESS_BYTES_MAX);
    longest[ADDRESS_BYTES_MAX] = '\0';
    buf_init(&bytes, REMEMBERED_BYTES_MAX);
    remembered_encode(&bytes, &remembered);
    assert_int_equal(remembered_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.count, 0);
    for (uint64_t id = 1; id <= REMEMBERED_MAX; id++)
        add(peers, id, longest, NOW_US);
    assert_true(remembered_revise(&remembered, peers, NOW_US));
    assert_int_equal(remembered.count, REMEMBERED_MAX);
    buf_clear(&bytes);
    remembered_encode(&bytes, &remembered);
    assert_false(bytes.overflown);
    assert_int_equal(bytes.length, REMEMBERED_BYTES_MAX);
    assert_int_equal(remembered_decode(buf_slice(&bytes), &back), ERR_OK);
    expect_same(&remembered, &back);
    for (size_t length = 0; length < bytes.length; length++)
        if (remembered_decode(slice_of(bytes.bytes, length), &back) == ERR_OK)
            assert_int_equal((length - 1) % (8 + 2 + ADDRESS_BYTES_MAX), 0);
        else
            assert_int_equal(back.count, 0);
    buf_release(&bytes);
}

static void test_remembered__refuses_what_is_no_list(void **state)
{
    (void)state;
    struct remembered back;
    struct buf bytes;
    static const struct remembered bad[] = {
        {.count = 1, .peers = {{.store_id = 0, .address = "a:1"}}},
        {.count = 1, .peers = {{.store_id = 1, .address = ""}}},
        {.count = 2, .peers = {{.store_id = 1, .address = "a:1"}, {.store_id = 1, .address = "b"}}},
    };
    buf_init(&bytes, REMEMBERED_BYTES_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_clear(&bytes);
        remembered_encode(&bytes, &bad[i]);
        assert_int_equal(remembered_decode(buf_slice(&bytes), &back), ERR_INVALID);
        assert_int_equal(back.count, 0);
    }
    assert_int_equal(remembered_decode(slice_of(NULL, 0), &back), ERR_INVALID);
    assert_int_equal(remembered_decode(slice_of_text("\002"), &back), ERR_INVALID);
    assert_int_equal(remembered_decode(slice_of("\1\0\0\0\0\0\0\0\7\3a\0b", 13), &back),
                     ERR_INVALID);
    buf_release(&bytes);
}

static void test_remembered__takes_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    static struct remembered full = {.count = REMEMBERED_MAX};
    struct remembered back;
    struct buf bytes;
    for (unsigned i = 0; i < REMEMBERED_MAX; i++)
        full.peers[i] = (struct remembered_peer){.store_id = i + 1, .address = "a:1"};
    buf_init(&bytes, REMEMBERED_BYTES_MAX);
    remembered_encode(&bytes, &full);
    assert_int_equal(remembered_decode(buf_slice(&bytes), &back), ERR_OK);
    buf_append_u64_be(&bytes, 1000);
    buf_append_counted(&bytes, slice_of_text("a:1"));
    assert_int_equal(remembered_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
}

static void test_remembered__any_bytes_are_a_list_or_none(void **state)
{
    (void)state;
    struct remembered back;
    struct rng rng;
    uint8_t bytes[200];
    rng_init(&rng, 64);
    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t at = 0; at < length; at++)
            bytes[at] = at % 13 == 9 ? 4 : (uint8_t)(1 + rng_below(&rng, 255));
        bytes[0] = 1;
        bool good = remembered_decode(slice_of(bytes, length), &back) == ERR_OK;
        assert_true(good || back.count == 0);
        assert_true(back.count <= REMEMBERED_MAX);
    }
}

#define PEERS_TEST(name) cmocka_unit_test_setup_teardown(test_remembered__##name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEERS_TEST(takes_in_who_is_heard_and_no_member),
        PEERS_TEST(keeps_who_was_heard_until_it_is_a_member),
        PEERS_TEST(follows_who_moves),
        PEERS_TEST(forgets_whose_place_was_taken),
        PEERS_TEST(of_many_the_heard_ones_stay),
        PEERS_TEST(comes_back_from_its_bytes),
        cmocka_unit_test(test_remembered__refuses_what_is_no_list),
        cmocka_unit_test(test_remembered__takes_no_more_than_there_is_room_for),
        cmocka_unit_test(test_remembered__any_bytes_are_a_list_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
