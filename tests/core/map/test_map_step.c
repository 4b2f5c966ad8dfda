// From one legal step, one illegal step for each rule of map_step.h, and whom each legal one
// restricts.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/map/map_step.h"
#include "map_fixture.h"

#define JOIN_EPOCH 4
#define SLOT 77

// Four nodes; of SLOT, nodes 1 and 2 are in sync, 3 is joining, 4 is nothing.
struct pair {
    struct cluster_map base;
    struct cluster_map next;
};

static struct replica_set joined_by_3(void)
{
    struct replica_set set = fixture_settled(fixture_nodes(2));
    set.target |= node_bit(3);
    set.joining = node_bit(3);
    set.join_epoch = JOIN_EPOCH;
    return set;
}

static void copy_base(struct pair *pair)
{
    cluster_map_release(&pair->next);
    cluster_map_copy(&pair->next, &pair->base);
    pair->next.epoch++;
}

static int open_pair(void **state)
{
    static struct pair pair;
    struct replica_set settled = fixture_settled(fixture_nodes(2));
    struct replica_set joined = joined_by_3();
    cluster_map_init(&pair.base);
    cluster_map_init(&pair.next);
    fixture_map(&pair.base, 4, 3);
    fixture_add_keyspace(&pair.base, &settled);
    fixture_add_keyspace(&pair.base, &settled);
    fixture_set_slot(&pair.base, 1, SLOT, &joined);
    assert_int_equal(cluster_map_check(&pair.base), ERR_OK);
    copy_base(&pair);
    *state = &pair;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *pair = *state;
    cluster_map_release(&pair->base);
    cluster_map_release(&pair->next);
    return 0;
}

static void set_slot(struct pair *pair, struct replica_set set)
{
    fixture_set_slot(&pair->next, 1, SLOT, &set);
}

static void set_base_slot(struct pair *pair, struct replica_set set)
{
    fixture_set_slot(&pair->base, 1, SLOT, &set);
    copy_base(pair);
}

// A bad map is another matter: what is refused here must be refused for the step alone.
static void assert_refused(const struct pair *pair)
{
    assert_int_equal(cluster_map_check(&pair->base), ERR_OK);
    assert_int_equal(cluster_map_check(&pair->next), ERR_OK);
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_ILLEGAL);
}

static void assert_legal(const struct pair *pair)
{
    assert_int_equal(cluster_map_check(&pair->base), ERR_OK);
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_OK);
}

static void assert_restricts(const struct pair *pair, node_set nodes)
{
    assert_legal(pair);
    assert_int_equal(map_step_restricted(&pair->base, &pair->next), nodes);
}

static void assert_relies_on(const struct pair *pair, node_set nodes)
{
    assert_legal(pair);
    assert_int_equal(map_step_relied_on(&pair->base, &pair->next), nodes);
}

static void add_node(struct cluster_map *map, uint64_t store_id)
{
    struct map_node *node = &map->nodes[map->node_count++];
    *node = (struct map_node){.id = (node_id)map->node_count, .store_id = store_id};
}

static void test_map_step__nothing_changed_is_legal(void **state)
{
    struct pair *pair = *state;
    assert_restricts(pair, 0);
}

static void test_map_step__refuses_a_bad_map(void **state)
{
    struct pair *pair = *state;
    pair->next.voters = node_bit(9);
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_ILLEGAL);
}

static void test_map_step__refuses_another_cluster(void **state)
{
    struct pair *pair = *state;
    pair->next.cluster.high++;
    assert_refused(pair);
    copy_base(pair);
    pair->next.cluster.low++;
    assert_refused(pair);
    copy_base(pair);
    pair->next.generation++;
    assert_refused(pair);
}

// Leases are counted by what the map says, in every epoch: a longer one would outlast what voters
// count with.
static void test_map_step__refuses_another_length_of_leases(void **state)
{
    struct pair *pair = *state;
    pair->next.lease_ms++;
    assert_refused(pair);
    pair->next.lease_ms -= 2;
    assert_refused(pair);
    pair->next.lease_ms++;
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_OK);
}

// Nodes that leave, are replaced or lose their vote serve on.
static void test_map_step__marks_and_votes_restrict_nobody(void **state)
{
    struct pair *pair = *state;
    pair->next.nodes[0].leaving = true;
    pair->next.nodes[1].leaving = true;
    pair->next.voters = node_bit(4);
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_OK);
    assert_int_equal(map_step_restricted(&pair->base, &pair->next), 0);
}

static void test_map_step__refuses_another_epoch(void **state)
{
    struct pair *pair = *state;
    pair->next.epoch = pair->base.epoch;
    assert_refused(pair);
    pair->next.epoch = pair->base.epoch + 2;
    assert_refused(pair);
}

static void test_map_step__refuses_a_lowered_incarnation(void **state)
{
    struct pair *pair = *state;
    pair->next.nodes[1].incarnation = 0;
    assert_refused(pair);
    pair->next.nodes[1].incarnation = 2;
    assert_restricts(pair, 0);
}

static void test_map_step__refuses_a_replaced_store(void **state)
{
    struct pair *pair = *state;
    pair->next.nodes[1].store_id = 999;
    assert_refused(pair);
    // Nor may two nodes change places.
    copy_base(pair);
    pair->next.nodes[0].store_id = FIXTURE_STORE_ID(2);
    pair->next.nodes[1].store_id = FIXTURE_STORE_ID(1);
    assert_refused(pair);
}

static void test_map_step__lets_nodes_come_and_go(void **state)
{
    struct pair *pair = *state;
    add_node(&pair->next, 999);
    assert_restricts(pair, 0);
    copy_base(pair);
    pair->next.node_count = 3;
    assert_restricts(pair, node_bit(4));
}

static void test_map_step__promotes_who_joined(void **state)
{
    struct pair *pair = *state;
    struct replica_set promoted = fixture_settled(fixture_nodes(3));
    set_slot(pair, promoted);
    assert_restricts(pair, 0);
}

static void test_map_step__refuses_in_sync_without_a_join(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = joined_by_3();
    set.in_sync |= node_bit(4);
    set_slot(pair, set);
    assert_refused(pair);
}

static void test_map_step__refuses_to_promote_another_process(void **state)
{
    struct pair *pair = *state;
    set_slot(pair, fixture_settled(fixture_nodes(3)));
    pair->next.nodes[2].incarnation++;
    assert_refused(pair);
}

static void test_map_step__refuses_a_join_of_another_epoch(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = joined_by_3();
    set.join_epoch = JOIN_EPOCH - 1;
    set_slot(pair, set);
    assert_refused(pair);
    set.join_epoch = pair->base.epoch;
    set_slot(pair, set);
    assert_refused(pair);
    set.join_epoch = pair->next.epoch;
    set_slot(pair, set);
    assert_restricts(pair, 0);
}

static void test_map_step__refuses_another_joiner_under_an_old_join(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = joined_by_3();
    set.joining |= node_bit(4);
    set_slot(pair, set);
    assert_refused(pair);
    set.join_epoch = pair->next.epoch;
    set_slot(pair, set);
    assert_restricts(pair, 0);
}

static void test_map_step__refuses_to_go_on_joining_as_another_process(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = joined_by_3();
    pair->next.nodes[2].incarnation++;
    assert_refused(pair);
    set.join_epoch = pair->next.epoch;
    set_slot(pair, set);
    assert_restricts(pair, 0);
}

static void test_map_step__drops_a_live_one_where_another_stays(void **state)
{
    struct pair *pair = *state;
    set_slot(pair, fixture_settled(node_bit(1)));
    assert_restricts(pair, node_bit(2));
}

static void test_map_step__refuses_to_leave_a_list_to_a_down_one(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = fixture_settled(node_bit(1));
    pair->next.nodes[0].state = NODE_DOWN;
    // Of every other slot, node 2 is the primary now.
    pair->next.keyspaces[0].sets[0].primary = 2;
    pair->next.keyspaces[1].sets[0].primary = 2;
    set.primary = NODE_NONE;
    set_slot(pair, set);
    assert_refused(pair);
}

static void test_map_step__refuses_to_leave_a_list_to_newcomers(void **state)
{
    struct pair *pair = *state;
    set_slot(pair, fixture_settled(node_bit(3)));
    assert_refused(pair);
}

// Slots that share their sets are judged once: one that shares only one of the two must still be.
static void test_map_step__judges_every_slot(void **state)
{
    struct pair *pair = *state;
    struct replica_set others = fixture_settled(node_bit(3) | node_bit(4));
    fixture_set_slot(&pair->next, 0, SLOT, &others);
    assert_refused(pair);
    set_base_slot(pair, others);
    set_slot(pair, fixture_settled(fixture_nodes(2)));
    assert_refused(pair);
}

static void test_map_step__drops_a_down_one_only_where_a_live_one_stays(void **state)
{
    struct pair *pair = *state;
    struct replica_set waiting = fixture_settled(node_bit(1) | node_bit(4));
    pair->base.nodes[3].state = NODE_DOWN;
    set_base_slot(pair, waiting);
    set_slot(pair, fixture_settled(node_bit(1)));
    assert_restricts(pair, 0);

    // Both are down: neither may go.
    waiting = fixture_settled(node_bit(3) | node_bit(4));
    waiting.primary = NODE_NONE;
    pair->base.nodes[2].state = NODE_DOWN;
    set_base_slot(pair, waiting);
    assert_restricts(pair, 0);
    waiting.in_sync = node_bit(3);
    set_slot(pair, waiting);
    assert_refused(pair);
}

static void test_map_step__refuses_an_empty_list(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = fixture_settled(fixture_nodes(2));
    set.in_sync = 0;
    set.primary = NODE_NONE;
    set_slot(pair, set);
    assert_int_equal(map_step_check(&pair->base, &pair->next), ERR_ILLEGAL);
}

static void test_map_step__refuses_a_reused_keyspace_id(void **state)
{
    struct pair *pair = *state;
    // As if the one with id 1 had been removed before.
    pair->base.keyspaces[0].keyspace.id = 5;
    pair->base.keyspaces[1].keyspace.id = 6;
    pair->base.next_keyspace_id = 7;
    copy_base(pair);
    pair->next.next_keyspace_id = 8;
    set_slot(pair, fixture_settled(fixture_nodes(2)));
    pair->next.keyspaces[1].keyspace.id = 2;
    assert_refused(pair);
    pair->next.keyspaces[1].keyspace.id = 7;
    assert_legal(pair);
}

static void test_map_step__refuses_to_lower_the_next_keyspace_id(void **state)
{
    struct pair *pair = *state;
    pair->base.next_keyspace_id = 9;
    copy_base(pair);
    pair->next.next_keyspace_id = 8;
    assert_refused(pair);
}

static void test_map_step__refuses_a_keyspace_that_begins_with_joins(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = joined_by_3();
    set.join_epoch = pair->next.epoch;
    fixture_add_keyspace(&pair->next, &set);
    assert_refused(pair);
    copy_base(pair);
    set = fixture_settled(fixture_nodes(4));
    fixture_add_keyspace(&pair->next, &set);
    assert_restricts(pair, 0);
}

static void test_map_step__restricts_who_loses_liveness(void **state)
{
    struct pair *pair = *state;
    pair->next.nodes[3].state = NODE_DOWN;
    assert_restricts(pair, node_bit(4));
    pair->next.nodes[3].state = NODE_FAILED;
    assert_restricts(pair, node_bit(4));
    // A process that is gone serves nothing.
    pair->next.nodes[3].incarnation++;
    assert_restricts(pair, 0);
    // From failed to down or up, nothing is taken.
    pair->base.nodes[3].state = NODE_FAILED;
    copy_base(pair);
    pair->next.nodes[3].state = NODE_UP;
    assert_restricts(pair, 0);
}

static void test_map_step__restricts_who_serves_a_removed_keyspace(void **state)
{
    struct pair *pair = *state;
    struct map_keyspace *last = &pair->next.keyspaces[--pair->next.keyspace_count];
    free(last->sets);
    free(last->set_of_slot);
    assert_restricts(pair, fixture_nodes(2));
}

static void test_map_step__a_new_primary_or_a_joiner_less_restricts_nobody(void **state)
{
    struct pair *pair = *state;
    struct replica_set set = fixture_settled(fixture_nodes(2));
    set.primary = 2;
    set_slot(pair, set);
    assert_restricts(pair, 0);
    pair->next.voters = node_bit(4);
    assert_restricts(pair, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_map_step__##name, open_pair, close_pair)

// Where a live replica goes, those that stay are relied on: by the process that was named before.
static void test_map_step__relies_on_those_that_stay(void **state)
{
    struct pair *pair = *state;
    assert_relies_on(pair, 0);
    struct replica_set set = joined_by_3();
    set.in_sync = node_bit(2);
    set.primary = 2;
    set_slot(pair, set);
    assert_relies_on(pair, node_bit(2));
    pair->next.nodes[1].incarnation++;
    assert_int_equal(map_step_relied_on(&pair->base, &pair->next), 0);
    pair->next.nodes[1].incarnation--;
    // Who goes is down: it gives nothing up that it could give.
    pair->base.nodes[0].state = pair->next.nodes[0].state = NODE_DOWN;
    assert_int_equal(map_step_relied_on(&pair->base, &pair->next), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_changed_is_legal),
        TEST(refuses_a_bad_map),
        TEST(refuses_another_cluster),
        TEST(refuses_another_length_of_leases),
        TEST(marks_and_votes_restrict_nobody),
        TEST(refuses_another_epoch),
        TEST(refuses_a_lowered_incarnation),
        TEST(refuses_a_replaced_store),
        TEST(lets_nodes_come_and_go),
        TEST(promotes_who_joined),
        TEST(refuses_in_sync_without_a_join),
        TEST(refuses_to_promote_another_process),
        TEST(refuses_a_join_of_another_epoch),
        TEST(refuses_another_joiner_under_an_old_join),
        TEST(refuses_to_go_on_joining_as_another_process),
        TEST(drops_a_live_one_where_another_stays),
        TEST(refuses_to_leave_a_list_to_a_down_one),
        TEST(refuses_to_leave_a_list_to_newcomers),
        TEST(judges_every_slot),
        TEST(drops_a_down_one_only_where_a_live_one_stays),
        TEST(refuses_an_empty_list),
        TEST(refuses_a_reused_keyspace_id),
        TEST(refuses_to_lower_the_next_keyspace_id),
        TEST(refuses_a_keyspace_that_begins_with_joins),
        TEST(restricts_who_loses_liveness),
        TEST(restricts_who_serves_a_removed_keyspace),
        TEST(a_new_primary_or_a_joiner_less_restricts_nobody),
        TEST(relies_on_those_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
