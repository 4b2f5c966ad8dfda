#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/recovery.h"
#include "model/stamp.h"
#include "lone_voter.h"
#include "map_fixture.h"

#define SURVIVORS_MAX 9
#define NODES(...) nodes_of((const node_id[]){__VA_ARGS__, NODE_NONE})

// A cluster of some nodes after a disaster: what is left of it, and what the operator says.
struct disaster {
    struct recovery_survivor survivors[SURVIVORS_MAX];
    struct buf accepted[SURVIVORS_MAX];
    unsigned count;
    node_set destroyed;
    bool accept_loss;
    struct recovery recovery;
    struct cluster_map map; // that the survivors have, when they are added
};

static node_set nodes_of(const node_id *ids)
{
    node_set nodes = 0;
    for (; *ids != NODE_NONE; ids++)
        nodes |= node_bit(*ids);
    return nodes;
}

static int open_disaster(void **state)
{
    static struct disaster disaster;
    memset(&disaster, 0, sizeof disaster);
    for (unsigned i = 0; i < SURVIVORS_MAX; i++)
        buf_init(&disaster.accepted[i], CLUSTER_MAP_BYTES_MAX);
    *state = &disaster;
    return 0;
}

static int close_disaster(void **state)
{
    struct disaster *disaster = *state;
    for (unsigned i = 0; i < SURVIVORS_MAX; i++) {
        cluster_map_release(&disaster->survivors[i].map);
        buf_release(&disaster->accepted[i]);
    }
    cluster_map_release(&disaster->map);
    recovery_release(&disaster->recovery);
    return 0;
}

// Every slot is on all nodes.
static void begin(struct disaster *disaster, unsigned nodes, unsigned voters)
{
    fixture_map(&disaster->map, nodes, voters);
    struct replica_set everywhere = fixture_settled(fixture_nodes(nodes));
    fixture_add_keyspace(&disaster->map, &everywhere);
    disaster->map.keyspaces[0].keyspace.strategy = STRATEGY_FULL;
}

static struct recovery_survivor *add_survivor(struct disaster *disaster, node_id id)
{
    struct recovery_survivor *survivor = &disaster->survivors[disaster->count++];
    survivor->identity = (struct identity){
        .store_id = FIXTURE_STORE_ID(id), .incarnation = 1, .cluster = disaster->map.cluster};
    cluster_map_copy(&survivor->map, &disaster->map);
    return survivor;
}

// What the last survivor accepted above its own map: a map with this mark.
static void accept(struct disaster *disaster, uint64_t counter, uint32_t mark, uint64_t epoch)
{
    struct recovery_survivor *survivor = &disaster->survivors[disaster->count - 1];
    struct buf *bytes = &disaster->accepted[disaster->count - 1];
    struct cluster_map next;
    cluster_map_copy(&next, &survivor->map);
    next.epoch = epoch;
    next.next_keyspace_id = mark;
    cluster_map_encode(bytes, &next);
    cluster_map_release(&next);
    struct ballot ballot = {.counter = counter, .store_id = FIXTURE_STORE_ID(5), .incarnation = 1};
    survivor->acceptor = (struct acceptor_state){.base_epoch = survivor->map.epoch,
                                                 .promised = ballot,
                                                 .accepted = ballot,
                                                 .accepted_map = buf_slice(bytes)};
}

static enum recovery_verdict recover(struct disaster *disaster)
{
    struct recovery_request request = {.survivors = disaster->survivors,
                                       .survivor_count = disaster->count,
                                       .destroyed = disaster->destroyed,
                                       .accept_loss = disaster->accept_loss};
    recovery_release(&disaster->recovery);
    recovery_compute(&request, &disaster->recovery);
    return disaster->recovery.verdict;
}

static void test_recovery__two_of_five_voters_go_on(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    add_survivor(disaster, 2);
    add_survivor(disaster, 4);
    disaster->destroyed = NODES(1, 3, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    const struct cluster_map *map = &disaster->recovery.map;
    assert_int_equal(cluster_map_check(map), ERR_OK);
    assert_int_equal(map->generation, 1);
    assert_int_equal(map->epoch, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP);
    assert_int_equal(cluster_map_members(map), NODES(2, 4));
    assert_int_equal(map->voters, NODES(2));
    for (uint16_t slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(&map->keyspaces[0], slot);
        assert_int_equal(set->in_sync, NODES(2, 4));
        assert_int_equal(set->target, NODES(2, 4));
        assert_true(node_set_has(NODES(2, 4), set->primary));
    }
    assert_int_equal(disaster->recovery.lost_total, 0);
    assert_int_equal(disaster->recovery.present, NODES(2, 4));
    assert_int_equal(disaster->recovery.absent, 0);
}

static void test_recovery__voters_are_odd_and_were_given(void **state)
{
    static const struct {
        unsigned nodes;
        unsigned given; // nodes 1 to this
        unsigned left;  // of the nodes that are not destroyed
        unsigned voters;
    } table[] = {{1, 1, 1, 1}, {3, 1, 1, 1}, {5, 2, 2, 1}, {7, 3, 3, 3}, {9, 4, 4, 3},
                 {9, 8, 8, 7}, {9, 9, 9, 7}, {9, 2, 8, 1}, {9, 4, 8, 3}, {9, 5, 8, 5}};
    struct disaster *disaster = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        unsigned voters = table[i].given < table[i].left ? 1 : table[i].nodes;
        begin(disaster, table[i].nodes, voters < VOTERS_MAX ? voters : VOTERS_MAX);
        for (unsigned id = 1; id <= table[i].given; id++)
            add_survivor(disaster, (node_id)id);
        disaster->destroyed = fixture_nodes(table[i].nodes) & ~fixture_nodes(table[i].left);
        assert_int_equal(recover(disaster), RECOVERY_OK);
        const struct cluster_map *map = &disaster->recovery.map;
        assert_int_equal(node_set_count(map->voters), table[i].voters);
        assert_int_equal(map->voters & ~fixture_nodes(table[i].given), 0);
        assert_int_equal(disaster->recovery.absent,
                         fixture_nodes(table[i].left) & ~fixture_nodes(table[i].given));
        void *self = disaster;
        close_disaster(&self);
        open_disaster(&self);
    }
}

static void test_recovery__the_newest_map_is_taken(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    add_survivor(disaster, 2);
    disaster->map.epoch++;
    disaster->map.next_keyspace_id = 40;
    add_survivor(disaster, 3);
    disaster->destroyed = NODES(1, 4, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.map.next_keyspace_id, 40);
    assert_int_equal(disaster->recovery.map.epoch, FIXTURE_EPOCH + 1 + RECOVERY_EPOCH_JUMP);
    assert_false(disaster->recovery.taken_was_accepted);
}

static void test_recovery__a_generation_weighs_more_than_an_epoch(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    disaster->map.epoch += 100;
    add_survivor(disaster, 2);
    disaster->map.epoch -= 100;
    disaster->map.generation = 1;
    add_survivor(disaster, 3);
    disaster->destroyed = NODES(1, 4, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.taken.epoch, FIXTURE_EPOCH);
    assert_int_equal(disaster->recovery.map.generation, 2);
}

static void test_recovery__the_highest_acceptance_above_it_is_taken(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    add_survivor(disaster, 2);
    accept(disaster, 3, 30, FIXTURE_EPOCH + 1);
    add_survivor(disaster, 3);
    accept(disaster, 7, 70, FIXTURE_EPOCH + 1);
    add_survivor(disaster, 4);
    accept(disaster, 5, 50, FIXTURE_EPOCH + 1);
    disaster->destroyed = NODES(1, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_true(disaster->recovery.taken_was_accepted);
    assert_int_equal(disaster->recovery.map.next_keyspace_id, 70);
    assert_int_equal(disaster->recovery.map.epoch, FIXTURE_EPOCH + 1 + RECOVERY_EPOCH_JUMP);
}

static void
test_recovery__acceptances_of_ended_instances_or_illegal_steps_do_not_count(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    add_survivor(disaster, 2);
    accept(disaster, 9, 90, FIXTURE_EPOCH + 1); // decided since, as something else
    disaster->map.epoch++;
    add_survivor(disaster, 3);
    accept(disaster, 8, 80, FIXTURE_EPOCH + 3); // skips an epoch
    add_survivor(disaster, 4);
    accept(disaster, 7, 70, FIXTURE_EPOCH + 2);
    disaster->survivors[disaster->count - 1].acceptor.accepted_map.length--; // damaged
    disaster->destroyed = NODES(1, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_false(disaster->recovery.taken_was_accepted);
    assert_int_equal(disaster->recovery.map.next_keyspace_id, 1);
}

static void test_recovery__every_voter_is_there_or_attested(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 3);
    add_survivor(disaster, 3);
    add_survivor(disaster, 4);
    disaster->destroyed = NODES(1);
    assert_int_equal(recover(disaster), RECOVERY_MISSING);
    assert_int_equal(disaster->recovery.nodes, NODES(2));
    assert_int_equal(disaster->recovery.map.epoch, 0);
    // Node 5 has no vote: it may be anywhere, and counts as a replica.
    disaster->destroyed = NODES(1, 2);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.absent, NODES(5));
    assert_int_equal(cluster_map_members(&disaster->recovery.map), NODES(3, 4, 5));
    assert_int_equal(disaster->recovery.map.keyspaces[0].sets[0].in_sync, NODES(3, 4, 5));
}

static void test_recovery__voters_that_an_acceptance_drops_are_asked_for_too(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 3);
    add_survivor(disaster, 3);
    disaster->survivors[0].map.voters = NODES(3, 4, 5);
    accept(disaster, 1, 10, FIXTURE_EPOCH + 1);
    disaster->survivors[0].map.voters = NODES(1, 2, 3);
    disaster->destroyed = NODES(4, 5);
    assert_int_equal(recover(disaster), RECOVERY_MISSING);
    assert_true(disaster->recovery.taken_was_accepted);
    assert_int_equal(disaster->recovery.nodes, NODES(1, 2));
    disaster->destroyed = NODES(1, 2);
    assert_int_equal(recover(disaster), RECOVERY_MISSING);
    assert_int_equal(disaster->recovery.nodes, NODES(4, 5));
    disaster->destroyed = NODES(1, 2, 4, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
}

static void test_recovery__nonsense_is_refused(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 3, 3);
    assert_int_equal(recover(disaster), RECOVERY_NOBODY);
    struct recovery_survivor *first = add_survivor(disaster, 1);
    disaster->destroyed = NODES(1, 2, 3);
    assert_int_equal(recover(disaster), RECOVERY_PRESENT);
    assert_int_equal(disaster->recovery.nodes, NODES(1));
    disaster->destroyed = NODES(2, 3, 9);
    assert_int_equal(recover(disaster), RECOVERY_UNKNOWN);
    assert_int_equal(disaster->recovery.nodes, NODES(9));
    disaster->destroyed = NODES(2, 3);
    first->identity.incarnation = 0;
    assert_int_equal(recover(disaster), RECOVERY_OLD_STORE);
    first->identity.incarnation = 1;
    first->identity.store_id = 77;
    assert_int_equal(recover(disaster), RECOVERY_STRANGER);
    first->identity.store_id = FIXTURE_STORE_ID(1);
    first->map.epoch = STAMP_EPOCH_MAX - RECOVERY_EPOCH_JUMP + 1;
    assert_int_equal(recover(disaster), RECOVERY_EXHAUSTED);
    first->map.epoch--;
    assert_int_equal(recover(disaster), RECOVERY_OK);
}

static void test_recovery__stores_that_do_not_go_together_are_refused(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 3, 3);
    add_survivor(disaster, 1);
    struct recovery_survivor *second = add_survivor(disaster, 1);
    disaster->destroyed = NODES(3);
    assert_int_equal(recover(disaster), RECOVERY_REPEATED);
    assert_int_equal(disaster->recovery.survivor, 1);
    second->identity.store_id = FIXTURE_STORE_ID(2);
    second->map.next_keyspace_id++;
    assert_int_equal(recover(disaster), RECOVERY_DIVIDED);
    second->map.next_keyspace_id--;
    second->identity.cluster.low++;
    assert_int_equal(recover(disaster), RECOVERY_FOREIGN);
    second->map.cluster.low++;
    assert_int_equal(recover(disaster), RECOVERY_FOREIGN);
    assert_int_equal(disaster->recovery.survivor, 1);
    second->map.cluster.low--;
    second->identity.cluster.low--;
    assert_int_equal(recover(disaster), RECOVERY_OK);
}

static void test_recovery__a_loss_is_counted_and_refused_until_it_is_accepted(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    struct replica_set lost = fixture_settled(NODES(1, 5));
    fixture_add_keyspace(&disaster->map, &lost);
    struct replica_set kept = fixture_settled(NODES(1, 2));
    fixture_set_slot(&disaster->map, 1, 7, &kept);
    struct replica_set joined = lost;
    joined.joining = NODES(3);
    joined.join_epoch = FIXTURE_EPOCH;
    fixture_set_slot(&disaster->map, 1, 8, &joined);
    add_survivor(disaster, 2);
    add_survivor(disaster, 3);
    disaster->destroyed = NODES(1, 4, 5);
    assert_int_equal(recover(disaster), RECOVERY_LOSS);
    assert_int_equal(disaster->recovery.lost_slots[0], 0);
    assert_int_equal(disaster->recovery.lost_slots[1], SLOTS - 1);
    assert_int_equal(disaster->recovery.lost_total, SLOTS - 1);
    disaster->accept_loss = true;
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.lost_total, SLOTS - 1);
    const struct map_keyspace *keyspace = &disaster->recovery.map.keyspaces[1];
    assert_int_equal(map_keyspace_slot(keyspace, 7)->in_sync, NODES(2));
    assert_int_equal(map_keyspace_slot(keyspace, 8)->in_sync, NODES(3));
    for (uint16_t slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, slot);
        assert_int_equal(node_set_count(set->in_sync), 1);
        assert_int_equal(set->in_sync & ~NODES(2, 3), 0);
        assert_int_equal(set->joining, 0);
        assert_int_equal(set->target, NODES(2, 3));
    }
}

static void test_recovery__survivors_that_are_down_keep_their_places(void **state)
{
    struct disaster *disaster = *state;
    fixture_map(&disaster->map, 3, 3);
    struct replica_set set = fixture_settled(NODES(1, 2, 3));
    set.primary = 3;
    fixture_add_keyspace(&disaster->map, &set);
    disaster->map.nodes[0].state = NODE_DOWN;
    disaster->map.nodes[1].state = NODE_DOWN;
    add_survivor(disaster, 1);
    disaster->destroyed = NODES(2, 3);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.map.voters, NODES(1));
    const struct replica_set *left = map_keyspace_slot(&disaster->recovery.map.keyspaces[0], 0);
    assert_int_equal(left->in_sync, NODES(1));
    assert_int_equal(left->primary, NODE_NONE); // until it is admitted again
}

static void test_recovery__one_that_was_cut_short_is_done_again(void **state)
{
    struct disaster *disaster = *state;
    begin(disaster, 5, 5);
    add_survivor(disaster, 2);
    add_survivor(disaster, 4);
    disaster->destroyed = NODES(1, 3, 5);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    // Only one of the two stores was written.
    cluster_map_release(&disaster->survivors[0].map);
    disaster->survivors[0].map = disaster->recovery.map;
    cluster_map_init(&disaster->recovery.map);
    assert_int_equal(recover(disaster), RECOVERY_OK);
    assert_int_equal(disaster->recovery.map.generation, 2);
    assert_int_equal(cluster_map_members(&disaster->recovery.map), NODES(2, 4));
}

// A map of node 1's, with this generation and epoch.
static void tell_map(struct lone_voter *voter, uint64_t generation, uint64_t epoch)
{
    struct cluster_map map;
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_copy(&map, &voter->agreement.map);
    map.generation = generation;
    map.epoch = epoch;
    cluster_map_encode(&bytes, &map);
    lone_voter_tell(voter, 2,
                    (struct message){.kind = MESSAGE_MAP, .map = {.map = buf_slice(&bytes)}});
    cluster_map_release(&map);
    buf_release(&bytes);
}

static void test_recovery__a_voter_refuses_the_lost_generation(void **state)
{
    (void)state;
    static struct lone_voter voter;
    lone_voter_init(&voter, 3);
    const struct cluster_map *map = &voter.agreement.map;
    tell_map(&voter, 1, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP);
    assert_int_equal(map->generation, 1);
    assert_int_equal(map->epoch, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP);
    tell_map(&voter, 0, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP + 1);
    tell_map(&voter, 0, STAMP_EPOCH_MAX);
    assert_int_equal(map->generation, 1);
    assert_int_equal(map->epoch, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP);
    tell_map(&voter, 2, FIXTURE_EPOCH); // no recovery makes such a one
    assert_int_equal(map->generation, 1);
    tell_map(&voter, 1, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP + 1);
    assert_int_equal(map->epoch, FIXTURE_EPOCH + RECOVERY_EPOCH_JUMP + 1);
    lone_voter_release(&voter);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_recovery__##name, open_disaster, close_disaster)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_of_five_voters_go_on),
        TEST(voters_are_odd_and_were_given),
        TEST(the_newest_map_is_taken),
        TEST(a_generation_weighs_more_than_an_epoch),
        TEST(the_highest_acceptance_above_it_is_taken),
        TEST(acceptances_of_ended_instances_or_illegal_steps_do_not_count),
        TEST(every_voter_is_there_or_attested),
        TEST(voters_that_an_acceptance_drops_are_asked_for_too),
        TEST(nonsense_is_refused),
        TEST(stores_that_do_not_go_together_are_refused),
        TEST(a_loss_is_counted_and_refused_until_it_is_accepted),
        TEST(survivors_that_are_down_keep_their_places),
        TEST(one_that_was_cut_short_is_done_again),
        TEST(a_voter_refuses_the_lost_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
