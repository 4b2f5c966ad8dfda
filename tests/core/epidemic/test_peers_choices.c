// Whom a peer turns to, and what it says of others.
#include "peer_maker.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { DRAWS = 4000, GARBAGE_ROUNDS = 20000 };

// How often each of the ids below `ids` is chosen; 0 counts nobody.
static void count_choices(struct peers *peers, uint64_t space, unsigned *counts, size_t ids)
{
    memset(counts, 0, ids * sizeof *counts);
    for (unsigned i = 0; i < DRAWS; i++) {
        struct peer *peer = peers_choose(peers, space, PEER_MAKER_NOW_US);
        uint64_t id = peer != NULL ? peer->store_id : 0;
        assert_true(id < ids);
        counts[id]++;
        if (peer != NULL)
            peer->tried_us = PEER_MAKER_NOW_US + i;
    }
}

static void assert_about(unsigned count, unsigned wanted)
{
    assert_in_range(count, wanted - wanted / 5, wanted + wanted / 5);
}

static void test_peers__chooses_evenly_among_those_that_keep_the_space(void **state)
{
    (void)state;
    struct peers peers;
    unsigned counts[64];
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    assert_null(peers_choose(&peers, 7, PEER_MAKER_NOW_US));
    // Few among many, which a blind draw seldom hits.
    for (uint64_t id = 1; id < 64; id++)
        peer_maker_add_here(&peers, id, id % 16 == 0 ? 7 : 8);
    count_choices(&peers, 7, counts, 64);
    for (uint64_t id = 16; id < 64; id += 16)
        assert_about(counts[id], DRAWS / 3);
    count_choices(&peers, 8, counts, 64);
    for (uint64_t id = 1; id < 64; id++)
        assert_int_equal(counts[id] > 0, id % 16 != 0);
    count_choices(&peers, 9, counts, 64);
    assert_int_equal(counts[0], DRAWS);
    peers_release(&peers);
}

static void test_peers__one_draw_in_eight_goes_to_those_that_are_away(void **state)
{
    (void)state;
    struct peers peers;
    unsigned counts[8];
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    peer_maker_add_here(&peers, 1, 7);
    peer_maker_add_here(&peers, 2, 7);
    peer_maker_add_silent(&peers, 3, 7);
    peer_maker_add(&peers, 4);           // not greeted yet
    peer_maker_add_silent(&peers, 5, 8); // does not keep it
    // heard, but it has not said what it keeps
    peer_maker_add(&peers, 6)->heard_us = PEER_MAKER_NOW_US;
    count_choices(&peers, 7, counts, 8);
    assert_about(counts[1], DRAWS * 7 / 16);
    assert_about(counts[2], DRAWS * 7 / 16);
    assert_about(counts[3], DRAWS / 24);
    assert_about(counts[4], DRAWS / 24);
    assert_int_equal(counts[5], 0);
    assert_about(counts[6], DRAWS / 24);
    peers_release(&peers);
}

static void test_peers__tries_the_silent_when_there_is_nobody_else(void **state)
{
    (void)state;
    struct peers peers;
    unsigned counts[4];
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    peer_maker_add_silent(&peers, 1, 7);
    peer_maker_add_here(&peers, 2, 8);
    count_choices(&peers, 7, counts, 4);
    assert_int_equal(counts[1], DRAWS);
    // And the one that answers, when nobody is silent.
    count_choices(&peers, 8, counts, 4);
    assert_int_equal(counts[2], DRAWS);
    peers_release(&peers);
}

static void test_peers__greets_who_is_not_greeted_with_every_other_draw(void **state)
{
    (void)state;
    struct peers peers;
    unsigned counts[8];
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    peer_maker_add_here(&peers, 1, 7);
    peer_maker_add_here(&peers, 2, 8);
    peer_maker_add(&peers, 3);
    peer_maker_add_silent(&peers, 4, 7);
    count_choices(&peers, 0, counts, 8);
    for (uint64_t id = 1; id <= 4; id++)
        assert_about(counts[id], DRAWS / 4);
    peers_release(&peers);
}

static void test_peers__of_those_away_each_gets_its_turn(void **state)
{
    (void)state;
    struct peers peers;
    bool tried[33] = {false};
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    for (uint64_t id = 1; id <= 32; id++)
        peer_maker_add_silent(&peers, id, 7);
    unsigned in_order_of_joining = 0;
    for (uint64_t i = 1; i <= 32; i++) {
        struct peer *peer = peers_choose(&peers, 7, PEER_MAKER_NOW_US);
        assert_false(tried[peer->store_id]);
        tried[peer->store_id] = true;
        peer->tried_us = i;
        in_order_of_joining += peer->store_id == i;
    }
    // Not all peers that join together try the same one first.
    assert_true(in_order_of_joining < 16);
    peers_release(&peers);
}

// --- what is said of others

struct heard {
    unsigned count;
    uint64_t ids[PEERS_TOLD_MAX + 1];
    char addresses[PEERS_TOLD_MAX + 1][ADDRESS_BYTES_MAX + 1];
};

static void on_heard(void *context, uint64_t store_id, struct slice address)
{
    struct heard *heard = context;
    assert_true(heard->count < PEERS_TOLD_MAX);
    assert_true(store_id != 0 && address.length > 0 && address.length <= ADDRESS_BYTES_MAX);
    heard->ids[heard->count] = store_id;
    assert_true(address_copy(heard->addresses[heard->count], address));
    heard->count++;
}

static enum err tell(struct peers *peers, struct heard *heard)
{
    struct buf bytes;
    buf_init(&bytes, PEERS_TOLD_BYTES_MAX);
    peers_tell(peers, PEER_MAKER_NOW_US, &bytes);
    assert_false(bytes.overflown);
    *heard = (struct heard){0};
    enum err error = peers_hear(buf_slice(&bytes), on_heard, heard);
    buf_release(&bytes);
    return error;
}

static void test_peers__tells_only_of_those_that_are_heard_and_can_be_reached(void **state)
{
    (void)state;
    struct peers peers;
    struct heard heard;
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    assert_int_equal(tell(&peers, &heard), ERR_OK);
    assert_int_equal(heard.count, 0);
    peer_maker_add_here(&peers, 1, 7);
    peer_maker_add_silent(&peers, 2, 7);
    peer_maker_add(&peers, 3);
    peer_maker_add_at(&peers, 4, "", false)->heard_us = PEER_MAKER_NOW_US;
    peer_maker_add_at(&peers, 5, "five:5", true)->heard_us = PEER_MAKER_NOW_US;
    assert_int_equal(tell(&peers, &heard), ERR_OK);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.ids[0], 1);
    assert_string_equal(heard.addresses[0], "host1:7000");
    assert_int_equal(heard.ids[1], 5);
    assert_string_equal(heard.addresses[1], "five:5");
    peers_release(&peers);
}

static void test_peers__tells_of_each_as_often_as_of_another(void **state)
{
    (void)state;
    enum { COUNT = 64, ROUNDS = 2000 };
    struct peers peers;
    unsigned counts[COUNT + 1] = {0};
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    for (uint64_t id = 1; id <= COUNT; id++)
        peer_maker_add_here(&peers, id, 7);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct heard heard;
        bool told[COUNT + 1] = {false};
        assert_int_equal(tell(&peers, &heard), ERR_OK);
        assert_int_equal(heard.count, PEERS_TOLD_MAX);
        for (unsigned j = 0; j < heard.count; j++) {
            assert_false(told[heard.ids[j]]);
            told[heard.ids[j]] = true;
            counts[heard.ids[j]]++;
        }
    }
    for (unsigned id = 1; id <= COUNT; id++)
        assert_about(counts[id], ROUNDS * PEERS_TOLD_MAX / COUNT);
    peers_release(&peers);
}

static void test_peers__the_longest_list_fits_its_bound(void **state)
{
    (void)state;
    struct peers peers;
    struct heard heard;
    char longest[ADDRESS_BYTES_MAX + 1] = {0};
    memset(longest, 'a', ADDRESS_BYTES_MAX);
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    for (uint64_t id = 1; id <= PEERS_TOLD_MAX; id++)
        peer_maker_add_at(&peers, id, longest, false)->heard_us = PEER_MAKER_NOW_US;
    assert_int_equal(tell(&peers, &heard), ERR_OK);
    assert_int_equal(heard.count, PEERS_TOLD_MAX);
    peers_release(&peers);
}

static void put(struct buf *out, uint64_t id, struct slice address)
{
    buf_append_u64_be(out, id);
    buf_append_counted(out, address);
}

// Takes a list of good entries and this one.
static enum err hear_after(size_t good_ones, uint64_t id, struct slice address, struct heard *heard)
{
    struct buf bytes;
    buf_init(&bytes, 2 * PEERS_TOLD_BYTES_MAX);
    for (size_t i = 0; i < good_ones; i++)
        put(&bytes, 1 + i, slice_of_text("a:1"));
    put(&bytes, id, address);
    *heard = (struct heard){0};
    enum err error = peers_hear(buf_slice(&bytes), on_heard, heard);
    buf_release(&bytes);
    return error;
}

static void test_peers__tells_nothing_of_a_list_with_a_bad_entry(void **state)
{
    (void)state;
    struct heard heard;
    char longest[ADDRESS_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(hear_after(1, 2, slice_of(longest, ADDRESS_BYTES_MAX), &heard), ERR_OK);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.ids[1], 2);
    assert_int_equal(hear_after(PEERS_TOLD_MAX - 1, 2, slice_of_text("a:2"), &heard), ERR_OK);
    assert_int_equal(heard.count, PEERS_TOLD_MAX);

    assert_int_equal(hear_after(PEERS_TOLD_MAX, 2, slice_of_text("a:2"), &heard), ERR_INVALID);
    assert_int_equal(heard.count, 0);
    assert_int_equal(hear_after(1, 0, slice_of_text("a:2"), &heard), ERR_INVALID);
    assert_int_equal(hear_after(1, 2, slice_of_text(""), &heard), ERR_INVALID);
    assert_int_equal(hear_after(1, 2, slice_of("a\0b", 3), &heard), ERR_INVALID);
    assert_int_equal(hear_after(1, 2, slice_of(longest, sizeof longest), &heard), ERR_INVALID);
    assert_int_equal(heard.count, 0);
}

static void test_peers__hears_any_bytes(void **state)
{
    (void)state;
    struct rng rng;
    unsigned taken = 0;
    rng_init(&rng, 4);
    for (unsigned i = 0; i < GARBAGE_ROUNDS; i++) {
        struct heard heard = {0};
        struct buf again;
        uint8_t bytes[24];
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)rng_below(&rng, j == 8 ? 16 : 256);
        if (peers_hear(slice_of(bytes, length), on_heard, &heard) != ERR_OK) {
            assert_int_equal(heard.count, 0);
            continue;
        }
        taken++;
        buf_init(&again, sizeof bytes);
        for (unsigned j = 0; j < heard.count; j++)
            put(&again, heard.ids[j], slice_of_text(heard.addresses[j]));
        assert_true(slice_equal(buf_slice(&again), slice_of(bytes, length)));
        buf_release(&again);
    }
    assert_in_range(taken, GARBAGE_ROUNDS / 50, GARBAGE_ROUNDS / 2);
}

// Thirty that are gone and told no address: they come by themselves, if they do.
static void test_peers__leaves_alone_whom_nobody_can_reach(void **state)
{
    (void)state;
    struct peers peers;
    unsigned counts[33];
    bool changed;
    uint64_t space = 7;
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    peer_maker_add_here(&peers, 1, 7);
    peer_maker_add_silent(&peers, 2, 7); // may come back at its address
    for (uint64_t id = 3; id <= 32; id++) {
        struct peer *peer = peers_add(&peers, id, slice_of_text(""), false, &changed);
        peer->greeted = true;
        peer->heard_us = PEER_MAKER_NOW_US - PEER_SILENT_US;
        peer_maker_keep(peer, &space, 1);
    }
    uint64_t spaces[] = {7, 0}; // to exchange with, and to greet
    for (unsigned i = 0; i < 2; i++) {
        count_choices(&peers, spaces[i], counts, 33);
        assert_true(counts[2] > 0);
        for (uint64_t id = 3; id <= 32; id++)
            assert_int_equal(counts[id], 0);
    }
    peers_release(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers__chooses_evenly_among_those_that_keep_the_space),
        cmocka_unit_test(test_peers__one_draw_in_eight_goes_to_those_that_are_away),
        cmocka_unit_test(test_peers__tries_the_silent_when_there_is_nobody_else),
        cmocka_unit_test(test_peers__greets_who_is_not_greeted_with_every_other_draw),
        cmocka_unit_test(test_peers__of_those_away_each_gets_its_turn),
        cmocka_unit_test(test_peers__tells_only_of_those_that_are_heard_and_can_be_reached),
        cmocka_unit_test(test_peers__tells_of_each_as_often_as_of_another),
        cmocka_unit_test(test_peers__the_longest_list_fits_its_bound),
        cmocka_unit_test(test_peers__tells_nothing_of_a_list_with_a_bad_entry),
        cmocka_unit_test(test_peers__hears_any_bytes),
        cmocka_unit_test(test_peers__leaves_alone_whom_nobody_can_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
