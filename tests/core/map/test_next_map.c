// Random walks and random maps (map_walk.h judges every step), and the policy rule by rule.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rule.h"
#include "model/stamp.h"
#include "core/map/next_map.h"
#include "map_fixture.h"
#include "map_walk.h"

#define WALKS 24
#define STEPS 24
#define RANDOM_MAPS 60

static void test_next_map__random_walks_are_legal_and_come_to_rest(void **state)
{
    struct map_walk *walk = *state;
    for (unsigned seed = 0; seed < WALKS; seed++) {
        rng_init(&walk->rng, seed);
        map_walk_first(walk, (enum strategy)(seed % STRATEGY_COUNT), (uint8_t)(1 + seed % 3));
        for (unsigned i = 0; i < STEPS; i++) {
            map_walk_want_anything(walk);
            map_walk_step(walk);
        }
        map_walk_to_rest(walk);
    }
}

static void test_next_map__any_map_leads_on_legally_and_comes_to_rest(void **state)
{
    struct map_walk *walk = *state;
    for (unsigned seed = 0; seed < RANDOM_MAPS; seed++) {
        rng_init(&walk->rng, seed);
        map_walk_any_map(walk);
        map_walk_want_anything(walk);
        map_walk_step(walk);
        map_walk_to_rest(walk);
    }
}

static void grow(struct map_walk *walk, unsigned nodes)
{
    for (unsigned id = 2; id <= nodes; id++) {
        struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(id), 1);
        wants_clear(&walk->wants);
        wants_add_admit(&walk->wants, &admit);
        assert_true(map_walk_step(walk));
        map_walk_to_rest(walk);
    }
}

static void change(struct map_walk *walk, struct change wished)
{
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &wished);
    assert_int_equal(next_map_check_change(&walk->map, &wished), ERR_OK);
    assert_true(map_walk_step(walk));
}

static void test_next_map__voters_are_odd_and_stay(void **state)
{
    struct map_walk *walk = *state;
    const unsigned expected[] = {0, 1, 1, 3, 3, 5, 5, 7, 7, 7};
    map_walk_first(walk, STRATEGY_CONSISTENT, 1);
    for (unsigned nodes = 2; nodes <= 9; nodes++) {
        grow(walk, 1);
        struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(nodes), 1);
        wants_clear(&walk->wants);
        wants_add_admit(&walk->wants, &admit);
        assert_true(map_walk_step(walk));
        assert_int_equal(node_set_count(walk->map.voters), expected[nodes]);
    }
}

static void test_next_map__recovering_restores(void **state)
{
    struct map_walk *walk = *state;
    const struct change recover = {.kind = CHANGE_RECOVER, .node = 2};
    struct buf before;
    struct buf after;
    map_walk_first(walk, STRATEGY_CONSISTENT, 2);
    grow(walk, 4);
    buf_init(&before, CLUSTER_MAP_BYTES_MAX);
    buf_init(&after, CLUSTER_MAP_BYTES_MAX);
    walk->map.epoch = 100;
    cluster_map_encode(&before, &walk->map);

    change(walk, (struct change){.kind = CHANGE_FAIL, .node = 2});
    map_walk_to_rest(walk);
    wants_clear(&walk->wants);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&walk->slots, slot);
    wants_add_shrink(&walk->wants, 0, &walk->slots);
    assert_true(map_walk_step(walk));
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++)
        assert_false(node_set_has(walk->map.keyspaces[0].sets[i].in_sync, 2));
    assert_false(next_map_satisfies(&walk->map, &recover));

    change(walk, recover);
    assert_false(next_map_satisfies(&walk->map, &recover));
    map_walk_to_rest(walk);
    assert_true(next_map_satisfies(&walk->map, &recover));
    walk->map.epoch = 100;
    cluster_map_encode(&after, &walk->map);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_release(&before);
    buf_release(&after);
}

static void test_next_map__nothing_written_means_nothing_to_repair(void **state)
{
    struct map_walk *walk = *state;
    map_walk_first(walk, STRATEGY_FULL, 1);
    grow(walk, 3);
    change(walk, (struct change){.kind = CHANGE_FAIL, .node = 3});
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    change(walk, (struct change){.kind = CHANGE_RECOVER, .node = 3});
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    assert_int_equal(walk->map.keyspaces[0].sets[0].joining, 0);
}

// The primary fails, the only other live one is promoted, and a shrink is wished, all in one map:
// the old list must not be left to the newcomer alone.
static void test_next_map__a_shrink_never_leaves_newcomers_alone(void **state)
{
    struct map_walk *walk = *state;
    struct replica_set set = fixture_settled(node_bit(1) | node_bit(3));
    set.target = fixture_nodes(3);
    set.joining = node_bit(2);
    set.join_epoch = FIXTURE_EPOCH - 1;
    fixture_map(&walk->map, 3, 3);
    walk->map.nodes[2].state = NODE_DOWN;
    fixture_add_keyspace(&walk->map, &set);
    map_walk_want_promotes(walk);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&walk->slots, slot);
    wants_add_shrink(&walk->wants, 0, &walk->slots);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_FAIL, .node = 1});
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    assert_int_equal(walk->map.keyspaces[0].sets[0].primary, 2);
}

static void test_next_map__a_restart_begins_the_join_anew(void **state)
{
    struct map_walk *walk = *state;
    map_walk_first(walk, STRATEGY_FULL, 1);
    grow(walk, 1);
    struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(2), 1);
    wants_add_admit(&walk->wants, &admit);
    assert_true(map_walk_step(walk));
    uint64_t join_epoch = walk->map.keyspaces[0].sets[0].join_epoch;
    assert_int_equal(join_epoch, walk->map.epoch);

    wants_clear(&walk->wants);
    map_walk_want_promotes(walk);
    admit.incarnation = 2;
    wants_add_admit(&walk->wants, &admit);
    assert_true(map_walk_step(walk));
    const struct replica_set *set = &walk->map.keyspaces[0].sets[0];
    assert_int_equal(cluster_map_node(&walk->map, 2)->incarnation, 2);
    assert_int_equal(set->in_sync, node_bit(1));
    assert_int_equal(set->joining, node_bit(2));
    assert_true(set->join_epoch > join_epoch);
}

// A report of an earlier join, by the same process, comes late: since then it was out of the list
// and may have missed writes.
static bool promotes_by_an_old_join(void)
{
    static struct want_promote promote;
    static struct wants wants;
    struct cluster_map base;
    struct cluster_map next;
    struct replica_set set = fixture_settled(fixture_nodes(2));
    set.target |= node_bit(3);
    set.joining = node_bit(3);
    set.join_epoch = FIXTURE_EPOCH;
    cluster_map_init(&base);
    cluster_map_init(&next);
    fixture_map(&base, 3, 3);
    fixture_add_keyspace(&base, &set);
    wants_clear(&wants);
    wants.bump = true;
    promote = (struct want_promote){.node = 3, .incarnation = 1, .join_epoch = FIXTURE_EPOCH - 1};
    memset(&promote.slots, 0xff, sizeof promote.slots);
    wants_add_promote(&wants, &promote);
    assert_true(next_map_compute(&base, &wants, &next));
    bool promoted = node_set_has(next.keyspaces[0].sets[0].in_sync, 3);
    cluster_map_release(&base);
    cluster_map_release(&next);
    return promoted;
}

static void test_next_map__promotes_only_by_this_join(void **state)
{
    (void)state;
    assert_false(promotes_by_an_old_join());
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_JOIN_ID;
    bool promoted = promotes_by_an_old_join();
    rule_broken = RULE_COUNT;
    assert_true(promoted);
#endif
}

static void test_next_map__failed_survives_a_restart_and_down_does_not(void **state)
{
    struct map_walk *walk = *state;
    fixture_map(&walk->map, 3, 3);
    walk->map.nodes[1].state = NODE_FAILED;
    walk->map.nodes[2].state = NODE_DOWN;
    for (unsigned id = 2; id <= 3; id++) {
        struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(id), 2);
        wants_add_admit(&walk->wants, &admit);
    }
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.nodes[1].state, NODE_FAILED);
    assert_int_equal(walk->map.nodes[2].state, NODE_UP);
}

static void test_next_map__leaves_out_what_cannot_be_done(void **state)
{
    struct map_walk *walk = *state;
    const struct {
        struct change change;
        enum err error;
    } cases[] = {
        {{.kind = CHANGE_FAIL, .node = 9}, ERR_NOT_FOUND},
        {{.kind = CHANGE_RECOVER, .node = 0}, ERR_NOT_FOUND},
        {{.kind = CHANGE_STRATEGY, .keyspace = 9, .replication_factor = 1}, ERR_NOT_FOUND},
        {{.kind = CHANGE_STRATEGY, .replication_factor = 3}, ERR_INVALID},
        {{.kind = CHANGE_MIN_IN_SYNC, .min_in_sync = 3}, ERR_INVALID},
        {{.kind = CHANGE_KEYSPACE_CREATE,
          .name = KEYSPACE_DEFAULT,
          .replication_factor = 1,
          .min_in_sync = 1},
         ERR_EXISTS},
        {{.kind = CHANGE_KEYSPACE_CREATE, .name = "new", .replication_factor = 3, .min_in_sync = 1},
         ERR_INVALID},
    };
    map_walk_first(walk, STRATEGY_CONSISTENT, 1);
    grow(walk, 2);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(next_map_check_change(&walk->map, &cases[i].change), cases[i].error);
        wants_clear(&walk->wants);
        wants_add_change(&walk->wants, &cases[i].change);
        assert_false(map_walk_step(walk));
    }
    walk->map.keyspace_count = KEYSPACES_MAX;
    struct change create = {
        .kind = CHANGE_KEYSPACE_CREATE, .name = "new", .replication_factor = 1, .min_in_sync = 1};
    assert_int_equal(next_map_check_change(&walk->map, &create), ERR_TOO_LARGE);
    walk->map.keyspace_count = 1;
}

static void test_next_map__a_new_keyspace_serves_at_once(void **state)
{
    struct map_walk *walk = *state;
    map_walk_first(walk, STRATEGY_FULL, 1);
    grow(walk, 3);
    struct change create = {.kind = CHANGE_KEYSPACE_CREATE,
                            .name = "users",
                            .strategy = STRATEGY_CONSISTENT,
                            .replication_factor = 2,
                            .min_in_sync = 2};
    assert_false(next_map_satisfies(&walk->map, &create));
    change(walk, create);
    assert_true(next_map_satisfies(&walk->map, &create));
    const struct map_keyspace *created =
        cluster_map_keyspace_named(&walk->map, slice_of_text("users"));
    assert_int_equal(created->keyspace.min_in_sync, 2);
    for (unsigned i = 0; i < created->set_count; i++) {
        assert_int_equal(created->sets[i].in_sync, created->sets[i].target);
        assert_int_equal(node_set_count(created->sets[i].in_sync), 2);
        assert_int_equal(created->sets[i].primary, created->sets[i].target_primary);
    }
    wants_clear(&walk->wants);
    assert_false(map_walk_step(walk));
}

// Who recovers in the map that makes a keyspace holds it from the beginning: a new one has no
// joiners.
static void test_next_map__a_new_keyspace_sees_the_whole_map(void **state)
{
    struct map_walk *walk = *state;
    map_walk_first(walk, STRATEGY_FULL, 1);
    grow(walk, 3);
    change(walk, (struct change){.kind = CHANGE_FAIL, .node = 3});
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_KEYSPACE_CREATE,
                                                    .name = "users",
                                                    .strategy = STRATEGY_FULL,
                                                    .replication_factor = 1,
                                                    .min_in_sync = 1});
    wants_add_change(&walk->wants, &(struct change){.kind = CHANGE_RECOVER, .node = 3});
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.keyspaces[1].set_count, 3);
    for (unsigned i = 0; i < walk->map.keyspaces[1].set_count; i++)
        assert_int_equal(walk->map.keyspaces[1].sets[i].in_sync, fixture_nodes(3));
}

static void test_next_map__a_bump_is_a_map_of_its_own(void **state)
{
    struct map_walk *walk = *state;
    map_walk_first(walk, STRATEGY_FULL, 1);
    assert_false(map_walk_step(walk));
    walk->wants.bump = true;
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.epoch, 2);
    walk->map.epoch = STAMP_EPOCH_MAX;
    assert_false(map_walk_step(walk));
}

static void test_next_map__options_change_once(void **state)
{
    struct map_walk *walk = *state;
    struct change wished = {.kind = CHANGE_STRATEGY, .strategy = STRATEGY_CONSISTENT};
    map_walk_first(walk, STRATEGY_FULL, 1);
    grow(walk, 3);
    change(walk, wished);
    assert_true(next_map_satisfies(&walk->map, &wished));
    assert_int_equal(walk->map.keyspaces[0].keyspace.replication_factor, 1);
    map_walk_to_rest(walk);
    for (unsigned i = 0; i < walk->map.keyspaces[0].set_count; i++)
        assert_int_equal(node_set_count(walk->map.keyspaces[0].sets[i].in_sync), 1);
    wants_add_change(&walk->wants, &wished);
    assert_false(map_walk_step(walk));
    change(walk, (struct change){.kind = CHANGE_MIN_IN_SYNC, .min_in_sync = 2});
    assert_int_equal(walk->map.keyspaces[0].keyspace.min_in_sync, 2);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_next_map__##name, map_walk_open, map_walk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_walks_are_legal_and_come_to_rest),
        TEST(any_map_leads_on_legally_and_comes_to_rest),
        TEST(voters_are_odd_and_stay),
        TEST(recovering_restores),
        TEST(nothing_written_means_nothing_to_repair),
        TEST(a_shrink_never_leaves_newcomers_alone),
        TEST(a_restart_begins_the_join_anew),
        TEST(promotes_only_by_this_join),
        TEST(failed_survives_a_restart_and_down_does_not),
        TEST(leaves_out_what_cannot_be_done),
        TEST(a_new_keyspace_serves_at_once),
        TEST(a_new_keyspace_sees_the_whole_map),
        TEST(a_bump_is_a_map_of_its_own),
        TEST(options_change_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
