// When sessions are opened, how many there are, and what they leave behind.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>

enum { A, B, C, PEERS = 5, STRANGERS = 90 };

#define NEVER_MS (UINT64_C(24) * 3600 * 1000)

// Peers that have greeted each other and tell no rumors.
static struct epidemic_bench *bench_new(unsigned count, uint64_t anti_entropy_ms)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(count);
    bench->setting.anti_entropy_ms = anti_entropy_ms;
    bench->setting.rumor_ms = NEVER_MS;
    for (unsigned i = 0; i < count; i++)
        epidemic_bench_start(bench, i);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 60 * SECOND);
    return bench;
}

static const struct epidemic_counts *counts(struct epidemic_bench *bench, unsigned peer)
{
    return &epidemic_bench_core(bench, peer)->counts;
}

static enum err exchange(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    return epidemic_bench_error(bench, epidemic_bench_exchange(bench, peer, other));
}

// --- pace

static void test_epidemic_sessions__are_opened_at_the_pace(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, 1000);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t before = counts(bench, i)->sessions_opened;
        epidemic_bench_run(bench, 200 * SECOND);
        // Some of them find that one with this peer is under way.
        assert_in_range(counts(bench, i)->sessions_opened - before, 150, 230);
    }
    assert_int_equal(counts(bench, A)->verdicts[SESSION_BROKEN], 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__wake_nobody_who_has_nothing_to_do(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, 10 * 1000);
    uint64_t ticks = bench->peers[A].ticks;
    epidemic_bench_run(bench, 600 * SECOND);
    // Sessions, hellos, garbage, and a look at sixteen slots each few seconds.
    assert_in_range(bench->peers[A].ticks - ticks, 60, 600);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__bring_all_to_all_on_a_bad_network(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(PEERS, 1000);
    bench->jitter_us = 200 * MS;
    bench->lost_one_in = 10;
    for (unsigned i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i % 40);
        if (i % 7 == 6)
            epidemic_bench_delete(bench, i % PEERS, key);
        else
            epidemic_bench_put(bench, i % PEERS, key, "v");
        epidemic_bench_run(bench, 100 * MS);
    }
    unsigned waited = 0;
    while (!epidemic_bench_all_equal(bench)) {
        assert_in_range(waited++, 0, 200);
        epidemic_bench_run(bench, SECOND);
    }
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__make_what_they_bring_hot(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(3, NEVER_MS);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(exchange(bench, B, A), ERR_OK);
    epidemic_bench_run(bench, SECOND);
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "v");
    const struct rumor *rumor = &epidemic_bench_replica(bench, B)->rumor;
    assert_int_equal(rumor_count(rumor), 1);
    assert_string_equal(epidemic_bench_read(bench, C, "k"), "-");
    epidemic_bench_free(bench);
}

// --- how many

// Somebody whom the bench does not have, and who never answers.
static void meet_stranger(struct epidemic_bench *bench, unsigned peer, uint64_t store_id)
{
    epidemic_meet(epidemic_bench_core(bench, peer), &bench->peers[peer].effects, store_id,
                  slice_of_text("there:1"), false);
    epidemic_bench_carry(bench, peer);
}

static enum err exchange_with(struct epidemic_bench *bench, unsigned peer, uint64_t store_id)
{
    const struct request request = {.kind = REQUEST_EXCHANGE, .since = store_id};
    return epidemic_bench_error(bench, epidemic_bench_ask(bench, peer, &request));
}

static void open_all(struct epidemic_bench *bench, unsigned peer)
{
    for (unsigned i = 0; i < STRANGERS; i++)
        meet_stranger(bench, peer, 1 + i);
    for (unsigned i = 0; i < EPIDEMIC_SESSIONS_MAX; i++)
        assert_int_equal(exchange_with(bench, peer, 1 + i), ERR_OK);
}

static void test_epidemic_sessions__are_bounded(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, NEVER_MS);
    open_all(bench, A);
    assert_int_equal(exchange_with(bench, A, STRANGERS), ERR_BUSY);
    assert_int_equal(epidemic_bench_core(bench, A)->session_count, EPIDEMIC_SESSIONS_MAX);
    // Who opens one then is told to come again.
    uint64_t ends = bench->peers[A].sent[MESSAGE_SESSION_END];
    epidemic_bench_put(bench, B, "k", "v");
    epidemic_bench_run(bench, 50 * MS);
    assert_int_equal(exchange(bench, B, A), ERR_OK);
    epidemic_bench_run(bench, 50 * MS);
    assert_int_equal(bench->peers[A].sent[MESSAGE_SESSION_END], ends + 1);
    assert_int_equal(counts(bench, B)->verdicts[SESSION_AGAIN], 1);
    assert_int_equal(epidemic_bench_core(bench, B)->session_count, 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__that_nobody_answers_make_room(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, NEVER_MS);
    open_all(bench, A);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, 4 * SECOND);
    assert_int_equal(exchange_with(bench, A, STRANGERS), ERR_OK);
    assert_int_equal(epidemic_bench_core(bench, A)->session_count, EPIDEMIC_SESSIONS_MAX);
    assert_int_equal(exchange(bench, B, A), ERR_OK);
    epidemic_bench_run(bench, SECOND);
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "v");
    // And go by themselves.
    epidemic_bench_run(bench, SESSION_IDLE_US + 2 * SECOND);
    assert_int_equal(epidemic_bench_core(bench, A)->session_count, 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__are_tried_again_soon_by_who_was_told_to(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, 60 * 1000);
    open_all(bench, A);
    struct replica *replica = epidemic_bench_replica(bench, B);
    replica->next_session_us = bench->now_us + 60 * SECOND;
    assert_int_equal(exchange(bench, B, A), ERR_OK);
    epidemic_bench_run(bench, SECOND);
    assert_in_range(replica->next_session_us, bench->now_us,
                    bench->now_us + 60 * SECOND / 8 * 5 / 4);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__of_who_opens_another_are_over(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, NEVER_MS);
    struct message open = {.kind = MESSAGE_SESSION_OPEN,
                           .session_open = {.space = EPIDEMIC_BENCH_SPACE,
                                            .session = 1,
                                            .salt = 2,
                                            .summary = slice_of_text("another")}};
    epidemic_bench_isolate(bench, A, true);
    for (unsigned i = 0; i < 100; i++) {
        open.session_open.session = 1 + i;
        epidemic_bench_deliver(bench, B, A, &open);
        epidemic_bench_deliver(bench, B, A, &open); // repeated on its way
        assert_int_equal(epidemic_bench_core(bench, A)->session_count, 1);
    }
    assert_int_equal(bench->peers[A].sent[MESSAGE_SESSION_KNOWN], 100);
    epidemic_bench_free(bench);
}

// --- what is not there

static void test_epidemic_sessions__that_are_not_known_are_disowned(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2, NEVER_MS);
    uint64_t ends = bench->peers[A].sent[MESSAGE_SESSION_END];
    struct message message = {.kind = MESSAGE_SESSION_TAKEN,
                              .session_taken = {.space = EPIDEMIC_BENCH_SPACE, .session = 9}};
    epidemic_bench_deliver(bench, B, A, &message);
    assert_int_equal(bench->peers[A].sent[MESSAGE_SESSION_END], ends + 1);
    message = (struct message){.kind = MESSAGE_SESSION_END,
                               .session_end = {.space = EPIDEMIC_BENCH_SPACE, .session = 9}};
    epidemic_bench_deliver(bench, B, A, &message);
    assert_int_equal(bench->peers[A].sent[MESSAGE_SESSION_END], ends + 1);
    // A keyspace that is not kept here is nobody's business.
    message = (struct message){.kind = MESSAGE_SESSION_TAKEN,
                               .session_taken = {.space = 4, .session = 9}};
    epidemic_bench_deliver(bench, B, A, &message);
    assert_int_equal(bench->peers[A].sent[MESSAGE_SESSION_END], ends + 1);
    epidemic_bench_free(bench);
}

static void test_epidemic_sessions__can_be_asked_for(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(3);
    const struct request any = {.kind = REQUEST_EXCHANGE};
    assert_int_equal(exchange(bench, A, B), ERR_NOT_FOUND);
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &any)),
                     ERR_UNAVAILABLE);
    epidemic_bench_meet(bench, A, B);
    assert_int_equal(exchange(bench, A, B), ERR_OK);
    assert_int_equal(exchange(bench, A, B), ERR_OK); // under way
    assert_int_equal(counts(bench, A)->sessions_opened, 1);
    epidemic_bench_run(bench, 20 * MS);
    assert_true(counts(bench, A)->verdicts[SESSION_EQUAL] > 0);
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &any)), ERR_OK);
    epidemic_bench_free(bench);
}

// --- audits

static void test_epidemic_sessions__of_all_are_tried_again_until_one_succeeds(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new_down(2);
    bench->setting.audit_ms = 1600 * 1000;
    epidemic_bench_start(bench, A);
    epidemic_bench_start(bench, B);
    epidemic_bench_meet_all(bench);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, 1000 * SECOND);
    const struct replica *replica = epidemic_bench_replica(bench, A);
    epidemic_bench_isolate(bench, A, true);
    epidemic_bench_run(bench, 1100 * SECOND); // when an audit was due
    assert_int_equal(replica->clean_audit_us, 0);
    epidemic_bench_isolate(bench, A, false);
    epidemic_bench_run(bench, 300 * SECOND);
    assert_true(replica->clean_audit_us > 0);
    // And then comes after the time again.
    assert_true(replica->next_audit_us > bench->now_us + 800 * SECOND);
    epidemic_bench_free(bench);
}

// --- any bytes

static void test_epidemic_sessions__survive_whatever_comes(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new_down(3);
    struct rng rng;
    rng_init(&rng, 3);
    bench->setting.audit_ms = 5000;
    for (unsigned i = 0; i < 3; i++)
        epidemic_bench_start(bench, i);
    epidemic_bench_meet_all(bench);
    epidemic_bench_primary(bench, A);
    bench->spoilt_one_in = 5;
    for (unsigned i = 0; i < 3000; i++) {
        char key[16];
        unsigned peer = (unsigned)rng_below(&rng, 3);
        snprintf(key, sizeof key, "k%u", (unsigned)rng_below(&rng, 20));
        if (rng_one_in(&rng, 4))
            epidemic_bench_delete(bench, peer, key);
        else
            epidemic_bench_put(bench, peer, key, "v");
        epidemic_bench_run(bench, rng_below(&rng, 50) * MS);
        if (rng_one_in(&rng, 100)) {
            epidemic_bench_crash(bench, peer, 0);
            epidemic_bench_start(bench, peer);
            epidemic_bench_meet(bench, peer, (peer + 1) % 3);
        }
    }
    assert_true(epidemic_bench_sent(bench, MESSAGE_AUDIT_VERDICT) > 0);
    assert_true(epidemic_bench_sent(bench, MESSAGE_SESSION_PORTION) > 10);
    assert_true(epidemic_bench_sent(bench, MESSAGE_RUMOR_OPERATIONS) > 10);
    assert_true(epidemic_bench_sent(bench, MESSAGE_STABILITY) > 10);
    // And go on writing and reading here, whatever became of what they tell each other.
    size_t put = epidemic_bench_put(bench, B, "k", "last");
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_OK);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_sessions__are_opened_at_the_pace),
        cmocka_unit_test(test_epidemic_sessions__wake_nobody_who_has_nothing_to_do),
        cmocka_unit_test(test_epidemic_sessions__bring_all_to_all_on_a_bad_network),
        cmocka_unit_test(test_epidemic_sessions__make_what_they_bring_hot),
        cmocka_unit_test(test_epidemic_sessions__are_bounded),
        cmocka_unit_test(test_epidemic_sessions__that_nobody_answers_make_room),
        cmocka_unit_test(test_epidemic_sessions__are_tried_again_soon_by_who_was_told_to),
        cmocka_unit_test(test_epidemic_sessions__of_who_opens_another_are_over),
        cmocka_unit_test(test_epidemic_sessions__that_are_not_known_are_disowned),
        cmocka_unit_test(test_epidemic_sessions__can_be_asked_for),
        cmocka_unit_test(test_epidemic_sessions__of_all_are_tried_again_until_one_succeeds),
        cmocka_unit_test(test_epidemic_sessions__survive_whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
