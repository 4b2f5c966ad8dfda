#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void test_err__has_a_unique_name_for_each_code(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ERR_COUNT; i++) {
        assert_true(strlen(err_name((enum err)i)) > 0);
        assert_true(strlen(err_sentence((enum err)i)) > 0);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(err_name((enum err)i), err_name((enum err)j));
    }
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(ERR_COUNT), "unnamed");
}

static void test_err__cuts_detail_at_its_maximum(void **state)
{
    (void)state;
    char text[2 * ERRMSG_BYTES_MAX];
    struct errmsg detail;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(errmsg_set(&detail, ERR_IO, "%s", text), ERR_IO);
    assert_int_equal(strlen(detail.text), ERRMSG_BYTES_MAX - 1);
    assert_int_equal(errmsg_set(NULL, ERR_FULL, "%s", text), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__has_a_unique_name_for_each_code),
        cmocka_unit_test(test_err__cuts_detail_at_its_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
