// One session between two peers: what it makes equal, what it leaves when it is cut anywhere, and
// what may happen meanwhile.

#include "session_storm.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

enum { SEEDS = 300, STEPS = 90, MESSAGES_MAX = 100, SUMMARY_ITEMS = 1000000 };

// --- equal spaces

static void test_session__of_equal_spaces_is_one_message_each_way(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    assert_int_equal(session_bench_exchange(bench, A, B, false).verdict, SESSION_APPLIED);
    // As of a million records: what matters of them is the digests.
    for (uint64_t i = 0; i < SUMMARY_ITEMS; i++) {
        struct hash128 item = hash128(slice_of(&i, sizeof i), 5);
        space_digests_add(&session_bench_space(bench, A)->digests, (uint16_t)(i % SLOTS), item);
        space_digests_add(&session_bench_space(bench, B)->digests, (uint16_t)(i % SLOTS), item);
    }
    memset(&bench->sent, 0, sizeof bench->sent);
    struct session_outcome outcome = session_bench_exchange(bench, A, B, false);
    assert_int_equal(outcome.verdict, SESSION_EQUAL);
    assert_int_equal(bench->sent.messages, 2);
    assert_int_equal(bench->sent.flights, 2);
    assert_true(bench->sent.bytes < 200);
    print_message("equal spaces: %llu bytes\n", (unsigned long long)bench->sent.bytes);
    session_bench_free(bench);
}

static void test_session__says_equal_only_of_what_is_durable(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    struct bench_parcels parcels = {0};
    bench_put(bench->spaces, A, "k", "v");
    bench_pack(bench->spaces, A, NULL, &parcels);
    bench_deliver(bench->spaces, B, &parcels.list[0], SPACE_FROM_RUMOR);
    session_bench_open(bench, A, B, false);
    session_bench_deliver(bench, 0, false);
    assert_int_equal(bench->queue_count, 0);
    assert_int_equal(session_bench_count(bench, B), 1);
    session_bench_sync(bench, B);
    assert_int_equal(bench->queue_count, 1);
    assert_int_equal(session_bench_count(bench, B), 0);
    session_bench_run(bench);
    assert_int_equal(bench->peers[A].last.verdict, SESSION_EQUAL);
    bench_parcels_release(&parcels);
    session_bench_free(bench);
}

static void test_session__says_applied_only_of_what_is_durable(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_open(bench, A, B, false);
    assert_true(session_bench_run_to(bench, B, MESSAGE_SESSION_PORTION));
    session_bench_deliver(bench, 0, false);
    assert_int_equal(session_bench_kind(bench, 0), MESSAGE_SESSION_CLOSE);
    session_bench_deliver(bench, 0, false);
    for (size_t i = 0; i < bench->queue_count; i++) {
        assert_int_not_equal(session_bench_kind(bench, i), MESSAGE_SESSION_TAKEN);
        assert_int_not_equal(session_bench_kind(bench, i), MESSAGE_SESSION_END);
    }
    session_bench_run(bench);
    assert_int_equal(bench->peers[A].last.out_verdict, SESSION_APPLIED);
    session_bench_free(bench);
}

// --- any contents

// What a storm leaves behind, with strays, conflicts, and garbage under different horizons.
static void begin_scene(struct session_storm *storm, uint64_t seed)
{
    session_storm_begin(storm, seed, 2 + (unsigned)(seed % 3));
    session_storm_run(storm, STEPS);
    session_storm_calm(storm);
}

static void test_session__makes_any_two_spaces_equal(void **state)
{
    unsigned compared = 0;
    unsigned differed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct session_storm storm;
        begin_scene(&storm, seed);
        differed += !bench_equal(storm.bench->spaces, A, B);
        struct session_outcome outcome = session_bench_exchange(storm.bench, A, B, false);
        compared += outcome.compared;
        assert_true(bench_equal(storm.bench->spaces, A, B));
        session_storm_look(&storm, A);
        session_storm_look(&storm, B);
        bench_check(storm.bench->spaces, A);
        bench_check(storm.bench->spaces, B);
        session_storm_end(&storm);
    }
    assert_true(differed > SEEDS / 4 && compared > SEEDS / 20);
}

// --- cut, lost, repeated

enum harm { CUT, LOST, REPEATED, HARMS };

// Delivers the messages of a session, of which the one with this number meets with harm. Gives how
// many there were.
static unsigned deliver_with_harm(struct session_bench *bench, unsigned number, enum harm harm)
{
    unsigned delivered = 0;
    for (; bench->queue_count > 0; delivered++) {
        assert_true(delivered < MESSAGES_MAX);
        if (delivered < number || (delivered > number && harm != CUT)) {
            session_bench_deliver(bench, 0, true);
        } else if (harm == REPEATED) {
            session_bench_repeat(bench, 0);
            session_bench_deliver(bench, 0, true);
        } else {
            session_bench_lose(bench, 0);
        }
    }
    return delivered;
}

static void harm_everywhere(uint64_t seed, enum harm harm, bool audit)
{
    for (unsigned number = 0, count = 1; number < count; number++) {
        struct session_storm storm;
        begin_scene(&storm, seed);
        session_bench_open(storm.bench, A, B, audit);
        count = deliver_with_harm(storm.bench, number, harm);
        session_storm_look(&storm, A);
        session_storm_look(&storm, B);
        session_storm_calm(&storm);
        session_bench_exchange(storm.bench, B, A, false);
        assert_true(bench_equal(storm.bench->spaces, A, B));
        session_storm_look(&storm, A);
        session_storm_look(&storm, B);
        session_storm_end(&storm);
    }
}

static void test_session__that_is_cut_at_any_message_claims_nothing_it_did_not_bring(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++)
        harm_everywhere(seed, CUT, seed % 3 == 0);
}

static void test_session__survives_the_loss_of_any_message(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++)
        harm_everywhere(seed, LOST, seed % 3 == 0);
}

static void test_session__survives_the_repetition_of_any_message(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++)
        harm_everywhere(seed, REPEATED, seed % 3 == 0);
}

// --- things that happen meanwhile

static void write_over(struct session_storm *storm, unsigned peer)
{
    char key[8];
    for (unsigned i = 0; i < 3; i++) {
        struct space_write write = {.key = slice_of_text(key), .dead = i == 2};
        struct space_written written;
        snprintf(key, sizeof key, "k%u", i);
        write.key = slice_of_text(key);
        if (!write.dead)
            write.value = slice_of_text("meanwhile");
        enum err error = bench_write(storm->bench->spaces, peer, &write, &written);
        assert_true(error == ERR_OK || error == ERR_NOT_FOUND);
    }
    session_storm_look(storm, peer);
}

// Writes that replace what was sent a moment ago, at both sides, before any message of the session.
static void test_session__takes_what_is_written_meanwhile(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++) {
        for (unsigned number = 0, count = 1; number < count; number++) {
            struct session_storm storm;
            begin_scene(&storm, seed);
            session_bench_open(storm.bench, A, B, seed % 4 == 0);
            for (count = 0; storm.bench->queue_count > 0; count++) {
                unsigned to = storm.bench->queue[0].to;
                if (count == number) {
                    write_over(&storm, A);
                    write_over(&storm, B);
                }
                session_bench_deliver(storm.bench, 0, true);
                session_storm_look(&storm, to);
            }
            assert_int_equal(session_bench_count(storm.bench, A), 0);
            assert_int_equal(session_bench_count(storm.bench, B), 0);
            assert_true(session_bench_make_equal(storm.bench, A, B, 2));
            session_storm_look(&storm, A);
            session_storm_look(&storm, B);
            session_storm_end(&storm);
        }
    }
}

// The header of a put without its value, as one has it who heard of it from somebody else.
static void deliver_bare(struct session_bench *bench, unsigned to,
                         const struct bench_parcel *parcel)
{
    struct operation operation;
    enum operation_form form;
    struct cursor in = cursor_of(buf_slice(&parcel->bytes));
    operation_decode(&in, BENCH_SPACE, &operation, &form);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    operation.value = slice_of(NULL, 0);
    assert_int_equal(bench_apply(bench->spaces, to, &operation, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_STORED);
}

// A bare header that A does not know goes to B; then A gets its value, and says that it knows it.
static void test_session__sends_the_value_of_a_stray_that_comes_meanwhile(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(3, NULL);
    struct bench_parcels parcels = {0};
    bench_put(bench->spaces, C, "k", "v");
    bench_pack(bench->spaces, C, NULL, &parcels);
    deliver_bare(bench, A, &parcels.list[0]);
    session_bench_open(bench, A, B, true);
    assert_true(session_bench_run_to(bench, A, MESSAGE_AUDIT_SLOTS));
    assert_int_equal(knowledge_dots(&session_bench_space(bench, B)->strays), 1);
    assert_int_equal(bench_deliver(bench->spaces, A, &parcels.list[0], SPACE_FROM_RUMOR),
                     SPACE_NEWS);
    session_bench_run(bench);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_APPLIED);
    assert_string_equal(bench_read(bench->spaces, B, "k"), "v");
    assert_true(bench_equal(bench->spaces, A, B));
    bench_parcels_release(&parcels);
    session_bench_free(bench);
}

static void test_session__goes_both_ways_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        struct session_storm storm;
        begin_scene(&storm, seed);
        session_bench_open(storm.bench, A, B, false);
        session_bench_open(storm.bench, B, A, seed % 4 == 0);
        while (storm.bench->queue_count > 0) {
            unsigned to = storm.bench->queue[0].to;
            session_bench_deliver(storm.bench, 0, true);
            session_storm_look(&storm, to);
        }
        assert_true(session_bench_make_equal(storm.bench, A, B, 1));
        session_storm_end(&storm);
    }
}

// --- ends

static void test_session__that_meets_a_refusal_claims_nothing(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    bench_put(bench->spaces, A, "gone", "v");
    bench_delete(bench->spaces, A, "gone");
    session_bench_space(bench, B)->room_low = true;
    struct session_outcome outcome = session_bench_exchange(bench, A, B, false);
    assert_int_equal(outcome.out_verdict, SESSION_REFUSED);
    assert_int_equal(bench->peers[B].last.verdict, SESSION_REFUSED);
    struct space *space = session_bench_space(bench, B);
    assert_int_equal(knowledge_dots(&space->known), 1); // the delete found room
    assert_string_equal(bench_read(bench->spaces, B, "k"), "-");
    space->room_low = false;
    outcome = session_bench_exchange(bench, A, B, false);
    assert_int_equal(outcome.out_verdict, SESSION_APPLIED);
    assert_true(bench_equal(bench->spaces, A, B));
    session_bench_free(bench);
}

static void test_session__ends_when_nothing_comes(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_open(bench, A, B, false);
    session_bench_deliver(bench, 0, true);
    session_bench_lose_all(bench);
    session_bench_wait(bench, SESSION_IDLE_US - 1);
    assert_int_equal(session_bench_count(bench, A) + session_bench_count(bench, B), 2);
    session_bench_wait(bench, 1);
    assert_int_equal(session_bench_count(bench, A) + session_bench_count(bench, B), 0);
    assert_int_equal(bench->peers[A].last.verdict, SESSION_BROKEN);
    session_bench_free(bench);
}

static void test_session__ends_when_the_other_knows_it_no_more(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(2, NULL);
    bench_put(bench->spaces, A, "k", "v");
    session_bench_open(bench, A, B, false);
    session_bench_deliver(bench, 0, true); // B answers
    session_bench_crash(bench, B, 0);
    session_bench_run(bench);
    assert_int_equal(session_bench_count(bench, A), 0);
    assert_int_equal(bench->peers[A].last.verdict, SESSION_BROKEN);
    session_bench_free(bench);
}

// What was told at the beginning is not claimed by a space that has forgotten it.
static void test_session__does_not_outlive_its_space(void **state)
{
    (void)state;
    for (unsigned after = 0; after < 6; after++) {
        struct session_bench *bench = session_bench_new(2, NULL);
        bench_put(bench->spaces, A, "k", "v");
        bench_put(bench->spaces, B, "l", "w");
        session_bench_sync(bench, A);
        session_bench_open(bench, B, A, false);
        for (unsigned i = 0; i < after && bench->queue_count > 0; i++)
            session_bench_deliver(bench, 0, true);
        bool got = strcmp(bench_read(bench->spaces, B, "k"), "v") == 0;
        while (!space_forget(session_bench_space(bench, A), bench_effects(bench->spaces, A), 1))
            ;
        session_bench_step(bench, A);
        session_bench_run(bench);
        session_bench_wait(bench, SESSION_IDLE_US);
        if (!got)
            got = strcmp(bench_read(bench->spaces, B, "k"), "v") == 0;
        assert_true(got || knowledge_dots(&session_bench_space(bench, B)->known) == 1);
        session_bench_free(bench);
    }
}

static void test_session__waits_for_its_allowance_and_its_window(void **state)
{
    (void)state;
    static char large[SESSION_WINDOW_BYTES / 4];
    struct session_bench *bench = session_bench_new(2, NULL);
    for (unsigned i = 0; i < 3 * SESSION_WINDOW; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        struct space_write write = {.key = slice_of_text(key),
                                    .value = slice_of(large, sizeof large)};
        struct space_written written;
        assert_int_equal(bench_write(bench->spaces, A, &write, &written), ERR_OK);
        session_bench_sync(bench, A);
    }
    bench->peers[A].world.allowance_bytes = 0;
    session_bench_open(bench, A, B, false);
    session_bench_run(bench);
    assert_int_equal(bench->peers[A].world.allowance_bytes <= 0, 1);
    assert_int_equal(bench->sent.operation_bytes, 0);
    bench->peers[A].world.allowance_bytes = 1 << 30;
    session_bench_sync(bench, A);
    assert_true(bench->sent.operation_bytes >= SESSION_WINDOW_BYTES);
    assert_true(bench->sent.operation_bytes < SESSION_WINDOW_BYTES + 2 * sizeof large);
    session_bench_run(bench);
    assert_true(bench_equal(bench->spaces, A, B));
    session_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__of_equal_spaces_is_one_message_each_way),
        cmocka_unit_test(test_session__says_equal_only_of_what_is_durable),
        cmocka_unit_test(test_session__says_applied_only_of_what_is_durable),
        cmocka_unit_test(test_session__makes_any_two_spaces_equal),
        cmocka_unit_test(test_session__that_is_cut_at_any_message_claims_nothing_it_did_not_bring),
        cmocka_unit_test(test_session__survives_the_loss_of_any_message),
        cmocka_unit_test(test_session__survives_the_repetition_of_any_message),
        cmocka_unit_test(test_session__takes_what_is_written_meanwhile),
        cmocka_unit_test(test_session__sends_the_value_of_a_stray_that_comes_meanwhile),
        cmocka_unit_test(test_session__goes_both_ways_at_once),
        cmocka_unit_test(test_session__that_meets_a_refusal_claims_nothing),
        cmocka_unit_test(test_session__ends_when_nothing_comes),
        cmocka_unit_test(test_session__ends_when_the_other_knows_it_no_more),
        cmocka_unit_test(test_session__does_not_outlive_its_space),
        cmocka_unit_test(test_session__waits_for_its_allowance_and_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
