#include "sim/history_replay.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { EXPLANATION_BYTES_MAX = 4096 };

// Times are in microseconds here. A version's stamp is its value.
static struct history_operation operation(enum linear_kind kind, uint64_t value, uint64_t start_us,
                                          uint64_t end_us, enum linear_result result)
{
    static char key[] = "key-1";
    struct history_operation made = {
        .key = key,
        .operation = {.kind = kind, .value = kind == LINEAR_PUT ? value : 0},
        .outcome = {.result = result},
        .start_ns = start_us * 1000,
        .end_ns = end_us == HISTORY_FILE_NEVER ? HISTORY_FILE_NEVER : end_us * 1000,
    };
    if (result == LINEAR_DONE && kind == LINEAR_READ)
        made.outcome.value = value;
    if (result == LINEAR_DONE && kind != LINEAR_DELETE && value > 0)
        made.outcome.stamp = stamp_make(1, value, 1);
    return made;
}

static struct history_operation put(uint64_t value, uint64_t start_us, uint64_t end_us)
{
    return operation(LINEAR_PUT, value, start_us, end_us, LINEAR_DONE);
}

// Value 0: absent.
static struct history_operation read_of(uint64_t value, uint64_t start_us, uint64_t end_us)
{
    return operation(LINEAR_READ, value, start_us, end_us, LINEAR_DONE);
}

#define JUDGE(...)                                                                                 \
    judge((const struct history_operation[]){__VA_ARGS__},                                         \
          sizeof((const struct history_operation[]){__VA_ARGS__}) /                                \
              sizeof(struct history_operation))

static enum linear_answer judge(const struct history_operation *operations, size_t count)
{
    return history_replay_judge(operations, (uint32_t)count, 0, NULL);
}

static void test_history_replay__takes_what_is_in_order(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(read_of(0, 1, 2), put(1, 3, 4), read_of(1, 5, 6)), LINEAR_OK);
}

static void test_history_replay__finds_a_stale_read(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(put(1, 1, 2), put(2, 3, 4), read_of(1, 5, 6)), LINEAR_VIOLATION);
}

static void test_history_replay__finds_a_lost_write(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(put(1, 1, 2), read_of(0, 3, 4)), LINEAR_VIOLATION);
}

static void test_history_replay__finds_an_effect_of_what_was_refused(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(operation(LINEAR_PUT, 1, 1, 2, LINEAR_REFUSED), read_of(1, 3, 4)),
                     LINEAR_VIOLATION);
}

static void test_history_replay__lets_the_unknown_take_effect_late_or_never(void **state)
{
    (void)state;
    struct history_operation unknown =
        operation(LINEAR_PUT, 1, 1, HISTORY_FILE_NEVER, LINEAR_UNKNOWN);
    assert_int_equal(JUDGE(unknown, read_of(0, 3, 4)), LINEAR_OK);
    assert_int_equal(JUDGE(unknown, read_of(0, 3, 4), read_of(1, 5, 6)), LINEAR_OK);
    assert_int_equal(JUDGE(unknown, read_of(1, 3, 4), read_of(0, 5, 6)), LINEAR_VIOLATION);
}

static void test_history_replay__takes_equal_times_as_simultaneous(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(put(1, 1, 3), read_of(0, 3, 3)), LINEAR_OK);
    assert_int_equal(JUDGE(put(1, 1, 3), read_of(0, 4, 4)), LINEAR_VIOLATION);
}

static void test_history_replay__does_not_mind_times_within_one_microsecond(void **state)
{
    (void)state;
    struct history_operation first = put(1, 1, 1);
    struct history_operation second = read_of(0, 1, 1);
    first.end_ns = 1200;
    second.start_ns = 1300;
    second.end_ns = 1400;
    assert_int_equal(JUDGE(first, second), LINEAR_VIOLATION);
}

static void test_history_replay__explains_with_no_more_than_it_needs(void **state)
{
    (void)state;
    struct history_operation operations[40] = {put(1, 10, 11), put(2, 12, 13), read_of(1, 14, 15)};
    for (uint32_t i = 3; i < 40; i++)
        operations[i] = put(i, 20 + i * 2, 21 + i * 2);
    char text[EXPLANATION_BYTES_MAX] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    assert_int_equal(history_replay_judge(operations, 40, 10000, out), LINEAR_VIOLATION);
    fclose(out);
    assert_non_null(strstr(text, "key key-1: not linearizable"));
    assert_non_null(strstr(text, "of 3 operations"));
    assert_non_null(strstr(text, "[0.000002, 0.000003] put 2"));
    assert_null(strstr(text, "put 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_replay__takes_what_is_in_order),
        cmocka_unit_test(test_history_replay__finds_a_stale_read),
        cmocka_unit_test(test_history_replay__finds_a_lost_write),
        cmocka_unit_test(test_history_replay__finds_an_effect_of_what_was_refused),
        cmocka_unit_test(test_history_replay__lets_the_unknown_take_effect_late_or_never),
        cmocka_unit_test(test_history_replay__takes_equal_times_as_simultaneous),
        cmocka_unit_test(test_history_replay__does_not_mind_times_within_one_microsecond),
        cmocka_unit_test(test_history_replay__explains_with_no_more_than_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
