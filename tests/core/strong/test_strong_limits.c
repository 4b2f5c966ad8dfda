#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define KEY BENCH_TAG "k"
#define OTHER BENCH_TAG "other"

enum { P = 1, B = 2, Q = 3, TIMEOUT_US = 6100 * 1000 };

#define ALL (node_bit(P) | node_bit(B) | node_bit(Q))

// Three nodes in sync, P the primary.
static struct strong_bench *three(void)
{
    struct strong_bench *bench = bench_new(3);
    struct replica_set set = bench_set(ALL, 0, 0, P);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    return bench;
}

static void test_strong_limits__need_the_keyspaces_minimum(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench->min_in_sync = 2;
    struct replica_set pair = bench_set(node_bit(P) | node_bit(B), 0, 0, P);
    bench_map(bench, ALL, &pair);
    bench_run(bench);
    uint64_t amid = bench_put(bench, P, KEY, "value");
    bench_lose_all(bench);
    bench_durable(bench, P);
    struct replica_set alone = bench_set(node_bit(P), 0, 0, P);
    alone.target = ALL;
    bench_map(bench, node_bit(P), &alone);
    bench_run(bench);
    // Readers go on, the writer is not told that it is safe.
    assert_int_equal(bench_error(bench, amid), ERR_UNKNOWN);
    assert_true(bench_gave(bench, bench_read(bench, P, KEY), "value"));
    uint64_t after = bench_put(bench, P, KEY, "more");
    assert_int_equal(bench_error(bench, after), ERR_UNAVAILABLE);
    assert_int_equal(bench_answer(bench, after)->awaited, node_bit(B) | node_bit(Q));
    bench_free(bench);
}

static void test_strong_limits__time_out(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t put = bench_put(bench, P, KEY, "value");
    uint64_t queued = bench_put(bench, P, KEY, "more");
    uint64_t read = bench_read(bench, P, KEY);
    bench_pass(bench, TIMEOUT_US);
    assert_int_equal(bench_error(bench, put), ERR_UNKNOWN);
    assert_int_equal(bench_error(bench, queued), ERR_TIMEOUT);
    assert_int_equal(bench_error(bench, read), ERR_TIMEOUT);
    bench_run(bench);
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "value"));
    bench_free(bench);
}

static void test_strong_limits__are_refused_past_the_most_in_flight(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    char key[32];
    for (unsigned i = 0; i < FLIGHTS_ORDERED_MAX; i++) {
        snprintf(key, sizeof key, BENCH_TAG "%u", i);
        assert_int_equal(bench_error(bench, bench_put(bench, P, key, "v")), ERR_COUNT);
        bench_lose(bench, P, B, MESSAGE_INV);
        bench_lose(bench, P, Q, MESSAGE_INV);
    }
    assert_int_equal(bench_error(bench, bench_put(bench, P, OTHER, "v")), ERR_BUSY);
    bench_free(bench);
}

static void test_strong_limits__are_refused_past_the_most_waiting(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t put = bench_put(bench, P, KEY, "value");
    for (unsigned i = 1; i < PENDINGS_MAX; i++)
        assert_int_equal(bench_error(bench, bench_read(bench, P, KEY)), ERR_COUNT);
    assert_int_equal(bench_error(bench, bench_read(bench, P, KEY)), ERR_BUSY);
    assert_int_equal(bench_error(bench, bench_put(bench, P, OTHER, "v")), ERR_BUSY);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_true(bench_gave(bench, put + PENDINGS_MAX - 1, "value"));
    assert_int_equal(bench->nodes[P]->strong.pendings.count, 0);
    assert_int_equal(bench->nodes[P]->strong.pendings.bytes, 0);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strong_limits__need_the_keyspaces_minimum),
        cmocka_unit_test(test_strong_limits__time_out),
        cmocka_unit_test(test_strong_limits__are_refused_past_the_most_in_flight),
        cmocka_unit_test(test_strong_limits__are_refused_past_the_most_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
