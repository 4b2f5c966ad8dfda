#include "base/random.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { POINTS = 0x110000, SURROGATES_FIRST = 0xd800, SURROGATES_LAST = 0xdfff };

static bool is_surrogate(uint32_t point)
{
    return point >= SURROGATES_FIRST && point <= SURROGATES_LAST;
}

// The twin: writes the code point in its shortest form, by RFC 3629, section 3.
static size_t encode(uint32_t point, uint8_t *out)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)((0xf00 >> length & 0xff) | point);
    return length;
}

// What was read of `bytes` is nothing, or is what its code point is written as.
static bool comes_from_a_point(const uint8_t *bytes, size_t length)
{
    uint8_t again[4];
    uint32_t point = UINT32_MAX;
    size_t read = utf8_read(slice_of(bytes, length), &point);
    if (read == 0)
        return point == UINT32_MAX;
    return read <= length && point < POINTS && !is_surrogate(point) &&
           encode(point, again) == read && memcmp(bytes, again, read) == 0;
}

static void test_utf8__reads_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < POINTS; point++) {
        uint8_t bytes[4];
        uint32_t read;
        size_t length = encode(point, bytes);
        if (is_surrogate(point)) {
            assert_int_equal(utf8_read(slice_of(bytes, length), &read), 0);
            continue;
        }
        assert_int_equal(utf8_read(slice_of(bytes, length), &read), length);
        assert_int_equal(read, point);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(utf8_read(slice_of(bytes, cut), &read), 0);
    }
}

static void test_utf8__reads_nothing_else(void **state)
{
    (void)state;
    for (uint32_t all = 0; all < 1u << 16; all++) {
        const uint8_t bytes[] = {(uint8_t)(all >> 8), (uint8_t)all};
        assert_true(comes_from_a_point(bytes, sizeof bytes));
    }
    struct rng rng;
    rng_init(&rng, 1);
    for (unsigned round = 0; round < 1u << 20; round++) {
        uint8_t bytes[4] = {(uint8_t)(0xc0 + rng_below(&rng, 64))};
        for (size_t i = 1; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(rng_below(&rng, 16) > 0 ? 0x80 + rng_below(&rng, 64)
                                                         : rng_below(&rng, 256));
        assert_true(comes_from_a_point(bytes, sizeof bytes));
    }
}

static void test_utf8__takes_what_is_well_formed(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "plain",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "long enough for a word \xf0\x9f\x90\xa6 and more of it"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(utf8_is_valid(slice_of_text(texts[i])));
    assert_true(utf8_is_valid(slice_of("a\0b", 3)));
    assert_true(utf8_is_valid(slice_of(NULL, 0)));
}

static void test_utf8__refuses_overlong_forms(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",         "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(utf8_is_valid(slice_of_text(texts[i])));
}

static void test_utf8__refuses_surrogates_and_what_is_too_great(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xed\xa0\x80",
                                        "\xed\xaf\xbf",
                                        "\xed\xb0\x80",
                                        "\xed\xbf\xbf",
                                        "\xed\xa0\xbd\xed\xb0\xa6",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf7\xbf\xbf\xbf",
                                        "\xff",
                                        "\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(utf8_is_valid(slice_of_text(texts[i])));
}

static void test_utf8__refuses_what_is_cut_or_out_of_place(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x80",
                                        "\xbf",
                                        "\xc2",
                                        "\xc2\x41",
                                        "\xe1\x80",
                                        "\xe1\x80\x41",
                                        "\xf0\x90\x80",
                                        "\xf0\x90\x41\x80",
                                        "\xc2\xc2\x80",
                                        "eight by\xfftes",
                                        "eight bytes and \xe2\x82"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(utf8_is_valid(slice_of_text(texts[i])));
}

// Each place of a word of eight bytes is looked at.
static void test_utf8__sees_a_bad_byte_anywhere(void **state)
{
    (void)state;
    char text[40];
    for (size_t length = 1; length <= sizeof text; length++) {
        for (size_t at = 0; at < length; at++) {
            memset(text, 'a', sizeof text);
            assert_true(utf8_is_valid(slice_of(text, length)));
            text[at] = '\x80';
            assert_false(utf8_is_valid(slice_of(text, length)));
        }
    }
}

static void test_utf8__cuts_between_sequences(void **state)
{
    (void)state;
    struct slice text = slice_of_text("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9dz");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < sizeof expected / sizeof expected[0]; most++) {
        size_t length = utf8_prefix(text, most);
        assert_int_equal(length, expected[most]);
        assert_true(utf8_is_valid(slice_of(text.bytes, length)));
    }
    assert_int_equal(utf8_prefix(slice_of(NULL, 0), 5), 0);
}

// Where there is no sequence, none is cut.
static void test_utf8__cuts_other_bytes_anywhere(void **state)
{
    (void)state;
    assert_int_equal(utf8_prefix(slice_of_text("\x80\x80\x80\x80\x80\x80"), 5), 5);
    assert_int_equal(utf8_prefix(slice_of_text("ab\xe2\x82"), 3), 3);
    assert_int_equal(utf8_prefix(slice_of_text("ab\xe2z"), 3), 3);
}

static void assert_mended(const char *text, const char *expected)
{
    char mended[64];
    memcpy(mended, text, strlen(text) + 1);
    utf8_mend(mended);
    assert_string_equal(mended, expected);
}

static void test_utf8__mends(void **state)
{
    (void)state;
    assert_mended("", "");
    assert_mended("plain \xc3\xa9 \xf0\x9f\x90\x9d", "plain \xc3\xa9 \xf0\x9f\x90\x9d");
    assert_mended("cut \xf0\x9f\x90", "cut ???");
    assert_mended("\xff\xc3\xa9\x80z", "?\xc3\xa9?z");
    assert_mended("\xe2\x82\xc3\xa9", "??\xc3\xa9");
    assert_mended("\xed\xa0\x80", "???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__reads_every_code_point),
        cmocka_unit_test(test_utf8__reads_nothing_else),
        cmocka_unit_test(test_utf8__takes_what_is_well_formed),
        cmocka_unit_test(test_utf8__refuses_overlong_forms),
        cmocka_unit_test(test_utf8__refuses_surrogates_and_what_is_too_great),
        cmocka_unit_test(test_utf8__refuses_what_is_cut_or_out_of_place),
        cmocka_unit_test(test_utf8__sees_a_bad_byte_anywhere),
        cmocka_unit_test(test_utf8__cuts_between_sequences),
        cmocka_unit_test(test_utf8__cuts_other_bytes_anywhere),
        cmocka_unit_test(test_utf8__mends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
