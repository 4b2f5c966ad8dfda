#include "core/epidemic/context.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { TWIN_ROUNDS = 200, TWIN_ORIGINS = 80, TWIN_RAISES = 300, GARBAGE_ROUNDS = 20000 };

static struct dot dot_of(uint64_t origin, uint64_t sequence)
{
    return (struct dot){.origin = origin, .sequence = sequence};
}

static void raise_entry(struct context *context, uint64_t origin, uint64_t sequence)
{
    assert_int_equal(context_raise(context, dot_of(origin, sequence)), ERR_OK);
    context_invariants(context);
}

// One entry for each origin from 1 on.
static struct context context_of(uint32_t count)
{
    struct context context = {0};
    for (uint32_t i = 0; i < count; i++)
        raise_entry(&context, i + 1, 10 * (i + 1));
    return context;
}

static void test_context__covers_up_to_the_number_of_each_origin(void **state)
{
    (void)state;
    struct context context = {0};
    assert_false(context_covers(&context, dot_of(5, 1)));
    raise_entry(&context, 5, 3);
    raise_entry(&context, UINT64_MAX, UINT64_MAX);
    assert_true(context_covers(&context, dot_of(5, 1)));
    assert_true(context_covers(&context, dot_of(5, 3)));
    assert_false(context_covers(&context, dot_of(5, 4)));
    assert_false(context_covers(&context, dot_of(4, 1)));
    assert_false(context_covers(&context, dot_of(6, 1)));
    assert_true(context_covers(&context, dot_of(UINT64_MAX, UINT64_MAX)));
    assert_true(context_get(&context, 5) == 3);
    assert_true(context_get(&context, 6) == 0);
}

static void test_context__raising_never_lowers(void **state)
{
    (void)state;
    struct context context = {0};
    raise_entry(&context, 7, 5);
    raise_entry(&context, 7, 4);
    assert_true(context_get(&context, 7) == 5);
    raise_entry(&context, 7, 6);
    assert_true(context_get(&context, 7) == 6);
    assert_int_equal(context.count, 1);
}

// The twin has a number for each origin, in a row.
static void test_context__is_the_greatest_number_of_each_origin(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (unsigned round = 0; round < TWIN_ROUNDS; round++) {
        uint64_t twin[TWIN_ORIGINS + 1] = {0};
        uint32_t twin_count = 0;
        struct context context = {0};
        for (unsigned i = 0; i < TWIN_RAISES; i++) {
            struct dot dot = dot_of(1 + rng_below(&rng, TWIN_ORIGINS), 1 + rng_below(&rng, 9));
            bool has_room = twin[dot.origin] > 0 || twin_count < CONTEXT_ENTRIES_MAX;
            enum err err = context_raise(&context, dot);
            assert_int_equal(err, has_room ? ERR_OK : ERR_TOO_LARGE);
            if (has_room && twin[dot.origin] == 0)
                twin_count++;
            if (has_room && twin[dot.origin] < dot.sequence)
                twin[dot.origin] = dot.sequence;
            context_invariants(&context);
            assert_int_equal(context.count, twin_count);
        }
        for (uint64_t origin = 0; origin <= TWIN_ORIGINS; origin++)
            assert_true(context_get(&context, origin) == twin[origin]);
    }
}

static void test_context__refuses_one_entry_too_many_and_stays(void **state)
{
    (void)state;
    struct context full = {0};
    for (uint32_t i = 0; i < CONTEXT_ENTRIES_MAX; i++)
        raise_entry(&full, 2 * i + 2, 1);
    const struct context before = full;
    const uint64_t others[] = {1, 65, UINT64_MAX}; // at the front, amidst, at the end
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(context_raise(&full, dot_of(others[i], 1)), ERR_TOO_LARGE);
        context_invariants(&full);
        assert_true(context_equal(&full, &before));
    }
    raise_entry(&full, 64, 9);
    assert_true(context_get(&full, 64) == 9);
}

static void test_context__contains_what_covers_as_much(void **state)
{
    (void)state;
    const struct context nothing = {0};
    const struct context two = context_of(2);
    struct context other = two;
    assert_true(context_contains(&nothing, &nothing));
    assert_true(context_contains(&two, &nothing));
    assert_false(context_contains(&nothing, &two));
    assert_true(context_contains(&two, &other));
    raise_entry(&other, 2, 21);
    assert_true(context_contains(&other, &two));
    assert_false(context_contains(&two, &other));
    raise_entry(&other, 9, 1);
    assert_true(context_contains(&other, &two));
    const struct context third = {.count = 1, .entries = {{3, 1}}};
    assert_false(context_contains(&two, &third));
    assert_false(context_contains(&third, &two));
}

static void test_context__equal_looks_at_every_entry(void **state)
{
    (void)state;
    const struct context two = context_of(2);
    struct context other = two;
    other.entries[2] = dot_of(99, 99); // what is past the count is no part of it
    assert_true(context_equal(&two, &other));
    other.entries[1].sequence++;
    assert_false(context_equal(&two, &other));
    other = two;
    other.entries[1].origin++;
    assert_false(context_equal(&two, &other));
    other = context_of(3);
    assert_false(context_equal(&two, &other));
    assert_false(context_equal(&other, &two));
}

static void assert_round_trip(const struct context *context, size_t length)
{
    struct buf bytes;
    struct context again = context_of(5);
    buf_init(&bytes, CONTEXT_BYTES_MAX);
    context_encode(&bytes, context);
    assert_false(bytes.overflown);
    assert_int_equal(bytes.length, length);
    struct cursor in = cursor_of(buf_slice(&bytes));
    context_decode(&in, &again);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    context_invariants(&again);
    assert_true(context_equal(&again, context));
    for (size_t cut = 0; cut < length; cut++) {
        in = cursor_of(slice_of(bytes.bytes, cut));
        context_decode(&in, &again);
        assert_true(in.failed);
        assert_int_equal(again.count, 0);
    }
    buf_release(&bytes);
}

static void test_context__encodes_and_decodes_and_needs_every_byte(void **state)
{
    (void)state;
    struct context context = {0};
    assert_round_trip(&context, 1);
    context = context_of(3);
    assert_round_trip(&context, 1 + 3 * 9);
    context = (struct context){0};
    for (uint32_t i = 0; i < CONTEXT_ENTRIES_MAX; i++)
        raise_entry(&context, UINT64_MAX - i, UINT64_MAX - i);
    assert_round_trip(&context, CONTEXT_BYTES_MAX);
}

static void test_context__bytes_are_the_same_for_ever(void **state)
{
    (void)state;
    const struct context context = {.count = 2,
                                    .entries = {{0x0102030405060708, 300}, {UINT64_MAX, 1}}};
    const uint8_t expected[] = {2,    1,    2,    3,    4,    5,    6,    7,    8,    0xac,
                                0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    struct buf bytes;
    buf_init(&bytes, CONTEXT_BYTES_MAX);
    context_encode(&bytes, &context);
    assert_int_equal(bytes.length, sizeof expected);
    assert_memory_equal(bytes.bytes, expected, sizeof expected);
    buf_release(&bytes);
}

// Decodes what an encoder without scruples made of the entries.
static void assert_refused(const struct dot *entries, uint32_t count)
{
    struct buf bytes;
    struct context context = context_of(5);
    buf_init(&bytes, 2 * CONTEXT_BYTES_MAX);
    buf_append_varint(&bytes, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_append_u64_be(&bytes, entries[i].origin);
        buf_append_varint(&bytes, entries[i].sequence);
    }
    struct cursor in = cursor_of(buf_slice(&bytes));
    context_decode(&in, &context);
    assert_true(in.failed);
    assert_int_equal(context.count, 0);
    buf_release(&bytes);
}

static void test_context__refuses_what_breaks_an_invariant(void **state)
{
    (void)state;
    const struct dot unsorted[] = {{3, 1}, {2, 1}};
    const struct dot twice[] = {{3, 1}, {3, 2}};
    const struct dot twice_later[] = {{1, 1}, {3, 1}, {3, 1}};
    const struct dot no_origin[] = {{0, 1}, {3, 2}};
    const struct dot no_number[] = {{3, 1}, {4, 0}};
    struct dot too_many[CONTEXT_ENTRIES_MAX + 1];
    for (uint32_t i = 0; i <= CONTEXT_ENTRIES_MAX; i++)
        too_many[i] = dot_of(i + 1, 1);
    assert_refused(unsorted, 2);
    assert_refused(twice, 2);
    assert_refused(twice_later, 3);
    assert_refused(no_origin, 2);
    assert_refused(no_number, 2);
    assert_refused(too_many, CONTEXT_ENTRIES_MAX + 1);
    const uint8_t long_number[] = {1, 0, 0, 0, 0, 0, 0, 0, 3, 0x81, 0x00};
    struct cursor in = cursor_of(slice_of(long_number, sizeof long_number));
    struct context context;
    context_decode(&in, &context);
    assert_true(in.failed);
}

static void test_context__decodes_any_bytes_to_what_they_encode(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 4);
    unsigned taken = 0;
    for (unsigned i = 0; i < GARBAGE_ROUNDS; i++) {
        uint8_t bytes[64];
        struct context context;
        struct buf again;
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)rng_below(&rng, j == 0 ? 4 : 256);
        struct cursor in = cursor_of(slice_of(bytes, length));
        context_decode(&in, &context);
        context_invariants(&context);
        if (in.failed)
            continue;
        taken++;
        buf_init(&again, CONTEXT_BYTES_MAX);
        context_encode(&again, &context);
        assert_true(slice_equal(buf_slice(&again), slice_of(bytes, length - cursor_left(&in))));
        buf_release(&again);
    }
    assert_true(taken > GARBAGE_ROUNDS / 4 && taken < GARBAGE_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context__covers_up_to_the_number_of_each_origin),
        cmocka_unit_test(test_context__raising_never_lowers),
        cmocka_unit_test(test_context__is_the_greatest_number_of_each_origin),
        cmocka_unit_test(test_context__refuses_one_entry_too_many_and_stays),
        cmocka_unit_test(test_context__contains_what_covers_as_much),
        cmocka_unit_test(test_context__equal_looks_at_every_entry),
        cmocka_unit_test(test_context__encodes_and_decodes_and_needs_every_byte),
        cmocka_unit_test(test_context__bytes_are_the_same_for_ever),
        cmocka_unit_test(test_context__refuses_what_breaks_an_invariant),
        cmocka_unit_test(test_context__decodes_any_bytes_to_what_they_encode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
