// Members that are started again, and may have lost what they had reported.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "core/map/next_slots.h"
#include "map_fixture.h"

enum { A = 1, B = 2, C = 3, SHRINK_FIRST = 1000 };

struct bench {
    struct cluster_map map;
    struct cluster_map next;
    struct wants wants;
};

// Three nodes that hold every slot.
static int open_bench(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    fixture_map(&bench.map, 3, 3);
    struct replica_set set = fixture_settled(fixture_nodes(3));
    fixture_add_keyspace(&bench.map, &set);
    wants_clear(&bench.wants);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    cluster_map_release(&bench->map);
    cluster_map_release(&bench->next);
    return 0;
}

static void start_again(struct bench *bench, node_id id, enum claim claim)
{
    struct want_admit admit = {.store_id = FIXTURE_STORE_ID(id), .incarnation = 2, .claim = claim};
    assert_true(address_copy(admit.peer_address, slice_of_text("peer:1")));
    assert_true(address_copy(admit.http_address, slice_of_text("http:1")));
    wants_add_admit(&bench->wants, &admit);
}

// Computes the next map; false when there is none. What there is must be a legal step.
static bool step(struct bench *bench)
{
    if (!next_map_compute(&bench->map, &bench->wants, &bench->next))
        return false;
    assert_int_equal(map_step_check(&bench->map, &bench->next), ERR_OK);
    return true;
}

static const struct replica_set *set_of(const struct cluster_map *map, unsigned slot)
{
    return map_keyspace_slot(&map->keyspaces[0], (uint16_t)slot);
}

static bool is_named(const struct bench *bench, node_id id)
{
    return cluster_map_node(&bench->next, id)->incarnation == 2;
}

static void test_next_suspects__join_anew_where_others_have_everything(void **state)
{
    struct bench *bench = *state;
    start_again(bench, C, CLAIM_SUSPECT);
    assert_true(step(bench));
    assert_true(is_named(bench, C));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(A) | node_bit(B));
    assert_int_equal(set_of(&bench->next, 0)->joining, node_bit(C));
}

static void test_next_suspects__one_that_lost_nothing_stays_in_the_lists(void **state)
{
    struct bench *bench = *state;
    start_again(bench, C, CLAIM_WHOLE);
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, fixture_nodes(3));
}

// All were started again, so nobody surely has everything, though the map calls all up.
static void test_next_suspects__wait_for_one_that_has_everything(void **state)
{
    struct bench *bench = *state;
    for (node_id id = A; id <= C; id++)
        start_again(bench, id, CLAIM_SUSPECT);
    assert_false(step(bench));
    // One that is not heard is nobody to rely on either.
    wants_clear(&bench->wants);
    start_again(bench, C, CLAIM_SUSPECT);
    bench->wants.spared = node_bit(A) | node_bit(B);
    assert_false(step(bench));
    bench->wants.spared = node_bit(B);
    assert_true(step(bench));
    assert_true(is_named(bench, C));
}

// The only one that is heard and has everything is failed by an operator in the same map: who
// relied on it is not admitted, and nobody is dropped.
static void test_next_suspects__nobody_relies_on_who_is_failed_in_the_same_map(void **state)
{
    struct bench *bench = *state;
    start_again(bench, A, CLAIM_SUSPECT);
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_FAIL, .node = B});
    bench->wants.spared = node_bit(C);
    assert_true(step(bench));
    assert_int_equal(cluster_map_node(&bench->next, B)->state, NODE_FAILED);
    assert_false(is_named(bench, A));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, fixture_nodes(3));
}

// And who is recovered in the same map has what its lists say.
static void test_next_suspects__rely_on_who_is_recovered_in_the_same_map(void **state)
{
    struct bench *bench = *state;
    bench->map.nodes[B - 1].state = NODE_FAILED;
    start_again(bench, A, CLAIM_SUSPECT);
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_RECOVER, .node = B});
    bench->wants.spared = node_bit(C);
    assert_true(step(bench));
    assert_true(is_named(bench, A));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(B) | node_bit(C));
}

// By an operator's word: what one has counts, and the others join from it.
static void test_next_suspects__a_trusted_one_stays_alone(void **state)
{
    struct bench *bench = *state;
    start_again(bench, B, CLAIM_TRUSTED);
    start_again(bench, C, CLAIM_TRUSTED);
    bench->wants.spared = node_bit(A);
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(B));
    assert_int_equal(set_of(&bench->next, 0)->primary, B);
    assert_true(node_set_has(set_of(&bench->next, 0)->joining, C));
}

static void want_shrink(struct bench *bench, unsigned first, unsigned count)
{
    struct slot_set slots;
    slot_set_clear(&slots);
    for (unsigned i = 0; i < count; i++)
        slot_set_add(&slots, first + i);
    wants_add_shrink(&bench->wants, bench->map.keyspaces[0].keyspace.id, &slots);
}

static unsigned listing(const struct cluster_map *map, node_id id)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        count += node_set_has(set_of(map, slot)->in_sync, id);
    return count;
}

static void go_on(struct bench *bench)
{
    cluster_map_release(&bench->map);
    bench->map = bench->next;
    cluster_map_init(&bench->next);
    wants_clear(&bench->wants);
}

// Few writes cost few slots; many writes soon cost no more maps.
static void test_next_suspects__lists_shrink_one_by_one_and_then_faster(void **state)
{
    struct bench *bench = *state;
    bench->map.nodes[C - 1].state = NODE_DOWN;
    want_shrink(bench, SHRINK_FIRST, SHRINK_ONE_BY_ONE - 1);
    assert_true(step(bench));
    assert_int_equal(listing(&bench->next, C), SLOTS - SHRINK_ONE_BY_ONE + 1);
    go_on(bench);
    want_shrink(bench, 0, 1);
    assert_true(step(bench));
    assert_int_equal(listing(&bench->next, C), SLOTS - SHRINK_ONE_BY_ONE);
    go_on(bench);
    want_shrink(bench, 5, 1);
    assert_true(step(bench));
    assert_int_equal(listing(&bench->next, C), SLOTS - 2 * SHRINK_ONE_BY_ONE - 1);
    assert_false(node_set_has(set_of(&bench->next, 5)->in_sync, C));
    go_on(bench);
    assert_false(step(bench));
}

// Who wished to drop a member is failed itself in the map that recovers that member: both stay, for
// nobody has asked for less than both.
static void test_next_suspects__a_list_does_not_shrink_to_who_was_to_be_dropped(void **state)
{
    struct bench *bench = *state;
    bench->map.nodes[A - 1].state = NODE_FAILED;
    bench->map.nodes[C - 1].state = NODE_FAILED;
    want_shrink(bench, 0, SLOTS);
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_RECOVER, .node = C});
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_FAIL, .node = B});
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(B) | node_bit(C));
    go_on(bench);
    want_shrink(bench, 0, SLOTS);
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(C));
}

// The only live member is not heard by the process that the map names: it may have lost what it
// had, and those that are not live keep their place.
static void test_next_suspects__a_list_does_not_shrink_to_who_is_not_heard(void **state)
{
    struct bench *bench = *state;
    bench->map.nodes[B - 1].state = NODE_DOWN;
    bench->wants.spared = node_bit(A) | node_bit(C);
    want_shrink(bench, 0, SLOTS);
    assert_false(step(bench));
    bench->wants.spared = node_bit(A);
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(A) | node_bit(C));
}

// Nor does it lose its last holder because all that should hold the slot are listed and live.
static void
test_next_suspects__who_need_not_hold_a_slot_stays_until_who_should_is_heard(void **state)
{
    struct bench *bench = *state;
    struct replica_set *set = &bench->map.keyspaces[0].sets[0]; // of all slots
    set->target = node_bit(C);
    set->target_primary = C;
    bench->wants.spared = node_bit(C);
    step(bench);
    if (bench->next.epoch != 0) {
        assert_int_equal(set_of(&bench->next, 0)->in_sync, fixture_nodes(3));
        go_on(bench);
    }
    bench->wants.spared = 0;
    assert_true(step(bench));
    assert_int_equal(set_of(&bench->next, 0)->in_sync, node_bit(C));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_next_suspects__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(join_anew_where_others_have_everything),
        TEST(one_that_lost_nothing_stays_in_the_lists),
        TEST(wait_for_one_that_has_everything),
        TEST(nobody_relies_on_who_is_failed_in_the_same_map),
        TEST(rely_on_who_is_recovered_in_the_same_map),
        TEST(a_trusted_one_stays_alone),
        TEST(lists_shrink_one_by_one_and_then_faster),
        TEST(a_list_does_not_shrink_to_who_was_to_be_dropped),
        TEST(a_list_does_not_shrink_to_who_is_not_heard),
        TEST(who_need_not_hold_a_slot_stays_until_who_should_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
