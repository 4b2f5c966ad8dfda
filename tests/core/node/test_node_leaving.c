// How nodes leave: asked to stop, removed by an operator, with a failed disk; and who may come.
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

static bool is_gone(const struct node_bench *bench, unsigned teller, unsigned number)
{
    return node_bench_state(bench, teller, number) == NODE_STATE_COUNT;
}

// Runs until the others know it no more; false when they still do after ten seconds.
static bool is_removed_in_time(struct node_bench *bench, unsigned teller, unsigned number)
{
    for (unsigned i = 0; i < 1000 && !is_gone(bench, teller, number); i++)
        node_bench_run(bench, 10 * BENCH_MS);
    return is_gone(bench, teller, number);
}

static void test_node_leaving__a_node_that_stops_leaves_at_once(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    for (unsigned number = 3; number >= 2; number--) {
        node_bench_tell(bench, number, NODE_EVENT_STOP);
        assert_false(node_has_left(bench->nodes[number].node));
        // Sooner than its lease would have lapsed: nobody waits for one that takes its leave.
        node_bench_run(bench, 500 * BENCH_MS);
        assert_true(node_has_left(bench->nodes[number].node));
        assert_int_equal(node_bench_state(bench, 1, number), NODE_DOWN);
        put_ok(bench, 1, "a", "1");
        node_bench_kill(bench, number);
        node_bench_start(bench, number);
        node_bench_run(bench, 3 * BENCH_SECOND);
        assert_true(node_bench_status(bench, number).serving);
        assert_int_equal(node_bench_status(bench, number).slots_in_sync, SLOTS);
    }
    node_bench_free(bench);
}

// The coordinator too, though it coordinates its own leave.
static void test_node_leaving__the_coordinator_leaves(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    node_bench_tell(bench, 1, NODE_EVENT_STOP);
    node_bench_run(bench, 500 * BENCH_MS);
    assert_true(node_has_left(bench->nodes[1].node));
    assert_int_equal(node_bench_state(bench, 2, 1), NODE_DOWN);
    // It stays down though it still runs.
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 2, 1), NODE_DOWN);
    node_bench_free(bench);
}

// Writes that it has taken end well, and those that come meanwhile find their way.
static void test_node_leaving__no_write_fails_while_a_node_stops(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 3);
    bench->delay_us = 20 * BENCH_MS;
    uint64_t before = node_bench_put(bench, 3, key, "1");
    node_bench_tell(bench, 3, NODE_EVENT_STOP);
    uint64_t here = node_bench_put(bench, 3, key, "2");
    uint64_t there = node_bench_put(bench, 1, key, "3");
    assert_int_equal(node_bench_await(bench, before), ERR_OK);
    assert_int_equal(node_bench_await(bench, there), ERR_OK);
    assert_int_equal(node_bench_await(bench, here), ERR_OK);
    node_bench_free(bench);
}

static void test_node_leaving__a_node_alone_leaves(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(1);
    put_ok(bench, 1, "a", "1");
    node_bench_tell(bench, 1, NODE_EVENT_STOP);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_true(node_has_left(bench->nodes[1].node));
    node_bench_kill(bench, 1);
    node_bench_start(bench, 1);
    node_bench_run(bench, 2 * BENCH_SECOND);
    uint64_t read = node_bench_read(bench, 1, "a", CONSISTENCY_STRONG);
    node_bench_run(bench, BENCH_MS);
    assert_true(node_bench_gave(bench, read, "1"));
    node_bench_free(bench);
}

static void test_node_leaving__a_removed_node_says_so_and_stays_away(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    uint64_t change = node_bench_change(bench, 1, CHANGE_REMOVE, 3);
    assert_int_equal(node_bench_await(bench, change), ERR_OK);
    assert_true(is_removed_in_time(bench, 1, 3));
    node_bench_run(bench, BENCH_SECOND);
    assert_true(node_is_removed(bench->nodes[3].node));
    assert_false(node_bench_status(bench, 3).serving);
    // Started again it is removed still.
    node_bench_kill(bench, 3);
    node_bench_start(bench, 3);
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_true(node_is_removed(bench->nodes[3].node));
    assert_true(is_gone(bench, 1, 3));
    put_ok(bench, 1, "a", "1");
    node_bench_free(bench);
}

// It was away when it was removed, and is told so when it comes.
static void learns_of_its_removal(void (*start)(struct node_bench *bench, unsigned number))
{
    struct node_bench *bench = node_bench_new(3);
    node_bench_kill(bench, 3);
    node_bench_run(bench, 3 * BENCH_SECOND);
    node_bench_change(bench, 1, CHANGE_REMOVE, 3);
    assert_true(is_removed_in_time(bench, 1, 3));
    start(bench, 3);
    assert_false(node_is_removed(bench->nodes[3].node));
    node_bench_run(bench, 3 * BENCH_SECOND);
    assert_true(node_is_removed(bench->nodes[3].node));
    assert_true(is_gone(bench, 1, 3));
    node_bench_free(bench);
}

static void test_node_leaving__a_node_that_was_removed_while_away_learns_of_it(void **state)
{
    (void)state;
    learns_of_its_removal(node_bench_start);
}

// Being told to join is for empty stores: it does not undo the removal.
static void test_node_leaving__a_removed_node_does_not_join_by_its_old_command_line(void **state)
{
    (void)state;
    learns_of_its_removal(node_bench_start_joining);
}

// The coordinator removes itself: its vote moves first.
static void test_node_leaving__the_coordinator_can_be_removed(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 1, "a", "1");
    node_bench_change(bench, 2, CHANGE_REMOVE, 1);
    assert_true(is_removed_in_time(bench, 2, 1));
    put_ok(bench, 2, "a", "2");
    uint64_t read = node_bench_read(bench, 3, "a", CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_OK);
    assert_true(node_bench_gave(bench, read, "2"));
    node_bench_free(bench);
}

static void test_node_leaving__the_last_that_can_hold_data_stays(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(1);
    uint64_t change = node_bench_change(bench, 1, CHANGE_REMOVE, 1);
    assert_int_equal(node_bench_error(bench, change), ERR_ILLEGAL);
    node_bench_free(bench);
}

// Another store gets the id that is free; its first process has the number that the first process
// of the one before had. It must be heard all the same.
static void test_node_leaving__another_node_under_the_same_id_is_heard(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    node_bench_run(bench, 300 * BENCH_SECOND); // and it sent many messages
    for (unsigned i = 0; i < 40; i++) {
        put_ok(bench, 1, "a", "1");
        bench->handle_count--;
        buf_release(&bench->replies[bench->handle_count].value);
    }
    node_bench_change(bench, 1, CHANGE_REMOVE, 3);
    assert_true(is_removed_in_time(bench, 1, 3));
    node_bench_kill(bench, 3);
    node_bench_join(bench, 4);
    node_bench_run(bench, 5 * BENCH_SECOND);
    assert_int_equal(node_bench_status(bench, 4).self, 3);
    assert_int_equal(node_bench_status(bench, 4).slots_in_sync, SLOTS);
    uint64_t put = node_bench_put(bench, 1, "a", "2");
    node_bench_run(bench, 500 * BENCH_MS);
    assert_int_equal(node_bench_error(bench, put), ERR_OK);
    assert_int_equal(node_bench_state(bench, 1, 4), NODE_UP);
    node_bench_free(bench);
}

// It trusts nothing of its disk, serves nothing, and leaves; its vote it keeps.
static void test_node_leaving__a_node_whose_store_failed_leaves(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    put_ok(bench, 1, "a", "1");
    node_bench_tell(bench, 3, NODE_EVENT_DATA_FAILED);
    assert_false(node_bench_status(bench, 3).serving);
    uint64_t read = node_bench_read(bench, 3, "a", CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_OK);
    assert_true(node_bench_gave(bench, read, "1"));
    node_bench_run(bench, 500 * BENCH_MS);
    assert_int_equal(node_bench_state(bench, 1, 3), NODE_DOWN);
    assert_true(node_has_left(bench->nodes[3].node));
    node_bench_kill(bench, 2);
    node_bench_run(bench, 5 * BENCH_SECOND);
    assert_int_equal(node_bench_state(bench, 1, 2), NODE_DOWN);
    put_ok(bench, 1, "a", "2");
    node_bench_free(bench);
}

// What the failed node ordered and never stored is finished by the next primary.
static void test_node_leaving__a_write_at_a_failing_store_is_finished_elsewhere(void **state)
{
    (void)state;
    struct node_bench *bench = node_bench_new(3);
    const char *key = node_bench_key_of(bench, 3);
    bench->nodes[3].hangs = true;
    uint64_t put = node_bench_put(bench, 3, key, "1");
    node_bench_run(bench, 20 * BENCH_MS);
    assert_int_equal(node_bench_error(bench, put), ERR_COUNT);
    node_bench_tell(bench, 3, NODE_EVENT_DATA_FAILED);
    assert_int_equal(node_bench_await(bench, put), ERR_OK);
    uint64_t read = node_bench_read(bench, 1, key, CONSISTENCY_STRONG);
    assert_int_equal(node_bench_await(bench, read), ERR_OK);
    assert_true(node_bench_gave(bench, read, "1"));
    node_bench_free(bench);
}

#define TEST(name) cmocka_unit_test(test_node_leaving__##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_that_stops_leaves_at_once),
        TEST(the_coordinator_leaves),
        TEST(no_write_fails_while_a_node_stops),
        TEST(a_node_alone_leaves),
        TEST(a_removed_node_says_so_and_stays_away),
        TEST(a_node_that_was_removed_while_away_learns_of_it),
        TEST(a_removed_node_does_not_join_by_its_old_command_line),
        TEST(the_coordinator_can_be_removed),
        TEST(the_last_that_can_hold_data_stays),
        TEST(another_node_under_the_same_id_is_heard),
        TEST(a_node_whose_store_failed_leaves),
        TEST(a_write_at_a_failing_store_is_finished_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
