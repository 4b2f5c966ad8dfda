// What the simulator says of the removal of what has expired: that the primary writes it, over what
// had expired and nothing else; and that runs come to it.

#include "epidemic_sample.h"
#include "sim/epidemic_run.h"
#include "sim/epidemic_sight.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { RUNS = 60 };

#define EXPIRY_MS UINT64_C(1700000000000)

static const struct dot nothing = {0, 0};
static const struct dot first = {7, 1};
static const struct dot second = {8, 1};

static struct oracle_operation *add_expiring(struct epidemic_oracle *oracle, struct dot dot)
{
    struct operation operation = epidemic_sample(dot, "value", nothing);
    operation.expiry_ms = EXPIRY_MS;
    struct oracle_operation *noted = epidemic_oracle_add(oracle, &operation, 0, 0);
    assert_non_null(noted);
    return noted;
}

static void test_epidemic_removals__are_of_what_had_expired(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    struct knowledge known = {0};
    epidemic_oracle_init(&oracle, 1);
    const struct oracle_operation *put = add_expiring(&oracle, first);
    assert_int_equal(put->expiry_ms, EXPIRY_MS);
    const struct oracle_operation *removal =
        epidemic_sample_add(&oracle, (struct dot){9, 1}, NULL, first);
    assert_null(epidemic_oracle_judge_removal(&oracle, removal, &known, EXPIRY_MS));
    assert_non_null(epidemic_oracle_judge_removal(&oracle, removal, &known, EXPIRY_MS - 1));
    assert_null(epidemic_oracle_judge_removal(&oracle, put, &known, 0));
    epidemic_oracle_release(&oracle);
}

static void test_epidemic_removals__leave_what_does_not_expire(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    struct knowledge known = {0};
    epidemic_oracle_init(&oracle, 1);
    (void)epidemic_sample_add(&oracle, second, "stays", nothing);
    const struct oracle_operation *removal =
        epidemic_sample_add(&oracle, (struct dot){9, 1}, NULL, second);
    epidemic_sample_know(&known, removal->dot);
    assert_non_null(epidemic_oracle_judge_removal(&oracle, removal, &known, EXPIRY_MS));
    // Unless it was replaced before.
    struct dot over = {9, 2};
    (void)epidemic_sample_add(&oracle, over, "newer", second);
    epidemic_sample_know(&known, over);
    assert_null(epidemic_oracle_judge_removal(&oracle, removal, &known, EXPIRY_MS));
    epidemic_oracle_release(&oracle);
    knowledge_release(&known);
}

static void test_epidemic_removals__do_not_skip_what_their_origin_wrote(void **state)
{
    (void)state;
    struct epidemic_oracle oracle;
    epidemic_oracle_init(&oracle, 1);
    assert_false(
        epidemic_oracle_skips_own(&oracle, epidemic_sample_add(&oracle, first, "a", nothing)));
    (void)add_expiring(&oracle, second);
    const struct oracle_operation *skips =
        epidemic_sample_add(&oracle, (struct dot){7, 2}, NULL, second);
    assert_true(epidemic_oracle_skips_own(&oracle, skips));
    const struct oracle_operation *covers =
        epidemic_sample_add(&oracle, (struct dot){7, 3}, NULL, first);
    assert_false(epidemic_oracle_skips_own(&oracle, covers));
    epidemic_oracle_release(&oracle);
}

static void test_epidemic_sight__leaves_out_what_has_expired(void **state)
{
    (void)state;
    static struct epidemic_sight sight;
    sight.count = 3;
    sight.list[0] = (struct epidemic_shown){.dot = first, .expiry_ms = EXPIRY_MS};
    sight.list[1] = (struct epidemic_shown){.dot = second};
    sight.list[2] = (struct epidemic_shown){.dot = {9, 9}, .expiry_ms = EXPIRY_MS + 1};
    epidemic_sight_expire(&sight, EXPIRY_MS - 1);
    assert_int_equal(sight.count, 3);
    epidemic_sight_expire(&sight, EXPIRY_MS);
    assert_int_equal(sight.count, 2);
    assert_true(dot_equal(sight.list[0].dot, second) && sight.list[1].dot.origin == 9);
    epidemic_sight_expire(&sight, UINT64_MAX);
    assert_int_equal(sight.count, 1);
}

static void test_epidemic_run__comes_to_removals(void **state)
{
    (void)state;
    struct epidemic_run_result sum = {0};
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct epidemic_run_setting setting = {.seed = seed, .peers = 3};
        struct epidemic_run_result result;
        epidemic_run(&setting, &result);
        assert_string_equal(result.violation, "");
        epidemic_run_add(&sum, &result);
    }
    assert_true(sum.removals > RUNS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_removals__are_of_what_had_expired),
        cmocka_unit_test(test_epidemic_removals__leave_what_does_not_expire),
        cmocka_unit_test(test_epidemic_removals__do_not_skip_what_their_origin_wrote),
        cmocka_unit_test(test_epidemic_sight__leaves_out_what_has_expired),
        cmocka_unit_test(test_epidemic_run__comes_to_removals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
