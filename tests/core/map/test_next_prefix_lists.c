// Suspects whose lists differ by slot, and what else is wished with them.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "suspect_scene.h"

enum { MANY = 20 };

// --- lists that differ

static void test_next_prefix_lists__a_live_holder_needs_no_prefixes(void **state)
{
    struct scene *scene = *state;
    for (unsigned slot = 0; slot < SLOTS; slot += SLOTS / 4)
        scene_set_list(scene, slot, ABC | node_bit(D));
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    for (unsigned slot = 0; slot < SLOTS; slot += SLOTS / 4) {
        assert_int_equal(scene_listed(scene, slot), node_bit(D));
        assert_int_equal(scene_set(scene, slot)->primary, D);
        assert_int_equal(scene_listed(scene, slot + 1), node_bit(B));
    }
}

// C keeps out B, with which it shares a slot, and B keeps out A.
static void test_next_prefix_lists__one_kept_out_keeps_out_others(void **state)
{
    struct scene *scene = *state;
    scene_hold_all(scene, D);
    scene_set_list(scene, 100, node_bit(C));
    scene_set_list(scene, 50, NODE_SET(B, C));
    scene_set_list(scene, 10, NODE_SET(A, B));
    teller_fill(&scene->teller, 10);
    scene->teller.counters[100] = TELLER_NO_PREFIX;
    for (node_id id = A; id <= C; id++)
        scene_tell(scene, id);
    assert_false(scene_step(scene));
    // A and B alone are named when nothing ties them to C.
    scene_set_list(scene, 50, NODE_SET(B, D));
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), NODE_SET(A, B));
    assert_int_equal(scene_listed(scene, 10), node_bit(A));
    assert_int_equal(scene_listed(scene, 50), node_bit(D));
    assert_int_equal(scene_listed(scene, 100), node_bit(C));
    assert_int_equal(scene_listed(scene, 0), NODE_SET(C, D));
}

// The mark of a slot may outlast the listing: a map dropped the node, and the loss of power what it
// had noted of that. Who is not listed is not asked for, however much it has.
static void test_next_prefix_lists__who_is_not_listed_hides_nobody(void **state)
{
    struct scene *scene = *state;
    scene_set_list(scene, 0, NODE_SET(A, B));
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 20);
    assert_true(scene_step(scene));
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
    teller_fill(&scene->teller, 20);
    prefixes_release(&scene->prefixes);
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 30);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
    assert_int_equal(scene_listed(scene, 1), node_bit(C));
}

// A whole cluster lost its power, and it is a large one.
static void test_next_prefix_lists__many_are_named_together(void **state)
{
    struct scene *scene = *state;
    scene_hold_all(scene, MANY);
    for (node_id id = 1; id <= MANY; id++)
        scene_tell_counter(scene, id, 10u + id);
    scene->wants.spared = fixture_nodes(MANY);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), fixture_nodes(MANY));
    assert_int_equal(scene_listed(scene, 0), node_bit(MANY));
}

// --- other wishes in the same step

static void want_shrink(struct scene *scene)
{
    struct slot_set slots;
    memset(&slots, 0xff, sizeof slots);
    wants_add_shrink(&scene->wants, scene->map.keyspaces[0].keyspace.id, &slots);
}

static void test_next_prefix_lists__shrinking_leaves_the_longest(void **state)
{
    struct scene *scene = *state;
    scene->map.nodes[A - 1].state = NODE_FAILED;
    scene_set_list(scene, 0, ABC | node_bit(D));
    want_shrink(scene);
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    assert_true(scene_step(scene));
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(D));
    assert_int_equal(scene_listed(scene, 1), node_bit(B));
}

// Shrinking drops who is down, and nobody stays but suspects that may not be named.
static void test_next_prefix_lists__shrinking_alone_names_nobody(void **state)
{
    struct scene *scene = *state;
    for (node_id id = A; id <= C; id++)
        scene->map.nodes[id - 1].state = NODE_DOWN;
    want_shrink(scene);
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_step(scene);
    if (scene->next.epoch != 0) {
        assert_int_equal(scene_named(scene), 0);
        assert_int_equal(scene_listed(scene, 0), ABC);
    }
}

static void create_keyspace(struct scene *scene)
{
    struct change create = {.kind = CHANGE_KEYSPACE_CREATE,
                            .name = "created",
                            .strategy = STRATEGY_FULL,
                            .replication_factor = 2,
                            .min_in_sync = 1};
    wants_add_change(&scene->wants, &create);
}

static void test_next_prefix_lists__a_keyspace_is_created_in_the_same_map(void **state)
{
    struct scene *scene = *state;
    create_keyspace(scene);
    scene_tell_counter(scene, A, 10);
    scene_tell_counter(scene, B, 20);
    scene_tell_counter(scene, C, 10);
    assert_true(scene_step(scene));
    assert_int_equal(scene->next.keyspace_count, 2);
    assert_int_equal(scene_named(scene), ABC);
    assert_int_equal(scene_listed(scene, 0), node_bit(B));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_next_prefix_lists__##name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_live_holder_needs_no_prefixes),       TEST(one_kept_out_keeps_out_others),
        TEST(who_is_not_listed_hides_nobody),        TEST(many_are_named_together),
        TEST(shrinking_leaves_the_longest),          TEST(shrinking_alone_names_nobody),
        TEST(a_keyspace_is_created_in_the_same_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
