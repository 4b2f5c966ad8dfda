#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lone_voter.h"

#define SECOND_US (1000 * 1000)

static int open_voter(void **state)
{
    static struct lone_voter voter;
    lone_voter_init(&voter, 3);
    *state = &voter;
    return 0;
}

static int close_voter(void **state)
{
    lone_voter_release(*state);
    return 0;
}

static void promise(struct lone_voter *voter, node_id from, uint64_t accepted_counter,
                    struct slice accepted)
{
    const struct ballot *ballot = &voter->agreement.ballot;
    uint64_t one = accepted_counter > 0 ? 1 : 0;
    lone_voter_tell(
        voter, from,
        (struct message){.kind = MESSAGE_PROMISE,
                         .promise = {ballot->counter, ballot->store_id, ballot->incarnation,
                                     accepted_counter, one, one, accepted}});
}

static void accepted(struct lone_voter *voter, node_id from)
{
    const struct ballot *ballot = &voter->agreement.ballot;
    lone_voter_tell(
        voter, from,
        (struct message){.kind = MESSAGE_ACCEPTED,
                         .accepted = {ballot->counter, ballot->store_id, ballot->incarnation}});
}

static uint32_t lease_of(struct slice map)
{
    struct cluster_map decoded;
    cluster_map_init(&decoded);
    assert_int_equal(cluster_map_decode(map, &decoded), ERR_OK);
    uint32_t mark = decoded.next_keyspace_id;
    cluster_map_release(&decoded);
    return mark;
}

static void test_proposer__decides_with_a_majority(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    assert_int_equal(lone_voter_sent(voter, 1, MESSAGE_PREPARE), 1);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
    promise(voter, 2, 0, slice_of(NULL, 0));
    promise(voter, 2, 0, slice_of(NULL, 0));
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_ACCEPT), 0);
    promise(voter, 3, 0, slice_of(NULL, 0));
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_ACCEPT), 1);
    accepted(voter, 3);
    accepted(voter, 3);
    assert_int_equal(voter->agreement.map.epoch, FIXTURE_EPOCH);
    accepted(voter, 1);
    assert_int_equal(voter->agreement.map.epoch, FIXTURE_EPOCH + 1);
    assert_int_equal(voter->agreement.map.next_keyspace_id, 7);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_MAP), 1);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_MAP), 1);
}

static void test_proposer__proposes_the_highest_acceptance(void **state)
{
    struct lone_voter *voter = *state;
    voter->agreement.counter_seen = 9;
    lone_voter_propose(voter, 7, NODE_NONE);
    struct buf higher;
    buf_init(&higher, CLUSTER_MAP_BYTES_MAX);
    buf_append_slice(&higher, lone_voter_bytes(voter, 8, NODE_NONE));
    promise(voter, 2, 4, buf_slice(&higher));
    promise(voter, 3, 3, lone_voter_bytes(voter, 9, NODE_NONE));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPT), 1);
    assert_int_equal(lease_of(voter->last.accept.map), 8);
    buf_release(&higher);
}

static void test_proposer__a_promise_of_nonsense_is_none(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    promise(voter, 2, 1, slice_of(NULL, 0));
    promise(voter, 2, 1, slice_of_text("no map"));
    voter->agreement.map.epoch++;
    struct slice skipping = lone_voter_bytes(voter, 8, NODE_NONE);
    voter->agreement.map.epoch--;
    promise(voter, 2, 1, skipping);
    promise(voter, 1, 0, slice_of(NULL, 0));
    assert_int_equal(lone_voter_sent(voter, 1, MESSAGE_ACCEPT), 0);
    promise(voter, 3, 0, slice_of(NULL, 0));
    assert_int_equal(lone_voter_sent(voter, 1, MESSAGE_ACCEPT), 1);
    assert_int_equal(lease_of(voter->last.accept.map), 7);
}

static void test_proposer__asks_for_releases_first(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, 3);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_RELEASE_WANT), 1);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_RELEASE_WANT), 0);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    lone_voter_tell(voter, 3, (struct message){.kind = MESSAGE_RELEASE});
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
}

static void test_proposer__a_release_that_never_comes_is_abandoned(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, 3);
    assert_false(agreement_can_propose(&voter->agreement, LONE_START_US));
    agreement_tick(&voter->agreement, &voter->effects, LONE_START_US + SECOND_US);
    assert_true(agreement_can_propose(&voter->agreement, LONE_START_US + 2 * SECOND_US));
}

// Who released for the first proposer may be another process by now.
static void test_proposer__asks_again_for_releases_of_what_it_adopts(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    promise(voter, 1, 0, slice_of(NULL, 0));
    promise(voter, 2, 1, lone_voter_bytes(voter, 8, 3));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPT), 1);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_RELEASE_WANT), 1);
}

// A step from a list of 2 and 3 to one of 2 alone, of which this voter has heard nothing for long.
static void propose_alone(struct lone_voter *voter, node_set unheard)
{
    struct replica_set set = fixture_settled(node_bit(2) | node_bit(3));
    struct cluster_map next;
    fixture_add_keyspace(&voter->agreement.map, &set);
    cluster_map_init(&next);
    cluster_map_copy(&next, &voter->agreement.map);
    next.epoch++;
    next.keyspaces[0].sets[0].in_sync = node_bit(2);
    lone_voter_pass(voter, 2 * SECOND_US);
    agreement_propose(&voter->agreement, &voter->effects, voter->now_us, &next, 0, unheard);
    cluster_map_release(&next);
}

// Whoever stays has what those that go have, unless it has just lost it: so it says that it is
// there, and its next process cannot say so.
static void test_proposer__waits_for_a_word_of_whom_it_relies_on(void **state)
{
    struct lone_voter *voter = *state;
    propose_alone(voter, 0);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_RELEASE_WANT), 1);
    lone_voter_tell(voter, 3, (struct message){.kind = MESSAGE_RELEASE});
    lone_voter_tell_as(voter, 2, 2, (struct message){.kind = MESSAGE_RELEASE});
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    lone_voter_tell(voter, 2, (struct message){.kind = MESSAGE_RELEASE});
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
}

static void test_proposer__goes_on_without_a_word_of_who_is_not_heard(void **state)
{
    struct lone_voter *voter = *state;
    propose_alone(voter, node_bit(2));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
}

static void test_proposer__misses_whom_it_relied_on_in_vain(void **state)
{
    struct lone_voter *voter = *state;
    propose_alone(voter, 0);
    agreement_tick(&voter->agreement, &voter->effects, voter->now_us + SECOND_US);
    assert_int_equal(voter->agreement.phase, PROPOSER_IDLE);
    assert_int_equal(agreement_take_missed(&voter->agreement), node_bit(2));
}

static void test_proposer__gives_way_and_comes_back_higher(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    lone_voter_tell(
        voter, 2, (struct message){.kind = MESSAGE_REFUSE, .refuse = {12, FIXTURE_STORE_ID(2), 1}});
    assert_false(agreement_can_propose(&voter->agreement, LONE_START_US));
    assert_true(agreement_can_propose(&voter->agreement, LONE_START_US + SECOND_US));
    lone_voter_forget(voter);
    lone_voter_propose(voter, 7, NODE_NONE);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
    assert_true(voter->last.prepare.counter > 12);
}

static void test_proposer__resends_to_who_is_silent(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    promise(voter, 2, 0, slice_of(NULL, 0));
    lone_voter_forget(voter);
    agreement_tick(&voter->agreement, &voter->effects, LONE_START_US + SECOND_US);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_PREPARE), 1);
}

static void test_proposer__finishes_what_was_left_accepted(void **state)
{
    struct lone_voter *voter = *state;
    struct slice map = lone_voter_bytes(voter, 7, NODE_NONE);
    lone_voter_tell(
        voter, 2,
        (struct message){.kind = MESSAGE_ACCEPT, .accept = {5, FIXTURE_STORE_ID(2), 1, map}});
    lone_voter_forget(voter);
    agreement_tick(&voter->agreement, &voter->effects, LONE_START_US + SECOND_US / 2);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    assert_int_equal(voter->effects.wake_us, LONE_START_US + SECOND_US);
    agreement_tick(&voter->agreement, &voter->effects, LONE_START_US + SECOND_US);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
    assert_true(voter->last.prepare.counter > 5);
    promise(voter, 2, 0, slice_of(NULL, 0));
    promise(voter, 3, 0, slice_of(NULL, 0));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPT), 1);
    assert_int_equal(lease_of(voter->last.accept.map), 7);
}

static void test_proposer__old_answers_count_for_nothing(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_propose(voter, 7, NODE_NONE);
    struct message late = {.kind = MESSAGE_PROMISE,
                           .promise = {.counter = voter->agreement.ballot.counter,
                                       .store_id = FIXTURE_STORE_ID(1),
                                       .incarnation = 9}};
    lone_voter_tell(voter, 2, late);
    lone_voter_tell(voter, 3, late);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPT), 0);
    accepted(voter, 2);
    accepted(voter, 3);
    assert_int_equal(voter->agreement.map.epoch, FIXTURE_EPOCH);
}

static void test_proposer__maps_of_another_cluster_are_not_learned(void **state)
{
    struct lone_voter *voter = *state;
    voter->agreement.map.cluster.high++;
    struct slice foreign = lone_voter_bytes(voter, 7, NODE_NONE);
    voter->agreement.map.cluster.high--;
    lone_voter_tell(voter, 2, (struct message){.kind = MESSAGE_MAP, .map = {.map = foreign}});
    assert_int_equal(voter->agreement.map.epoch, FIXTURE_EPOCH);
    assert_true(voter->agreement.foreign_seen);
}

// Who is insisted on is not waited for long: it may be dead. What it was granted runs out, for this
// voter refuses it from now on.
static void test_proposer__does_not_wait_for_who_is_insisted_on(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_pass(voter, 2 * SECOND_US);
    assert_true(lone_voter_grants(voter, 3));
    lone_voter_insist(voter, 7, 3);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_RELEASE_WANT), 1);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    agreement_tick(&voter->agreement, &voter->effects, voter->now_us + SECOND_US / 20);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
    assert_int_equal(agreement_take_missed(&voter->agreement), 0);
}

// By its own account nothing that was granted still runs: there is nothing to wait for.
static void test_proposer__does_not_wait_for_who_holds_no_grant(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_pass(voter, 2 * SECOND_US);
    lone_voter_insist(voter, 7, 3);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 1);
}

// Who is not insisted on keeps its lease as long as it does not release.
static void test_proposer__gives_up_on_a_live_node_that_does_not_release(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_pass(voter, 2 * SECOND_US);
    assert_true(lone_voter_grants(voter, 3));
    lone_voter_propose(voter, 7, 3);
    agreement_tick(&voter->agreement, &voter->effects, voter->now_us + SECOND_US / 20);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PREPARE), 0);
    agreement_tick(&voter->agreement, &voter->effects, voter->now_us + SECOND_US / 2);
    assert_int_equal(voter->agreement.phase, PROPOSER_IDLE);
    assert_int_equal(agreement_take_missed(&voter->agreement), node_bit(3));
    assert_int_equal(agreement_take_missed(&voter->agreement), 0);
    assert_true(lone_voter_grants(voter, 3));
}

// Voters stay silent until what they granted has run out: they are asked often enough to know soon.
static void test_proposer__asks_often_whom_it_insists_with(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_pass(voter, 2 * SECOND_US);
    lone_voter_insist(voter, 7, 3);
    promise(voter, 2, 0, slice_of(NULL, 0));
    promise(voter, 3, 0, slice_of(NULL, 0));
    lone_voter_forget(voter);
    unsigned asked = 0;
    for (unsigned i = 0; i < 20; i++) {
        lone_voter_pass(voter, SECOND_US / 20);
        agreement_tick(&voter->agreement, &voter->effects, voter->now_us);
        asked += lone_voter_sent(voter, 2, MESSAGE_ACCEPT);
        lone_voter_forget(voter);
    }
    assert_in_range(asked, 15, 20);
}

// What it adopts may restrict somebody who is silent now: it is not waited for either.
static void test_proposer__insists_on_whom_an_adopted_value_restricts(void **state)
{
    struct lone_voter *voter = *state;
    lone_voter_pass(voter, 2 * SECOND_US);
    assert_true(lone_voter_grants(voter, 3));
    lone_voter_propose(voter, 7, NODE_NONE);
    promise(voter, 1, 0, slice_of(NULL, 0));
    promise(voter, 2, 1, lone_voter_bytes(voter, 8, 3));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPT), 1);
    assert_int_equal(lease_of(voter->last.accept.map), 8);
    lone_voter_forget(voter);
    for (unsigned i = 0; i < 20; i++) {
        lone_voter_pass(voter, SECOND_US / 20);
        agreement_tick(&voter->agreement, &voter->effects, voter->now_us);
    }
    assert_true(lone_voter_sent(voter, 2, MESSAGE_ACCEPT) >= 15);
    assert_true(lone_voter_sent(voter, 3, MESSAGE_RELEASE_WANT) >= 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_proposer__##name, open_voter, close_voter)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decides_with_a_majority),
        TEST(proposes_the_highest_acceptance),
        TEST(a_promise_of_nonsense_is_none),
        TEST(asks_for_releases_first),
        TEST(a_release_that_never_comes_is_abandoned),
        TEST(asks_again_for_releases_of_what_it_adopts),
        TEST(waits_for_a_word_of_whom_it_relies_on),
        TEST(goes_on_without_a_word_of_who_is_not_heard),
        TEST(misses_whom_it_relied_on_in_vain),
        TEST(gives_way_and_comes_back_higher),
        TEST(resends_to_who_is_silent),
        TEST(finishes_what_was_left_accepted),
        TEST(old_answers_count_for_nothing),
        TEST(maps_of_another_cluster_are_not_learned),
        TEST(does_not_wait_for_who_is_insisted_on),
        TEST(does_not_wait_for_who_holds_no_grant),
        TEST(gives_up_on_a_live_node_that_does_not_release),
        TEST(asks_often_whom_it_insists_with),
        TEST(insists_on_whom_an_adopted_value_restricts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
