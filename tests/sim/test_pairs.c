#include "sim/pairs.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { KEYS = 300 };

// Of one to three bytes, so that some begin others.
static struct slice key_of(uint32_t number, uint8_t bytes[3])
{
    size_t length = 1 + number % 3;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number / 3);
    return slice_of(bytes, length);
}

static void test_pairs__does_what_a_plain_array_does(void **state)
{
    (void)state;
    struct pairs pairs;
    struct pairs copy;
    struct rng rng;
    uint64_t values[KEYS] = {0}; // 0: absent
    uint8_t bytes[3];
    size_t count = 0;
    pairs_init(&pairs);
    pairs_init(&copy);
    rng_init(&rng, 1);
    for (uint64_t step = 1; step < 5000; step++) {
        uint32_t number = (uint32_t)rng_below(&rng, KEYS);
        struct slice key = key_of(number, bytes);
        uint64_t value = rng_one_in(&rng, 3) ? 0 : step;
        if (value == 0)
            pairs_remove(&pairs, key);
        else
            pairs_put(&pairs, key, slice_of(&value, sizeof value));
        count = count + (value != 0 ? 1 : 0) - (values[number] != 0 ? 1 : 0);
        values[number] = value;
        assert_int_equal(pairs.count, count);
    }
    pairs_copy(&copy, &pairs);
    pairs_release(&pairs);
    for (uint32_t number = 0; number < KEYS; number++) {
        const struct pair *pair = pairs_find(&copy, key_of(number, bytes));
        assert_int_equal(pair != NULL, values[number] != 0);
        if (pair != NULL)
            assert_true(slice_equal(pair->value, slice_of(&values[number], sizeof values[number])));
    }
    for (size_t i = 0; i < copy.count; i++) {
        assert_int_equal(pairs_from(&copy, copy.items[i]->key), i);
        assert_true(i == 0 || slice_compare(copy.items[i - 1]->key, copy.items[i]->key) < 0);
    }
    pairs_release(&copy);
}

static void test_pairs__finds_where_a_key_would_be(void **state)
{
    (void)state;
    struct pairs pairs;
    pairs_init(&pairs);
    pairs_put(&pairs, slice_of_text("b"), slice_of(NULL, 0));
    pairs_put(&pairs, slice_of_text("d"), slice_of_text("x"));
    assert_int_equal(pairs_from(&pairs, slice_of(NULL, 0)), 0);
    assert_int_equal(pairs_from(&pairs, slice_of_text("b")), 0);
    assert_int_equal(pairs_from(&pairs, slice_of_text("ba")), 1);
    assert_int_equal(pairs_from(&pairs, slice_of_text("e")), 2);
    assert_null(pairs_find(&pairs, slice_of_text("c")));
    assert_int_equal(pairs_find(&pairs, slice_of_text("b"))->value.length, 0);
    pairs_release(&pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs__does_what_a_plain_array_does),
        cmocka_unit_test(test_pairs__finds_where_a_key_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
