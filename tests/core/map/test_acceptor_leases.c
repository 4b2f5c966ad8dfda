// What an acceptor must not do while a lease may run: one schedule for each rule, right with it and
// visibly wrong without it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rule.h"
#include "lone_voter.h"

#define LEASE_US (1000 * 1000)

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
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_COUNT;
#endif
    return 0;
}

// Runs the schedule without the rule, where the build can break it: it must go wrong.
static void goes_wrong_without(struct lone_voter *voter, enum rule rule,
                               bool (*goes_wrong)(struct lone_voter *voter))
{
#ifdef BRUSIO_MUTANTS
    lone_voter_release(voter);
    lone_voter_init(voter, 3);
    rule_broken = rule;
    bool wrong = goes_wrong(voter);
    rule_broken = RULE_COUNT;
    if (!wrong)
        fail_msg("%s can be broken unseen", rule_name(rule));
#else
    (void)voter;
    (void)goes_wrong;
    print_message("the rule %s can be broken in a build with BRUSIO_MUTANTS only\n",
                  rule_name(rule));
#endif
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

// The voter's start is so long ago that it knows of all that it granted.
static void wait_after_start(struct lone_voter *voter)
{
    lone_voter_pass(voter, LEASE_US + 1);
}

// Whether the voter accepts that node 3 is restricted, too early: its grant to it still runs.
static bool restricts_under_a_grant(struct lone_voter *voter)
{
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 3));
    lone_voter_pass(voter, LEASE_US);
    return accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3));
}

static void test_acceptor_leases__restricts_when_the_grant_has_run_out(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(restricts_under_a_grant(voter));
    lone_voter_pass(voter, 1);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    goes_wrong_without(voter, RULE_LEASE_RAN_OUT, restricts_under_a_grant);
}

// A grant to others is no reason to wait.
static void test_acceptor_leases__waits_only_for_who_is_restricted(void **state)
{
    struct lone_voter *voter = *state;
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 1));
    assert_true(lone_voter_grants(voter, 2));
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
}

// A voter accepts "3 fails"; then 3 asks it for a lease.
static bool grants_to_who_is_restricted(struct lone_voter *voter)
{
    wait_after_start(voter);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    return lone_voter_grants(voter, 3);
}

static void test_acceptor_leases__grants_nothing_to_whom_it_accepted_to_restrict(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(grants_to_who_is_restricted(voter));
    assert_true(lone_voter_grants(voter, 2));
    lone_voter_pass(voter, 10 * LEASE_US);
    assert_false(lone_voter_grants(voter, 3));
    goes_wrong_without(voter, RULE_WITHHOLD, grants_to_who_is_restricted);
}

// The same with a restart between: the acceptance is all that is left.
static bool grants_after_a_restart(struct lone_voter *voter)
{
    struct acceptor_state acceptor = {.base_epoch = FIXTURE_EPOCH,
                                      .promised = {4, FIXTURE_STORE_ID(2), 1},
                                      .accepted = {4, FIXTURE_STORE_ID(2), 1},
                                      .accepted_map = lone_voter_bytes(voter, 7, 3)};
    lone_voter_restart(voter, 2, &acceptor);
    lone_voter_pass(voter, 5 * LEASE_US);
    return lone_voter_grants(voter, 3);
}

static void test_acceptor_leases__still_withholds_after_a_restart(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(grants_after_a_restart(voter));
    assert_true(lone_voter_grants(voter, 2));
    goes_wrong_without(voter, RULE_WITHHOLD, grants_after_a_restart);
}

// Having accepted another map at a higher ballot it grants again, and knows so when the first one
// is proposed anew.
static void test_acceptor_leases__another_acceptance_ends_the_withholding(void **state)
{
    struct lone_voter *voter = *state;
    wait_after_start(voter);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    assert_true(accepts(voter, 2, 2, lone_voter_bytes(voter, 8, NODE_NONE)));
    assert_true(lone_voter_grants(voter, 3));
    assert_false(accepts(voter, 2, 3, lone_voter_bytes(voter, 7, 3)));
    lone_voter_pass(voter, LEASE_US + 1);
    assert_true(accepts(voter, 2, 3, lone_voter_bytes(voter, 7, 3)));
}

// An acceptance that is not synced yet may be lost, and then the one before it stands: it must not
// be forgotten what was granted meanwhile.
static void test_acceptor_leases__an_acceptance_that_is_not_synced_ends_no_withholding(void **state)
{
    struct lone_voter *voter = *state;
    wait_after_start(voter);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    accept(voter, 2, 2, lone_voter_bytes(voter, 8, NODE_NONE));
    bool granted = lone_voter_grants(voter, 3);
    // The process dies before the sync, and starts again at once.
    struct acceptor_state acceptor = {.base_epoch = FIXTURE_EPOCH,
                                      .promised = {1, FIXTURE_STORE_ID(2), 1},
                                      .accepted = {1, FIXTURE_STORE_ID(2), 1},
                                      .accepted_map = lone_voter_bytes(voter, 7, 3)};
    lone_voter_restart(voter, 2, &acceptor);
    bool restricts = accepts(voter, 2, 3, lone_voter_bytes(voter, 7, 3));
    assert_false(granted && restricts);
}

// A process that starts again has forgotten what it granted a moment ago.
static bool restricts_right_after_a_restart(struct lone_voter *voter)
{
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 3));
    lone_voter_restart(voter, 2, NULL);
    return accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3));
}

static void test_acceptor_leases__waits_for_a_lease_after_a_restart(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(restricts_right_after_a_restart(voter));
    lone_voter_pass(voter, LEASE_US);
    assert_false(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    lone_voter_pass(voter, 1);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    goes_wrong_without(voter, RULE_RESTART_WAIT, restricts_right_after_a_restart);
}

static void copy_next(const struct lone_voter *voter, struct cluster_map *out)
{
    cluster_map_init(out);
    cluster_map_copy(out, &voter->agreement.map);
    out->epoch++;
}

// Others may have granted what this voter never heard of.
static bool restricts_under_new_voters(struct lone_voter *voter)
{
    struct cluster_map next;
    wait_after_start(voter);
    copy_next(voter, &next);
    next.voters = node_bit(LONE_SELF);
    lone_voter_learn(voter, &next);
    return accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3));
}

static bool restricts_after_skipped_epochs(struct lone_voter *voter)
{
    struct cluster_map next;
    wait_after_start(voter);
    copy_next(voter, &next);
    next.epoch++;
    lone_voter_learn(voter, &next);
    return accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3));
}

static void test_acceptor_leases__waits_for_a_lease_when_voters_change(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(restricts_under_new_voters(voter));
    lone_voter_pass(voter, LEASE_US + 1);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    goes_wrong_without(voter, RULE_NEW_VOTER_WAIT, restricts_under_new_voters);
}

static void test_acceptor_leases__waits_for_a_lease_when_it_skipped_epochs(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(restricts_after_skipped_epochs(voter));
    lone_voter_pass(voter, LEASE_US + 1);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    goes_wrong_without(voter, RULE_NEW_VOTER_WAIT, restricts_after_skipped_epochs);
}

static void test_acceptor_leases__does_not_wait_after_the_next_map_of_the_same_voters(void **state)
{
    struct lone_voter *voter = *state;
    struct cluster_map next;
    wait_after_start(voter);
    copy_next(voter, &next);
    lone_voter_learn(voter, &next);
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
}

static bool grants_while_voters_change(struct lone_voter *voter)
{
    struct cluster_map next;
    wait_after_start(voter);
    copy_next(voter, &next);
    next.voters = node_bit(LONE_SELF);
    buf_clear(&voter->bytes);
    cluster_map_encode(&voter->bytes, &next);
    cluster_map_release(&next);
    assert_true(accepts(voter, 2, 1, buf_slice(&voter->bytes)));
    return lone_voter_grants(voter, 1) || lone_voter_grants(voter, 2) ||
           lone_voter_grants(voter, 3);
}

static void test_acceptor_leases__grants_nobody_having_accepted_other_voters(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(grants_while_voters_change(voter));
    goes_wrong_without(voter, RULE_WITHHOLD, grants_while_voters_change);
}

static void test_acceptor_leases__renews_a_refused_node_after_two_leases(void **state)
{
    struct lone_voter *voter = *state;
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 3));
    assert_false(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    lone_voter_pass(voter, 2 * LEASE_US - 1);
    assert_false(lone_voter_grants(voter, 3));
    lone_voter_pass(voter, 1);
    assert_true(lone_voter_grants(voter, 3));
}

static void test_acceptor_leases__renews_a_refused_node_with_the_next_map(void **state)
{
    struct lone_voter *voter = *state;
    struct cluster_map next;
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 3));
    assert_false(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    assert_false(lone_voter_grants(voter, 3));
    copy_next(voter, &next);
    lone_voter_learn(voter, &next);
    assert_true(lone_voter_grants(voter, 3));
}

// Who released and asks again is not held back by a wish that has its release.
static void test_acceptor_leases__a_release_ends_the_refusal(void **state)
{
    struct lone_voter *voter = *state;
    wait_after_start(voter);
    assert_true(lone_voter_grants(voter, 3));
    assert_false(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    release_as(voter, 3, 1);
    assert_true(lone_voter_grants(voter, 3));
    assert_true(accepts(voter, 2, 1, lone_voter_bytes(voter, 7, 3)));
    assert_false(lone_voter_grants(voter, 3));
}

// Released in one epoch, granted a lease and serving in the next.
static bool restricts_by_an_old_release(struct lone_voter *voter)
{
    struct cluster_map next;
    wait_after_start(voter);
    release_as(voter, 3, 1);
    copy_next(voter, &next);
    lone_voter_learn(voter, &next);
    assert_true(lone_voter_grants(voter, 3));
    return accepts(voter, 2, 1, lone_voter_bytes(voter, 8, 3));
}

static void test_acceptor_leases__an_old_release_frees_nobody_of_a_later_grant(void **state)
{
    struct lone_voter *voter = *state;
    assert_false(restricts_by_an_old_release(voter));
    goes_wrong_without(voter, RULE_RELEASE_EPOCH, restricts_by_an_old_release);
}

// Only the process that the map names is granted anything, and only in the same epoch.
static void test_acceptor_leases__grants_to_the_named_process_in_its_epoch(void **state)
{
    struct lone_voter *voter = *state;
    struct message want = {.kind = MESSAGE_LEASE_WANT, .lease_want = {.sent_us = 77}};
    lone_voter_tell_as(voter, 3, 0, want);
    lone_voter_tell_as(voter, 3, 2, want);
    lone_voter_tell_as(voter, 9, 1, want);
    for (uint64_t epoch = FIXTURE_EPOCH - 1; epoch <= FIXTURE_EPOCH + 1; epoch += 2) {
        want.epoch = epoch;
        want.from_incarnation = 1;
        agreement_on_message(&voter->agreement, &voter->effects, voter->now_us, FIXTURE_STORE_ID(3),
                             &want);
    }
    assert_int_equal(voter->effects.send_count, 0);
    lone_voter_tell(voter, 3, want);
    assert_int_equal(lone_voter_sent(voter, 3, MESSAGE_LEASE), 1);
    assert_int_equal(voter->last.lease.sent_us, 77);
    assert_int_equal(voter->last.to_incarnation, 1);
}

static void test_acceptor_leases__who_is_no_voter_grants_nothing(void **state)
{
    struct lone_voter *voter = *state;
    voter->agreement.map.voters = node_bit(2);
    assert_false(lone_voter_grants(voter, 3));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_acceptor_leases__##name, open_voter, close_voter)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(restricts_when_the_grant_has_run_out),
        TEST(waits_only_for_who_is_restricted),
        TEST(grants_nothing_to_whom_it_accepted_to_restrict),
        TEST(still_withholds_after_a_restart),
        TEST(another_acceptance_ends_the_withholding),
        TEST(an_acceptance_that_is_not_synced_ends_no_withholding),
        TEST(waits_for_a_lease_after_a_restart),
        TEST(waits_for_a_lease_when_voters_change),
        TEST(waits_for_a_lease_when_it_skipped_epochs),
        TEST(does_not_wait_after_the_next_map_of_the_same_voters),
        TEST(grants_nobody_having_accepted_other_voters),
        TEST(renews_a_refused_node_after_two_leases),
        TEST(renews_a_refused_node_with_the_next_map),
        TEST(a_release_ends_the_refusal),
        TEST(an_old_release_frees_nobody_of_a_later_grant),
        TEST(grants_to_the_named_process_in_its_epoch),
        TEST(who_is_no_voter_grants_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
