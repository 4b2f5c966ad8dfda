#include "base/random.h"
#include "model/stamp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_stamp__puts_the_epoch_above_the_sequence(void **state)
{
    (void)state;
    struct stamp early = stamp_make(7, STAMP_SEQUENCE_MAX, 9);
    struct stamp late = stamp_make(8, 0, 1);
    assert_true(stamp_compare(early, late) < 0);
    assert_int_equal(stamp_epoch(early), 7);
    assert_int_equal(stamp_epoch(late), 8);
    assert_int_equal(stamp_make(STAMP_EPOCH_MAX, STAMP_SEQUENCE_MAX, 1).counter, UINT64_MAX);
}

static void test_stamp__is_totally_ordered(void **state)
{
    (void)state;
    static const struct stamp ascending[] = {
        {0, 0}, {0, 1}, {1, 0}, {1, 5}, {1, UINT64_MAX}, {2, 0}, {UINT64_MAX, 0}, {UINT64_MAX, 1},
    };
    const int count = sizeof ascending / sizeof ascending[0];
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            int order = stamp_compare(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_true(stamp_is_zero(ascending[0]));
    assert_false(stamp_is_zero(ascending[1]));
    assert_false(stamp_is_zero(ascending[2]));
}

static void test_stamp__comes_back_from_bytes_and_text(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < 1000; i++) {
        struct stamp stamp = {rng_u64(&rng) >> rng_below(&rng, 64),
                              rng_u64(&rng) >> rng_below(&rng, 64)};
        struct buf buf;
        buf_init(&buf, 100);
        stamp_encode(&buf, stamp);
        struct cursor in = cursor_of(buf_slice(&buf));
        assert_int_equal(stamp_compare(stamp_decode(&in), stamp), 0);
        assert_int_equal(cursor_finish(&in), ERR_OK);
        buf_release(&buf);

        char text[STAMP_TEXT_BYTES];
        struct stamp parsed;
        stamp_format(stamp, text);
        assert_int_equal(stamp_parse(slice_of_text(text), &parsed), ERR_OK);
        assert_int_equal(stamp_compare(parsed, stamp), 0);
    }
}

static void test_stamp__formats_the_greatest(void **state)
{
    (void)state;
    char text[STAMP_TEXT_BYTES];
    stamp_format((struct stamp){UINT64_MAX, UINT64_MAX}, text);
    assert_string_equal(text, "ffffffffffffffff-ffffffffffffffff");
    stamp_format((struct stamp){0x1f, 0}, text);
    assert_string_equal(text, "1f-0");
}

static void test_stamp__refuses_other_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      "-",    "1",     "1-",   "-1",
        "1-2-3", "01-2", "1-02",  "A-1",  "1-g",
        " 1-2",  "1-2 ", "0x1-2", "+1-2", "11111111111111111-1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct stamp stamp;
        assert_int_equal(stamp_parse(slice_of_text(texts[i]), &stamp), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp__puts_the_epoch_above_the_sequence),
        cmocka_unit_test(test_stamp__is_totally_ordered),
        cmocka_unit_test(test_stamp__comes_back_from_bytes_and_text),
        cmocka_unit_test(test_stamp__formats_the_greatest),
        cmocka_unit_test(test_stamp__refuses_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
