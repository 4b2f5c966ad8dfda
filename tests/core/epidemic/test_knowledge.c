#include "base/random.h"
#include "core/epidemic/knowledge.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define LAST KNOWLEDGE_SEQUENCE_MAX

static struct dot dot_of(uint64_t origin, uint64_t sequence)
{
    return (struct dot){.origin = origin, .sequence = sequence};
}

static void add(struct knowledge *knowledge, uint64_t origin, uint64_t first, uint64_t last)
{
    struct interval interval = {.first = first, .last = last};
    assert_int_equal(knowledge_add_interval(knowledge, origin, interval), ERR_OK);
    knowledge_invariants(knowledge);
}

// The origin has the `count` intervals that are given as pairs of numbers.
static void assert_intervals(const struct knowledge *knowledge, uint64_t origin,
                             const struct interval *wanted, uint32_t count)
{
    const struct intervals *found = knowledge_of(knowledge, origin);
    if (count == 0) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(found->origin, origin);
    assert_int_equal(found->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(found->list[i].first, wanted[i].first);
        assert_int_equal(found->list[i].last, wanted[i].last);
    }
}

// `count` intervals of one number each: 2, 4, 6 and so on.
static void fill_even(struct knowledge *knowledge, uint64_t origin, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        assert_int_equal(knowledge_add(knowledge, dot_of(origin, 2 * (uint64_t)i)), ERR_OK);
}

static void test_knowledge__is_empty_at_first_and_once_cleared(void **state)
{
    (void)state;
    struct knowledge set = {0};
    for (unsigned round = 0; round < 2; round++) {
        assert_true(knowledge_is_empty(&set));
        assert_false(knowledge_has(&set, dot_of(1, 1)));
        assert_true(knowledge_has_all_up_to(&set, dot_of(1, 0)));
        assert_false(knowledge_has_all_up_to(&set, dot_of(1, 1)));
        assert_null(knowledge_of(&set, 1));
        assert_int_equal(knowledge_greatest(&set, 1), 0);
        assert_int_equal(knowledge_dots(&set), 0);
        add(&set, 1, 1, 3);
        assert_false(knowledge_is_empty(&set));
        knowledge_clear(&set);
        knowledge_invariants(&set);
    }
    knowledge_release(&set);
}

static void test_knowledge__refuses_what_is_no_dot(void **state)
{
    (void)state;
    static const struct {
        uint64_t origin;
        struct interval interval;
    } cases[] = {{0, {1, 1}}, {1, {0, 0}},           {1, {0, 4}},
                 {1, {5, 4}}, {1, {LAST, LAST + 1}}, {1, {LAST + 1, LAST + 1}},
                 {0, {0, 0}}, {1, {1, UINT64_MAX}},  {1, {UINT64_MAX, UINT64_MAX}}};
    struct knowledge set = {0};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(knowledge_add_interval(&set, cases[i].origin, cases[i].interval),
                         ERR_INVALID);
        assert_true(knowledge_is_empty(&set));
    }
    assert_int_equal(knowledge_add(&set, dot_of(0, 1)), ERR_INVALID);
    assert_int_equal(knowledge_add(&set, dot_of(1, 0)), ERR_INVALID);
    assert_int_equal(knowledge_add(&set, dot_of(1, LAST + 1)), ERR_INVALID);
    assert_int_equal(knowledge_intervals_with(&set, dot_of(1, 0)), 0);
    assert_int_equal(knowledge_intervals_with(&set, dot_of(1, 1)), 1);
    add(&set, 1, 1, LAST);
    assert_int_equal(knowledge_intervals_with(&set, dot_of(1, LAST + 1)), 1);
    assert_false(knowledge_has(&set, dot_of(1, 0)));
    assert_false(knowledge_has(&set, dot_of(1, LAST + 1)));
    assert_false(knowledge_has(&set, dot_of(1, UINT64_MAX)));
    assert_false(knowledge_has_all_up_to(&set, dot_of(1, LAST + 1)));
    assert_true(knowledge_has_all_up_to(&set, dot_of(1, LAST)));
    knowledge_release(&set);
}

// Onto 10-20, 30-40 and the last number.
static void test_knowledge__joins_what_touches_or_overlaps(void **state)
{
    (void)state;
    static const struct {
        struct interval added;
        uint32_t count;
        struct interval wanted[5];
    } cases[] = {
        {{1, 1}, 4, {{1, 1}, {10, 20}, {30, 40}, {LAST, LAST}}},
        {{1, 8}, 4, {{1, 8}, {10, 20}, {30, 40}, {LAST, LAST}}},
        {{1, 9}, 3, {{1, 20}, {30, 40}, {LAST, LAST}}},
        {{9, 9}, 3, {{9, 20}, {30, 40}, {LAST, LAST}}},
        {{10, 20}, 3, {{10, 20}, {30, 40}, {LAST, LAST}}},
        {{12, 15}, 3, {{10, 20}, {30, 40}, {LAST, LAST}}},
        {{21, 21}, 3, {{10, 21}, {30, 40}, {LAST, LAST}}},
        {{22, 28}, 4, {{10, 20}, {22, 28}, {30, 40}, {LAST, LAST}}},
        {{22, 29}, 3, {{10, 20}, {22, 40}, {LAST, LAST}}},
        {{21, 28}, 3, {{10, 28}, {30, 40}, {LAST, LAST}}},
        {{21, 29}, 2, {{10, 40}, {LAST, LAST}}},
        {{15, 35}, 2, {{10, 40}, {LAST, LAST}}},
        {{1, 50}, 2, {{1, 50}, {LAST, LAST}}},
        {{41, 41}, 3, {{10, 20}, {30, 41}, {LAST, LAST}}},
        {{42, 42}, 4, {{10, 20}, {30, 40}, {42, 42}, {LAST, LAST}}},
        {{LAST - 2, LAST - 2}, 4, {{10, 20}, {30, 40}, {LAST - 2, LAST - 2}, {LAST, LAST}}},
        {{LAST - 1, LAST - 1}, 3, {{10, 20}, {30, 40}, {LAST - 1, LAST}}},
        {{LAST, LAST}, 3, {{10, 20}, {30, 40}, {LAST, LAST}}},
        {{41, LAST}, 2, {{10, 20}, {30, LAST}}},
        {{1, LAST}, 1, {{1, LAST}}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct knowledge set = {0};
        struct knowledge merged = {0};
        add(&set, 7, 10, 20);
        add(&set, 7, LAST, LAST);
        add(&set, 7, 30, 40);
        add(&merged, 7, cases[i].added.first, cases[i].added.last);
        assert_int_equal(knowledge_merge(&merged, &set), ERR_OK);
        if (cases[i].added.first == cases[i].added.last)
            assert_int_equal(knowledge_intervals_with(&set, dot_of(7, cases[i].added.first)),
                             cases[i].count);
        add(&set, 7, cases[i].added.first, cases[i].added.last);
        assert_intervals(&set, 7, cases[i].wanted, cases[i].count);
        assert_true(knowledge_equal(&merged, &set));
        knowledge_release(&set);
        knowledge_release(&merged);
    }
}

static void test_knowledge__fills_gaps_from_both_sides(void **state)
{
    (void)state;
    struct knowledge set = {0};
    add(&set, 1, 1, 1);
    add(&set, 1, 6, 6);
    for (uint64_t step = 1; step <= 2; step++) {
        assert_int_equal(knowledge_of(&set, 1)->count, 2);
        assert_false(knowledge_has_all_up_to(&set, dot_of(1, 6)));
        add(&set, 1, 1 + step, 1 + step);
        if (step < 2)
            add(&set, 1, 6 - step, 6 - step);
    }
    assert_false(knowledge_has(&set, dot_of(1, 4)));
    assert_int_equal(knowledge_intervals_with(&set, dot_of(1, 4)), 1);
    add(&set, 1, 4, 4);
    assert_intervals(&set, 1, &(struct interval){1, 6}, 1);
    assert_true(knowledge_has_all_up_to(&set, dot_of(1, 6)));
    assert_false(knowledge_has_all_up_to(&set, dot_of(1, 7)));
    knowledge_release(&set);
}

static void test_knowledge__needs_no_more_room_for_dense_numbers(void **state)
{
    (void)state;
    struct knowledge set = {0};
    for (uint64_t i = 1; i <= 1000; i++)
        for (uint64_t origin = 1; origin <= 3; origin++)
            assert_int_equal(knowledge_add(&set, dot_of(origin, i)), ERR_OK);
    for (uint64_t origin = 1; origin <= 3; origin++) {
        assert_intervals(&set, origin, &(struct interval){1, 1000}, 1);
        assert_int_equal(knowledge_of(&set, origin)->capacity, 1);
    }
    assert_int_equal(knowledge_dots(&set), 3000);
    knowledge_release(&set);
}

static void test_knowledge__keeps_origins_apart_and_in_order(void **state)
{
    (void)state;
    static const uint64_t origins[] = {9, 1, UINT64_MAX, 5, 7, 2};
    struct knowledge set = {0};
    for (uint64_t i = 0; i < 6; i++)
        add(&set, origins[i], 10 * (i + 1), 10 * (i + 1));
    for (uint64_t i = 0; i < 6; i++) {
        assert_int_equal(knowledge_greatest(&set, origins[i]), 10 * (i + 1));
        assert_false(knowledge_has(&set, dot_of(origins[i], 10 * (i + 2))));
    }
    assert_null(knowledge_of(&set, 0));
    assert_null(knowledge_of(&set, 3));
    assert_null(knowledge_of(&set, UINT64_MAX - 1));
    knowledge_release(&set);
}

static void test_knowledge__counts_dots_up_to_the_greatest_number(void **state)
{
    (void)state;
    struct knowledge set = {0};
    add(&set, 1, 1, LAST);
    assert_int_equal(knowledge_dots(&set), LAST);
    add(&set, 2, 1, LAST);
    assert_int_equal(knowledge_dots(&set), UINT64_MAX - 1);
    add(&set, 3, 5, 5);
    assert_int_equal(knowledge_dots(&set), UINT64_MAX);
    add(&set, 4, 5, 6);
    assert_int_equal(knowledge_dots(&set), UINT64_MAX);
    knowledge_release(&set);
}

static void test_knowledge__holds_only_so_many_intervals(void **state)
{
    (void)state;
    const uint64_t past = 2 * (uint64_t)KNOWLEDGE_INTERVALS_MAX + 2;
    struct knowledge set = {0};
    struct knowledge was = {0};
    struct knowledge more = {0};
    fill_even(&set, 4, KNOWLEDGE_INTERVALS_MAX);
    knowledge_copy(&was, &set);
    assert_int_equal(knowledge_intervals_with(&set, dot_of(4, past)), KNOWLEDGE_INTERVALS_MAX + 1);
    assert_int_equal(knowledge_add(&set, dot_of(4, past)), ERR_TOO_LARGE);
    assert_int_equal(knowledge_add(&set, dot_of(4, 2)), ERR_OK);
    add(&more, 4, past, past);
    assert_int_equal(knowledge_merge(&set, &more), ERR_TOO_LARGE);
    add(&more, 4, past + 2, past + 2);
    assert_int_equal(knowledge_merge(&set, &more), ERR_TOO_LARGE);
    assert_true(knowledge_equal(&set, &was));
    // What joins two makes room for one, also within one union.
    add(&more, 4, 1, 3);
    assert_int_equal(knowledge_merge(&set, &more), ERR_TOO_LARGE);
    assert_true(knowledge_equal(&set, &was));
    add(&more, 4, 1, 5);
    assert_int_equal(knowledge_merge(&set, &more), ERR_OK);
    assert_int_equal(knowledge_of(&set, 4)->count, KNOWLEDGE_INTERVALS_MAX);
    assert_true(knowledge_contains(&set, &more) && knowledge_contains(&set, &was));
    knowledge_invariants(&set);
    knowledge_release(&set);
    knowledge_release(&was);
    knowledge_release(&more);
}

static void test_knowledge__holds_only_so_many_origins(void **state)
{
    (void)state;
    struct knowledge set = {0};
    struct knowledge more = {0};
    for (uint64_t origin = 1; origin <= KNOWLEDGE_ORIGINS_MAX; origin++)
        assert_int_equal(knowledge_add(&set, dot_of(2 * origin, 1)), ERR_OK);
    assert_int_equal(knowledge_add(&set, dot_of(3, 1)), ERR_TOO_LARGE);
    assert_int_equal(knowledge_add(&set, dot_of(UINT64_MAX, 1)), ERR_TOO_LARGE);
    add(&more, 3, 1, 1);
    add(&more, 4, 1, 2);
    assert_int_equal(knowledge_merge(&set, &more), ERR_TOO_LARGE);
    assert_false(knowledge_has(&set, dot_of(3, 1)));
    assert_int_equal(set.count, KNOWLEDGE_ORIGINS_MAX);
    assert_int_equal(knowledge_add(&set, dot_of(2, 2)), ERR_OK);
    knowledge_invariants(&set);
    knowledge_release(&set);
    knowledge_release(&more);
}

static void test_knowledge__names_the_first_of_too_many_gaps(void **state)
{
    (void)state;
    struct knowledge all = {0};
    struct knowledge some = {0};
    struct knowledge missing = {0};
    add(&all, 4, 1, LAST);
    fill_even(&some, 4, KNOWLEDGE_INTERVALS_MAX);
    knowledge_missing(&all, &some, &missing);
    knowledge_invariants(&missing);
    assert_int_equal(knowledge_dots(&missing), KNOWLEDGE_INTERVALS_MAX);
    assert_true(knowledge_has(&missing, dot_of(4, 1)));
    assert_true(knowledge_has(&missing, dot_of(4, 2 * (uint64_t)KNOWLEDGE_INTERVALS_MAX - 1)));
    knowledge_release(&all);
    knowledge_release(&some);
    knowledge_release(&missing);
}

static void test_knowledge__missing_may_replace_what_it_reads(void **state)
{
    (void)state;
    for (unsigned replaced = 0; replaced < 2; replaced++) {
        struct knowledge a = {0};
        struct knowledge b = {0};
        struct knowledge *out = replaced == 0 ? &a : &b;
        add(&a, 1, 1, 9);
        add(&a, 2, 1, 1);
        add(&b, 1, 4, 4);
        add(&b, 3, 1, 1);
        knowledge_missing(&a, &b, out);
        assert_intervals(out, 1, (struct interval[]){{1, 3}, {5, 9}}, 2);
        assert_intervals(out, 2, &(struct interval){1, 1}, 1);
        assert_int_equal(out->count, 2);
        knowledge_missing(out, out, out);
        assert_true(knowledge_is_empty(out));
        knowledge_release(&a);
        knowledge_release(&b);
    }
}

// Sets of very different sizes, so that searches skip far.
static void test_knowledge__merges_a_few_origins_into_many(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    for (unsigned round = 0; round < 50; round++) {
        struct knowledge many = {0};
        struct knowledge few = {0};
        struct knowledge other = {0};
        for (unsigned i = 0; i < 300; i++)
            assert_int_equal(knowledge_add(&many, dot_of(2 + rng_below(&rng, 600), 1)), ERR_OK);
        for (unsigned i = 0; i <= round % 5; i++)
            add(&few, 1 + rng_below(&rng, 602), 1 + rng_below(&rng, 3), 3);
        knowledge_copy(&other, &few);
        assert_int_equal(knowledge_merge(&other, &many), ERR_OK);
        knowledge_invariants(&other);
        assert_true(knowledge_contains(&many, &few) == knowledge_equal(&many, &other));
        assert_int_equal(knowledge_merge(&many, &few), ERR_OK);
        knowledge_invariants(&many);
        assert_true(knowledge_equal(&many, &other));
        assert_true(knowledge_contains(&many, &few) && !knowledge_contains(&few, &many));
        assert_int_equal(knowledge_merge(&many, &many), ERR_OK);
        assert_true(knowledge_equal(&many, &other));
        knowledge_release(&many);
        knowledge_release(&few);
        knowledge_release(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knowledge__is_empty_at_first_and_once_cleared),
        cmocka_unit_test(test_knowledge__refuses_what_is_no_dot),
        cmocka_unit_test(test_knowledge__joins_what_touches_or_overlaps),
        cmocka_unit_test(test_knowledge__fills_gaps_from_both_sides),
        cmocka_unit_test(test_knowledge__needs_no_more_room_for_dense_numbers),
        cmocka_unit_test(test_knowledge__keeps_origins_apart_and_in_order),
        cmocka_unit_test(test_knowledge__counts_dots_up_to_the_greatest_number),
        cmocka_unit_test(test_knowledge__holds_only_so_many_intervals),
        cmocka_unit_test(test_knowledge__holds_only_so_many_origins),
        cmocka_unit_test(test_knowledge__names_the_first_of_too_many_gaps),
        cmocka_unit_test(test_knowledge__missing_may_replace_what_it_reads),
        cmocka_unit_test(test_knowledge__merges_a_few_origins_into_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
