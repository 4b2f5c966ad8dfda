#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_random__follows_the_published_generator(void **state)
{
    (void)state;
    // State {1, 2, 3, 4}: worked out by hand from Blackman and Vigna's definition.
    struct rng rng = {.state = {1, 2, 3, 4}};
    assert_int_equal(rng_u64(&rng), 11520);
    assert_int_equal(rng_u64(&rng), 0);
    assert_int_equal(rng_u64(&rng), 1509978240);
    assert_int_equal(rng_u64(&rng), UINT64_C(1215971899390074240));
}

static void test_random__seeds_by_splitmix64(void **state)
{
    (void)state;
    // The first outputs of splitmix64 from state 0.
    struct rng rng;
    rng_init(&rng, 0);
    assert_int_equal(rng.state[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(rng.state[1], UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(rng.state[2], UINT64_C(0x06c45d188009454f));
    assert_int_equal(rng.state[3], UINT64_C(0xf88bb8a8724c81ec));
}

static void test_random__repeats_with_the_same_seed_only(void **state)
{
    (void)state;
    struct rng a, b, other;
    rng_init(&a, 99);
    rng_init(&b, 99);
    rng_init(&other, 100);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t value = rng_u64(&a);
        assert_int_equal(value, rng_u64(&b));
        differs = differs || value != rng_u64(&other);
    }
    assert_true(differs);
}

static void test_random__stays_below_its_bound_and_reaches_all(void **state)
{
    (void)state;
    struct rng rng;
    unsigned seen[7] = {0};
    rng_init(&rng, 5);
    for (int i = 0; i < 7000; i++) {
        uint64_t value = rng_below(&rng, 7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rng_below(&rng, 1), 0);
        assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
}

static void test_random__draws_one_in_so_many(void **state)
{
    (void)state;
    struct rng rng;
    unsigned hits = 0;
    rng_init(&rng, 6);
    for (int i = 0; i < 10000; i++) {
        hits += rng_one_in(&rng, 10);
        assert_true(rng_one_in(&rng, 1));
        assert_false(rng_one_in(&rng, 0));
    }
    assert_in_range(hits, 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random__follows_the_published_generator),
        cmocka_unit_test(test_random__seeds_by_splitmix64),
        cmocka_unit_test(test_random__repeats_with_the_same_seed_only),
        cmocka_unit_test(test_random__stays_below_its_bound_and_reaches_all),
        cmocka_unit_test(test_random__draws_one_in_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
