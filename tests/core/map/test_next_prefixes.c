// All that are listed for a slot are suspects, and tell what they have.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rule.h"
#include "suspect_scene.h"

// --- all have told

static void test_next_prefixes__each_slot_is_left_to_its_longest(void **state)
{
    struct scene *scene = *state;
    teller_fill(&scene->teller, 10);
    scene_tell(scene, A);
    scene->teller.counters[1] = 11;
    scene->teller.counters[3] = 12;
    scene_tell(scene, B);
    scene->teller.counters[2] = 11;
    scene->teller.counters[3] = 13;
    scene->teller.counters[0] = TELLER_NO_PREFIX;
    scene->teller.counters[1] = 10;
    scene_tell(scene, C);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    const node_id chosen[] = {A, B, C, C, A};
    for (unsigned slot = 0; slot < sizeof chosen / sizeof chosen[0]; slot++) {
        const struct replica_set *set = scene_set(scene, slot);
        assert_int_equal(set->in_sync, node_bit(chosen[slot]));
        assert_int_equal(set->primary, chosen[slot]);
        assert_int_equal(set->joining, ABC & ~node_bit(chosen[slot]));
        assert_int_equal(set->join_epoch, scene->next.epoch);
    }
}

static void test_next_prefixes__down_ones_come_up_with_it(void **state)
{
    struct scene *scene = *state;
    for (node_id id = A; id <= C; id++) {
        scene->map.nodes[id - 1].state = NODE_DOWN;
        scene_tell_counter(scene, id, id == B ? 20 : 10);
    }
    scene->wants.spared = ABC;
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
    assert_int_equal(scene_set(scene, 0)->primary, B);
    assert_int_equal(cluster_map_node(&scene->next, B)->state, NODE_UP);
}

static void test_next_prefixes__all_wait_for_one_that_has_not_told(void **state)
{
    struct scene *scene = *state;
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_start_again(scene, C, CLAIM_SUSPECT);
    assert_false(scene_step(scene));
    // What its process before this one told is nothing either.
    teller_tell_all(&scene->teller, &scene->prefixes, &scene->map, C, SCENE_AGAIN - 1);
    assert_false(prefixes_has_told(&scene->prefixes, C, SCENE_AGAIN));
    assert_false(scene_step(scene));
}

static void test_next_prefixes__all_wait_for_one_that_did_not_come_back(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[C - 1].state = NODE_DOWN;
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    assert_false(scene_step(scene));
    scene_tell_counter(scene, C, 5);
    assert_true(scene_step(scene));
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
}

static void test_next_prefixes__nobody_has_one(void **state)
{
    struct scene *scene = *state;
    teller_fill(&scene->teller, 10);
    scene->teller.counters[700] = TELLER_NO_PREFIX;
    for (node_id id = A; id <= C; id++)
        scene_tell(scene, id);
    assert_false(scene_step(scene));
}

// They told nothing to this coordinator.
static void test_next_prefixes__without_answers_nobody_is_named(void **state)
{
    struct scene *scene = *state;
    for (node_id id = A; id <= C; id++)
        scene_start_again(scene, id, CLAIM_SUSPECT);
    assert_false(scene_step(scene));
    scene->wants.prefixes = NULL;
    assert_false(scene_step(scene));
}

// --- an operator

static void test_next_prefixes__the_only_longest_is_failed(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[B - 1].state = NODE_FAILED;
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    assert_false(scene_step(scene));
    scene_change(scene, CHANGE_RECOVER, B);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
    assert_int_equal(scene_set(scene, 0)->primary, B);
}

static void test_next_prefixes__the_only_longest_is_failed_in_the_same_map(void **state)
{
    struct scene *scene = *state;
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    scene_change(scene, CHANGE_FAIL, B);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), 0);
    assert_int_equal(scene_listed(scene, 0), ABC);
}

static void test_next_prefixes__of_equals_one_that_is_not_failed(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[A - 1].state = NODE_FAILED;
    scene_tell_counter(scene, A, 20);
    scene_tell_counter(scene, B, 10);
    scene_tell_counter(scene, C, 20);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(C));
    assert_int_equal(scene_set(scene, 0)->primary, C);
    assert_int_equal(cluster_map_node(&scene->next, A)->state, NODE_FAILED);
}

static void test_next_prefixes__a_failed_one_with_less_is_dropped(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[A - 1].state = NODE_FAILED;
    scene_tell_counter(scene, A, 5);
    scene_tell_counter(scene, B, 10);
    scene_tell_counter(scene, C, 20);
    assert_true(scene_step(scene));
    assert_int_equal(scene_listed(scene, 0), node_bit(C));
}

// The suspects are named only once it holds the slots, and then they join from it.
static void test_next_prefixes__trust_beats_a_longer_prefix(void **state)
{
    struct scene *scene = *state;
    scene_tell_counter(scene, A, 30);
    scene_tell_counter(scene, B, 20);
    scene_start_again(scene, C, CLAIM_TRUSTED);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), node_bit(C));
    assert_int_equal(scene_listed(scene, 0), node_bit(C));
    scene_go_on(scene);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(C));
}

// One who told as a suspect is trusted then: all the same.
static void test_next_prefixes__trust_in_one_that_told(void **state)
{
    struct scene *scene = *state;
    scene_tell_counter(scene, A, 30);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    scene_start_again(scene, C, CLAIM_TRUSTED);
    assert_true(scene_step(scene));
    assert_int_equal(scene_listed(scene, 0), node_bit(C));
    assert_int_equal(scene_set(scene, 0)->primary, C);
}

// Of several that an operator trusts none may be read beside another, also when they are failed
// yet.
static void test_next_prefixes__trusted_ones_that_are_failed(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[A - 1].state = NODE_DOWN;
    scene->map.nodes[B - 1].state = NODE_FAILED;
    scene->map.nodes[C - 1].state = NODE_FAILED;
    scene_start_again(scene, B, CLAIM_TRUSTED);
    scene_start_again(scene, C, CLAIM_TRUSTED);
    scene->wants.spared = node_bit(A);
    if (scene_step(scene))
        assert_true(node_set_count(scene_named(scene) & scene_listed(scene, 0)) <= 1);
}

// One that lost nothing is started again with them: what it has is not dropped for their sake.
static void test_next_prefixes__a_whole_one_is_not_dropped_for_a_trusted_one(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[C - 1].state = NODE_DOWN;
    scene_start_again(scene, A, CLAIM_WHOLE);
    scene_start_again(scene, B, CLAIM_TRUSTED);
    scene->wants.spared = ABC;
    assert_true(scene_step(scene));
    assert_true(node_set_has(scene_listed(scene, 0), A));
}

// And suspects wait until it is named, which takes one map.
static void test_next_prefixes__wait_for_a_whole_one(void **state)
{
    struct scene *scene = *state;
    scene_start_again(scene, A, CLAIM_WHOLE);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 30);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), node_bit(A));
    assert_int_equal(scene_listed(scene, 0), ABC);
    scene_go_on(scene);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(A));
}

// --- without the rule

static bool newer_records_are_dropped(struct scene *scene)
{
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 15);
    assert_true(scene_step(scene));
    return scene_listed(scene, 0) != node_bit(B);
}

static void test_next_prefixes__not_the_first_but_the_longest(void **state)
{
    struct scene *scene = *state;
    assert_false(newer_records_are_dropped(scene));
#ifdef BRUSIO_MUTANTS
    prefixes_release(&scene->prefixes);
    rule_broken = RULE_LONGEST_PREFIX;
    assert_true(newer_records_are_dropped(scene));
#endif
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_next_prefixes__##name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_slot_is_left_to_its_longest),
        TEST(down_ones_come_up_with_it),
        TEST(all_wait_for_one_that_has_not_told),
        TEST(all_wait_for_one_that_did_not_come_back),
        TEST(nobody_has_one),
        TEST(without_answers_nobody_is_named),
        TEST(the_only_longest_is_failed),
        TEST(the_only_longest_is_failed_in_the_same_map),
        TEST(of_equals_one_that_is_not_failed),
        TEST(a_failed_one_with_less_is_dropped),
        TEST(trust_beats_a_longer_prefix),
        TEST(trust_in_one_that_told),
        TEST(trusted_ones_that_are_failed),
        TEST(a_whole_one_is_not_dropped_for_a_trusted_one),
        TEST(wait_for_a_whole_one),
        TEST(not_the_first_but_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
