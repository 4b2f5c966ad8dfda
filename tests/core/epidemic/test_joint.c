#include "base/random.h"
#include "core/epidemic/joint.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CONTEXTS_MAX = 12, SEEDS = 2000 };

static struct context random_context(struct rng *rng, uint64_t entries, uint64_t origins)
{
    struct context context = {0};
    for (; entries > 0; entries--) {
        struct dot dot = {.origin = 1 + rng_below(rng, origins), .sequence = 1 + rng_below(rng, 4)};
        assert_int_equal(context_raise(&context, dot), ERR_OK);
    }
    return context;
}

static bool any_covers(const struct context *contexts, const bool *left, size_t count,
                       struct dot dot)
{
    for (size_t i = 0; i < count; i++)
        if (left[i] && context_covers(&contexts[i], dot))
            return true;
    return false;
}

static bool others_contain(const struct context *contexts, const bool *left, size_t count,
                           size_t which)
{
    bool others[CONTEXTS_MAX];
    memcpy(others, left, sizeof others);
    others[which] = false;
    for (uint32_t i = 0; i < contexts[which].count; i++)
        if (!any_covers(contexts, others, count, contexts[which].entries[i]))
            return false;
    return true;
}

static void compare_with_each(const struct joint *joint, const struct context *contexts,
                              const bool *left, size_t count)
{
    for (uint64_t origin = 1; origin <= 24; origin++) {
        for (uint64_t sequence = 1; sequence <= 5; sequence++) {
            struct dot dot = {.origin = origin, .sequence = sequence};
            assert_int_equal(joint_covers(joint, dot), any_covers(contexts, left, count, dot));
        }
    }
    for (size_t i = 0; i < count; i++)
        if (left[i])
            assert_int_equal(joint_spares(joint, &contexts[i]),
                             others_contain(contexts, left, count, i));
}

// Contexts go one after the other until none can.
static void one_seed(uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    struct context contexts[CONTEXTS_MAX];
    bool left[CONTEXTS_MAX] = {false};
    size_t count = rng_below(&rng, CONTEXTS_MAX + 1);
    uint64_t origins = 1 + rng_below(&rng, 20);
    uint32_t entries = 0;
    for (size_t i = 0; i < count; i++) {
        contexts[i] = random_context(&rng, rng_below(&rng, 16), origins);
        left[i] = true;
        entries += contexts[i].count;
    }
    struct joint joint;
    joint_init(&joint, entries);
    for (size_t i = 0; i < count; i++)
        joint_add(&joint, &contexts[i]);
    joint_seal(&joint);
    compare_with_each(&joint, contexts, left, count);
    for (size_t i = 0; i < count; i++) {
        if (!joint_spares(&joint, &contexts[i]))
            continue;
        joint_remove(&joint, &contexts[i]);
        left[i] = false;
        compare_with_each(&joint, contexts, left, count);
    }
    joint_release(&joint);
}

static void test_joint__is_that_of_each_context(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint__is_that_of_each_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
