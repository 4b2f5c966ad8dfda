// What is sent when bytes per second are bounded.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>

enum { A, B, STEPS = 20000 };

#define NEVER_MS (UINT64_C(24) * 3600 * 1000)

// --- what is earned

struct spender {
    struct epidemic_bench *bench;
    uint64_t spent;
};

// A step, and whoever may send something then sends `chunk` bytes.
static void spend(struct spender *spender, uint64_t chunk, bool again)
{
    struct epidemic_bench *bench = spender->bench;
    struct epidemic *core = epidemic_bench_core(bench, A);
    epidemic_tick(core, &bench->peers[A].effects, bench->now_us);
    effects_clear(&bench->peers[A].effects);
    do {
        if (core->world.allowance_bytes <= 0)
            return;
        core->world.allowance_bytes -= (int64_t)chunk;
        spender->spent += chunk;
    } while (again);
}

static void expect_rate(uint64_t rate, uint64_t step_us, uint64_t chunk)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(1);
    bench->bytes_per_s = rate;
    epidemic_bench_start_bare(bench, A);
    struct spender spender = {.bench = bench};
    // What was saved up before goes first.
    for (unsigned i = 0; i < 10; i++)
        spend(&spender, chunk, true);
    uint64_t before = spender.spent;
    uint64_t start_us = bench->now_us;
    for (unsigned i = 0; i < STEPS; i++) {
        bench->now_us += step_us;
        spend(&spender, chunk, true);
    }
    uint64_t passed_us = bench->now_us - start_us;
    uint64_t earned = (uint64_t)((double)rate * (double)passed_us / 1e6);
    // Never more; and no less, but for what cannot be saved up.
    assert_in_range(spender.spent - before, earned > chunk ? earned - chunk : 0, earned + chunk);
    epidemic_bench_free(bench);
}

static void test_epidemic_pace__holds_for_small_and_large_steps(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 999, 1500000, 1900000, 123456789, EPIDEMIC_BYTES_PER_S_MAX};
    static const uint64_t steps_us[] = {1, 7, 999, 100001, 499999};
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (unsigned j = 0; j < sizeof steps_us / sizeof steps_us[0]; j++)
            expect_rate(rates[i], steps_us[j], 1 + rates[i] / 3);
    // What is larger than can be saved up goes at once, and is paid off.
    expect_rate(1000, 10 * MS, 128 << 10);
    expect_rate(1000, SECOND, 128 << 10);
    expect_rate(3, 10 * SECOND, 128 << 10);
}

static void test_epidemic_pace__saves_up_little(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new_down(1);
    bench->bytes_per_s = 1000;
    epidemic_bench_start_bare(bench, A);
    struct spender spender = {.bench = bench};
    bench->now_us += 3600 * SECOND;
    spend(&spender, 1, true);
    assert_in_range(spender.spent, 1, 502);
    epidemic_bench_free(bench);
}

static void test_epidemic_pace__is_no_bound_unless_asked_for(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new_down(1);
    epidemic_bench_start_bare(bench, A);
    struct spender spender = {.bench = bench};
    for (unsigned i = 0; i < 100; i++)
        spend(&spender, UINT64_C(1) << 40, false);
    assert_int_equal(spender.spent, UINT64_C(100) << 40);
    epidemic_bench_free(bench);
}

// --- what goes out

static struct epidemic_bench *bench_with_load(uint64_t bytes_per_s, unsigned count, size_t bytes)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(2);
    bench->bytes_per_s = bytes_per_s;
    bench->setting.anti_entropy_ms = 10 * 1000;
    bench->setting.rumor_ms = REPLICA_RUMOR_MS;
    epidemic_bench_start(bench, A);
    epidemic_bench_start(bench, B);
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        epidemic_bench_put_bytes(bench, A, key, bytes);
        epidemic_bench_run(bench, 10 * MS);
    }
    epidemic_bench_meet_all(bench);
    return bench;
}

static void expect_transfer(uint64_t rate, unsigned count, size_t bytes, uint64_t slack)
{
    struct epidemic_bench *bench = bench_with_load(rate, count, bytes);
    uint64_t start_us = bench->now_us;
    uint64_t before = bench->peers[A].sent_bytes;
    unsigned waited = 0;
    while (!epidemic_bench_all_equal(bench)) {
        // Four times as long as the bytes take.
        assert_in_range(waited++, 0, 60 + 4 * count * bytes / rate);
        epidemic_bench_run(bench, SECOND);
        uint64_t sent = bench->peers[A].sent_bytes - before;
        uint64_t earned = (uint64_t)((double)rate * (double)(bench->now_us - start_us) / 1e6);
        assert_in_range(sent, 0, earned + rate + slack);
    }
    epidemic_bench_free(bench);
}

static void test_epidemic_pace__bounds_what_goes_out(void **state)
{
    (void)state;
    expect_transfer(100 * 1000, 60, 100 * 1000, 600 << 10);
    expect_transfer(20 * 1000, 400, 1000, 400 << 10);
    expect_transfer(1000 * 1000, 8, 4 << 20, 9 << 20);
}

// Even when a portion takes longer than a session waits.
static void test_epidemic_pace__never_starves(void **state)
{
    (void)state;
    expect_transfer(1000, 300, 1000, 400 << 10);
}

// Many keyspaces that want sessions do not keep one from going on.
static void test_epidemic_pace__lets_what_is_under_way_end(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_with_load(2000, 100, 1000);
    for (unsigned i = 0; i < 2; i++) {
        struct epidemic *core = epidemic_bench_core(bench, i);
        for (unsigned id = 1; id <= 600; id++)
            assert_int_equal(epidemic_join(core, id, EPIDEMIC_BENCH_KEYSPACE, slice_of_text("c"),
                                           &bench->setting, bench->now_us),
                             ERR_OK);
    }
    unsigned waited = 0;
    while (!epidemic_bench_all_equal(bench)) {
        assert_in_range(waited++, 0, 300);
        epidemic_bench_run(bench, SECOND);
    }
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_pace__holds_for_small_and_large_steps),
        cmocka_unit_test(test_epidemic_pace__saves_up_little),
        cmocka_unit_test(test_epidemic_pace__is_no_bound_unless_asked_for),
        cmocka_unit_test(test_epidemic_pace__bounds_what_goes_out),
        cmocka_unit_test(test_epidemic_pace__never_starves),
        cmocka_unit_test(test_epidemic_pace__lets_what_is_under_way_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
