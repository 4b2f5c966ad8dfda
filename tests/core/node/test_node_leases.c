// What a node does with a lease, and without one; who is taken down, and who is not.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "broken_rule.h"
#include "node_bench.h"

static void put_ok(struct node_bench *bench, unsigned number, const char *key, const char *value)
{
    assert_int_equal(node_bench_await(bench, node_bench_put(bench, number, key, value)), ERR_OK);
}

static void test_node_leases__three_nodes_serve(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 2, "a", "1");
    for (unsigned number = 1; number <= 3; number++) {
        assert_true(node_bench_status(bench, number).lease_held);
        uint64_t read = node_bench_read(bench, number, "a", CONSISTENCY_STRONG);
        node_bench_run(bench, BENCH_MS);
        assert_true(node_bench_gave(bench, read, "1"));
    }
    node_bench_free(bench);
}

static void test_node_leases__whoever_is_cut_off_says_so(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 2, "a", "1");
    node_bench_isolate(bench, 3, true);
    node_bench_run(bench, 2 * BENCH_SECOND);
    assert_false(node_bench_status(bench, 3).lease_held);
    assert_false(node_bench_status(bench, 3).serving);
    // What it has, it gives to who asks for no more, at once.
    uint64_t local = node_bench_read(bench, 3, "a", CONSISTENCY_LOCAL);
    assert_true(node_bench_gave(bench, local, "1"));
    uint64_t read = node_bench_read(bench, 3, "a", CONSISTENCY_STRONG);
    uint64_t put = node_bench_put(bench, 3, "a", "2");
    assert_int_equal(node_bench_error(bench, read), ERR_COUNT);
    assert_int_equal(node_bench_error(bench, put), ERR_COUNT);
    node_bench_run(bench, 200 * BENCH_MS);
    assert_int_equal(node_bench_error(bench, read), ERR_CUT_OFF);
    assert_int_equal(node_bench_error(bench, put), ERR_CUT_OFF);
    // The others go on without it.
    put_ok(bench, 1, "a", "3");
    assert_int_equal(node_bench_state(bench, 1, 3), NODE_DOWN);
    node_bench_free(bench);
}

// A node that is cut off reads the value that the others have overwritten. It knows no newer map,
// and only its lease keeps it from answering.
static bool reads_what_is_stale(void)
{
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 1, "a", "old");
    node_bench_run(bench, BENCH_MS);
    node_bench_isolate(bench, 3, true);
    put_ok(bench, 1, "a", "new");
    uint64_t read = node_bench_read(bench, 3, "a", CONSISTENCY_STRONG);
    node_bench_run(bench, BENCH_MS);
    bool stale = node_bench_gave(bench, read, "old");
    node_bench_free(bench);
    return stale;
}

static void test_node_leases__whoever_is_cut_off_reads_nothing_stale(void **state)
{
    (void)state;
    assert_false(reads_what_is_stale());
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_LEASE;
    assert_true(reads_what_is_stale());
#endif
}

// A process that was stopped knows, at its first event, that its lease is over.
static void test_node_leases__whoever_wakes_up_reads_nothing_stale(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 1, "a", "old");
    node_bench_run(bench, BENCH_MS);
    bench->nodes[3].sleeps = true;
    put_ok(bench, 1, "a", "new");
    uint64_t read = node_bench_read(bench, 3, "a", CONSISTENCY_STRONG);
    assert_int_equal(node_bench_error(bench, read), ERR_COUNT);
    bench->nodes[3].sleeps = false;
    assert_int_equal(node_bench_await(bench, read), ERR_OK);
    assert_true(node_bench_gave(bench, read, "new"));
    node_bench_free(bench);
}

static void test_node_leases__whoever_is_back_is_up_again(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    node_bench_isolate(bench, 3, true);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 1, 3), NODE_DOWN);
    put_ok(bench, 1, "a", "1");
    node_bench_isolate(bench, 3, false);
    node_bench_run(bench, 2 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 1, 3), NODE_UP);
    assert_true(node_bench_status(bench, 3).serving);
    assert_int_equal(node_bench_status(bench, 3).slots_in_sync, SLOTS);
    node_bench_free(bench);
}

// Started again after it was taken down, it is named anew: what voters said of the process before
// must not take it down once more.
static void test_node_leases__whoever_starts_again_stays_up(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(5);
    node_bench_kill(bench, 5);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 1, 5), NODE_DOWN);
    node_bench_start(bench, 5);
    bool was_up = false;
    for (unsigned i = 0; i < 2000; i++) {
        node_bench_run(bench, BENCH_MS);
        bool up = node_bench_state(bench, 1, 5) == NODE_UP;
        assert_true(up || !was_up);
        was_up = up;
    }
    assert_true(was_up);
    assert_true(node_bench_status(bench, 5).serving);
    node_bench_free(bench);
}

// The coordinator dies: another voter stands in for it.
static void test_node_leases__a_dead_coordinator_is_taken_down(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    node_bench_kill(bench, 1);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 2, 1), NODE_DOWN);
    put_ok(bench, 3, "a", "1");
    node_bench_start(bench, 1);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 2, 1), NODE_UP);
    uint64_t read = node_bench_read(bench, 1, "a", CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_OK);
    node_bench_free(bench);
}

static void test_node_leases__a_minority_takes_nobody_down(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    uint64_t epoch = node_bench_status(bench, 1).epoch;
    node_bench_kill(bench, 2);
    node_bench_kill(bench, 3);
    node_bench_run(bench, 10 * BENCH_SECOND);
    assert_int_equal(node_bench_status(bench, 1).epoch, epoch);
    assert_false(node_bench_status(bench, 1).serving);
    node_bench_free(bench);
}

// Nobody else can take its place: being taken down would only cost time. It does not take its own
// pause for its own death.
static void test_node_leases__a_node_alone_that_slept_goes_on(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(1);
    for (unsigned round = 0; round < 6; round++) {
        bench->nodes[1].sleeps = true;
        node_bench_run(bench, 3 * BENCH_SECOND);
        bench->nodes[1].sleeps = false;
        node_bench_run(bench, 100 * BENCH_MS);
        assert_true(node_bench_status(bench, 1).serving);
    }
    node_bench_free(bench);
}

// All of a cluster slept, as with the machine that it is on.
static void test_node_leases__a_cluster_that_slept_goes_on(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned number = 1; number <= 3; number++)
            bench->nodes[number].sleeps = true;
        node_bench_run(bench, 5 * BENCH_SECOND);
        for (unsigned number = 1; number <= 3; number++)
            bench->nodes[number].sleeps = false;
        node_bench_run(bench, BENCH_SECOND);
        for (unsigned number = 1; number <= 3; number++)
            assert_true(node_bench_status(bench, number).serving);
    }
    node_bench_free(bench);
}

// Its disk hangs for longer than an acknowledgement may take: there is nobody who could do better.
static void test_node_leases__a_node_alone_whose_disk_hangs_goes_on_after_it(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(1);
    for (unsigned round = 0; round < 3; round++) {
        bench->nodes[1].hangs = true;
        uint64_t put = node_bench_put(bench, 1, "a", "1");
        node_bench_run(bench, 3500 * BENCH_MS);
        bench->nodes[1].hangs = false;
        node_bench_run(bench, 200 * BENCH_MS);
        assert_int_equal(node_bench_error(bench, put), ERR_OK);
        put_ok(bench, 1, "b", "1");
    }
    node_bench_free(bench);
}

// Among others it is taken down, and the write goes on without it.
static void test_node_leases__a_node_whose_disk_hangs_is_taken_down(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    bench->nodes[3].hangs = true;
    const char *key = node_bench_key_of(bench, 1);
    uint64_t put = node_bench_put(bench, 1, key, "1");
    node_bench_run(bench, 4 * BENCH_SECOND);
    assert_int_equal(node_bench_error(bench, put), ERR_OK);
    bench->nodes[3].hangs = false;
    node_bench_run(bench, 10 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 1, 3), NODE_UP);
    assert_int_equal(node_bench_status(bench, 3).slots_in_sync, SLOTS);
    node_bench_free(bench);
}

#define TEST(name) cmocka_unit_test_teardown(test_node_leases__##name, broken_rule_mend)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(three_nodes_serve),
        TEST(whoever_is_cut_off_says_so),
        TEST(whoever_is_cut_off_reads_nothing_stale),
        TEST(whoever_wakes_up_reads_nothing_stale),
        TEST(whoever_is_back_is_up_again),
        TEST(whoever_starts_again_stays_up),
        TEST(a_dead_coordinator_is_taken_down),
        TEST(a_minority_takes_nobody_down),
        TEST(a_node_alone_that_slept_goes_on),
        TEST(a_cluster_that_slept_goes_on),
        TEST(a_node_alone_whose_disk_hangs_goes_on_after_it),
        TEST(a_node_whose_disk_hangs_is_taken_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
