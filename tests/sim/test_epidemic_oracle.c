// What was written, and what covers what.

#include "epidemic_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct dot nothing = {0, 0};
static const struct dot first = {7, 1};
static const struct dot second = {8, 1};
static const struct dot third = {7, 2};

static void test_epidemic_oracle__finds_what_was_written_and_nothing_else(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    epidemic_oracle_init(&oracle, 2);
    struct oracle_operation *put = epidemic_sample_add(&oracle, first, "value", nothing);
    assert_ptr_equal(epidemic_oracle_find(&oracle, first), put);
    assert_null(epidemic_oracle_find(&oracle, second));
    assert_int_equal(put->number, 0);
    assert_false(put->dead);
    assert_int_equal(put->value_hash, hash64(slice_of_text("value"), 0));
    epidemic_oracle_release(&oracle);
}

static void test_epidemic_oracle__refuses_a_dot_that_was_used(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    epidemic_oracle_init(&oracle, 1);
    (void)epidemic_sample_add(&oracle, first, "value", nothing);
    struct operation other = epidemic_sample(first, "another", nothing);
    assert_null(epidemic_oracle_add(&oracle, &other, 0, 1));
    assert_int_equal(oracle.count, 1);
    epidemic_oracle_release(&oracle);
}

static void test_epidemic_oracle__knows_what_covers_what(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    struct knowledge known = {0};
    epidemic_oracle_init(&oracle, 1);
    struct oracle_operation *put = epidemic_sample_add(&oracle, first, "a", nothing);
    struct oracle_operation *beside = epidemic_sample_add(&oracle, second, "b", nothing);
    struct oracle_operation *over = epidemic_sample_add(&oracle, third, NULL, first);
    assert_true(epidemic_oracle_covers(over, put));
    assert_false(epidemic_oracle_covers(over, beside));
    assert_false(epidemic_oracle_covers(put, over));
    assert_false(epidemic_oracle_is_covered(&oracle, put, &known));
    epidemic_sample_know(&known, second);
    assert_false(epidemic_oracle_is_covered(&oracle, put, &known));
    epidemic_sample_know(&known, third);
    assert_true(epidemic_oracle_is_covered(&oracle, put, &known));
    assert_false(epidemic_oracle_is_covered(&oracle, beside, &known));
    knowledge_release(&known);
    epidemic_oracle_release(&oracle);
}

static void test_epidemic_oracle__covers_nothing_of_another_key(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    epidemic_oracle_init(&oracle, 2);
    struct oracle_operation *put = epidemic_sample_add(&oracle, first, "a", nothing);
    struct operation operation = epidemic_sample(third, "b", first);
    struct oracle_operation *elsewhere = epidemic_oracle_add(&oracle, &operation, 1, 0);
    assert_false(epidemic_oracle_covers(elsewhere, put));
    epidemic_oracle_release(&oracle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_oracle__finds_what_was_written_and_nothing_else),
        cmocka_unit_test(test_epidemic_oracle__refuses_a_dot_that_was_used),
        cmocka_unit_test(test_epidemic_oracle__knows_what_covers_what),
        cmocka_unit_test(test_epidemic_oracle__covers_nothing_of_another_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
