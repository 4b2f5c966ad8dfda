#include "join_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEND_AGAIN_US = 61 * 1000 };

// J was promised "old", which is late; "new" came by INV meanwhile.
static void test_joiner_apply__does_not_override_what_came_since(void **state)
{
    (void)state;
    for (unsigned committed = 0; committed <= 1; committed++) {
        struct strong_bench *bench = join_with_old(LIST);
        join_map(bench, LIST, node_bit(J));
        bench_run_until(bench, A, J, MESSAGE_SYNC_RECORDS);
        struct bench_message *late = bench_take(bench, A, J, MESSAGE_SYNC_RECORDS);
        bench_put(bench, A, KEY, "new");
        if (committed == 1)
            bench_run(bench);
        else
            bench_deliver_kind(bench, A, J, MESSAGE_INV);
        assert_int_equal(bench_flight(bench, J, KEY) == NULL, committed);
        bench_hand(bench, A, J, late);
        bench_run(bench);
        assert_true(bench_wants_promotion(bench, J));
        assert_true(bench_holds(bench, J, KEY, "new"));
        assert_null(bench_flight(bench, J, KEY));
        bench_free(bench);
    }
}

// J listed its leftover "old"; the answer that it should go is late, and "newest" came by INV
// meanwhile.
static void test_joiner_apply__does_not_delete_what_came_since(void **state)
{
    (void)state;
    for (unsigned committed = 0; committed <= 1; committed++) {
        struct strong_bench *bench = join_with_old(ALL);
        join_map_behind(bench, LIST);
        bench_run(bench);
        bench_delete(bench, A, KEY);
        bench_run(bench);
        join_map(bench, LIST, node_bit(J));
        bench_run_until(bench, A, J, MESSAGE_SYNC_SYMBOLS);
        struct bench_message *late = bench_take(bench, A, J, MESSAGE_SYNC_SYMBOLS);
        uint64_t put = bench_put(bench, A, KEY, "newest");
        if (committed == 1)
            bench_run(bench);
        else
            bench_deliver_kind(bench, A, J, MESSAGE_INV);
        bench_hand(bench, A, J, late);
        bench_run(bench);
        assert_int_equal(bench_error(bench, put), ERR_OK);
        assert_true(bench_wants_promotion(bench, J));
        assert_true(bench_holds(bench, J, KEY, "newest"));
        bench_free(bench);
    }
}

// "one" is older than the join, but came by INV since: late records must not put it in flight once
// more.
static void test_joiner_apply__does_not_take_a_kept_key_back_in_flight(void **state)
{
    (void)state;
    struct strong_bench *bench = join_with_old(LIST);
    bench_put(bench, A, KEY, "one");
    bench_lose(bench, A, C, MESSAGE_INV);
    join_map(bench, LIST, node_bit(J));
    join_take_over(bench);
    assert_int_equal(bench_lose(bench, A, C, MESSAGE_INV), 1);
    assert_int_equal(bench_lose(bench, A, J, MESSAGE_INV), 1);
    bench_run_until(bench, A, J, MESSAGE_SYNC_RECORDS);
    struct bench_message *late = bench_take(bench, A, J, MESSAGE_SYNC_RECORDS);
    bench_pass(bench, SEND_AGAIN_US);
    bench_run(bench);
    assert_true(bench_flight(bench, J, KEY)->kept);
    bench_hand(bench, A, J, late);
    bench_run(bench);
    assert_true(bench_flight(bench, J, KEY)->kept);
    assert_true(bench_wants_promotion(bench, J));
    join_map(bench, ALL, 0);
    assert_null(bench_flight(bench, J, KEY));
    assert_true(bench_gave(bench, bench_read(bench, J, KEY), "one"));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joiner_apply__does_not_override_what_came_since),
        cmocka_unit_test(test_joiner_apply__does_not_delete_what_came_since),
        cmocka_unit_test(test_joiner_apply__does_not_take_a_kept_key_back_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
