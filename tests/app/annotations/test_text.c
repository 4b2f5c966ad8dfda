#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/text.h"

static void test_text__finds_the_first_flaw(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        size_t at; // the length when there is none
    } cases[] = {
        {"", 0, 0},
        {"plain\n\ttext", 11, 11},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa6", 14, 14},
        {"\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7, 7},
        {"a\0b", 3, 1},
        {"a\rb", 3, 1},
        {"ab\x1f", 3, 2},
        {"\x7f", 1, 0},
        {"a\xc2\x80", 3, 1},
        {"a\xc2\x9f", 3, 1},
        {"a\xc2\xa0", 3, 3},
        {"a\x80", 2, 1},
        {"a\xc3", 2, 1},
        {"a\xc3(", 3, 1},
        {"\xc0\x80", 2, 0},
        {"\xc1\xbf", 2, 0},
        {"\xe0\x80\x80", 3, 0},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xed\xbf\xbf", 3, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf8\x88\x80\x80\x80", 5, 0},
        {"\xff", 1, 0},
        {"\xf0\x9f\x90", 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t at;
        const char *reason;
        bool clean = text_is_clean(slice_of(cases[i].text, cases[i].length), "\n\t", &at, &reason);
        assert_int_equal(clean, cases[i].at == cases[i].length);
        assert_int_equal(at, cases[i].at);
        assert_int_equal(reason == NULL, clean);
    }
    assert_false(text_is_clean(slice_of_text("a\n"), "", NULL, NULL));
    assert_false(text_is_clean(slice_of_text("a\n"), "\t", NULL, NULL));
}

static void test_text__reads_only_what_it_writes_in_hexadecimal(void **state)
{
    (void)state;
    struct buf text;
    uint8_t back[256];
    uint8_t bytes[256];
    buf_init(&text, 512);
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    text_append_hex(&text, slice_of(bytes, sizeof bytes));
    assert_int_equal(text.length, 512);
    assert_true(text_read_hex(buf_slice(&text), back, sizeof back));
    assert_memory_equal(back, bytes, sizeof back);
    assert_false(text_read_hex(buf_slice(&text), back, 255));
    buf_release(&text);
    static const char *const bad[] = {"", "0", "000", "0g", "g0", "0A", "A0", " 0", "0x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_read_hex(slice_of_text(bad[i]), back, 1));
}

static void test_text__knows_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int value;
    } cases[] = {{"%00", 0},  {"%ff", 255}, {"%Af", 0xaf}, {"%", -1},   {"%a", -1},
                 {"%g0", -1}, {"%0g", -1},  {"100", -1},   {"%%0", -1}, {"", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(text_escape_value(slice_of_text(cases[i].text), 0), cases[i].value);
    assert_int_equal(text_escape_value(slice_of_text("a%20"), 1), ' ');
    assert_int_equal(text_escape_value(slice_of_text("a%20"), 4), -1);
}

static void test_text__compares_beginnings_whatever_the_case(void **state)
{
    (void)state;
    assert_true(text_begins(slice_of_text("MaGnet:?"), "magnet:"));
    assert_true(text_begins(slice_of_text("a"), ""));
    assert_false(text_begins(slice_of_text("magne"), "magnet"));
    assert_false(text_begins(slice_of_text("[a"), "{a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__finds_the_first_flaw),
        cmocka_unit_test(test_text__reads_only_what_it_writes_in_hexadecimal),
        cmocka_unit_test(test_text__knows_escapes),
        cmocka_unit_test(test_text__compares_beginnings_whatever_the_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
