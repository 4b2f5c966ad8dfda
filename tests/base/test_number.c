#include "base/number.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_number__takes_what_is_within_bounds(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_true(number_parse("0", 0, 0, &value));
    assert_int_equal(value, 0);
    assert_true(number_parse("18446744073709551615", 1, UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(number_parse("007", 7, 7, &value));
    assert_int_equal(value, 7);
}

static void test_number__refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " 1", "1 ",  "-1", "+1", "1.0",
                                      "1e3", "x",  "0x1", "4",  "12", "18446744073709551616"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t value = 99;
        assert_false(number_parse(bad[i], 5, 11, &value));
        assert_int_equal(value, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number__takes_what_is_within_bounds),
        cmocka_unit_test(test_number__refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
