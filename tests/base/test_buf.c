#include "base/buf.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_buf__appends_big_endian(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xab, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                       0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e};
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_u8(&buf, 0xab);
    buf_append_u16_be(&buf, 0x0102);
    buf_append_u32_be(&buf, 0x03040506);
    buf_append_u64_be(&buf, UINT64_C(0x0708090a0b0c0d0e));
    assert_true(slice_equal(buf_slice(&buf), slice_of(expected, sizeof expected)));
    buf_release(&buf);
}

static void test_buf__takes_nothing_past_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    buf_append(&buf, "abc", 3);
    buf_append(&buf, "def", 3);
    assert_true(buf.overflown);
    assert_int_equal(buf.length, 3);
    buf_append(&buf, "x", 1);
    assert_int_equal(buf.length, 3);
    assert_null(buf_extend(&buf, 1));
    buf_clear(&buf);
    assert_false(buf.overflown);
    buf_append(&buf, "abcde", 5);
    assert_false(buf.overflown);
    assert_true(slice_equal(buf_slice(&buf), slice_of_text("abcde")));
    assert_true(buf.capacity <= buf.max);
    buf_release(&buf);
}

static void test_buf__refuses_a_length_that_would_wrap(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_append(&buf, "abc", 3);
    assert_null(buf_extend(&buf, SIZE_MAX));
    assert_true(buf.overflown);
    assert_int_equal(buf.length, 3);
    buf_release(&buf);
}

static void test_buf__grows_byte_by_byte_up_to_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        buf_append_u8(&buf, (uint8_t)(i * 7));
        assert_true(buf.length <= buf.capacity && buf.capacity <= buf.max);
    }
    assert_false(buf.overflown);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(buf.bytes[i], (uint8_t)(i * 7));
    buf_append_u8(&buf, 0);
    assert_true(buf.overflown);
    buf_release(&buf);
}

static void test_buf__consumes_from_the_front(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_append(&buf, "abcdef", 6);
    buf_consume(&buf, 0);
    buf_consume(&buf, 2);
    assert_true(slice_equal(buf_slice(&buf), slice_of_text("cdef")));
    buf_consume(&buf, 100);
    assert_int_equal(buf.length, 0);
    buf_release(&buf);
}

static void test_buf__formats_text(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_format(&buf, "%s=%d", "x", 42);
    assert_true(slice_equal(buf_slice(&buf), slice_of_text("x=42")));
    buf_release(&buf);
}

static void test_buf__has_one_encoding_for_each_varint(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t length;
    } cases[] = {
        {0, "\x00", 1},
        {1, "\x01", 1},
        {127, "\x7f", 1},
        {128, "\x80\x01", 2},
        {300, "\xac\x02", 2},
        {16383, "\xff\x7f", 2},
        {16384, "\x80\x80\x01", 3},
        {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf;
        buf_init(&buf, 100);
        buf_append_varint(&buf, cases[i].value);
        assert_true(slice_equal(buf_slice(&buf), slice_of(cases[i].bytes, cases[i].length)));
        struct cursor in = cursor_of(buf_slice(&buf));
        assert_int_equal(cursor_varint(&in), cases[i].value);
        assert_int_equal(cursor_finish(&in), ERR_OK);
        buf_release(&buf);
    }
}

static void test_buf__brings_random_varints_back(void **state)
{
    (void)state;
    struct rng rng;
    struct buf buf;
    uint64_t values[1000];
    rng_init(&rng, 1);
    buf_init(&buf, 10000);
    for (size_t i = 0; i < 1000; i++) {
        values[i] = rng_u64(&rng) >> rng_below(&rng, 64);
        buf_append_varint(&buf, values[i]);
    }
    struct cursor in = cursor_of(buf_slice(&buf));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(cursor_varint(&in), values[i]);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_release(&buf);
}

static void test_cursor__refuses_bad_varints(void **state)
{
    (void)state;
    static const struct slice cases[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\x80", 1},                                          // cut off
        {(const uint8_t *)"\x80\x00", 2},                                      // not the shortest
        {(const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},     // over 64 bits
        {(const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 11}, // over 10 bytes
        {(const uint8_t *)"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cursor in = cursor_of(cases[i]);
        assert_int_equal(cursor_varint(&in), 0);
        assert_true(in.failed);
        assert_int_equal(cursor_finish(&in), ERR_INVALID);
    }
}

static void test_cursor__bounds_a_varint(void **state)
{
    (void)state;
    struct cursor in = cursor_of(slice_of("\x05\x05", 2));
    assert_int_equal(cursor_varint_max(&in, 5), 5);
    assert_false(in.failed);
    assert_int_equal(cursor_varint_max(&in, 4), 0);
    assert_true(in.failed);
}

static void test_cursor__stays_failed(void **state)
{
    (void)state;
    struct cursor in = cursor_of(slice_of("\x01\x02\x03", 3));
    assert_int_equal(cursor_u32_be(&in), 0);
    assert_true(in.failed);
    assert_int_equal(cursor_u8(&in), 0);
    assert_int_equal(cursor_u16_be(&in), 0);
    assert_int_equal(cursor_u64_be(&in), 0);
    assert_int_equal(cursor_bytes(&in, 0).length, 0);
    assert_int_equal(cursor_counted(&in).length, 0);
    assert_int_equal(cursor_left(&in), 0);
    assert_int_equal(cursor_finish(&in), ERR_INVALID);
}

static void test_cursor__reads_what_was_appended(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_u8(&buf, 1);
    buf_append_u16_be(&buf, 0xfffe);
    buf_append_u32_be(&buf, 0xfffffffd);
    buf_append_u64_be(&buf, UINT64_MAX - 3);
    buf_append_counted(&buf, slice_of_text("text"));
    buf_append_counted(&buf, slice_of(NULL, 0));
    struct cursor in = cursor_of(buf_slice(&buf));
    assert_int_equal(cursor_u8(&in), 1);
    assert_int_equal(cursor_u16_be(&in), 0xfffe);
    assert_int_equal(cursor_u32_be(&in), 0xfffffffd);
    assert_int_equal(cursor_u64_be(&in), UINT64_MAX - 3);
    assert_true(slice_equal(cursor_counted(&in), slice_of_text("text")));
    assert_int_equal(cursor_finish(&in), ERR_INVALID); // one byte is left
    assert_int_equal(cursor_counted(&in).length, 0);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_release(&buf);
}

static void test_cursor__refuses_a_count_past_the_end(void **state)
{
    (void)state;
    struct cursor in = cursor_of(slice_of("\x04"
                                          "abc",
                                          4));
    assert_int_equal(cursor_counted(&in).length, 0);
    assert_true(in.failed);
}

static void test_cursor__reads_an_absent_slice(void **state)
{
    (void)state;
    struct cursor in = cursor_of(slice_of(NULL, 0));
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_int_equal(cursor_u8(&in), 0);
    assert_int_equal(cursor_finish(&in), ERR_INVALID);
}

static void test_slice__orders_a_prefix_first(void **state)
{
    (void)state;
    assert_true(slice_compare(slice_of_text("a"), slice_of_text("ab")) < 0);
    assert_true(slice_compare(slice_of_text("b"), slice_of_text("ab")) > 0);
    assert_true(slice_compare(slice_of("\xff", 1), slice_of("\x01", 1)) > 0);
    assert_int_equal(slice_compare(slice_of(NULL, 0), slice_of_text("")), 0);
    assert_true(slice_compare(slice_of(NULL, 0), slice_of_text("a")) < 0);
    assert_false(slice_equal(slice_of_text("a"), slice_of_text("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__appends_big_endian),
        cmocka_unit_test(test_buf__takes_nothing_past_its_maximum),
        cmocka_unit_test(test_buf__refuses_a_length_that_would_wrap),
        cmocka_unit_test(test_buf__grows_byte_by_byte_up_to_its_maximum),
        cmocka_unit_test(test_buf__consumes_from_the_front),
        cmocka_unit_test(test_buf__formats_text),
        cmocka_unit_test(test_buf__has_one_encoding_for_each_varint),
        cmocka_unit_test(test_buf__brings_random_varints_back),
        cmocka_unit_test(test_cursor__refuses_bad_varints),
        cmocka_unit_test(test_cursor__bounds_a_varint),
        cmocka_unit_test(test_cursor__stays_failed),
        cmocka_unit_test(test_cursor__reads_what_was_appended),
        cmocka_unit_test(test_cursor__refuses_a_count_past_the_end),
        cmocka_unit_test(test_cursor__reads_an_absent_slice),
        cmocka_unit_test(test_slice__orders_a_prefix_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
