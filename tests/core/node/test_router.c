// Requests on their way: to the primary, and to the next one when that dies; what a client is told
// of a write whose outcome is not known.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "node_bench.h"

static void put_ok(struct node_bench *bench, unsigned number, const char *key, const char *value)
{
    assert_int_equal(node_bench_await(bench, node_bench_put(bench, number, key, value)), ERR_OK);
}

static bool holds(struct node_bench *bench, unsigned number, const char *key, const char *value)
{
    uint64_t read = node_bench_read(bench, number, key, CONSISTENCY_STRONG);
    return node_bench_await(bench, read) == ERR_OK && node_bench_gave(bench, read, value);
}

// An epoch begins between what is written before and after: as when a node came and went.
static void next_epoch(struct node_bench *bench)
{
    uint64_t epoch = node_bench_status(bench, 1).epoch;
    node_bench_change(bench, 1, CHANGE_FAIL, 3);
    node_bench_run(bench, BENCH_SECOND);
    node_bench_change(bench, 1, CHANGE_RECOVER, 3);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_true(node_bench_status(bench, 1).epoch >= epoch + 2);
    assert_int_equal(node_bench_status(bench, 3).slots_in_sync, SLOTS);
}

static void test_router__a_write_goes_to_its_primary(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    for (unsigned primary = 1; primary <= 3; primary++) {
        const char *key = node_bench_key_of(bench, primary);
        for (unsigned gateway = 1; gateway <= 3; gateway++)
            put_ok(bench, gateway, key, "1");
        assert_true(holds(bench, 1, key, "1"));
    }
    node_bench_free(bench);
}

// The primary took it and died before it could answer: the next one has the record in flight, and
// finishes it; the gateway learns by its id that it is done. It is done once.
static void test_router__a_write_that_its_primary_took_is_finished_by_the_next(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    next_epoch(bench);
    assert_int_equal(node_bench_primary(bench, 1, key), 2);
    bench->lost_kind = MESSAGE_ANSWER;
    uint64_t put = node_bench_put(bench, 1, key, "new");
    node_bench_run(bench, 10 * BENCH_MS);
    bench->lost_kind = MESSAGE_KIND_COUNT;
    assert_int_equal(node_bench_error(bench, put), ERR_COUNT);
    assert_true(holds(bench, 3, key, "new"));
    node_bench_kill(bench, 2);
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    assert_true(bench->replies[put - 1].existed);
    assert_true(holds(bench, 3, key, "new"));
    node_bench_free(bench);
}

// The primary died and never had it: the version there is older than the first try, so nothing
// happened, and it is done now.
static void test_router__a_write_that_never_arrived_is_done_by_the_next_primary(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    next_epoch(bench);
    node_bench_kill(bench, 2);
    uint64_t put = node_bench_put(bench, 1, key, "new");
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    assert_true(holds(bench, 3, key, "new"));
    node_bench_free(bench);
}

// It never arrived either, but the version is as young as the first try: it may have come after.
static void test_router__a_young_version_leaves_the_outcome_unknown(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    node_bench_kill(bench, 2);
    uint64_t put = node_bench_put(bench, 1, key, "new");
    assert_int_equal(node_bench_await(bench, put), ERR_UNKNOWN);
    assert_true(holds(bench, 3, key, "old"));
    node_bench_free(bench);
}

// There never was a version, and nothing was deleted where the next primary has seen everything.
static void test_router__a_write_of_a_new_key_is_done_by_the_next_primary(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    node_bench_kill(bench, 2);
    uint64_t put = node_bench_put(bench, 1, key, "new");
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    assert_true(holds(bench, 3, key, "new"));
    node_bench_free(bench);
}

// The key is absent, but a delete is as young as the first try: the write may have been before it.
static void test_router__a_young_delete_leaves_the_outcome_unknown(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    struct request request = {.kind = REQUEST_DELETE, .key = slice_of_text(key)};
    uint64_t deleted = node_bench_ask(bench, 1, &request);
    assert_int_equal(node_bench_await(bench, deleted), ERR_OK);
    node_bench_run(bench, 200 * BENCH_MS);
    node_bench_kill(bench, 2);
    uint64_t put = node_bench_put(bench, 1, key, "new");
    assert_int_equal(node_bench_await(bench, put), ERR_UNKNOWN);
    uint64_t read = node_bench_read(bench, 1, key, CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_NOT_FOUND);
    node_bench_free(bench);
}

// The version is as young, but the primary that gave the write up says which one it would have
// been: what is there is older, so nothing happened, and it is done now.
static void test_router__a_write_that_was_given_up_is_done_by_the_next_primary(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    bench->lost_kind = MESSAGE_INV;
    uint64_t put = node_bench_put(bench, 1, key, "new");
    node_bench_run(bench, 20 * BENCH_MS);
    uint64_t failed = node_bench_change(bench, 1, CHANGE_FAIL, 2);
    node_bench_run(bench, 50 * BENCH_MS);
    bench->lost_kind = MESSAGE_KIND_COUNT;
    assert_int_equal(node_bench_await(bench, failed), ERR_OK);
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    assert_true(holds(bench, 3, key, "new"));
    node_bench_free(bench);
}

// Taken, answered, and overwritten by another: the lost answer is not made up.
static void test_router__an_overwritten_write_is_not_done_twice(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    next_epoch(bench);
    bench->lost_kind = MESSAGE_ANSWER;
    uint64_t put = node_bench_put(bench, 1, key, "first");
    node_bench_run(bench, 10 * BENCH_MS);
    bench->lost_kind = MESSAGE_KIND_COUNT;
    put_ok(bench, 2, key, "second");
    assert_int_equal(node_bench_await(bench, put), ERR_UNKNOWN);
    assert_true(holds(bench, 3, key, "second"));
    node_bench_free(bench);
}

// Asked again in the same epoch, while the first try still waits: it is one try.
static void test_router__a_repeated_try_joins_the_first(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    bench->lost_kind = MESSAGE_ACK;
    uint64_t put = node_bench_put(bench, 1, key, "1");
    node_bench_run(bench, 1500 * BENCH_MS); // the gateway asks again after one second
    assert_int_equal(node_bench_error(bench, put), ERR_COUNT);
    bench->lost_kind = MESSAGE_KIND_COUNT;
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    assert_true(holds(bench, 3, key, "1"));
    node_bench_free(bench);
}

// A FORWARD is held up until a later epoch, and the write was done by another try meanwhile, and
// overwritten: what is late must not be done again.
static void test_router__a_late_forward_of_an_older_epoch_is_refused(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    put_ok(bench, 1, key, "old");
    next_epoch(bench);
    bench->held_kind = MESSAGE_FORWARD;
    uint64_t put = node_bench_put(bench, 1, key, "late");
    node_bench_run(bench, BENCH_MS);
    assert_int_equal(bench->held_count, 1);
    bench->held_kind = MESSAGE_KIND_COUNT;
    next_epoch(bench); // longer than a second: it was sent again, and done
    assert_int_equal(node_bench_error(bench, put), ERR_OK);
    put_ok(bench, 2, key, "newest");
    node_bench_deliver_held(bench);
    node_bench_run(bench, 100 * BENCH_MS);
    assert_true(holds(bench, 3, key, "newest"));
    node_bench_free(bench);
}

// The same though nothing was sent from that gateway since, so that the order of its messages says
// nothing.
static void test_router__a_late_forward_alone_is_refused(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    bench->held_kind = MESSAGE_FORWARD;
    uint64_t put = node_bench_put(bench, 1, key, "late");
    node_bench_run(bench, BENCH_MS);
    assert_int_equal(bench->held_count, 1);
    bench->held_kind = MESSAGE_KIND_COUNT;
    // The gateway is cut off, and taken down: an epoch begins without it.
    node_bench_isolate(bench, 1, true);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 2, 1), NODE_DOWN);
    node_bench_isolate(bench, 1, false);
    node_bench_deliver_held(bench);
    node_bench_isolate(bench, 1, true);
    node_bench_run(bench, BENCH_SECOND);
    uint64_t read = node_bench_read(bench, 2, key, CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_NOT_FOUND);
    node_bench_run(bench, 4 * BENCH_SECOND);
    assert_int_equal(node_bench_error(bench, put), ERR_UNKNOWN);
    node_bench_free(bench);
}

// The primary takes a write and gives up waiting for its commit, while all others sleep; then they
// wake up, and it commits. The gateway finds the primary's answer before it sees how late it is:
// its client must not be told that nothing was done.
static void test_router__a_write_that_may_be_taken_is_never_told_undone(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 2);
    uint64_t put = node_bench_put(bench, 1, key, "1");
    bench->nodes[1].sleeps = true;
    bench->nodes[3].sleeps = true;
    node_bench_run(bench, 5100 * BENCH_MS);
    bench->nodes[1].sleeps = false;
    bench->nodes[3].sleeps = false;
    enum err error = node_bench_await(bench, put);
    node_bench_run(bench, 5 * BENCH_SECOND);
    if (holds(bench, 3, key, "1"))
        assert_true(error == ERR_OK || error == ERR_UNKNOWN);
    node_bench_free(bench);
}

// Whoever could answer is down.
static void test_router__says_whom_it_waits_for(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    for (unsigned number = 1; number <= 3; number++)
        node_bench_change(bench, 1, CHANGE_FAIL, (node_id)number);
    node_bench_run(bench, 3 * BENCH_SECOND);
    uint64_t read = node_bench_read(bench, 1, "a", CONSISTENCY_STRONG);
    node_bench_run(bench, 200 * BENCH_MS);
    assert_int_equal(node_bench_error(bench, read), ERR_UNAVAILABLE);
    assert_true(bench->replies[read - 1].awaited != 0);
    node_bench_free(bench);
}

#define TEST(name) cmocka_unit_test(test_router__##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_goes_to_its_primary),
        TEST(a_write_that_its_primary_took_is_finished_by_the_next),
        TEST(a_write_that_never_arrived_is_done_by_the_next_primary),
        TEST(a_young_version_leaves_the_outcome_unknown),
        TEST(a_write_of_a_new_key_is_done_by_the_next_primary),
        TEST(a_young_delete_leaves_the_outcome_unknown),
        TEST(a_write_that_was_given_up_is_done_by_the_next_primary),
        TEST(an_overwritten_write_is_not_done_twice),
        TEST(a_repeated_try_joins_the_first),
        TEST(a_late_forward_of_an_older_epoch_is_refused),
        TEST(a_late_forward_alone_is_refused),
        TEST(a_write_that_may_be_taken_is_never_told_undone),
        TEST(says_whom_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
