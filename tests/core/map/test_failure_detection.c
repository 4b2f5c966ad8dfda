// Who is taken for dead, who is back, and which voter says so: the coordinator's own judgement.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/coordinator.h"
#include "lone_voter.h"

#define MS_US UINT64_C(1000)
#define SECOND_US (1000 * MS_US)
#define REPAIR_MS 60000
#define VOTERS 5

struct bench {
    struct lone_voter voter;
    struct coordinator coordinator;
    struct cluster_map proposed;
};

// As of long after the start.
static int open_bench(void **state)
{
    static struct bench bench;
    lone_voter_init(&bench.voter, VOTERS);
    coordinator_init(&bench.coordinator, REPAIR_MS);
    cluster_map_init(&bench.proposed);
    struct replica_set everywhere = fixture_settled(fixture_nodes(VOTERS));
    fixture_add_keyspace(&bench.voter.agreement.map, &everywhere);
    lone_voter_pass(&bench.voter, 100 * SECOND_US);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    cluster_map_release(&bench->proposed);
    lone_voter_release(&bench->voter);
    return 0;
}

static uint64_t now(const struct bench *bench)
{
    return bench->voter.now_us;
}

static struct map_node *node_of(struct bench *bench, node_id id)
{
    return &bench->voter.agreement.map.nodes[id - 1];
}

// This voter is another node than the first.
static void be(struct bench *bench, node_id id)
{
    bench->voter.agreement.identity.store_id = FIXTURE_STORE_ID(id);
}

// These nodes ask for leases.
static void hear(struct bench *bench, node_set nodes)
{
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id))
        lone_voter_grants(&bench->voter, id);
}

// These voters tell whom they do not hear.
static void report(struct bench *bench, node_set voters, node_set lapsed)
{
    for (node_id id = node_set_first(voters); id != NODE_NONE; id = node_set_after(voters, id))
        coordinator_on_lapsed(&bench->coordinator, id, lapsed, now(bench));
}

static void tick(struct bench *bench)
{
    coordinator_watch(&bench->coordinator, &bench->voter.agreement, now(bench));
    coordinator_tick(&bench->coordinator, &bench->voter.agreement, &bench->voter.effects,
                     now(bench));
}

static bool proposes(struct bench *bench)
{
    return bench->voter.agreement.phase != PROPOSER_IDLE;
}

// The state of a node in the map that is proposed.
static enum node_state proposed_state(struct bench *bench, node_id id)
{
    assert_true(proposes(bench));
    cluster_map_release(&bench->proposed);
    assert_int_equal(cluster_map_decode(buf_slice(&bench->voter.agreement.value), &bench->proposed),
                     ERR_OK);
    return cluster_map_node(&bench->proposed, id)->state;
}

static void wish(struct bench *bench, const struct wants *wants)
{
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    wants_encode(&bytes, wants);
    coordinator_on_wants(&bench->coordinator, buf_slice(&bytes));
    buf_release(&bytes);
}

// The map says so of the node from now on, and its voters are the same.
static void learn_state(struct bench *bench, node_id id, enum node_state state)
{
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &bench->voter.agreement.map);
    next.epoch++;
    next.nodes[id - 1].state = state;
    struct replica_set *set = &next.keyspaces[0].sets[0];
    set->primary = node_set_first(set->in_sync & cluster_map_live(&next));
    lone_voter_learn(&bench->voter, &next);
    coordinator_on_map(&bench->coordinator, &bench->voter.agreement.map, now(bench));
}

static void test_failure_detection__takes_down_who_lapsed_at_a_majority(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(4));
    report(bench, node_bit(2), node_bit(5));
    tick(bench);
    assert_false(proposes(bench));
    report(bench, node_bit(3), node_bit(5));
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_DOWN);
    for (node_id id = 1; id <= 4; id++)
        assert_int_equal(proposed_state(bench, id), NODE_UP);
}

// Though this voter hears it, most others do not: it serves too few.
static void test_failure_detection__own_hearing_is_one_voice(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(5));
    report(bench, node_bit(2) | node_bit(3), node_bit(5));
    tick(bench);
    assert_false(proposes(bench));
    report(bench, node_bit(4), node_bit(5));
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_DOWN);
}

static void test_failure_detection__reports_grow_stale(void **state)
{
    struct bench *bench = *state;
    report(bench, node_bit(2) | node_bit(3), node_bit(5));
    lone_voter_pass(&bench->voter, SECOND_US);
    hear(bench, fixture_nodes(4));
    tick(bench);
    assert_false(proposes(bench));
    report(bench, node_bit(2) | node_bit(3), node_bit(5));
    lone_voter_pass(&bench->voter, SECOND_US - 1);
    hear(bench, fixture_nodes(4));
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_DOWN);
}

static void test_failure_detection__a_later_report_takes_the_place_of_the_one_before(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(4));
    report(bench, node_bit(2) | node_bit(3), node_bit(5));
    report(bench, node_bit(3), 0);
    tick(bench);
    assert_false(proposes(bench));
}

static void test_failure_detection__who_is_no_voter_has_no_voice(void **state)
{
    struct bench *bench = *state;
    bench->voter.agreement.map.voters = fixture_nodes(3);
    hear(bench, fixture_nodes(5));
    report(bench, node_bit(4) | node_bit(5) | node_bit(3), node_bit(2));
    coordinator_watch(&bench->coordinator, &bench->voter.agreement, now(bench));
    assert_int_equal(bench->coordinator.due.down, 0);
    report(bench, node_bit(2), node_bit(2));
    coordinator_watch(&bench->coordinator, &bench->voter.agreement, now(bench));
    assert_int_equal(bench->coordinator.due.down, node_bit(2));
}

static void test_failure_detection__who_has_failed_or_is_down_is_not_taken_down(void **state)
{
    struct bench *bench = *state;
    node_of(bench, 4)->state = NODE_DOWN;
    node_of(bench, 5)->state = NODE_FAILED;
    coordinator_on_map(&bench->coordinator, &bench->voter.agreement.map, now(bench));
    hear(bench, fixture_nodes(3));
    report(bench, fixture_nodes(5), node_bit(4) | node_bit(5));
    tick(bench);
    assert_false(proposes(bench));
}

// The first that is there acts at once; each next one gives those before it their time.
static void test_failure_detection__stands_in_for_a_silent_coordinator(void **state)
{
    struct bench *bench = *state;
    node_set others = node_bit(2) | node_bit(3) | node_bit(4) | node_bit(5);
    be(bench, 4); // before it: 2 and 3, for 1 is silent
    hear(bench, others);
    report(bench, others, node_bit(1));
    tick(bench);
    assert_false(proposes(bench));
    assert_int_equal(bench->voter.effects.wake_us, now(bench) + 800 * MS_US);
    lone_voter_pass(&bench->voter, 800 * MS_US - 1);
    hear(bench, others);
    tick(bench);
    assert_false(proposes(bench));
    lone_voter_pass(&bench->voter, 1);
    tick(bench);
    assert_int_equal(proposed_state(bench, 1), NODE_DOWN);
}

static void test_failure_detection__the_next_coordinator_acts_at_once(void **state)
{
    struct bench *bench = *state;
    node_set others = node_bit(2) | node_bit(3) | node_bit(4) | node_bit(5);
    be(bench, 2);
    hear(bench, others);
    report(bench, others, node_bit(1));
    tick(bench);
    assert_int_equal(proposed_state(bench, 1), NODE_DOWN);
}

static void test_failure_detection__brings_up_who_asks_again(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(5));
    learn_state(bench, 5, NODE_DOWN);
    tick(bench);
    assert_false(proposes(bench));
    lone_voter_pass(&bench->voter, 100 * MS_US);
    hear(bench, node_bit(5));
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_UP);
}

// It reaches this voter only: up it would be taken down again.
static void test_failure_detection__who_most_do_not_hear_stays_down(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(5));
    learn_state(bench, 5, NODE_DOWN);
    lone_voter_pass(&bench->voter, 100 * MS_US);
    hear(bench, fixture_nodes(5));
    report(bench, node_bit(2) | node_bit(3) | node_bit(4), node_bit(5));
    tick(bench);
    assert_false(proposes(bench));
    report(bench, node_bit(4), 0);
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_UP);
}

static void test_failure_detection__who_asked_long_ago_is_not_back(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(5));
    learn_state(bench, 5, NODE_DOWN);
    hear(bench, node_bit(5));
    lone_voter_pass(&bench->voter, 450 * MS_US);
    tick(bench);
    assert_false(proposes(bench));
}

// Milliseconds until a node that asks all the time is to be up again.
static uint64_t time_down(struct bench *bench, node_id id)
{
    uint64_t since_us = now(bench);
    for (;; lone_voter_pass(&bench->voter, 10 * MS_US)) {
        hear(bench, fixture_nodes(5));
        lone_voter_forget(&bench->voter);
        coordinator_watch(&bench->coordinator, &bench->voter.agreement, now(bench));
        if (node_set_has(bench->coordinator.due.up, id))
            return (now(bench) - since_us) / MS_US;
    }
}

static void test_failure_detection__who_falls_often_stays_down_longer(void **state)
{
    struct bench *bench = *state;
    uint64_t before = 0;
    for (unsigned fall = 0; fall < 4; fall++) {
        learn_state(bench, 5, NODE_DOWN);
        uint64_t down = time_down(bench, 5);
        if (fall == 0)
            assert_int_equal(down, 0);
        else
            assert_true(down > before);
        before = down;
        learn_state(bench, 5, NODE_UP);
        lone_voter_pass(&bench->voter, 5 * SECOND_US);
    }
    // It is bounded, and forgotten after a while without a fall.
    for (unsigned fall = 0; fall < 20; fall++) {
        learn_state(bench, 5, NODE_DOWN);
        assert_true(time_down(bench, 5) <= 60 * 1000);
        learn_state(bench, 5, NODE_UP);
    }
    lone_voter_pass(&bench->voter, 200 * SECOND_US);
    learn_state(bench, 5, NODE_DOWN);
    assert_int_equal(time_down(bench, 5), 0);
}

// What voters reported in earlier epochs is no word on a process that this epoch is the first to
// name: it had no time to ask.
static void test_failure_detection__old_reports_do_not_take_down_who_is_newly_named(void **state)
{
    struct bench *bench = *state;
    hear(bench, fixture_nodes(4));
    learn_state(bench, 5, NODE_DOWN);
    report(bench, node_bit(2) | node_bit(3) | node_bit(4), node_bit(5));
    lone_voter_pass(&bench->voter, 100 * MS_US);
    node_of(bench, 5)->incarnation++; // as admitted by the map to come
    learn_state(bench, 5, NODE_UP);
    hear(bench, fixture_nodes(4));
    tick(bench);
    assert_false(proposes(bench));
}

static void test_failure_detection__others_take_the_place_of_who_is_down_for_long(void **state)
{
    struct bench *bench = *state;
    learn_state(bench, 5, NODE_DOWN);
    lone_voter_pass(&bench->voter, REPAIR_MS * MS_US - 1);
    hear(bench, fixture_nodes(4));
    tick(bench);
    assert_false(proposes(bench));
    lone_voter_pass(&bench->voter, 1);
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_DOWN);
    assert_true(cluster_map_node(&bench->proposed, 5)->replaced);
}

static void test_failure_detection__other_maps_do_not_delay_the_repair(void **state)
{
    struct bench *bench = *state;
    learn_state(bench, 5, NODE_DOWN);
    lone_voter_pass(&bench->voter, REPAIR_MS * MS_US / 2);
    learn_state(bench, 4, NODE_FAILED);
    lone_voter_pass(&bench->voter, REPAIR_MS * MS_US / 2);
    hear(bench, fixture_nodes(4));
    tick(bench);
    assert_int_equal(proposed_state(bench, 5), NODE_DOWN);
    assert_true(cluster_map_node(&bench->proposed, 5)->replaced);
}

static void test_failure_detection__takes_down_who_wishes_to_stop(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    wants.stopping = node_bit(3);
    hear(bench, fixture_nodes(5));
    wish(bench, &wants);
    tick(bench);
    assert_int_equal(proposed_state(bench, 3), NODE_DOWN);
    assert_int_equal(proposed_state(bench, 4), NODE_UP);
}

// One at a time, and the one that most complain of.
static void test_failure_detection__takes_down_the_one_that_is_most_stuck(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    wants_add_stuck(&wants, 1, node_bit(2) | node_bit(5));
    wants_add_stuck(&wants, 3, node_bit(2));
    wants_add_stuck(&wants, 4, node_bit(2));
    wants_add_stuck(&wants, 2, node_bit(5));
    hear(bench, fixture_nodes(5));
    wish(bench, &wants);
    tick(bench);
    assert_int_equal(proposed_state(bench, 2), NODE_DOWN);
    assert_int_equal(proposed_state(bench, 5), NODE_UP);
}

static void test_failure_detection__of_two_that_report_each_other_one_stays(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    wants_add_stuck(&wants, 2, node_bit(4));
    wants_add_stuck(&wants, 4, node_bit(2));
    hear(bench, fixture_nodes(5));
    wish(bench, &wants);
    tick(bench);
    assert_int_equal(proposed_state(bench, 2), NODE_UP);
    assert_int_equal(proposed_state(bench, 4), NODE_DOWN);
}

// Taking it down would leave nobody who holds what it holds: it is left to get well.
static void test_failure_detection__who_holds_all_alone_is_left_stuck(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    struct replica_set alone = fixture_settled(node_bit(3));
    for (unsigned slot = 0; slot < SLOTS; slot++)
        bench->voter.agreement.map.keyspaces[0].set_of_slot[slot] = 0;
    bench->voter.agreement.map.keyspaces[0].sets[0] = alone;
    wants_clear(&wants);
    wants_add_stuck(&wants, 3, node_bit(3));
    hear(bench, fixture_nodes(5));
    wish(bench, &wants);
    tick(bench);
    assert_false(proposes(bench));
}

static void test_failure_detection__who_is_down_already_is_not_stuck(void **state)
{
    struct bench *bench = *state;
    static struct wants wants;
    wants_clear(&wants);
    learn_state(bench, 4, NODE_DOWN);
    wants_add_stuck(&wants, 2, node_bit(4));
    hear(bench, fixture_nodes(3) | node_bit(5));
    wish(bench, &wants);
    tick(bench);
    assert_false(proposes(bench));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_failure_detection__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_down_who_lapsed_at_a_majority),
        TEST(own_hearing_is_one_voice),
        TEST(reports_grow_stale),
        TEST(a_later_report_takes_the_place_of_the_one_before),
        TEST(who_is_no_voter_has_no_voice),
        TEST(who_has_failed_or_is_down_is_not_taken_down),
        TEST(stands_in_for_a_silent_coordinator),
        TEST(the_next_coordinator_acts_at_once),
        TEST(brings_up_who_asks_again),
        TEST(who_most_do_not_hear_stays_down),
        TEST(who_asked_long_ago_is_not_back),
        TEST(who_falls_often_stays_down_longer),
        TEST(old_reports_do_not_take_down_who_is_newly_named),
        TEST(others_take_the_place_of_who_is_down_for_long),
        TEST(other_maps_do_not_delay_the_repair),
        TEST(takes_down_who_wishes_to_stop),
        TEST(takes_down_the_one_that_is_most_stuck),
        TEST(of_two_that_report_each_other_one_stays),
        TEST(who_holds_all_alone_is_left_stuck),
        TEST(who_is_down_already_is_not_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
