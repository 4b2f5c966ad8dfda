#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY BENCH_TAG "k"

enum { A = 1, B = 2, SWEEPS = 300, SWEEP_US = 1000 };

#define BOTH (node_bit(A) | node_bit(B))

// A in sync with `value`, and B too when it is in `in_sync`.
static struct strong_bench *with_value(node_set in_sync)
{
    struct strong_bench *bench = bench_new(2);
    struct replica_set set = bench_set(in_sync, 0, 0, A);
    bench_map(bench, BOTH, &set);
    bench_run(bench);
    bench_put(bench, A, KEY, "value");
    bench_run(bench);
    assert_true(bench_holds(bench, A, KEY, "value"));
    return bench;
}

static void map(struct strong_bench *bench, node_set in_sync, node_set joining)
{
    uint64_t join_epoch = joining != 0 ? bench->map.epoch + 1 : 0;
    struct replica_set set = bench_set(in_sync, joining, join_epoch, A);
    bench_map(bench, BOTH, &set);
}

static bool is_gone(const struct strong_bench *bench, node_id id)
{
    struct record record;
    return bench_stored(bench, id, KEY, &record) == ERR_NOT_FOUND;
}

static void test_sweep__takes_what_moved_away(void **state)
{
    (void)state;
    struct strong_bench *bench = with_value(BOTH);
    map(bench, node_bit(A), 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(is_gone(bench, B));
    assert_true(bench_holds(bench, A, KEY, "value"));
    bench_free(bench);
}

// A replica that is to come back holds its records for its next join.
static void test_sweep__leaves_what_is_to_come_back(void **state)
{
    (void)state;
    struct strong_bench *bench = with_value(BOTH);
    map(bench, node_bit(A), 0);
    struct replica_set set = bench_set(node_bit(A), 0, 0, A);
    set.target = BOTH;
    bench_map(bench, BOTH, &set);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(bench_holds(bench, B, KEY, "value"));
    bench_free(bench);
}

// What was still on its way to the store when the slot moved away goes too, and its mark with it.
static void test_sweep__takes_what_was_queued(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(2);
    map(bench, BOTH, 0);
    bench_run(bench);
    bench_put(bench, A, KEY, "value");
    bench_deliver_kind(bench, A, B, MESSAGE_INV);
    assert_true(bench->nodes[B]->memory.write_count > 0);
    map(bench, node_bit(A), 0);
    for (unsigned i = 0; i < SWEEPS; i++)
        bench_pass(bench, SWEEP_US);
    bench_durable(bench, B);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(is_gone(bench, B));
    assert_int_equal(memory_store_kept(&bench->nodes[B]->memory), 0);
    bench_free(bench);
}

static void test_sweep__takes_certificates_when_nobody_joins_any_more(void **state)
{
    (void)state;
    struct strong_bench *bench = with_value(node_bit(A));
    map(bench, node_bit(A), node_bit(B));
    bench_run(bench);
    uint64_t deletion = bench_delete(bench, A, KEY);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_int_equal(bench_error(bench, deletion), ERR_OK);
    for (node_id id = A; id <= B; id++) {
        struct record record;
        assert_int_equal(bench_stored(bench, id, KEY, &record), ERR_OK);
        assert_true(record.dead);
    }
    map(bench, BOTH, 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(is_gone(bench, A));
    assert_true(is_gone(bench, B));
    bench_free(bench);
}

// A certificate waits for its sweep while a new value of the key is in flight behind it.
static void test_sweep__leaves_a_key_in_flight(void **state)
{
    (void)state;
    struct strong_bench *bench = with_value(node_bit(A));
    map(bench, node_bit(A), node_bit(B));
    bench_run(bench);
    bench_delete(bench, A, KEY);
    bench_run(bench);
    map(bench, BOTH, 0);
    bench_run(bench);
    uint64_t put = bench_put(bench, A, KEY, "again");
    for (unsigned i = 0; i < SWEEPS; i++)
        bench_pass(bench, SWEEP_US);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(bench_gave(bench, bench_read(bench, A, KEY), "again"));
    assert_true(bench_gave(bench, bench_read(bench, B, KEY), "again"));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep__takes_what_moved_away),
        cmocka_unit_test(test_sweep__leaves_what_is_to_come_back),
        cmocka_unit_test(test_sweep__takes_what_was_queued),
        cmocka_unit_test(test_sweep__takes_certificates_when_nobody_joins_any_more),
        cmocka_unit_test(test_sweep__leaves_a_key_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
