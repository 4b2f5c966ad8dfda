// Expiry as peers have it: by the time that they were told, counted on; and the primary's removal
// once expiry and skew have passed (rule R16).
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

enum { A, B, C };

#define UTC_MS UINT64_C(1700000000000)
#define TTL_MS 10000u
#define SKEW_MS 5000u
#define MS_US UINT64_C(1000)
// Twice between two sweeps of everything.
#define SWEEPS_US (UINT64_C(160) * 1000 * 1000)

static struct epidemic_bench *new_bench(unsigned count)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(count);
    bench->setting.expiry_skew_ms = SKEW_MS;
    for (unsigned i = 0; i < count; i++)
        epidemic_bench_start(bench, i);
    epidemic_bench_meet_all(bench);
    return bench;
}

static void tell_utc(struct epidemic_bench *bench, unsigned peer, uint64_t utc_ms)
{
    epidemic_tell_utc(epidemic_bench_core(bench, peer), bench->now_us, utc_ms);
}

static void put_until(struct epidemic_bench *bench, unsigned peer, const char *key,
                      const char *value, uint64_t expiry_ms)
{
    const struct request request = {.kind = REQUEST_PUT,
                                    .key = slice_of_text(key),
                                    .value = slice_of_text(value),
                                    .expiry_ms = expiry_ms};
    size_t reply = epidemic_bench_ask(bench, peer, &request);
    epidemic_bench_run(bench, 100 * MS_US);
    assert_int_equal(epidemic_bench_error(bench, reply), ERR_OK);
}

// A look at everything, now.
static void sweep(struct epidemic_bench *bench, unsigned peer)
{
    epidemic_bench_replica(bench, peer)->next_sweep_us = bench->now_us;
    epidemic_wake_for(epidemic_bench_core(bench, peer), epidemic_bench_replica(bench, peer));
    bench->peers[peer].wake_us = bench->now_us;
    epidemic_bench_run(bench, 1000 * MS_US);
}

static uint64_t live_at(struct epidemic_bench *bench, unsigned peer)
{
    return epidemic_bench_space(bench, peer)->digests.total.count;
}

// --- reading

static void test_epidemic_expiry__counts_on_from_what_it_was_told(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(2);
    put_until(bench, A, "k", "v", UTC_MS + TTL_MS);
    epidemic_bench_run(bench, 3000 * MS_US);
    tell_utc(bench, A, UTC_MS);
    epidemic_bench_run(bench, (TTL_MS - 1) * MS_US);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "v");
    epidemic_bench_run(bench, 1 * MS_US);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "-");
    // B was told nothing.
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "v");
    tell_utc(bench, B, UTC_MS + TTL_MS);
    assert_string_equal(epidemic_bench_read(bench, B, "k"), "-");
    assert_true(epidemic_bench_all_equal(bench));
    epidemic_bench_free(bench);
}

static size_t scan_bytes(struct epidemic_bench *bench, unsigned peer, enum request_kind kind)
{
    const struct request request = {.kind = kind, .limit = 10};
    size_t reply = epidemic_bench_ask(bench, peer, &request);
    assert_int_equal(epidemic_bench_error(bench, reply), ERR_OK);
    assert_int_equal(bench->replies[reply].slot, SLOTS);
    return bench->replies[reply].entries.length;
}

static void test_epidemic_expiry__hides_from_lists_and_scans(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(1);
    put_until(bench, A, "k", "v", UTC_MS + TTL_MS);
    tell_utc(bench, A, UTC_MS);
    assert_true(scan_bytes(bench, A, REQUEST_LIST) > 0);
    assert_true(scan_bytes(bench, A, REQUEST_SCAN) > 0);
    tell_utc(bench, A, UTC_MS + TTL_MS);
    assert_int_equal(scan_bytes(bench, A, REQUEST_LIST), 0);
    assert_int_equal(scan_bytes(bench, A, REQUEST_SCAN), 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_expiry__is_told_to_who_reads(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(2);
    struct version_entry other;
    const struct request read = {.kind = REQUEST_READ, .key = slice_of_text("k")};
    epidemic_bench_isolate(bench, B, true);
    put_until(bench, A, "k", "a", UTC_MS + TTL_MS);
    put_until(bench, B, "x", "raises the clock", 0);
    put_until(bench, B, "k", "b", UTC_MS + 2 * TTL_MS);
    epidemic_bench_isolate(bench, B, false);
    epidemic_bench_run(bench, 5000 * MS_US);
    const struct epidemic_bench_reply *reply = &bench->replies[epidemic_bench_ask(bench, A, &read)];
    assert_int_equal(reply->expiry_ms, UTC_MS + 2 * TTL_MS);
    struct cursor in = cursor_of(buf_slice(&reply->versions));
    assert_true(version_entry_next(&in, &other));
    assert_int_equal(other.expiry_ms, UTC_MS + TTL_MS);
    epidemic_bench_free(bench);
}

// --- removing

static void test_epidemic_expiry__is_made_final_by_the_primary_after_the_skew(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(2);
    epidemic_bench_primary(bench, A);
    put_until(bench, B, "k", "v", UTC_MS + TTL_MS);
    epidemic_bench_run(bench, 3000 * MS_US);
    assert_int_equal(live_at(bench, A), 1);
    // While nobody has said the time, nothing expires.
    sweep(bench, A);
    assert_int_equal(live_at(bench, A), 1);
    tell_utc(bench, A, UTC_MS + TTL_MS + SKEW_MS - 1500);
    sweep(bench, A);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "-");
    assert_int_equal(live_at(bench, A), 1);
    tell_utc(bench, A, UTC_MS + TTL_MS + SKEW_MS);
    sweep(bench, A);
    assert_int_equal(live_at(bench, A), 0);
    epidemic_bench_run(bench, 3000 * MS_US);
    assert_int_equal(live_at(bench, B), 0);
    assert_true(epidemic_bench_all_equal(bench));
    epidemic_bench_free(bench);
}

static void test_epidemic_expiry__comes_by_itself(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(2);
    epidemic_bench_primary(bench, A);
    tell_utc(bench, A, UTC_MS);
    put_until(bench, B, "k", "v", UTC_MS + TTL_MS);
    put_until(bench, B, "stays", "v", 0);
    epidemic_bench_run(bench, SWEEPS_US);
    assert_int_equal(live_at(bench, A), 1);
    assert_int_equal(live_at(bench, B), 1);
    assert_string_equal(epidemic_bench_read(bench, B, "stays"), "v");
    epidemic_bench_free(bench);
}

static void test_epidemic_expiry__is_nobody_elses_to_make_final(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(3);
    epidemic_bench_primary(bench, A);
    put_until(bench, B, "k", "v", UTC_MS + TTL_MS);
    for (unsigned peer = B; peer <= C; peer++)
        tell_utc(bench, peer, UTC_MS + TTL_MS + 2 * SKEW_MS);
    epidemic_bench_run(bench, SWEEPS_US);
    // Nor the primary's without its lease.
    bench->peers[A].has_lease = false;
    tell_utc(bench, A, UTC_MS + TTL_MS + 2 * SKEW_MS);
    epidemic_bench_run(bench, SWEEPS_US);
    for (unsigned peer = A; peer <= C; peer++)
        assert_int_equal(live_at(bench, peer), 1);
    bench->peers[A].has_lease = true;
    epidemic_bench_run(bench, SWEEPS_US);
    for (unsigned peer = A; peer <= C; peer++)
        assert_int_equal(live_at(bench, peer), 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_expiry__leaves_a_concurrent_version(void **state)
{
    (void)state;
    struct epidemic_bench *bench = new_bench(2);
    epidemic_bench_primary(bench, A);
    put_until(bench, B, "k", "v", UTC_MS + TTL_MS);
    epidemic_bench_run(bench, 3000 * MS_US);
    epidemic_bench_isolate(bench, B, true);
    put_until(bench, B, "k", "newer", 0);
    tell_utc(bench, A, UTC_MS + TTL_MS + SKEW_MS);
    sweep(bench, A);
    assert_int_equal(live_at(bench, A), 0);
    epidemic_bench_isolate(bench, B, false);
    epidemic_bench_run(bench, SWEEPS_US);
    for (unsigned peer = A; peer <= B; peer++)
        assert_string_equal(epidemic_bench_read(bench, peer, "k"), "newer");
    assert_true(epidemic_bench_all_equal(bench));
    epidemic_bench_free(bench);
}

// Joined, they are one version that expires when the winner did.
static void test_epidemic_expiry__outlives_the_joining_of_a_crowded_key(void **state)
{
    (void)state;
    enum { COUNT = VERSIONS_LIVE_MAX + 2 };
    const struct request read = {.kind = REQUEST_READ, .key = slice_of_text("k")};
    struct epidemic_bench *bench = new_bench(COUNT);
    for (unsigned peer = 0; peer < COUNT; peer++)
        epidemic_bench_isolate(bench, peer, true);
    for (unsigned peer = 0; peer < COUNT; peer++)
        put_until(bench, peer, "k", "v", UTC_MS + TTL_MS);
    for (unsigned peer = 0; peer < COUNT; peer++)
        epidemic_bench_isolate(bench, peer, false);
    epidemic_bench_primary(bench, A);
    epidemic_bench_run(bench, SWEEPS_US);
    assert_int_equal(live_at(bench, A), 1);
    const struct epidemic_bench_reply *reply = &bench->replies[epidemic_bench_ask(bench, A, &read)];
    assert_int_equal(reply->expiry_ms, UTC_MS + TTL_MS);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_expiry__counts_on_from_what_it_was_told),
        cmocka_unit_test(test_epidemic_expiry__hides_from_lists_and_scans),
        cmocka_unit_test(test_epidemic_expiry__is_told_to_who_reads),
        cmocka_unit_test(test_epidemic_expiry__is_made_final_by_the_primary_after_the_skew),
        cmocka_unit_test(test_epidemic_expiry__comes_by_itself),
        cmocka_unit_test(test_epidemic_expiry__is_nobody_elses_to_make_final),
        cmocka_unit_test(test_epidemic_expiry__leaves_a_concurrent_version),
        cmocka_unit_test(test_epidemic_expiry__outlives_the_joining_of_a_crowded_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
