#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/percent.h"

static struct slice decoded;
static uint8_t bytes[8];

static enum err decode(const char *text)
{
    size_t length = 0;
    enum err error = percent_decode(slice_of_text(text), bytes, sizeof bytes, &length);
    decoded = slice_of(bytes, length);
    return error;
}

static void test_percent__decodes(void **state)
{
    (void)state;
    assert_int_equal(decode("a%00%2f%2FzZ+"), ERR_OK);
    assert_true(slice_equal(decoded, slice_of("a\0//zZ+", 7)));
    assert_int_equal(decode("%ff\xc3"), ERR_OK);
    assert_true(slice_equal(decoded, slice_of("\xff\xc3", 2)));
    assert_int_equal(decode(""), ERR_OK);
    assert_int_equal(decoded.length, 0);
}

static void test_percent__refuses_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {"%",    "%1",  "a%",  "%g0", "%0g",
                                        "%%41", "%-1", "% 1", "ab%4"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(decode(texts[i]), ERR_INVALID);
}

static void test_percent__bounds_the_result(void **state)
{
    (void)state;
    assert_int_equal(decode("%41%41%41%41%41%41%41%41"), ERR_OK);
    assert_int_equal(decoded.length, 8);
    assert_int_equal(decode("123456789"), ERR_TOO_LARGE);
    assert_int_equal(decode("%41%41%41%41%41%41%41%41%41"), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent__decodes),
        cmocka_unit_test(test_percent__refuses_malformed),
        cmocka_unit_test(test_percent__bounds_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
