#include "peer_maker.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { STEPS = 20000 };

// --- who is in the list

static void test_peers__finds_what_was_added_until_it_is_removed(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    assert_null(peers_find(&peers, 1));
    peers_remove(&peers, 1);
    for (uint64_t id = 1; id <= 50; id++)
        assert_non_null(peer_maker_add(&peers, id));
    assert_int_equal(peers.count, 50);
    for (uint64_t id = 1; id <= 50; id += 2)
        peers_remove(&peers, id);
    peers_invariants(&peers);
    for (uint64_t id = 1; id <= 51; id++) {
        const struct peer *peer = peers_find(&peers, id);
        assert_int_equal(peer != NULL, id % 2 == 0);
        assert_true(peer == NULL || peer->store_id == id);
    }
    peers_release(&peers);
}

static void test_peers__refuses_itself_and_nobody(void **state)
{
    (void)state;
    struct peers peers;
    bool changed = true;
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    assert_null(peers_add(&peers, PEER_MAKER_SELF, slice_of_text("a:1"), true, &changed));
    assert_false(changed);
    assert_null(peer_maker_add(&peers, 0));
    assert_int_equal(peers.count, 0);
    peers_release(&peers);
}

static void test_peers__says_when_an_address_is_another(void **state)
{
    (void)state;
    struct peers peers;
    bool changed = false;
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    struct peer *peer = peers_add(&peers, 1, slice_of_text(""), false, &changed);
    assert_false(changed);
    assert_ptr_equal(peers_add(&peers, 1, slice_of_text("a:1"), false, &changed), peer);
    assert_true(changed);
    (void)peers_add(&peers, 1, slice_of_text("a:1"), true, &changed);
    assert_false(changed);
    assert_true(peer->is_member);
    (void)peers_add(&peers, 1, slice_of_text("a:12"), false, &changed);
    assert_true(changed);
    assert_false(peer->is_member);
    (void)peers_add(&peers, 1, slice_of_text(""), false, &changed);
    assert_false(changed);
    assert_string_equal(peer->address, "a:12");
    (void)peers_add(&peers, 1, slice_of_text("b"), false, &changed);
    assert_true(changed);
    assert_string_equal(peer->address, "b");
    assert_int_equal(peers.count, 1);
    peers_release(&peers);
}

static void test_peers__refuses_what_is_no_address(void **state)
{
    (void)state;
    struct peers peers;
    char longest[ADDRESS_BYTES_MAX + 2];
    bool changed = true;
    memset(longest, 'a', sizeof longest);
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    assert_null(peers_add(&peers, 1, slice_of("a\0b", 3), false, &changed));
    assert_null(peers_add(&peers, 1, slice_of(longest, ADDRESS_BYTES_MAX + 1), false, &changed));
    assert_false(changed);
    struct peer *peer = peers_add(&peers, 1, slice_of(longest, ADDRESS_BYTES_MAX), false, &changed);
    assert_true(changed);
    assert_int_equal(strlen(peer->address), ADDRESS_BYTES_MAX);
    // A known peer stays as it was.
    assert_null(peers_add(&peers, 1, slice_of("a\0b", 3), true, &changed));
    assert_false(changed || peer->is_member);
    assert_int_equal(strlen(peer->address), ADDRESS_BYTES_MAX);
    peers_release(&peers);
}

static void test_peers__who_was_not_heard_for_longest_goes_and_members_last(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, PEER_MAKER_SELF, 4, 1);
    peer_maker_add_at(&peers, 1, "a:1", true);
    peer_maker_add(&peers, 2)->heard_us = 20;
    peer_maker_add(&peers, 3)->heard_us = 10;
    peer_maker_add(&peers, 4)->heard_us = 30;
    struct peer *newcomer = peer_maker_add(&peers, 5);
    assert_null(peers_find(&peers, 3));
    newcomer->heard_us = 40;
    assert_non_null(peer_maker_add(&peers, 6));
    assert_null(peers_find(&peers, 2));
    // One that was never heard goes before one that was.
    assert_non_null(peer_maker_add(&peers, 7));
    assert_null(peers_find(&peers, 6));
    assert_non_null(peer_maker_add_at(&peers, 8, "a:8", true));
    assert_non_null(peer_maker_add_at(&peers, 9, "a:9", true));
    assert_null(peers_find(&peers, 7));
    assert_null(peers_find(&peers, 4));
    assert_non_null(peer_maker_add_at(&peers, 10, "a:10", true));
    assert_null(peers_find(&peers, 5));
    assert_int_equal(peers.count, 4);
    peers_release(&peers);
}

static void test_peers__only_members_displace_members(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, PEER_MAKER_SELF, 2, 1);
    peer_maker_add_at(&peers, 1, "a:1", true)->heard_us = 2;
    peer_maker_add_at(&peers, 2, "a:2", true)->heard_us = 1;
    assert_null(peer_maker_add(&peers, 3));
    assert_int_equal(peers.count, 2);
    assert_non_null(peer_maker_add_at(&peers, 4, "a:4", true));
    assert_non_null(peers_find(&peers, 1));
    assert_null(peers_find(&peers, 2));
    // Who is a member no more has no claim either.
    assert_non_null(peer_maker_add_at(&peers, 1, "", false));
    assert_non_null(peer_maker_add(&peers, 3));
    assert_null(peers_find(&peers, 1));
    peers_release(&peers);
}

static void test_peers__says_once_who_was_displaced(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, PEER_MAKER_SELF, 2, 1);
    peer_maker_add(&peers, 1)->heard_us = 1;
    peer_maker_add(&peers, 2)->heard_us = 2;
    assert_int_equal(peers_take_displaced(&peers), 0);
    peer_maker_add(&peers, 3)->heard_us = 3;
    assert_int_equal(peers_take_displaced(&peers), 1);
    assert_int_equal(peers_take_displaced(&peers), 0);
    // Who was there already displaces nobody; what nobody asked for is not told later.
    peer_maker_add(&peers, 4)->heard_us = 4;
    peer_maker_add(&peers, 4);
    assert_int_equal(peers_take_displaced(&peers), 0);
    // A member is reached all the same.
    peer_maker_add_at(&peers, 3, "", true);
    peer_maker_add_at(&peers, 5, "a:5", true);
    assert_int_equal(peers_take_displaced(&peers), 4);
    assert_non_null(peer_maker_add_at(&peers, 6, "a:6", true));
    assert_null(peers_find(&peers, 5));
    assert_int_equal(peers_take_displaced(&peers), 0);
    assert_null(peer_maker_add(&peers, 7));
    assert_int_equal(peers_take_displaced(&peers), 0);
    peers_release(&peers);
}

static void test_peers__made_up_names_displace_little_but_themselves(void **state)
{
    (void)state;
    struct peers peers;
    peers_init(&peers, PEER_MAKER_SELF, 64, 1);
    for (uint64_t id = 1; id <= 64; id++)
        peer_maker_add(&peers, id)->heard_us = id;
    for (uint64_t id = 1000; id < 3000; id++)
        assert_non_null(peer_maker_add(&peers, id));
    assert_int_equal(peers.count, 64);
    for (uint64_t id = 2; id <= 64; id++)
        assert_non_null(peers_find(&peers, id));
    peers_release(&peers);
}

// --- what is known of one

static void test_peers__takes_spaces_in_any_order(void **state)
{
    (void)state;
    struct peers peers;
    static const uint64_t given[] = {7, UINT64_MAX, 3, 7, 1, 3, 7};
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    struct peer *peer = peer_maker_add(&peers, 1);
    assert_false(peer_keeps(peer, 7));
    peer_maker_keep(peer, given, sizeof given / sizeof *given);
    peers_invariants(&peers);
    assert_int_equal(peer->space_count, 4);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        assert_true(peer_keeps(peer, given[i]));
    assert_false(peer_keeps(peer, 0) || peer_keeps(peer, 2) || peer_keeps(peer, 8));
    peer_maker_keep(peer, given + 2, 1);
    assert_true(peer_keeps(peer, 3));
    assert_false(peer_keeps(peer, 7));
    peer_maker_keep(peer, NULL, 0);
    assert_false(peer_keeps(peer, 3));
    peers_release(&peers);
}

static void test_peers__refuses_spaces_past_the_bound_and_torn_ones(void **state)
{
    (void)state;
    struct peers peers;
    static const uint64_t one = 5;
    static uint8_t bytes[(PEER_SPACES_MAX + 1) * sizeof(uint64_t)];
    peers_init(&peers, PEER_MAKER_SELF, 100, 1);
    struct peer *peer = peer_maker_add(&peers, 1);
    peer_maker_keep(peer, &one, 1);
    assert_int_equal(peer_set_spaces(peer, slice_of(bytes, sizeof bytes)), ERR_TOO_LARGE);
    assert_int_equal(peer_set_spaces(peer, slice_of(bytes, 15)), ERR_INVALID);
    assert_true(peer_keeps(peer, 5) && !peer_keeps(peer, 0));
    for (size_t i = 0; i < PEER_SPACES_MAX; i++) {
        bytes[i * sizeof(uint64_t)] = (uint8_t)(i >> 8);
        bytes[i * sizeof(uint64_t) + 1] = (uint8_t)i;
    }
    assert_int_equal(peer_set_spaces(peer, slice_of(bytes, sizeof bytes - 8)), ERR_OK);
    assert_int_equal(peer->space_count, PEER_SPACES_MAX);
    peers_release(&peers);
}

static void test_peers__is_heard_until_it_was_silent_for_long(void **state)
{
    (void)state;
    struct peer peer = {0};
    assert_false(peer_is_heard(&peer, 0));
    assert_false(peer_is_heard(&peer, 5));
    peer.heard_us = 5;
    assert_true(peer_is_heard(&peer, 4));
    assert_true(peer_is_heard(&peer, 5));
    assert_true(peer_is_heard(&peer, 4 + PEER_SILENT_US));
    assert_false(peer_is_heard(&peer, 5 + PEER_SILENT_US));
}

// Whatever comes and goes, the invariants hold, no member goes for somebody who is none, and each
// choice is one of those that may be chosen.
static void test_peers__stays_whole_whatever_comes_and_goes(void **state)
{
    (void)state;
    struct rng rng;
    struct peers peers;
    uint64_t at_us = 1;
    rng_init(&rng, 3);
    peers_init(&peers, 5, 24, 9);
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t id = rng_below(&rng, 48);
        uint64_t space = rng_below(&rng, 4);
        struct peer *peer = peers_find(&peers, id);
        at_us += rng_below(&rng, PEER_SILENT_US / 8);
        switch (rng_below(&rng, 6)) {
        case 0:
        case 1:
            if (peer == NULL || !peer->is_member)
                peer_maker_add_at(&peers, id, id % 3 == 0 ? "" : "a:1", id < 12);
            break;
        case 2:
            if (rng_one_in(&rng, 4))
                peers_remove(&peers, id);
            break;
        case 3:
            if (peer != NULL) {
                peer->heard_us = at_us;
                peer->greeted = true;
                peer_maker_keep(peer, &space, 1);
            }
            break;
        default:
            peer = peers_choose(&peers, space, at_us);
            assert_true(peer != NULL || space != 0 || peers.count == 0);
            assert_true(peer == NULL || space == 0 || !peer->greeted || peer_keeps(peer, space));
            if (peer != NULL)
                peer->tried_us = at_us;
            break;
        }
        peers_invariants(&peers);
    }
    assert_true(peers.count > 12);
    peers_release(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers__finds_what_was_added_until_it_is_removed),
        cmocka_unit_test(test_peers__refuses_itself_and_nobody),
        cmocka_unit_test(test_peers__says_when_an_address_is_another),
        cmocka_unit_test(test_peers__refuses_what_is_no_address),
        cmocka_unit_test(test_peers__who_was_not_heard_for_longest_goes_and_members_last),
        cmocka_unit_test(test_peers__only_members_displace_members),
        cmocka_unit_test(test_peers__says_once_who_was_displaced),
        cmocka_unit_test(test_peers__made_up_names_displace_little_but_themselves),
        cmocka_unit_test(test_peers__takes_spaces_in_any_order),
        cmocka_unit_test(test_peers__refuses_spaces_past_the_bound_and_torn_ones),
        cmocka_unit_test(test_peers__is_heard_until_it_was_silent_for_long),
        cmocka_unit_test(test_peers__stays_whole_whatever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
