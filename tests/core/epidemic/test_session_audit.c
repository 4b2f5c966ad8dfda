// Sessions that compare everything: with peers that were away, and with stores that have lost, or
// show again, what they had.

#include "session_damage.h"
#include "session_oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

// Enough live versions that their list is more than one message.
enum { MANY = 9000 };

static void put_many(struct session_bench *bench, unsigned replica, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "many%u", i);
        bench_put(bench->spaces, replica, key, "v");
    }
    session_bench_sync_much(bench, replica);
}

static void sync_all(struct session_bench *bench)
{
    for (unsigned i = 0; i < bench->spaces->count; i++)
        session_bench_sync(bench, i);
}

static struct bench_parcel *pack_one(struct session_bench *bench, unsigned from,
                                     struct bench_parcels *parcels)
{
    bench_pack(bench->spaces, from, NULL, parcels);
    assert_int_equal(parcels->count, 1);
    return &parcels->list[0];
}

// --- who was away

// All three have k; then A has deleted it, and it is garbage by now.
static struct session_bench *bench_with_a_grave(void)
{
    struct session_bench *bench = session_bench_new(3, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_exchange(bench, A, B, false);
    session_bench_exchange(bench, A, C, false);
    bench_delete(bench->spaces, A, "k");
    bench_put(bench->spaces, A, "other", "v");
    session_bench_age(bench, A, 0);
    return bench;
}

static void test_session__brings_the_horizon_with_what_is_dead_under_it(void **state)
{
    (void)state;
    struct session_bench *bench = bench_with_a_grave();
    struct session_outcome outcome = session_bench_exchange(bench, B, A, false);
    assert_true(outcome.compared && !outcome.clean);
    assert_int_equal(outcome.verdict, SESSION_APPLIED);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    assert_true(knowledge_equal(&session_bench_space(bench, A)->horizon,
                                &session_bench_space(bench, B)->horizon));
    // So C does not bring it back, although it never meets who deleted it.
    outcome = session_bench_exchange(bench, C, B, false);
    assert_int_equal(outcome.verdict, SESSION_APPLIED);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    assert_string_equal(bench_read(bench->spaces, C, "k"), "-");
    assert_true(bench_equal(bench->spaces, A, C));
    session_bench_free(bench);
}

// Wherever the session is cut: k is shown until it is gone, and is not shown again.
static void test_session__drops_with_the_close_or_not_at_all(void **state)
{
    (void)state;
    for (unsigned number = 1; number < 40; number++) {
        struct session_bench *bench = bench_with_a_grave();
        session_bench_open(bench, B, A, false);
        for (unsigned i = 0; i < number && bench->queue_count > 0; i++)
            session_bench_deliver(bench, 0, true);
        session_bench_lose_all(bench);
        session_bench_wait(bench, SESSION_IDLE_US);
        const struct space *space = session_bench_space(bench, B);
        bool is_gone = strcmp(bench_read(bench->spaces, B, "k"), "-") == 0;
        assert_true(is_gone ==
                    knowledge_contains(&space->known, &session_bench_space(bench, A)->horizon));
        session_bench_exchange(bench, B, C, false);
        assert_true(!is_gone || strcmp(bench_read(bench->spaces, B, "k"), "-") == 0);
        assert_true(session_bench_make_equal(bench, A, B, 2));
        assert_true(session_bench_make_equal(bench, B, C, 2));
        assert_string_equal(bench_read(bench->spaces, C, "k"), "-");
        session_bench_free(bench);
    }
}

// What a session with a third peer brings is behind the list, too.
static void test_session__hears_of_what_another_session_brings(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(3, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_exchange(bench, A, C, false);
    bench_delete(bench->spaces, A, "k");
    session_bench_age(bench, A, 0);
    bench_put(bench->spaces, B, "own", "v");
    session_bench_open(bench, B, A, false);
    assert_true(session_bench_run_to(bench, A, MESSAGE_AUDIT_LIST));
    // Its message waits while B talks with C.
    struct session_packet list = bench->queue[0];
    bench->queue_count = 0;
    session_bench_open(bench, C, B, false);
    session_bench_run(bench);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    bench->queue[bench->queue_count++] = list;
    session_bench_run(bench);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_AGAIN);
    assert_true(session_bench_make_equal(bench, A, B, 1));
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    session_bench_free(bench);
}

static void test_session__compares_everything_with_one_peer_at_a_time(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(3, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_open(bench, B, A, true);
    assert_true(session_bench_run_to(bench, B, MESSAGE_AUDIT_SLOTS));
    struct session_packet slots = bench->queue[0];
    bench->queue_count = 0;
    session_bench_open(bench, C, A, true);
    session_bench_run(bench);
    assert_int_equal(bench->peers[A].last.verdict, SESSION_AGAIN);
    assert_false(bench->peers[C].last.compared);
    bench->queue[bench->queue_count++] = slots;
    session_bench_run(bench);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_APPLIED);
    assert_int_equal(session_bench_exchange(bench, C, A, true).verdict, SESSION_APPLIED);
    session_bench_free(bench);
}

// A healthy peer's audit does not mind that the horizon goes on.
static void test_session__goes_on_when_the_horizon_moves(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 12; number++) {
        struct session_bench *bench = session_bench_new(2, NULL);
        bench_put(bench->spaces, A, "k", "v");
        bench_put(bench->spaces, A, "l", "v");
        session_bench_exchange(bench, A, B, false);
        bench_put(bench->spaces, B, "m", "v");
        session_bench_open(bench, B, A, true);
        for (unsigned i = 0; i < number && bench->queue_count > 0; i++)
            session_bench_deliver(bench, 0, true);
        struct knowledge one = {0};
        uint64_t origin = session_bench_space(bench, A)->origin;
        assert_int_equal(knowledge_add(&one, (struct dot){.origin = origin, .sequence = 1}),
                         ERR_OK);
        bench_publish(bench->spaces, A, &one);
        knowledge_release(&one);
        session_bench_run(bench);
        assert_int_equal(bench->peers[B].last.verdict, SESSION_APPLIED);
        assert_true(bench_equal(bench->spaces, A, B));
        session_bench_free(bench);
    }
}

// What A asks B for dies at A before it comes.
static void test_session__does_not_bring_back_what_died_meanwhile(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    struct bench_parcels parcels = {0};
    bench_put(bench->spaces, B, "k", "v");
    const struct bench_parcel *version = pack_one(bench, B, &parcels);
    // A hears of k and deletes it when B has listed it.
    bench_put(bench->spaces, A, "other", "v");
    session_bench_open(bench, B, A, true);
    assert_true(session_bench_run_to(bench, A, MESSAGE_SESSION_KNOWN));
    session_bench_deliver(bench, 0, true);
    while (session_bench_session(bench, B)->audit.stage != AUDIT_LISTED)
        session_bench_deliver(bench, 0, true);
    assert_true(bench->queue_count > 0);
    bench_deliver(bench->spaces, A, version, SPACE_FROM_RUMOR);
    bench_delete(bench->spaces, A, "k");
    assert_true(session_bench_run_to(bench, B, MESSAGE_AUDIT_VERDICT));
    session_bench_age(bench, A, 0);
    session_bench_run(bench);
    session_bench_wait(bench, SESSION_IDLE_US);
    assert_string_equal(bench_read(bench->spaces, A, "k"), "-");
    assert_true(session_bench_make_equal(bench, A, B, 2));
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    bench_parcels_release(&parcels);
    session_bench_free(bench);
}

// --- damaged stores

static void test_session__gives_back_a_version_that_was_lost(void **state)
{
    (void)state;
    for (unsigned opener = A; opener <= B; opener++) {
        struct session_bench *bench = session_bench_new(2, NULL);
        bench_put(bench->spaces, A, "k", "v");
        bench_put(bench->spaces, B, "l", "w");
        session_bench_exchange(bench, A, B, false);
        sync_all(bench);
        session_damage_lose_key(bench, B, "k");
        session_damage_find(bench, B);
        assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
        struct session_outcome outcome = session_bench_exchange(bench, opener, !opener, false);
        assert_true(outcome.compared);
        assert_int_equal(bench->peers[B].last.clean, false);
        assert_int_equal(bench->peers[A].last.clean, true);
        assert_false(session_bench_space(bench, B)->damaged);
        assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
        assert_true(bench_equal(bench->spaces, A, B));
        bench_check(bench->spaces, B);
        outcome = session_bench_exchange(bench, opener, !opener, true);
        assert_true(outcome.compared && outcome.clean);
        session_bench_free(bench);
    }
}

// B shows again what it had given up for something that it has lost: A tells it what that was.
static void test_session__gives_back_what_covers_a_version_that_is_shown_again(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 4; variant++) {
        unsigned opener = variant % 2;
        bool is_deleted = variant / 2 == 0;
        struct session_bench *bench = session_bench_new(2, NULL);
        struct bench_parcels parcels = {0};
        bench_put(bench->spaces, A, "k", "v");
        const struct bench_parcel *old = pack_one(bench, A, &parcels);
        session_bench_exchange(bench, A, B, false);
        if (is_deleted)
            bench_delete(bench->spaces, A, "k");
        else
            bench_put(bench->spaces, A, "k", "new");
        session_bench_exchange(bench, A, B, false);
        sync_all(bench);
        session_damage_revive(bench, B, "k", old);
        session_damage_find(bench, B);
        assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
        session_bench_exchange(bench, opener, !opener, false);
        assert_string_equal(bench_read(bench->spaces, A, "k"), is_deleted ? "-" : "new");
        assert_string_equal(bench_read(bench->spaces, B, "k"), is_deleted ? "-" : "new");
        assert_true(bench_equal(bench->spaces, A, B));
        assert_false(session_bench_space(bench, B)->damaged);
        bench_check(bench->spaces, B);
        bench_parcels_release(&parcels);
        session_bench_free(bench);
    }
}

// A certificate that was lost is missed when what it covers comes.
static void test_session__gives_back_a_certificate_that_was_lost(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(3, NULL);
    struct bench_parcels parcels = {0};
    bench_put(bench->spaces, C, "k", "v");
    const struct bench_parcel *version = pack_one(bench, C, &parcels);
    bench_deliver(bench->spaces, A, version, SPACE_FROM_RUMOR);
    bench_delete(bench->spaces, A, "k");
    struct bench_parcels certificates = {0};
    bench_pack(bench->spaces, A, NULL, &certificates);
    for (uint32_t i = 0; i < certificates.count; i++)
        if (certificates.list[i].form == OPERATION_DELETE)
            bench_deliver(bench->spaces, B, &certificates.list[i], SPACE_FROM_RUMOR);
    sync_all(bench);
    session_damage_lose_key(bench, B, "k");
    session_damage_find(bench, B);
    bench_deliver(bench->spaces, B, version, SPACE_FROM_RUMOR);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    session_bench_exchange(bench, B, A, false);
    assert_string_equal(bench_read(bench->spaces, A, "k"), "-");
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    assert_true(bench_equal(bench->spaces, A, B));
    bench_parcels_release(&parcels);
    bench_parcels_release(&certificates);
    session_bench_free(bench);
}

// Rule R17: who knows that it is damaged says neither what it knows nor what is dead.
static void test_session__of_a_damaged_space_closes_nothing_and_drops_nothing(void **state)
{
    (void)state;
    struct session_bench *bench = bench_with_a_grave();
    bench_put(bench->spaces, A, "news", "v");
    sync_all(bench);
    session_damage_lose_key(bench, A, "other");
    session_damage_find(bench, A);
    session_bench_exchange(bench, B, A, false);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_AGAIN);
    assert_string_equal(bench_read(bench->spaces, B, "news"), "v"); // what came, came
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    const struct space *space = session_bench_space(bench, B);
    assert_true(knowledge_is_empty(&space->horizon));
    assert_int_equal(knowledge_dots(&space->known), 2);
    session_bench_free(bench);
}

static void test_session__mends_two_that_are_both_damaged(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    bench_put(bench->spaces, A, "l", "v");
    session_bench_exchange(bench, A, B, false);
    sync_all(bench);
    session_damage_lose_key(bench, A, "k");
    session_damage_lose_key(bench, B, "l");
    session_damage_find(bench, A);
    session_damage_find(bench, B);
    bench_put(bench->spaces, A, "news", "v");
    session_bench_exchange(bench, A, B, false);
    session_bench_exchange(bench, A, B, false);
    assert_false(session_bench_space(bench, A)->damaged);
    assert_false(session_bench_space(bench, B)->damaged);
    assert_true(bench_equal(bench->spaces, A, B));
    assert_string_equal(bench_read(bench->spaces, A, "k"), "v");
    assert_string_equal(bench_read(bench->spaces, B, "l"), "v");
    session_bench_free(bench);
}

// What is found to be damaged in the middle of a session stays so.
static void test_session__does_not_mend_what_was_found_behind_its_list(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_exchange(bench, A, B, false);
    sync_all(bench);
    session_bench_open(bench, B, A, true);
    assert_true(session_bench_run_to(bench, A, MESSAGE_AUDIT_LIST));
    session_damage_lose_key(bench, B, "k");
    session_damage_find(bench, B);
    session_bench_run(bench);
    assert_true(session_bench_space(bench, B)->damaged);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_AGAIN);
    assert_int_equal(bench->peers[A].last.verdict, SESSION_AGAIN);
    session_bench_exchange(bench, B, A, false);
    assert_false(session_bench_space(bench, B)->damaged);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    session_bench_free(bench);
}

// What an audit gives back to A was not among what A sends B in a session that goes on meanwhile.
static void test_session__does_not_claim_what_another_gave_back_meanwhile(void **state)
{
    (void)state;
    static char large[SESSION_PORTION_BYTES];
    struct session_bench *bench = session_bench_new(3, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_exchange(bench, A, C, false);
    sync_all(bench);
    session_damage_lose_key(bench, A, "k");
    for (unsigned i = 0; i < 2 * SESSION_WINDOW; i++) {
        char key[16];
        snprintf(key, sizeof key, "large%u", i);
        struct space_write write = {.key = slice_of_text(key),
                                    .value = slice_of(large, sizeof large)};
        struct space_written written;
        assert_int_equal(bench_write(bench->spaces, A, &write, &written), ERR_OK);
        session_bench_sync(bench, A);
    }
    session_bench_open(bench, B, A, false);
    assert_true(session_bench_run_to(bench, A, MESSAGE_SESSION_KNOWN));
    session_bench_deliver(bench, 0, true);
    struct session_packet held[MESSAGE_KIND_COUNT];
    size_t held_count = bench->queue_count;
    assert_true(held_count < MESSAGE_KIND_COUNT);
    memcpy(held, bench->queue, held_count * sizeof *held);
    bench->queue_count = 0;
    session_damage_find(bench, A);
    session_bench_open(bench, C, A, false);
    session_bench_run(bench);
    assert_false(session_bench_space(bench, A)->damaged);
    assert_string_equal(bench_read(bench->spaces, A, "k"), "v");
    memcpy(bench->queue, held, held_count * sizeof *held);
    bench->queue_count = held_count;
    session_bench_run(bench);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_AGAIN);
    assert_true(session_bench_make_equal(bench, A, B, 2));
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    session_bench_free(bench);
}

// --- much at once

// One of the two has lost all that it had: more than one list, and than one answer to a list.
static void test_session__compares_more_than_one_message_holds(void **state)
{
    (void)state;
    for (unsigned opener = A; opener <= B; opener++) {
        struct session_bench *bench = session_bench_new(2, NULL);
        put_many(bench, A, MANY);
        session_bench_exchange(bench, A, B, false);
        assert_true(bench_equal(bench->spaces, A, B));
        for (unsigned i = A; i <= B; i++)
            session_bench_sync_much(bench, i);
        session_damage_lose_all(bench, B);
        session_damage_find(bench, B);
        assert_int_equal(session_bench_space(bench, B)->digests.total.count, 0);
        session_bench_open(bench, opener, !opener, false);
        struct session *session = NULL;
        uint64_t turns = 0;
        while (session_bench_fly(bench)) {
            session = session_bench_session(bench, opener);
            turns = session != NULL ? session->audit.turn : turns;
        }
        assert_true(turns >= 2);
        assert_true(bench_equal(bench->spaces, A, B));
        assert_int_equal(session_bench_space(bench, B)->digests.total.count, MANY);
        assert_false(session_bench_space(bench, B)->damaged);
        session_bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__brings_the_horizon_with_what_is_dead_under_it),
        cmocka_unit_test(test_session__drops_with_the_close_or_not_at_all),
        cmocka_unit_test(test_session__hears_of_what_another_session_brings),
        cmocka_unit_test(test_session__compares_everything_with_one_peer_at_a_time),
        cmocka_unit_test(test_session__goes_on_when_the_horizon_moves),
        cmocka_unit_test(test_session__does_not_bring_back_what_died_meanwhile),
        cmocka_unit_test(test_session__gives_back_a_version_that_was_lost),
        cmocka_unit_test(test_session__gives_back_what_covers_a_version_that_is_shown_again),
        cmocka_unit_test(test_session__gives_back_a_certificate_that_was_lost),
        cmocka_unit_test(test_session__of_a_damaged_space_closes_nothing_and_drops_nothing),
        cmocka_unit_test(test_session__mends_two_that_are_both_damaged),
        cmocka_unit_test(test_session__does_not_mend_what_was_found_behind_its_list),
        cmocka_unit_test(test_session__does_not_claim_what_another_gave_back_meanwhile),
        cmocka_unit_test(test_session__compares_more_than_one_message_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
