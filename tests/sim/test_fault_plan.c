// Plans of faults: drawn the same, numbered in order, in mixes of their own.

#include "sim/fault_plan.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 500, JOINS = 3 };

static void draw(struct fault_plan *plan, uint64_t seed)
{
    struct rng rng;
    memset(plan, 0, sizeof *plan);
    rng_init(&rng, seed);
    struct scene scene;
    scene_draw(&scene, &rng);
    fault_plan_draw(plan, &rng, &scene, JOINS);
}

static void test_fault_plan__numbers_faults_in_order_and_within_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fault_plan plan;
        unsigned joins = 0;
        draw(&plan, seed);
        assert_in_range(plan.count, plan.rounds + JOINS, FAULTS_MAX);
        for (unsigned i = 0; i < plan.count; i++) {
            const struct fault *fault = &plan.faults[i];
            assert_int_equal(fault->number, i + 1);
            assert_true(fault->round < plan.rounds);
            assert_true(fault->at_us <= plan.round_us[fault->round]);
            joins += fault->kind == FAULT_JOIN;
            if (i > 0 && fault[-1].round == fault->round)
                assert_true(fault[-1].at_us <= fault->at_us);
        }
        assert_int_equal(joins, JOINS);
    }
}

static void test_fault_plan__is_repeatable(void **state)
{
    (void)state;
    struct fault_plan first;
    struct fault_plan second;
    draw(&first, 4);
    draw(&second, 4);
    assert_memory_equal(first.faults, second.faults, sizeof first.faults);
    draw(&second, 5);
    assert_true(memcmp(first.faults, second.faults, sizeof first.faults) != 0);
}

static unsigned kinds_of(const struct fault_plan *plan)
{
    uint64_t kinds = 0;
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->faults[i].kind != FAULT_JOIN)
            kinds |= UINT64_C(1) << plan->faults[i].kind;
    return (unsigned)__builtin_popcountll(kinds);
}

static void test_fault_plan__has_often_one_or_two_kinds_and_often_many(void **state)
{
    (void)state;
    unsigned few = 0;
    unsigned many = 0;
    uint64_t all = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fault_plan plan;
        draw(&plan, seed);
        few += kinds_of(&plan) <= 2;
        many += kinds_of(&plan) > 4;
        for (unsigned i = 0; i < plan.count; i++)
            all |= UINT64_C(1) << plan.faults[i].kind;
    }
    assert_true(few > SEEDS / 8);
    assert_true(many > SEEDS / 8);
    // Runs add these where they can be: with durability `interval`, and over stores with pages.
    uint64_t added = UINT64_C(1) << FAULT_POWER_OF_ONE | UINT64_C(1) << FAULT_PAGE_DAMAGED;
    assert_int_equal(all | added, (UINT64_C(1) << FAULT_KIND_COUNT) - 1);
}

static void test_fault_plan__leaves_out_by_number(void **state)
{
    (void)state;
    struct fault_plan plan;
    draw(&plan, 6);
    fault_plan_leave_out(&plan, 2);
    fault_plan_leave_out(&plan, 0);
    fault_plan_leave_out(&plan, plan.count + 1);
    for (unsigned i = 0; i < plan.count; i++)
        assert_int_equal(plan.faults[i].left_out, i == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_plan__numbers_faults_in_order_and_within_bounds),
        cmocka_unit_test(test_fault_plan__is_repeatable),
        cmocka_unit_test(test_fault_plan__has_often_one_or_two_kinds_and_often_many),
        cmocka_unit_test(test_fault_plan__leaves_out_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
