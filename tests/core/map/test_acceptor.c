#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lone_voter.h"

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

static void prepare(struct lone_voter *voter, node_id from, uint64_t counter)
{
    lone_voter_tell(
        voter, from,
        (struct message){.kind = MESSAGE_PREPARE, .prepare = {counter, FIXTURE_STORE_ID(from), 1}});
}

static void accept(struct lone_voter *voter, node_id from, uint64_t counter, struct slice map)
{
    lone_voter_tell(voter, from,
                    (struct message){.kind = MESSAGE_ACCEPT,
                                     .accept = {counter, FIXTURE_STORE_ID(from), 1, map}});
}

static void release_as(struct lone_voter *voter, node_id from, uint64_t incarnation)
{
    lone_voter_tell_as(voter, from, incarnation, (struct message){.kind = MESSAGE_RELEASE});
}

static bool accepts(struct lone_voter *voter, node_id from, uint64_t counter, struct slice map)
{
    accept(voter, from, counter, map);
    lone_voter_sync(voter);
    bool accepted = lone_voter_sent(voter, from, MESSAGE_ACCEPTED) == 1;
    lone_voter_forget(voter);
    return accepted;
}

static void test_acceptor__answers_only_after_the_sync(void **state)
{
    struct lone_voter *voter = *state;
    prepare(voter, 2, 1);
    assert_int_equal(voter->effects.send_count, 0);
    assert_true(voter->effects.write_count > 0);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PROMISE), 1);
    lone_voter_forget(voter);
    accept(voter, 2, 1, lone_voter_bytes(voter, 7, NODE_NONE));
    assert_int_equal(voter->effects.send_count, 0);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_ACCEPTED), 1);
}

static void test_acceptor__an_older_sync_answers_nothing(void **state)
{
    struct lone_voter *voter = *state;
    uint64_t before = effects_token(&voter->effects, EFFECT_VOTER);
    prepare(voter, 2, 1);
    agreement_on_synced(&voter->agreement, &voter->effects, before);
    assert_int_equal(voter->effects.send_count, 0);
}

static void test_acceptor__refuses_lower_ballots(void **state)
{
    struct lone_voter *voter = *state;
    prepare(voter, 3, 5);
    lone_voter_sync(voter);
    lone_voter_forget(voter);
    prepare(voter, 2, 5);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_REFUSE), 1);
    assert_int_equal(voter->last.refuse.counter, 5);
    assert_int_equal(voter->last.refuse.store_id, FIXTURE_STORE_ID(3));
    accept(voter, 2, 4, lone_voter_bytes(voter, 7, NODE_NONE));
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_REFUSE), 2);
    lone_voter_sync(voter);
    assert_int_equal(voter->effects.send_count, 0);
}

static void test_acceptor__a_promise_that_was_outbid_is_void(void **state)
{
    struct lone_voter *voter = *state;
    prepare(voter, 2, 1);
    prepare(voter, 3, 2);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PROMISE), 0);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_PROMISE), 1);
}

static void test_acceptor__promises_with_what_it_accepted(void **state)
{
    struct lone_voter *voter = *state;
    struct slice map = lone_voter_bytes(voter, 7, NODE_NONE);
    assert_true(accepts(voter, 2, 3, map));
    prepare(voter, 3, 4);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_PROMISE), 1);
    assert_int_equal(voter->last.promise.accepted_counter, 3);
    assert_int_equal(voter->last.promise.accepted_store_id, FIXTURE_STORE_ID(2));
    assert_true(slice_equal(voter->last.promise.accepted, map));
}

static void test_acceptor__takes_nothing_illegal(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(accepts(voter, 2, 1, slice_of_text("no map")));
    assert_false(accepts(voter, 2, 1, slice_of(NULL, 0)));
    voter->agreement.map.epoch++;
    struct slice skipping = lone_voter_bytes(voter, 7, NODE_NONE);
    voter->agreement.map.epoch--;
    assert_false(accepts(voter, 2, 1, skipping));
    assert_int_equal(voter->agreement.accepted.counter, 0);
}

static void test_acceptor__restricts_only_who_released(void **state)
{
    struct lone_voter *voter = *state;
    struct slice map = lone_voter_bytes(voter, 7, 3);
    assert_false(accepts(voter, 2, 1, map));
    release_as(voter, 2, 1);
    assert_false(accepts(voter, 2, 1, map));
    release_as(voter, 3, 0);
    assert_false(accepts(voter, 2, 1, map));
    release_as(voter, 3, 1);
    assert_true(accepts(voter, 2, 1, map));
}

static void test_acceptor__a_later_process_releases_for_the_one_before(void **state)
{
    struct lone_voter *voter = *state;
    release_as(voter, 3, 2);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
}

static void test_acceptor__a_release_binds_one_epoch_only(void **state)
{
    struct lone_voter *voter = *state;
    release_as(voter, 3, 1);
    struct message message = {.kind = MESSAGE_MAP,
                              .map = {.map = lone_voter_bytes(voter, 7, NODE_NONE)}};
    lone_voter_tell(voter, 2, message);
    assert_int_equal(voter->agreement.map.epoch, FIXTURE_EPOCH + 1);
    assert_false(accepts(voter, 2, 1, lone_voter_bytes(voter, 8, 3)));
}

static void test_acceptor__takes_again_what_it_took_before_a_restart(void **state)
{
    struct lone_voter *voter = *state;
    struct slice map = lone_voter_bytes(voter, 7, 3);
    struct acceptor_state acceptor = {.base_epoch = FIXTURE_EPOCH,
                                      .promised = {4, FIXTURE_STORE_ID(2), 1},
                                      .accepted = {3, FIXTURE_STORE_ID(2), 1},
                                      .accepted_map = map};
    lone_voter_restart(voter, 2, &acceptor);
    prepare(voter, 2, 3);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_REFUSE), 1);
    assert_true(accepts(voter, 2, 5, map));
    // The release itself is forgotten.
    assert_false(accepts(voter, 2, 6, lone_voter_bytes(voter, 8, 3)));
}

static void test_acceptor__state_of_another_epoch_is_nothing(void **state)
{
    struct lone_voter *voter = *state;
    struct acceptor_state acceptor = {.base_epoch = FIXTURE_EPOCH - 1,
                                      .promised = {4, FIXTURE_STORE_ID(2), 1}};
    lone_voter_restart(voter, 2, &acceptor);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, NODE_NONE)));
}

// Its store was put back to an older state: what it promised since is forgotten.
static void test_acceptor__a_store_that_went_back_has_no_vote(void **state)
{
    struct lone_voter *voter = *state;
    voter->agreement.map.nodes[0].incarnation = 3;
    lone_voter_restart(voter, 2, NULL);
    prepare(voter, 2, 1);
    lone_voter_sync(voter);
    assert_int_equal(voter->effects.send_count, 0);
    lone_voter_restart(voter, 3, NULL);
    prepare(voter, 2, 1);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PROMISE), 1);
}

static void test_acceptor__strangers_and_other_epochs_are_not_heard(void **state)
{
    struct lone_voter *voter = *state;
    struct message message = {.kind = MESSAGE_PREPARE, .prepare = {1, 2, 1}};
    lone_voter_tell(voter, 9, message);
    message.epoch = FIXTURE_EPOCH - 1;
    agreement_on_message(&voter->agreement, &voter->effects, LONE_START_US, FIXTURE_STORE_ID(2),
                         &message);
    message.epoch = FIXTURE_EPOCH + 1;
    agreement_on_message(&voter->agreement, &voter->effects, LONE_START_US, FIXTURE_STORE_ID(2),
                         &message);
    lone_voter_sync(voter);
    assert_int_equal(voter->effects.send_count, 0);
    assert_int_equal(voter->agreement.promised.counter, 0);
}

static void test_acceptor__bounds_what_waits_for_a_sync(void **state)
{
    struct lone_voter *voter = *state;
    for (unsigned i = 0; i < 2 * DEFERRED_ANSWERS_MAX; i++)
        prepare(voter, 2, 1);
    lone_voter_sync(voter);
    assert_int_equal(lone_voter_sent(voter, 2, MESSAGE_PROMISE), DEFERRED_ANSWERS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_acceptor__##name, open_voter, close_voter)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_only_after_the_sync),
        TEST(an_older_sync_answers_nothing),
        TEST(refuses_lower_ballots),
        TEST(a_promise_that_was_outbid_is_void),
        TEST(promises_with_what_it_accepted),
        TEST(takes_nothing_illegal),
        TEST(restricts_only_who_released),
        TEST(a_later_process_releases_for_the_one_before),
        TEST(a_release_binds_one_epoch_only),
        TEST(takes_again_what_it_took_before_a_restart),
        TEST(state_of_another_epoch_is_nothing),
        TEST(a_store_that_went_back_has_no_vote),
        TEST(strangers_and_other_epochs_are_not_heard),
        TEST(bounds_what_waits_for_a_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
