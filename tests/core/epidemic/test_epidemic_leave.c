// Leaving a keyspace: what was written here must be elsewhere first, then nothing of it stays.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>

enum { A, B, KEYS = 2000 };

#define NEVER_MS (UINT64_C(24) * 3600 * 1000)

// Two that know each other and exchange nothing by themselves.
static struct epidemic_bench *bench_new(void)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(2);
    bench->setting.anti_entropy_ms = NEVER_MS;
    bench->setting.rumor_ms = NEVER_MS;
    epidemic_bench_start(bench, A);
    epidemic_bench_start(bench, B);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 60 * SECOND);
    return bench;
}

static enum err leave(struct epidemic_bench *bench, unsigned peer)
{
    enum err error = epidemic_leave(epidemic_bench_core(bench, peer), EPIDEMIC_BENCH_SPACE);
    effects_wake(&bench->peers[peer].effects, bench->now_us);
    epidemic_bench_carry(bench, peer);
    return error;
}

static void exchange(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    size_t handle = epidemic_bench_exchange(bench, peer, other);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    epidemic_bench_run(bench, SECOND);
}

static void count_left(void *context, uint32_t keyspace, struct slice channel)
{
    unsigned *left = context;
    assert_int_equal(keyspace, EPIDEMIC_BENCH_KEYSPACE);
    assert_int_equal(channel.length, 0);
    ++*left;
}

static void watch(struct epidemic_bench *bench, unsigned peer, unsigned *left)
{
    epidemic_bench_core(bench, peer)->on_left = count_left;
    epidemic_bench_core(bench, peer)->context = left;
}

// Of the space: all but its clock, its next number and the name of its origin.
static size_t pairs_left(const struct epidemic_bench *bench, unsigned peer)
{
    const struct space_disk *disk = &bench->peers[peer].disk;
    return space_disk_count(disk, STORE_OPERATIONS) + space_disk_count(disk, STORE_VERSIONS) +
           space_disk_count(disk, STORE_SPACES) + space_disk_count(disk, STORE_META);
}

static void put_many(struct epidemic_bench *bench, unsigned peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        epidemic_bench_put(bench, peer, key, "v");
    }
    epidemic_bench_run(bench, SECOND);
}

// --- what was written here

static void test_epidemic_leave__waits_until_somebody_has_it(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(leave(bench, A), ERR_RETRY);
    epidemic_bench_isolate(bench, B, true);
    exchange(bench, A, B);
    assert_int_equal(leave(bench, A), ERR_RETRY);
    epidemic_bench_isolate(bench, B, false);
    epidemic_bench_run(bench, 60 * SECOND); // the session that went nowhere is over
    exchange(bench, A, B);
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "v");
    // What is written now is not there.
    epidemic_bench_put(bench, A, "k", "w");
    assert_int_equal(leave(bench, A), ERR_RETRY);
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(leave(bench, A), ERR_RETRY);
    exchange(bench, B, A);
    assert_int_equal(leave(bench, A), ERR_OK);
    assert_int_equal(leave(bench, A), ERR_NOT_FOUND);
    epidemic_bench_free(bench);
}

static void test_epidemic_leave__needs_nobody_who_is_found_to_have_it_alike(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, SECOND);
    exchange(bench, B, A);
    epidemic_bench_crash(bench, A, 0);
    epidemic_bench_start(bench, A);
    epidemic_bench_meet(bench, A, B);
    assert_int_equal(leave(bench, A), ERR_RETRY); // this run knows of nobody
    exchange(bench, A, B);
    assert_true(epidemic_bench_core(bench, A)->counts.verdicts[SESSION_EQUAL] > 0);
    assert_int_equal(leave(bench, A), ERR_OK);
    epidemic_bench_free(bench);
}

static void test_epidemic_leave__takes_nothing_for_safe_that_is_in_memory_only(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    bench->peers[B].holds = true;
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, SECOND);
    exchange(bench, A, B);
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "v");
    assert_int_equal(leave(bench, A), ERR_RETRY);
    epidemic_bench_run(bench, 5 * SECOND);
    assert_int_equal(leave(bench, A), ERR_RETRY);
    epidemic_bench_sync(bench, B);
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(leave(bench, A), ERR_OK);
    epidemic_bench_free(bench);
}

static void test_epidemic_leave__goes_at_once_when_there_is_nothing(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    unsigned left = 0;
    watch(bench, A, &left);
    assert_int_equal(leave(bench, A), ERR_OK);
    epidemic_bench_run(bench, 10 * SECOND);
    assert_int_equal(left, 1);
    epidemic_bench_free(bench);
}

// --- going

static void test_epidemic_leave__removes_all_bit_by_bit(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    unsigned left = 0;
    put_many(bench, B, KEYS);
    exchange(bench, A, B);
    epidemic_bench_run(bench, 10 * SECOND);
    epidemic_bench_primary(bench, B);
    epidemic_bench_run(bench, 5 * SECOND); // A has a stability record
    assert_true(epidemic_bench_replica(bench, A)->stability.length > 0);
    assert_true(pairs_left(bench, A) > 2 * KEYS);
    watch(bench, A, &left);
    assert_int_equal(leave(bench, A), ERR_OK);
    epidemic_bench_run(bench, 40 * MS);
    // Half of it is gone, and nothing is asked or told of the rest.
    size_t pairs = pairs_left(bench, A);
    assert_in_range(pairs, 2, 2 * KEYS);
    assert_int_equal(left, 0);
    size_t read = epidemic_bench_put(bench, A, "k", "v");
    assert_int_equal(epidemic_bench_error(bench, read), ERR_NOT_FOUND);
    assert_int_equal(epidemic_join(epidemic_bench_core(bench, A), EPIDEMIC_BENCH_SPACE,
                                   EPIDEMIC_BENCH_KEYSPACE, slice_of(NULL, 0), &bench->setting,
                                   bench->now_us),
                     ERR_BUSY);
    uint64_t ticks = bench->peers[A].ticks;
    epidemic_bench_run(bench, 5 * SECOND);
    assert_int_equal(left, 1);
    assert_in_range(bench->peers[A].ticks - ticks, 1, 30);
    assert_int_equal(pairs_left(bench, A), 1);
    assert_int_equal(epidemic_bench_core(bench, A)->replica_count, 0);
    epidemic_bench_free(bench);
}

static void begin_to_leave(struct epidemic_bench *bench, unsigned *left)
{
    watch(bench, A, left);
    epidemic_leave_on(epidemic_bench_core(bench, A), EPIDEMIC_BENCH_SPACE);
}

static void test_epidemic_leave__goes_on_after_a_crash_anywhere(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    struct space_disk whole;
    space_disk_init(&whole);
    put_many(bench, A, KEYS);
    epidemic_bench_crash(bench, A, 0);
    space_disk_copy(&whole, &bench->peers[A].disk);
    for (size_t kept = 0, batches = 1; kept <= batches; kept++) {
        unsigned left = 0;
        space_disk_copy(&bench->peers[A].disk, &whole);
        epidemic_bench_start(bench, A);
        bench->peers[A].holds = true;
        begin_to_leave(bench, &left);
        epidemic_bench_run(bench, SECOND);
        batches = bench->peers[A].batch_count;
        assert_in_range(batches, 4, 20);
        epidemic_bench_crash(bench, A, kept);
        bench->peers[A].holds = false;
        // Its owner has noted that it is leaving.
        epidemic_bench_start(bench, A);
        begin_to_leave(bench, &left);
        left = 0;
        epidemic_bench_run(bench, 5 * SECOND);
        assert_int_equal(left, 1);
        assert_in_range(pairs_left(bench, A), 0, 1);
        epidemic_bench_crash(bench, A, 0);
    }
    space_disk_release(&whole);
    epidemic_bench_free(bench);
}

// --- coming back

static void test_epidemic_leave__who_comes_back_gets_everything_again(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new();
    epidemic_bench_primary(bench, B);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, SECOND);
    exchange(bench, A, B);
    epidemic_bench_run(bench, 5 * SECOND);
    assert_string_equal(epidemic_bench_read_stable(bench, A, "k"), "v");
    uint64_t origin = epidemic_bench_space(bench, A)->origin;
    assert_int_equal(leave(bench, A), ERR_OK);
    epidemic_bench_run(bench, 5 * SECOND);
    epidemic_bench_join(bench, A, EPIDEMIC_BENCH_SPACE);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "-");
    exchange(bench, A, B);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "v");
    // It does not believe that it has heard what was stable.
    assert_string_equal(epidemic_bench_read_stable(bench, A, "k"), "v");
    epidemic_bench_put(bench, A, "l", "v");
    assert_int_not_equal(epidemic_bench_space(bench, A)->origin, origin);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_leave__waits_until_somebody_has_it),
        cmocka_unit_test(test_epidemic_leave__needs_nobody_who_is_found_to_have_it_alike),
        cmocka_unit_test(test_epidemic_leave__takes_nothing_for_safe_that_is_in_memory_only),
        cmocka_unit_test(test_epidemic_leave__goes_at_once_when_there_is_nothing),
        cmocka_unit_test(test_epidemic_leave__removes_all_bit_by_bit),
        cmocka_unit_test(test_epidemic_leave__goes_on_after_a_crash_anywhere),
        cmocka_unit_test(test_epidemic_leave__who_comes_back_gets_everything_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
