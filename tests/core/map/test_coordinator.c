#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/coordinator.h"
#include "core/map/next_map.h"
#include "lone_voter.h"

struct bench {
    struct lone_voter voter;
    struct coordinator coordinator;
};

static int open_bench(void **state)
{
    static struct bench bench;
    lone_voter_init(&bench.voter, 3);
    coordinator_init(&bench.coordinator, 60000);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    lone_voter_release(&bench->voter);
    return 0;
}

static void tick(struct bench *bench, uint64_t now_us)
{
    coordinator_tick(&bench->coordinator, &bench->voter.agreement, &bench->voter.effects, now_us);
}

static bool proposes(const struct bench *bench)
{
    return bench->voter.agreement.phase != PROPOSER_IDLE;
}

static void wish(struct bench *bench, const struct wants *wants)
{
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    wants_encode(&bytes, wants);
    coordinator_on_wants(&bench->coordinator, buf_slice(&bytes));
    buf_release(&bytes);
}

static void wish_bump(struct bench *bench)
{
    static struct wants wants;
    wants_clear(&wants);
    wants.bump = true;
    wish(bench, &wants);
}

// Other voters lead: every voter below the highest is down.
static void lead_by_another(struct bench *bench)
{
    bench->voter.agreement.map.nodes[LONE_SELF - 1].state = NODE_DOWN;
}

static void test_coordinator__the_lowest_voter_that_is_not_down_ranks_first(void **state)
{
    (void)state;
    struct cluster_map map;
    cluster_map_init(&map);
    fixture_map(&map, 5, 5);
    assert_int_equal(coordinator_rank(&map, 0), 1);
    map.voters = node_bit(2) | node_bit(4) | node_bit(5);
    map.nodes[1].state = NODE_DOWN;
    map.nodes[3].state = NODE_FAILED; // still votes
    assert_int_equal(coordinator_rank(&map, 0), 4);
    assert_int_equal(coordinator_rank(&map, 1), 5);
    assert_int_equal(coordinator_rank(&map, 2), 4);
    // All down: anybody may try.
    map.nodes[3].state = NODE_DOWN;
    map.nodes[4].state = NODE_DOWN;
    assert_int_equal(coordinator_rank(&map, 0), 2);
    assert_int_equal(coordinator_rank(&map, 1), 4);
    map.voters = 0;
    assert_int_equal(coordinator_rank(&map, 0), NODE_NONE);
    cluster_map_release(&map);
}

static void test_coordinator__rests_when_nothing_is_to_be_done(void **state)
{
    struct bench *bench = *state;
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
    assert_true(bench->voter.effects.wake_us == UINT64_MAX);
    // Not even looked for again until something is new.
    assert_false(bench->coordinator.look);
}

static void test_coordinator__proposes_what_is_wished(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    wants_add_admit(&wants, &(struct want_admit){.store_id = 999, .incarnation = 1, .fresh = true});
    wish(bench, &wants);
    tick(bench, LONE_START_US);
    assert_true(proposes(bench));
    struct cluster_map proposed;
    cluster_map_init(&proposed);
    assert_int_equal(cluster_map_decode(buf_slice(&bench->voter.agreement.value), &proposed),
                     ERR_OK);
    assert_non_null(cluster_map_node_of_store(&proposed, 999));
    cluster_map_release(&proposed);
}

// The leader brings in sync who should be, unasked; another voter does not.
static void test_coordinator__only_the_leader_acts_unasked(void **state)
{
    struct bench *bench = *state;
    struct replica_set set = fixture_settled(node_bit(2));
    set.target = node_bit(2) | node_bit(3);
    fixture_add_keyspace(&bench->voter.agreement.map, &set);
    lead_by_another(bench);
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
    bench->voter.agreement.map.nodes[LONE_SELF - 1].state = NODE_UP;
    tick(bench, LONE_START_US);
    assert_true(proposes(bench));
}

static void test_coordinator__any_voter_acts_when_asked(void **state)
{
    struct bench *bench = *state;
    lead_by_another(bench);
    wish_bump(bench);
    tick(bench, LONE_START_US);
    assert_true(proposes(bench));
}

static void test_coordinator__who_is_no_voter_proposes_nothing(void **state)
{
    struct bench *bench = *state;
    bench->voter.agreement.map.voters = node_bit(2);
    wish_bump(bench);
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
}

static void test_coordinator__tries_again_when_the_proposal_comes_to_nothing(void **state)
{
    struct bench *bench = *state;
    wish_bump(bench);
    tick(bench, LONE_START_US);
    assert_true(proposes(bench));
    // Busy: it will look again soon.
    lone_voter_forget(&bench->voter);
    tick(bench, LONE_START_US);
    assert_in_range(bench->voter.effects.wake_us, LONE_START_US + 1, LONE_START_US + 100 * 1000);

    lone_voter_tell(
        &bench->voter, 2,
        (struct message){.kind = MESSAGE_REFUSE, .refuse = {9, FIXTURE_STORE_ID(2), 1}});
    assert_false(proposes(bench));
    tick(bench, LONE_START_US + 1000 * 1000);
    assert_true(proposes(bench));
}

static void test_coordinator__forgets_wishes_with_each_map(void **state)
{
    struct bench *bench = *state;
    wish_bump(bench);
    coordinator_on_map(&bench->coordinator, &bench->voter.agreement.map, LONE_START_US);
    assert_true(wants_empty(&bench->coordinator.wants));
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
}

static void test_coordinator__bad_wishes_change_nothing(void **state)
{
    struct bench *bench = *state;
    const uint8_t bytes[] = {0xff, 1, 2};
    tick(bench, LONE_START_US);
    coordinator_on_wants(&bench->coordinator, slice_of(bytes, sizeof bytes));
    assert_false(bench->coordinator.look);
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
}

// A wish that no map can fulfil costs no map, and no busy looking either.
static void test_coordinator__a_wish_that_cannot_be_fulfilled_is_left(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    wants_add_change(&wants, &(struct change){.kind = CHANGE_FAIL, .node = 9});
    wish(bench, &wants);
    tick(bench, LONE_START_US);
    assert_false(proposes(bench));
    assert_true(bench->voter.effects.wake_us == UINT64_MAX);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_coordinator__##name, open_bench, close_bench)

// A map comes, and then a message of each of its processes.
static void hear_others(struct bench *bench)
{
    coordinator_on_map(&bench->coordinator, &bench->voter.agreement.map, LONE_START_US);
    for (node_id id = LONE_SELF + 1; id <= 3; id++)
        coordinator_on_heard(&bench->coordinator, id, LONE_START_US);
    tick(bench, LONE_START_US);
}

// A member that was started again is not heard by a late message of the process before.
static void test_coordinator__a_restarted_member_is_heard_once_it_is_named(void **state)
{
    struct bench *bench = *state;
    hear_others(bench);
    assert_int_equal(bench->coordinator.spared, 0);
    coordinator_on_restarted(&bench->coordinator, 2, 3, LONE_START_US);
    hear_others(bench);
    assert_int_equal(bench->coordinator.spared, node_bit(2));
    bench->voter.agreement.map.nodes[1].incarnation = 2; // the map names one in between
    hear_others(bench);
    assert_int_equal(bench->coordinator.spared, node_bit(2));
    bench->voter.agreement.map.nodes[1].incarnation = 3;
    hear_others(bench);
    assert_int_equal(bench->coordinator.spared, 0);
}

// What a member said before power was lost may be read only now: beside a suspect, who counts is
// who is heard later than it takes a process to say that it is a new one.
static void test_coordinator__nobody_counts_beside_a_suspect_by_an_old_word(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    uint64_t now_us = LONE_START_US;
    struct replica_set set = fixture_settled(node_bit(2) | node_bit(3));
    fixture_add_keyspace(&bench->voter.agreement.map, &set);
    hear_others(bench);
    wants_clear(&wants);
    wants_add_admit(&wants, &(struct want_admit){.store_id = FIXTURE_STORE_ID(3),
                                                 .incarnation = 2,
                                                 .claim = CLAIM_SUSPECT});
    wish(bench, &wants);
    tick(bench, now_us);
    assert_int_equal(bench->coordinator.spared, node_bit(2) | node_bit(3));
    now_us += 1000 * 1000;
    coordinator_on_heard(&bench->coordinator, 2, LONE_START_US + 290 * 1000);
    wish(bench, &wants);
    tick(bench, LONE_START_US + 290 * 1000);
    assert_int_equal(bench->coordinator.spared, node_bit(2) | node_bit(3));
    assert_false(proposes(bench));
    coordinator_on_heard(&bench->coordinator, 2, now_us);
    wish(bench, &wants);
    tick(bench, now_us);
    assert_int_equal(bench->coordinator.spared, node_bit(3));
    assert_true(proposes(bench));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lowest_voter_that_is_not_down_ranks_first),
        TEST(rests_when_nothing_is_to_be_done),
        TEST(proposes_what_is_wished),
        TEST(only_the_leader_acts_unasked),
        TEST(any_voter_acts_when_asked),
        TEST(who_is_no_voter_proposes_nothing),
        TEST(tries_again_when_the_proposal_comes_to_nothing),
        TEST(forgets_wishes_with_each_map),
        TEST(bad_wishes_change_nothing),
        TEST(a_wish_that_cannot_be_fulfilled_is_left),
        TEST(a_restarted_member_is_heard_once_it_is_named),
        TEST(nobody_counts_beside_a_suspect_by_an_old_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
