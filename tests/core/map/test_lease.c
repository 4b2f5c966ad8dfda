// The holder's side of a lease: what is granted counts from when it was asked for, is shortened for
// drift, and is held while a majority of the map's voters grants.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/lease.h"
#include "map_fixture.h"

#define START_US UINT64_C(50000000)
#define SECOND_US UINT64_C(1000000)

static struct lease lease;
static struct cluster_map map;

static int open_lease(void **state)
{
    (void)state;
    cluster_map_init(&map);
    fixture_map(&map, 5, 5);
    lease_init(&lease);
    lease.now_us = START_US;
    return 0;
}

static int close_lease(void **state)
{
    (void)state;
    cluster_map_release(&map);
    return 0;
}

static void grant(node_id voter, uint64_t sent_us)
{
    lease_on_grant(&lease, &map, voter, sent_us);
}

static bool held_at(uint64_t at_us)
{
    lease.now_us = at_us;
    return lease_is_held(&lease);
}

// With both clocks at their worst, one slow and one fast, the holder's end comes first; and it does
// not give away more than it must.
static void test_lease__ends_before_the_voter_counts_it_ended(void **state)
{
    (void)state;
    static const uint32_t lengths_ms[] = {1, 7, 150, 999, 1000, 1001, 30000, UINT32_MAX};
    for (unsigned i = 0; i < sizeof lengths_ms / sizeof lengths_ms[0]; i++) {
        lease_init(&lease);
        lease.now_us = START_US;
        map.lease_ms = lengths_ms[i];
        map.voters = node_bit(1);
        grant(1, START_US);
        uint64_t length_us = (uint64_t)lengths_ms[i] * 1000;
        uint64_t held_us = lease.held_until_us - START_US;
        // held / (1 - d) <= length / (1 + d), in parts per million.
        assert_true(held_us * (1000000 + LEASE_DRIFT_PPM_MAX) <=
                    length_us * (1000000 - LEASE_DRIFT_PPM_MAX));
        assert_true(held_us >= length_us / 100 * 97);
    }
}

static void test_lease__is_held_until_its_end_and_not_at_it(void **state)
{
    (void)state;
    map.voters = node_bit(2);
    assert_false(held_at(START_US));
    grant(2, START_US);
    uint64_t end_us = lease.held_until_us;
    assert_true(held_at(START_US));
    assert_true(held_at(end_us - 1));
    assert_false(held_at(end_us));
}

static void test_lease__counts_from_when_it_was_asked_for(void **state)
{
    (void)state;
    map.voters = node_bit(1);
    grant(1, START_US - SECOND_US / 2);
    assert_true(held_at(START_US + SECOND_US / 2 - 20001));
    assert_false(held_at(START_US + SECOND_US / 2 - 20000));
    // A grant of what was asked for a lease ago is worth nothing.
    lease_init(&lease);
    lease.now_us = START_US;
    grant(1, START_US - SECOND_US);
    assert_false(held_at(START_US));
}

static void test_lease__is_of_a_majority_of_voters(void **state)
{
    (void)state;
    // The n-th grant makes a majority of so many voters.
    for (unsigned voters = 1; voters <= 5; voters++) {
        lease_init(&lease);
        lease.now_us = START_US;
        map.voters = fixture_nodes(voters);
        for (unsigned granted = 1; granted <= voters; granted++) {
            grant((node_id)granted, START_US);
            assert_int_equal(lease_is_held(&lease), 2 * granted > voters);
        }
    }
}

// Of 5 voters the third latest end counts.
static void test_lease__lasts_as_long_as_a_majority_grants(void **state)
{
    (void)state;
    static const uint64_t ages_us[] = {400, 100, 300, 200, 500};
    for (unsigned i = 0; i < 5; i++)
        grant((node_id)(i + 1), START_US - ages_us[i]);
    assert_int_equal(lease.held_until_us, START_US - 300 + SECOND_US / 100 * 98);
    // An older grant that comes late takes nothing away.
    grant(2, START_US - 5000);
    assert_int_equal(lease.held_until_us, START_US - 300 + SECOND_US / 100 * 98);
    grant(1, START_US);
    assert_int_equal(lease.held_until_us, START_US - 200 + SECOND_US / 100 * 98);
}

static void test_lease__who_is_no_voter_grants_nothing(void **state)
{
    (void)state;
    map.voters = fixture_nodes(3);
    grant(4, START_US);
    grant(5, START_US);
    grant(NODE_NONE, START_US);
    grant(60, START_US);
    assert_false(lease_is_held(&lease));
    grant(1, START_US);
    assert_false(lease_is_held(&lease));
    grant(2, START_US);
    assert_true(lease_is_held(&lease));
}

// As of before the machine was booted again: no such request was sent.
static void test_lease__what_was_asked_for_in_the_future_is_ignored(void **state)
{
    (void)state;
    map.voters = node_bit(1);
    grant(1, START_US + 1);
    assert_false(lease_is_held(&lease));
    assert_int_equal(lease.until_us[1], 0);
}

static void test_lease__goes_on_with_a_map_of_the_same_voters(void **state)
{
    (void)state;
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &map);
    next.epoch++;
    for (node_id id = 1; id <= 3; id++)
        grant(id, START_US);
    uint64_t end_us = lease.held_until_us;
    lease_on_map(&lease, &map, &next);
    assert_int_equal(lease.held_until_us, end_us);
    cluster_map_release(&next);
}

// Grants of voters that are no more do not count; those of who votes now do.
static void test_lease__counts_the_voters_of_the_newest_map(void **state)
{
    (void)state;
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &map);
    next.epoch++;
    map.voters = fixture_nodes(3);
    grant(1, START_US);
    grant(2, START_US);
    assert_true(lease_is_held(&lease));
    next.voters = node_bit(2) | node_bit(3) | node_bit(4);
    lease_on_map(&lease, &map, &next);
    assert_false(lease_is_held(&lease));
    lease_on_grant(&lease, &next, 4, START_US);
    assert_true(lease_is_held(&lease));
    cluster_map_release(&next);
}

static void test_lease__another_store_under_a_voters_id_has_granted_nothing(void **state)
{
    (void)state;
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &map);
    next.epoch += 2;
    next.nodes[1].store_id = 999;
    map.voters = next.voters = fixture_nodes(3);
    grant(1, START_US);
    grant(2, START_US);
    lease_on_map(&lease, &map, &next);
    assert_false(lease_is_held(&lease));
    assert_int_equal(lease.until_us[2], 0);
    assert_true(lease.until_us[1] > START_US);
    cluster_map_release(&next);
}

// The voter's process may be another one by now: it waits until what the one before granted has
// run out.
static void test_lease__a_voter_that_was_started_again_still_grants(void **state)
{
    (void)state;
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &map);
    next.epoch++;
    next.nodes[0].incarnation++;
    map.voters = next.voters = fixture_nodes(1);
    grant(1, START_US);
    lease_on_map(&lease, &map, &next);
    assert_true(lease_is_held(&lease));
    cluster_map_release(&next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_lease__##name, open_lease, close_lease)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ends_before_the_voter_counts_it_ended),
        TEST(is_held_until_its_end_and_not_at_it),
        TEST(counts_from_when_it_was_asked_for),
        TEST(is_of_a_majority_of_voters),
        TEST(lasts_as_long_as_a_majority_grants),
        TEST(who_is_no_voter_grants_nothing),
        TEST(what_was_asked_for_in_the_future_is_ignored),
        TEST(goes_on_with_a_map_of_the_same_voters),
        TEST(counts_the_voters_of_the_newest_map),
        TEST(another_store_under_a_voters_id_has_granted_nothing),
        TEST(a_voter_that_was_started_again_still_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
