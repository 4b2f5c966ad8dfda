#include "strong_bench.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY BENCH_TAG "k"

enum {
    P = 1,
    B = 2,
    Q = 3,
    ASK_AGAIN_US = 31 * 1000,
    PAGED = 3, // records of which no two fit in one answer
    PAGED_BYTES = 5 << 20,
    LARGE = 10, // of the largest records: more than one step sends
    LARGE_BYTES = VALUE_BYTES_MAX
};

#define ALL (node_bit(P) | node_bit(B) | node_bit(Q))
#define OTHERS (node_bit(B) | node_bit(Q))

static struct strong_bench *three(void)
{
    struct strong_bench *bench = bench_new(3);
    struct replica_set set = bench_set(ALL, 0, 0, P);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    return bench;
}

// P is gone and dropped; `primary` takes over.
static void map_others(struct strong_bench *bench, node_id primary)
{
    bench_lose_all(bench);
    struct replica_set set = bench_set(OTHERS, 0, 0, primary);
    bench_map(bench, OTHERS, &set);
}

// Orders `count` records of `bytes` bytes at P; Q gets none, and B those only if `tell`.
static void put_large(struct strong_bench *bench, unsigned count, size_t bytes, bool tell)
{
    char key[32];
    char *value = memory_zeroed(1, bytes + 1);
    memset(value, 'v', bytes);
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        bench_put(bench, P, key, value);
        if (tell)
            bench_deliver_kind(bench, P, B, MESSAGE_INV);
        bench_lose_all(bench);
        bench_durable(bench, P);
        bench_durable(bench, B);
    }
    free(value);
}

static size_t large_at(struct strong_bench *bench, node_id id, unsigned count)
{
    char key[32];
    size_t held = 0;
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        held +=
            bench_stored(bench, id, key, &record) == ERR_OK && bench_flight(bench, id, key) == NULL;
    }
    return held;
}

static void test_takeover__collects_in_several_answers(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    put_large(bench, PAGED, PAGED_BYTES, true);
    map_others(bench, Q);
    for (unsigned i = 0; i < PAGED; i++) {
        assert_false(bench->nodes[Q]->strong.ready);
        bench_deliver_kind(bench, Q, B, MESSAGE_TAKEOVER_WANT);
        bench_deliver_kind(bench, B, Q, MESSAGE_TAKEOVER);
    }
    assert_true(bench->nodes[Q]->strong.ready);
    bench_run(bench);
    assert_int_equal(large_at(bench, Q, PAGED), PAGED);
    assert_int_equal(large_at(bench, B, PAGED), PAGED);
    bench_free(bench);
}

static void test_takeover__asks_again_for_what_is_lost(void **state)
{
    (void)state;
    static const enum message_kind kinds[] = {MESSAGE_TAKEOVER_WANT, MESSAGE_TAKEOVER};
    for (unsigned i = 0; i < 2; i++) {
        node_id from = i == 0 ? Q : B;
        node_id to = i == 0 ? B : Q;
        struct strong_bench *bench = three();
        map_others(bench, Q);
        bench_run_until(bench, from, to, kinds[i]);
        assert_int_equal(bench_lose(bench, from, to, kinds[i]), 1);
        uint64_t put = bench_put(bench, Q, KEY, "value");
        bench_run(bench);
        assert_int_equal(bench_error(bench, put), ERR_COUNT);
        bench_live(bench, 1, ASK_AGAIN_US);
        assert_int_equal(bench_error(bench, put), ERR_OK);
        bench_free(bench);
    }
}

// An answer that comes twice counts once, and one that was not asked for not at all.
static void test_takeover__takes_a_repeated_answer_once(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    put_large(bench, PAGED, PAGED_BYTES, true);
    map_others(bench, Q);
    bench_pass(bench, ASK_AGAIN_US);
    bench_deliver_kind(bench, Q, B, MESSAGE_TAKEOVER_WANT);
    bench_deliver_kind(bench, Q, B, MESSAGE_TAKEOVER_WANT);
    bench_deliver_kind(bench, B, Q, MESSAGE_TAKEOVER);
    bench_deliver_kind(bench, B, Q, MESSAGE_TAKEOVER);
    assert_int_equal(bench_count(bench, Q, B, MESSAGE_TAKEOVER_WANT), 1);
    bench_run(bench);
    assert_int_equal(large_at(bench, B, PAGED), PAGED);
    bench_free(bench);
}

static void test_takeover__sends_again_within_a_steps_budget(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(2);
    struct replica_set set = bench_set(node_bit(P) | node_bit(B), 0, 0, P);
    bench_map(bench, set.in_sync, &set);
    bench_run(bench);
    put_large(bench, LARGE, LARGE_BYTES, false);
    bench_map(bench, set.in_sync, &set);
    bench_deliver_kind(bench, P, B, MESSAGE_TAKEOVER_WANT);
    bench_deliver_kind(bench, B, P, MESSAGE_TAKEOVER);
    assert_in_range(bench_count(bench, P, B, MESSAGE_INV), 1, LARGE - 1);
    // Amid that B becomes the primary: P orders nothing of what was left.
    set.primary = B;
    bench_map(bench, set.in_sync, &set);
    bench_lose(bench, P, B, MESSAGE_INV);
    bench_pass(bench, 1);
    assert_int_equal(bench_count(bench, P, B, MESSAGE_INV), 0);
    assert_int_equal(bench->nodes[P]->strong.ordered_count, 0);
    for (unsigned i = 0; i < LARGE; i++) {
        bench_run(bench);
        bench_pass(bench, 1);
    }
    assert_int_equal(large_at(bench, P, LARGE), LARGE);
    assert_int_equal(large_at(bench, B, LARGE), LARGE);
    bench_free(bench);
}

// What a node had in flight before it was started again is in flight still, and taken over.
static void test_takeover__knows_what_was_in_flight_before_a_restart(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench_put(bench, P, KEY, "old");
    bench_run(bench);
    bench_put(bench, P, KEY, "new");
    bench_deliver_kind(bench, P, B, MESSAGE_INV);
    bench_durable(bench, B);
    bench_restart(bench, B);
    assert_int_equal(bench_error(bench, bench_read(bench, B, KEY)), ERR_RETRY);
    bench_tell(bench, B); // a map that names the incarnation before
    assert_int_equal(bench_error(bench, bench_read(bench, B, KEY)), ERR_RETRY);
    map_others(bench, Q);
    uint64_t read = bench_read(bench, B, KEY);
    assert_int_equal(bench_error(bench, read), ERR_COUNT);
    bench_run(bench);
    assert_true(bench_gave(bench, read, "new"));
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "new"));
    bench_free(bench);
}

// What was not persisted before the restart was never acknowledged: the record before stands.
static void test_takeover__forgets_what_was_not_persisted(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench_put(bench, P, KEY, "old");
    bench_run(bench);
    uint64_t put = bench_put(bench, P, KEY, "new");
    bench_deliver_kind(bench, P, B, MESSAGE_INV);
    bench_restart(bench, B);
    map_others(bench, Q);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_COUNT);
    assert_true(bench_gave(bench, bench_read(bench, B, KEY), "old"));
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "old"));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takeover__collects_in_several_answers),
        cmocka_unit_test(test_takeover__asks_again_for_what_is_lost),
        cmocka_unit_test(test_takeover__takes_a_repeated_answer_once),
        cmocka_unit_test(test_takeover__sends_again_within_a_steps_budget),
        cmocka_unit_test(test_takeover__knows_what_was_in_flight_before_a_restart),
        cmocka_unit_test(test_takeover__forgets_what_was_not_persisted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
