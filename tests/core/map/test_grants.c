// A voter's account of what it has granted: until when each node may believe that it serves, and
// who has not asked for longer than a lease.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rule.h"
#include "core/map/grants.h"
#include "map_fixture.h"

#define START_US UINT64_C(50000000)
#define LEASE_MS 1000
#define LEASE_US UINT64_C(1000000)
#define NODES 3

static struct grants grants;
static struct cluster_map map;
static struct cluster_map next;

static int open_grants(void **state)
{
    (void)state;
    cluster_map_init(&map);
    cluster_map_init(&next);
    fixture_map(&map, NODES, NODES);
    cluster_map_copy(&next, &map);
    next.epoch++;
    grants_init(&grants, &map, START_US);
    return 0;
}

static int close_grants(void **state)
{
    (void)state;
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_COUNT;
#endif
    cluster_map_release(&map);
    cluster_map_release(&next);
    return 0;
}

static bool ask(node_id id, uint64_t now_us)
{
    return grants_ask(&grants, id, now_us, LEASE_MS);
}

static node_set running(node_set nodes, uint64_t now_us)
{
    return grants_still_running(&grants, nodes, now_us, LEASE_MS);
}

static void test_grants__run_out_after_a_lease_and_not_before(void **state)
{
    (void)state;
    uint64_t asked_us = START_US + 3 * LEASE_US;
    assert_true(grants_ran_out(&grants, 2, asked_us));
    assert_true(ask(2, asked_us));
    assert_false(grants_ran_out(&grants, 2, asked_us));
    assert_false(grants_ran_out(&grants, 2, asked_us + LEASE_US));
    assert_true(grants_ran_out(&grants, 2, asked_us + LEASE_US + 1));
    assert_true(grants_ran_out(&grants, 1, asked_us));
}

static void test_grants__who_was_just_started_may_have_granted_to_anybody(void **state)
{
    (void)state;
    // Nodes that no map names here too: the map may be an old one.
    static const node_id ids[] = {1, NODES, NODES + 1, NODES_MAX};
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_false(grants_ran_out(&grants, ids[i], START_US + LEASE_US));
        assert_true(grants_ran_out(&grants, ids[i], START_US + LEASE_US + 1));
    }
    assert_int_equal(grants_lapsed(&grants, &map, START_US + LEASE_US), 0);
}

#ifdef BRUSIO_MUTANTS
static void test_grants__without_the_wait_a_start_forgets(void **state)
{
    (void)state;
    rule_broken = RULE_RESTART_WAIT;
    grants_init(&grants, &map, START_US);
    assert_true(grants_ran_out(&grants, 2, START_US + 1));
}
#endif

static void test_grants__to_everybody_shortens_nothing_of_now(void **state)
{
    (void)state;
    uint64_t now_us = START_US + LEASE_US / 2;
    assert_true(ask(2, now_us));
    grants_to_everybody(&grants, now_us, LEASE_MS);
    assert_false(grants_ran_out(&grants, 2, now_us + LEASE_US));
    assert_false(grants_ran_out(&grants, 3, now_us + LEASE_US));
    assert_true(grants_ran_out(&grants, 3, now_us + LEASE_US + 1));
}

static void test_grants__nothing_goes_to_who_is_withheld(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 2 * LEASE_US;
    grants.withheld = node_bit(2);
    assert_false(ask(2, now_us));
    assert_true(grants_ran_out(&grants, 2, now_us));
    // It was heard: it is refused, not silent.
    assert_false(node_set_has(grants_lapsed(&grants, &map, now_us), 2));
    assert_true(ask(1, now_us));
    grants.withheld = 0;
    assert_true(ask(2, now_us));
}

static void test_grants__nothing_goes_to_anybody_while_voters_change(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 2 * LEASE_US;
    grants.none = true;
    for (node_id id = 1; id <= NODES; id++) {
        assert_false(ask(id, now_us));
        assert_true(grants_ran_out(&grants, id, now_us));
    }
    grants.none = false;
    assert_true(ask(1, now_us));
}

// Who is to lose its lease is not renewed for two leases: so its grants run out.
static void test_grants__who_is_to_lose_its_lease_is_not_renewed(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 2 * LEASE_US;
    assert_true(ask(2, now_us));
    assert_int_equal(running(node_bit(2) | node_bit(3), now_us), node_bit(2));
    assert_false(ask(2, now_us + LEASE_US / 2));
    assert_true(ask(3, now_us)); // held nothing: nothing is refused
    assert_int_equal(running(node_bit(2), now_us + LEASE_US + 1), 0);
    assert_false(ask(2, now_us + 2 * LEASE_US - 1));
    assert_true(ask(2, now_us + 2 * LEASE_US));
}

// Each time that a restriction is asked for the refusal begins anew, but only while a grant runs:
// who lost it is not kept from it for ever.
static void test_grants__a_refusal_begins_anew_only_while_a_grant_runs(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 2 * LEASE_US;
    assert_true(ask(2, now_us));
    assert_int_equal(running(node_bit(2), now_us), node_bit(2));
    assert_int_equal(running(node_bit(2), now_us + LEASE_US), node_bit(2));
    assert_int_equal(running(node_bit(2), now_us + 2 * LEASE_US), 0);
    assert_false(ask(2, now_us + 3 * LEASE_US - 1));
    assert_true(ask(2, now_us + 3 * LEASE_US));
}

static void test_grants__the_next_map_ends_refusals(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 2 * LEASE_US;
    assert_true(ask(2, now_us));
    assert_int_equal(running(node_bit(2), now_us), node_bit(2));
    assert_false(ask(2, now_us + 1));
    grants_on_map(&grants, &map, &next, now_us + 2);
    // What was granted under the map before still runs.
    assert_false(grants_ran_out(&grants, 2, now_us + LEASE_US));
    assert_true(ask(2, now_us + 2));
}

static void test_grants__who_does_not_ask_for_a_lease_lapses(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 10 * LEASE_US;
    assert_true(ask(1, now_us));
    assert_true(ask(2, now_us - LEASE_US));
    assert_int_equal(grants_lapsed(&grants, &map, now_us), node_bit(3));
    assert_int_equal(grants_next_lapse_us(&grants, &map, now_us), now_us + 1);
    assert_int_equal(grants_lapsed(&grants, &map, now_us + 1), node_bit(2) | node_bit(3));
    assert_int_equal(grants_next_lapse_us(&grants, &map, now_us + 1), now_us + LEASE_US + 1);
    assert_int_equal(grants_lapsed(&grants, &map, now_us + LEASE_US + 1), fixture_nodes(3));
    assert_true(grants_next_lapse_us(&grants, &map, now_us + LEASE_US + 1) == UINT64_MAX);
}

// Who is newly named has a lease's time to ask, and so has who is up again, or is another process.
static void test_grants__who_is_newly_named_is_given_time(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 10 * LEASE_US;
    map.nodes[0].state = NODE_DOWN; // up again in the next
    next.nodes[1].incarnation++;
    map.node_count = 2; // the third is new
    grants_on_map(&grants, &map, &next, now_us);
    assert_int_equal(grants_lapsed(&grants, &next, now_us + LEASE_US), 0);
    assert_int_equal(grants_lapsed(&grants, &next, now_us + LEASE_US + 1), fixture_nodes(3));
}

// Another store under an old id is not who was heard, however long ago.
static void test_grants__another_store_is_newly_named(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 10 * LEASE_US;
    next.nodes[1].store_id = 999;
    grants_on_map(&grants, &map, &next, now_us);
    assert_int_equal(grants_lapsed(&grants, &next, now_us), node_bit(1) | node_bit(3));
}

// It was silent for long, or is thought so: only what it asks from now on says that it is back.
static void test_grants__who_was_taken_down_is_heard_when_it_asks_again(void **state)
{
    (void)state;
    uint64_t now_us = START_US + 10 * LEASE_US;
    next.nodes[1].state = NODE_DOWN;
    assert_true(ask(2, now_us));
    grants_on_map(&grants, &map, &next, now_us);
    assert_int_equal(grants.heard_us[2], 0);
    // What it was granted runs on all the same.
    assert_false(grants_ran_out(&grants, 2, now_us + LEASE_US));
    assert_true(ask(2, now_us + 2 * LEASE_US));
    assert_int_equal(grants.heard_us[2], now_us + 2 * LEASE_US);
}

static void test_grants__who_is_down_was_not_heard_before_the_start(void **state)
{
    (void)state;
    map.nodes[2].state = NODE_DOWN;
    grants_init(&grants, &map, START_US);
    assert_int_equal(grants.heard_us[2], START_US);
    assert_int_equal(grants.heard_us[3], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_grants__##name, open_grants, close_grants)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run_out_after_a_lease_and_not_before),
        TEST(who_was_just_started_may_have_granted_to_anybody),
#ifdef BRUSIO_MUTANTS
        TEST(without_the_wait_a_start_forgets),
#endif
        TEST(to_everybody_shortens_nothing_of_now),
        TEST(nothing_goes_to_who_is_withheld),
        TEST(nothing_goes_to_anybody_while_voters_change),
        TEST(who_is_to_lose_its_lease_is_not_renewed),
        TEST(a_refusal_begins_anew_only_while_a_grant_runs),
        TEST(the_next_map_ends_refusals),
        TEST(who_does_not_ask_for_a_lease_lapses),
        TEST(who_is_newly_named_is_given_time),
        TEST(another_store_is_newly_named),
        TEST(who_was_taken_down_is_heard_when_it_asks_again),
        TEST(who_is_down_was_not_heard_before_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
