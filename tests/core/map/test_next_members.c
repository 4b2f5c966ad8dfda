// What becomes of members: silent ones, ones that come back, that are away for long, and that
// leave.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "map_fixture.h"
#include "map_walk.h"

// A cluster of so many nodes, all in sync wherever they should be.
static void begin(struct map_walk *walk, unsigned nodes, enum strategy strategy, uint8_t factor)
{
    map_walk_first(walk, strategy, 1);
    for (unsigned id = 2; id <= nodes; id++) {
        struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(id), 1);
        wants_clear(&walk->wants);
        wants_add_admit(&walk->wants, &admit);
        assert_true(map_walk_step(walk));
        map_walk_to_rest(walk);
    }
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_STRATEGY,
                                                    .strategy = strategy,
                                                    .replication_factor = factor});
    map_walk_step(walk);
    map_walk_to_rest(walk);
}

// A step with this fate of members; gives whom it restricts.
static node_set befall(struct map_walk *walk, struct wants_fate fate)
{
    struct cluster_map before;
    cluster_map_init(&before);
    cluster_map_copy(&before, &walk->map);
    wants_clear(&walk->wants);
    walk->wants.fate = fate;
    assert_true(map_walk_step(walk));
    node_set restricted = map_step_restricted(&before, &walk->map);
    cluster_map_release(&before);
    return restricted;
}

static const struct map_node *node_of(const struct map_walk *walk, node_id id)
{
    return cluster_map_node(&walk->map, id);
}

// Every node that holds anything, and that is to.
static void holders(const struct map_walk *walk, node_set *in_sync, node_set *target)
{
    *in_sync = 0;
    *target = 0;
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++) {
        *in_sync |= walk->map.keyspaces[0].sets[i].in_sync;
        *target |= walk->map.keyspaces[0].sets[i].target;
    }
}

static bool holds(const struct map_walk *walk, node_id id)
{
    node_set in_sync;
    node_set target;
    holders(walk, &in_sync, &target);
    return node_set_has(in_sync | target, id);
}

static void begin_removal(struct map_walk *walk, node_id id)
{
    const struct change remove = {.kind = CHANGE_REMOVE, .node = id};
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_OK);
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &remove);
    assert_true(map_walk_step(walk));
    assert_true(next_map_satisfies(&walk->map, &remove));
}

static void test_next_members__down_restricts_nobody_else(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_CONSISTENT, 2);
    node_set voters = walk->map.voters;
    // At the same time slots could move: they wait.
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_STRATEGY,
                                                    .strategy = STRATEGY_CONSISTENT,
                                                    .replication_factor = 1});
    assert_true(map_walk_step(walk));
    assert_int_equal(befall(walk, (struct wants_fate){.down = node_bit(2)}), node_bit(2));
    assert_int_equal(node_of(walk, 2)->state, NODE_DOWN);
    assert_int_equal(walk->map.voters, voters);
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++)
        assert_int_not_equal(walk->map.keyspaces[0].sets[i].primary, 2);
}

static void test_next_members__up_restricts_nobody_and_restores(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3, STRATEGY_FULL, 1);
    befall(walk, (struct wants_fate){.down = node_bit(3)});
    assert_int_equal(befall(walk, (struct wants_fate){.up = node_bit(3)}), 0);
    assert_int_equal(node_of(walk, 3)->state, NODE_UP);
    // Nothing was written meanwhile: it never left the lists.
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    assert_int_equal(walk->map.keyspaces[0].sets[0].joining, 0);
    wants_clear(&walk->wants);
    assert_false(map_walk_step(walk));
}

static void test_next_members__fate_fits_the_state(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3, STRATEGY_FULL, 1);
    walk->wants.fate = (struct wants_fate){.up = node_bit(2), .repair = node_bit(3)};
    assert_false(map_walk_step(walk));
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_FAIL, .node = 2});
    assert_true(map_walk_step(walk));
    // An operator's word stands.
    wants_clear(&walk->wants);
    walk->wants.fate.down = node_bit(2);
    walk->wants.fate.repair = node_bit(2);
    assert_false(map_walk_step(walk));
    walk->wants.fate = (struct wants_fate){.up = node_bit(2)};
    assert_false(map_walk_step(walk));
}

// Who is away for long loses its slots to others, with what they need of it, and gets them back.
static void test_next_members__others_take_the_place_of_who_is_away(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_CONSISTENT, 2);
    assert_true(holds(walk, 3));
    befall(walk, (struct wants_fate){.down = node_bit(3)});
    map_walk_to_rest(walk);
    assert_true(holds(walk, 3));
    assert_int_equal(befall(walk, (struct wants_fate){.repair = node_bit(3)}), 0);
    assert_true(node_of(walk, 3)->replaced);
    map_walk_to_rest(walk);
    assert_false(holds(walk, 3));
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++)
        assert_int_equal(node_set_count(walk->map.keyspaces[0].sets[i].in_sync), 2);
    assert_non_null(node_of(walk, 3));

    befall(walk, (struct wants_fate){.up = node_bit(3)});
    assert_false(node_of(walk, 3)->replaced);
    map_walk_to_rest(walk);
    assert_true(holds(walk, 3));
}

// A restart brings it back just so.
static void test_next_members__a_restart_ends_the_replacement(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_CONSISTENT, 2);
    befall(walk, (struct wants_fate){.down = node_bit(3)});
    befall(walk, (struct wants_fate){.repair = node_bit(3)});
    map_walk_to_rest(walk);
    struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(3), 2);
    wants_clear(&walk->wants);
    wants_add_admit(&walk->wants, &admit);
    assert_true(map_walk_step(walk));
    assert_int_equal(node_of(walk, 3)->state, NODE_UP);
    assert_false(node_of(walk, 3)->replaced);
    map_walk_to_rest(walk);
    assert_true(holds(walk, 3));
}

// A voter that is only down keeps its vote; one that is replaced gives it to another, if there is
// one.
static void test_next_members__votes_move_from_who_is_replaced(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_FULL, 1);
    assert_int_equal(walk->map.voters, fixture_nodes(3));
    befall(walk, (struct wants_fate){.down = node_bit(2)});
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.voters, fixture_nodes(3));
    befall(walk, (struct wants_fate){.repair = node_bit(2)});
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.voters, node_bit(1) | node_bit(3) | node_bit(4));
}

static void test_next_members__without_another_a_replaced_voter_keeps_its_vote(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3, STRATEGY_FULL, 1);
    befall(walk, (struct wants_fate){.down = node_bit(2)});
    befall(walk, (struct wants_fate){.repair = node_bit(2)});
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.voters, fixture_nodes(3));
}

// While it leaves it serves; it goes with a map of its own when it holds nothing and votes no more.
static void test_next_members__who_leaves_is_drained_first(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_CONSISTENT, 2);
    begin_removal(walk, 1);
    node_set in_sync;
    node_set target;
    holders(walk, &in_sync, &target);
    assert_true(node_set_has(in_sync, 1));
    assert_false(node_set_has(target, 1));
    assert_int_equal(node_of(walk, 1)->state, NODE_UP);
    assert_false(node_set_has(walk->map.voters, 1));
    map_walk_to_rest(walk);
    assert_null(node_of(walk, 1));
    assert_int_equal(walk->map.node_count, 3);
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++)
        assert_int_equal(node_set_count(walk->map.keyspaces[0].sets[i].in_sync), 2);
}

// The map that takes the vote still names the node, though it holds nothing: the map without it is
// decided by those who have its vote then, so they know what it knew.
static void test_next_members__a_vote_moves_before_its_node_goes(void **state)
{
    struct map_walk *walk = *state;
    fixture_map(&walk->map, 4, 3);
    begin_removal(walk, 1);
    assert_int_equal(walk->map.voters, node_bit(2) | node_bit(3) | node_bit(4));
    assert_non_null(node_of(walk, 1));
    wants_clear(&walk->wants);
    assert_true(map_walk_step(walk));
    assert_null(node_of(walk, 1));
}

// Who is out of hearing and up is not waited for: it may serve yet. Taken down, it goes.
static void test_next_members__a_silent_node_is_removed_once_it_is_down(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 4, STRATEGY_FULL, 1);
    begin_removal(walk, 4);
    for (unsigned i = 0; i < 5; i++) {
        wants_clear(&walk->wants);
        walk->wants.spared = node_bit(4);
        map_walk_step(walk);
    }
    assert_non_null(node_of(walk, 4));
    befall(walk, (struct wants_fate){.down = node_bit(4)});
    map_walk_to_rest(walk);
    assert_null(node_of(walk, 4));
}

static void test_next_members__the_last_that_can_hold_data_cannot_be_removed(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 2, STRATEGY_FULL, 1);
    // Both at once: one of them stays.
    wants_clear(&walk->wants);
    for (node_id id = 1; id <= 2; id++)
        wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_REMOVE, .node = id});
    assert_true(map_walk_step(walk));
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.node_count, 1);
    node_id last = walk->map.nodes[0].id;
    const struct change remove = {.kind = CHANGE_REMOVE, .node = last};
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_ILLEGAL);
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &remove);
    assert_false(map_walk_step(walk));
    assert_int_equal(
        next_map_check_change(&walk->map, &(struct change){.kind = CHANGE_REMOVE, .node = 9}),
        ERR_NOT_FOUND);
}

// Who is down may never be back: what the last one holds would stay there, though it is to leave.
static void test_next_members__the_last_that_is_up_cannot_be_removed(void **state)
{
    struct map_walk *walk = *state;
    const struct change remove = {.kind = CHANGE_REMOVE, .node = 1};
    begin(walk, 3, STRATEGY_FULL, 1);
    begin_removal(walk, 2);
    map_walk_to_rest(walk);
    befall(walk, (struct wants_fate){.down = node_bit(3)});
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_ILLEGAL);
    befall(walk, (struct wants_fate){.up = node_bit(3)});
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_OK);
}

// Nor is one that an operator has failed to be relied on: it may be dead as well.
static void test_next_members__the_last_that_is_not_failed_cannot_be_removed(void **state)
{
    struct map_walk *walk = *state;
    const struct change remove = {.kind = CHANGE_REMOVE, .node = 1};
    begin(walk, 2, STRATEGY_FULL, 1);
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_FAIL, .node = 2});
    assert_true(map_walk_step(walk));
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_ILLEGAL);
}

// To be removed again is what it is already, whatever became of the others.
static void test_next_members__one_that_leaves_may_be_told_again(void **state)
{
    struct map_walk *walk = *state;
    const struct change remove = {.kind = CHANGE_REMOVE, .node = 1};
    begin(walk, 2, STRATEGY_FULL, 1);
    begin_removal(walk, 1);
    befall(walk, (struct wants_fate){.down = node_bit(2)});
    assert_true(next_map_satisfies(&walk->map, &remove));
    assert_int_equal(next_map_check_change(&walk->map, &remove), ERR_OK);
}

// The vote of one that leaves goes to who is heard; else it stays where it is.
static void test_next_members__a_vote_goes_to_nobody_who_is_not_heard(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 2, STRATEGY_FULL, 1);
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_REMOVE, .node = 1});
    walk->wants.spared = node_bit(2);
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.voters, node_bit(1));
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.voters, node_bit(2));
}

static void test_next_members__of_two_it_goes_to_the_one_that_is_heard(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3, STRATEGY_FULL, 1);
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_FAIL, .node = 2});
    assert_true(map_walk_step(walk));
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_REMOVE, .node = 1});
    walk->wants.spared = node_bit(2);
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.voters, node_bit(3));
}

static void test_next_members__two_nodes_keep_one_voter(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 2, STRATEGY_FULL, 1);
    assert_int_equal(walk->map.voters, node_bit(1));
    assert_int_equal(befall(walk, (struct wants_fate){.down = node_bit(2)}), node_bit(2));
    assert_int_equal(walk->map.voters, node_bit(1));
    assert_int_equal(walk->map.keyspaces[0].sets[0].primary, 1);
    befall(walk, (struct wants_fate){.up = node_bit(2)});
    // The one voter leaves: the other takes its vote.
    begin_removal(walk, 1);
    map_walk_to_rest(walk);
    assert_null(node_of(walk, 1));
    assert_int_equal(walk->map.voters, node_bit(2));
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, node_bit(2));
}

static void test_next_members__a_node_alone_goes_down_and_up(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 1, STRATEGY_FULL, 1);
    assert_int_equal(befall(walk, (struct wants_fate){.down = node_bit(1)}), node_bit(1));
    assert_int_equal(walk->map.voters, node_bit(1));
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, node_bit(1));
    assert_int_equal(walk->map.keyspaces[0].sets[0].primary, NODE_NONE);
    befall(walk, (struct wants_fate){.repair = node_bit(1)});
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, node_bit(1));
    befall(walk, (struct wants_fate){.up = node_bit(1)});
    map_walk_to_rest(walk);
    assert_int_equal(walk->map.keyspaces[0].sets[0].primary, 1);
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, node_bit(1));
}

// Failed by a drill while others had its place: recovered, it gets its share again.
static void test_next_members__a_replaced_node_that_is_recovered_has_its_place_again(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3, STRATEGY_CONSISTENT, 1);
    befall(walk, (struct wants_fate){.down = node_bit(3)});
    befall(walk, (struct wants_fate){.repair = node_bit(3)});
    assert_true(node_of(walk, 3)->replaced);
    const enum change_kind kinds[] = {CHANGE_FAIL, CHANGE_RECOVER};
    for (unsigned i = 0; i < 2; i++) {
        wants_clear(&walk->wants);
        wants_add_change(&walk->wants, &(struct change){.kind = kinds[i], .node = 3});
        assert_true(map_walk_step(walk));
    }
    assert_int_equal(node_of(walk, 3)->state, NODE_UP);
    assert_false(node_of(walk, 3)->replaced);
    map_walk_to_rest(walk);
    assert_true(holds(walk, 3));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_next_members__##name, map_walk_open, map_walk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(down_restricts_nobody_else),
        TEST(up_restricts_nobody_and_restores),
        TEST(fate_fits_the_state),
        TEST(others_take_the_place_of_who_is_away),
        TEST(a_restart_ends_the_replacement),
        TEST(votes_move_from_who_is_replaced),
        TEST(without_another_a_replaced_voter_keeps_its_vote),
        TEST(who_leaves_is_drained_first),
        TEST(a_vote_moves_before_its_node_goes),
        TEST(a_silent_node_is_removed_once_it_is_down),
        TEST(the_last_that_can_hold_data_cannot_be_removed),
        TEST(the_last_that_is_up_cannot_be_removed),
        TEST(the_last_that_is_not_failed_cannot_be_removed),
        TEST(one_that_leaves_may_be_told_again),
        TEST(a_vote_goes_to_nobody_who_is_not_heard),
        TEST(of_two_it_goes_to_the_one_that_is_heard),
        TEST(two_nodes_keep_one_voter),
        TEST(a_node_alone_goes_down_and_up),
        TEST(a_replaced_node_that_is_recovered_has_its_place_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
