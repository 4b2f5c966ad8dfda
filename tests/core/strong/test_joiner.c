#include "join_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define OTHER BENCH_TAG "other"

enum {
    SWEEPS_MAX = 300,
    SWEEP_US = 1000,
    MANY = 40,    // records: more than the first symbols can tell
    PACED = 2100, // records: more than one fetch brings
    RATE_BYTES = 50 * 1000,
    PACE_US = 1000 * 1000,
    PACES_MAX = 10,
    ASK_AGAIN_US = 101 * 1000
};

static void test_joiner__gets_what_it_lacks_and_loses_what_it_alone_has(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(ALL);
    bench_put(bench, A, OTHER, "gone");
    bench_run(bench);
    join_map_behind(bench, LIST);
    bench_run(bench);
    bench_put(bench, A, KEY, "new");
    bench_delete(bench, A, OTHER);
    bench_run(bench);
    assert_true(bench_holds(bench, J, KEY, "old"));
    assert_true(bench_holds(bench, J, OTHER, "gone"));
    join_map(bench, LIST, node_bit(J));
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    assert_true(bench_holds(bench, J, KEY, "new"));
    struct record record;
    assert_int_equal(bench_stored(bench, J, OTHER, &record), ERR_NOT_FOUND);
    assert_int_equal(bench->nodes[J]->strong.sync_records, 1);
    bench_free(bench);
}

static void test_joiner__does_not_serve_before_it_is_promoted(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    join_map(bench, LIST, node_bit(J));
    bench_run(bench);
    assert_int_equal(bench_error(bench, bench_read(bench, J, KEY)), ERR_RETRY);
    join_map(bench, ALL, 0);
    assert_true(bench_gave(bench, bench_read(bench, J, KEY), "old"));
    bench_free(bench);
}

static void test_joiner__remembers_kept_keys_for_one_join_only(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    bench_put(bench, A, KEY, "one");
    bench_lose(bench, A, C, MESSAGE_INV);
    join_map(bench, LIST, node_bit(J));
    bench_run(bench);
    assert_true(bench_flight(bench, J, KEY)->kept);
    assert_true(bench_holds(bench, J, KEY, "one"));
    join_map_behind(bench, LIST);
    bench_run(bench);
    uint64_t two = bench_put(bench, A, KEY, "two");
    bench_run(bench);
    assert_int_equal(bench_error(bench, two), ERR_OK);
    join_map(bench, LIST, node_bit(J));
    assert_null(bench_flight(bench, J, KEY));
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    join_map(bench, ALL, 0);
    bench_run(bench);
    assert_true(bench_gave(bench, bench_read(bench, J, KEY), "two"));
    bench_free(bench);
}

static void test_joiner__has_a_leftover_in_flight_when_the_authority_has(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(ALL);
    bench_put(bench, A, KEY, "one");
    bench_lose(bench, A, C, MESSAGE_INV);
    bench_run(bench);
    join_map_behind(bench, LIST);
    join_take_over(bench);
    bench_lose(bench, A, C, MESSAGE_INV);
    join_map(bench, LIST, node_bit(J));
    assert_null(bench_flight(bench, J, KEY));
    join_take_over(bench);
    assert_int_equal(bench_lose(bench, A, C, MESSAGE_INV), 1);
    assert_int_equal(bench_lose(bench, A, J, MESSAGE_INV), 1);
    assert_true(bench_holds(bench, J, KEY, "one"));
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    const struct flight *flight = bench_flight(bench, J, KEY);
    assert_non_null(flight);
    assert_false(flight->kept || flight->committed);
    join_map(bench, ALL, 0);
    uint64_t read = bench_read(bench, J, KEY);
    assert_int_equal(bench_error(bench, read), ERR_COUNT);
    bench_run(bench);
    assert_true(bench_gave(bench, read, "one"));
    bench_free(bench);
}

static void test_joiner__waits_for_an_authority_that_is_taking_over(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    join_map(bench, LIST, node_bit(J));
    bench_durable(bench, J);
    bench_deliver(bench, A, J);
    assert_int_equal(bench_count(bench, J, A, MESSAGE_SYNC_OPEN), 1);
    bench_deliver(bench, J, A);
    assert_int_equal(bench_count(bench, A, J, MESSAGE_SYNC_SYMBOLS), 0);
    bench_run(bench);
    assert_false(bench_wants_promotion(bench, J));
    bench_live(bench, 1, ASK_AGAIN_US);
    assert_true(bench_wants_promotion(bench, J));
    assert_true(bench_holds(bench, J, KEY, "old"));
    bench_free(bench);
}

static bool same_symbols(const struct bench_message *one, const struct bench_message *two)
{
    struct message a;
    struct message b;
    assert_int_equal(message_decode(buf_slice(&one->bytes), &a), ERR_OK);
    assert_int_equal(message_decode(buf_slice(&two->bytes), &b), ERR_OK);
    return a.sync_symbols.session == b.sync_symbols.session &&
           a.sync_symbols.first == b.sync_symbols.first &&
           a.sync_symbols.end == b.sync_symbols.end &&
           slice_equal(a.sync_symbols.differing, b.sync_symbols.differing) &&
           slice_equal(a.sync_symbols.symbols, b.sync_symbols.symbols);
}

static void test_joiner__is_sent_the_same_symbols_when_it_opens_again(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    join_map(bench, LIST, node_bit(J));
    bench_run_until(bench, A, J, MESSAGE_SYNC_SYMBOLS);
    struct bench_message *first = bench_take(bench, A, J, MESSAGE_SYNC_SYMBOLS);
    uint64_t put = bench_put(bench, A, OTHER, "late");
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    bench_pass(bench, ASK_AGAIN_US);
    bench_run_until(bench, A, J, MESSAGE_SYNC_SYMBOLS);
    struct bench_message *second = bench_take(bench, A, J, MESSAGE_SYNC_SYMBOLS);
    assert_true(same_symbols(first, second));
    bench_hand(bench, A, J, first);
    bench_hand(bench, A, J, second);
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    assert_true(bench_holds(bench, J, KEY, "old"));
    assert_true(bench_holds(bench, J, OTHER, "late"));
    bench_free(bench);
}

// The slot moved away from J and comes back while J still has its removals on their way to the
// store.
static void test_joiner__begins_only_when_earlier_writes_are_durable(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(ALL);
    join_map(bench, LIST, 0);
    bench_run(bench);
    for (unsigned i = 0; i < SWEEPS_MAX && bench->nodes[J]->memory.write_count == 0; i++)
        bench_pass(bench, SWEEP_US);
    assert_true(bench->nodes[J]->memory.write_count > 0);
    join_map(bench, LIST, node_bit(J));
    join_take_over(bench);
    bench_repeat_durable(bench, J);
    bench_pass(bench, ASK_AGAIN_US);
    assert_true(bench_holds(bench, J, KEY, "old"));
    assert_int_equal(bench_count(bench, J, A, MESSAGE_SYNC_OPEN), 0);
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    assert_true(bench_holds(bench, J, KEY, "old"));
    bench_free(bench);
}

static void lose_one_of(enum message_kind kind)
{
    bool from_joiner = kind != MESSAGE_SYNC_SYMBOLS && kind != MESSAGE_SYNC_RECORDS;
    node_id from = from_joiner ? J : A;
    node_id to = from_joiner ? A : J;
    char key[32];
    struct strong_bench *bench = join_with_old(LIST);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        bench_put(bench, A, key, "value");
    }
    bench_run(bench);
    join_map(bench, LIST, node_bit(J));
    bench_run_until(bench, from, to, kind);
    assert_int_equal(bench_lose(bench, from, to, kind), 1);
    bench_run(bench);
    assert_false(bench_wants_promotion(bench, J));
    bench_live(bench, 1, ASK_AGAIN_US);
    assert_true(bench_wants_promotion(bench, J));
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        assert_true(bench_holds(bench, J, key, "value"));
    }
    bench_free(bench);
}

static void test_joiner__asks_again_for_what_is_lost(void **state)
{
    (void)state;
    lose_one_of(MESSAGE_SYNC_OPEN);
    lose_one_of(MESSAGE_SYNC_SYMBOLS);
    lose_one_of(MESSAGE_SYNC_MORE);
    lose_one_of(MESSAGE_SYNC_FETCH);
    lose_one_of(MESSAGE_SYNC_RECORDS);
}

static void test_joiner__begins_again_when_nobody_answers(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    join_map(bench, LIST, node_bit(J));
    bench_run_until(bench, J, A, MESSAGE_SYNC_OPEN);
    uint64_t session = bench->nodes[J]->strong.joiner->session;
    bench->cut[J] = node_bit(A);
    bench_live(bench, 12, ASK_AGAIN_US);
    assert_false(bench_wants_promotion(bench, J));
    assert_true(bench->nodes[J]->strong.joiner->session != session);
    bench->cut[J] = 0;
    bench_live(bench, 2, ASK_AGAIN_US);
    assert_true(bench_wants_promotion(bench, J));
    bench_free(bench);
}

// The primary changes amid a session: what it told so far is forgotten, the new one is asked.
static void test_joiner__begins_again_with_a_new_authority(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    join_map(bench, LIST, node_bit(J));
    bench_run_until(bench, A, J, MESSAGE_SYNC_RECORDS);
    struct replica_set set = bench_set(LIST, node_bit(J), bench->map.epoch, C);
    bench_map(bench, ALL, &set);
    const struct joiner *joiner = bench->nodes[J]->strong.joiner;
    assert_int_equal(joiner->authority, C);
    assert_int_equal(joiner->phase, SYNC_SETTLING);
    bench_run(bench);
    bench_live(bench, 1, ASK_AGAIN_US);
    assert_true(bench_wants_promotion(bench, J));
    assert_true(bench_holds(bench, J, KEY, "old"));
    bench_free(bench);
}

// Sync leaves room for clients: the next fetch waits until the one before is paid for.
static void test_joiner__fetches_at_a_bounded_rate(void **state)
{
    (void)state;
    char key[32];
    struct strong_bench *bench = join_with_old(LIST);
    for (unsigned i = 0; i < PACED; i++) {
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        bench_put(bench, A, key, "value");
    }
    bench_run(bench);
    bench->nodes[J]->strong.sync_bytes_per_s = RATE_BYTES;
    join_map(bench, LIST, node_bit(J));
    bench_run(bench);
    assert_false(bench_wants_promotion(bench, J));
    assert_int_equal(bench->nodes[J]->strong.joiner->phase, SYNC_PACING);
    bench_live(bench, 1, SWEEP_US);
    assert_int_equal(bench->nodes[J]->strong.joiner->phase, SYNC_PACING);
    for (unsigned i = 0; i < PACES_MAX && !bench_wants_promotion(bench, J); i++)
        bench_live(bench, 1, PACE_US);
    assert_true(bench_wants_promotion(bench, J));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joiner__gets_what_it_lacks_and_loses_what_it_alone_has),
        cmocka_unit_test(test_joiner__does_not_serve_before_it_is_promoted),
        cmocka_unit_test(test_joiner__remembers_kept_keys_for_one_join_only),
        cmocka_unit_test(test_joiner__has_a_leftover_in_flight_when_the_authority_has),
        cmocka_unit_test(test_joiner__waits_for_an_authority_that_is_taking_over),
        cmocka_unit_test(test_joiner__is_sent_the_same_symbols_when_it_opens_again),
        cmocka_unit_test(test_joiner__begins_only_when_earlier_writes_are_durable),
        cmocka_unit_test(test_joiner__asks_again_for_what_is_lost),
        cmocka_unit_test(test_joiner__begins_again_when_nobody_answers),
        cmocka_unit_test(test_joiner__begins_again_with_a_new_authority),
        cmocka_unit_test(test_joiner__fetches_at_a_bounded_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
