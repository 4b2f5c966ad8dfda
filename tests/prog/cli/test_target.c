// Endpoints and tokens as people write them.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/client.h"

#include <stdlib.h>

static void test_target__reads_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        const char *meant; // NULL: refused
    } cases[] = {
        {"127.0.0.1:5000", "http://127.0.0.1:5000"},
        {"http://a:1/", "http://a:1"},
        {"https://a.example//", "https://a.example"},
        {"ftp://a", NULL},
        {"file:///etc/passwd", NULL},
        {"", NULL},
        {"/", NULL},
        {"a b", NULL},
    };
    struct target *target = calloc(1, sizeof *target);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        target->endpoint_count = 0;
        enum err e = target_add(target, cases[i].written, NULL);
        assert_int_equal(e, cases[i].meant != NULL ? ERR_OK : ERR_INVALID);
        if (cases[i].meant != NULL)
            assert_string_equal(target->endpoints[0], cases[i].meant);
    }
    free(target);
}

static void test_target__refuses_tokens_that_break_a_header(void **state)
{
    (void)state;
    struct target *target = calloc(1, sizeof *target);
    assert_int_equal(target_set_token(target, "aZ09-._~+/=", NULL), ERR_OK);
    assert_string_equal(target->token, "aZ09-._~+/=");
    assert_int_equal(target_set_token(target, "", NULL), ERR_INVALID);
    assert_int_equal(target_set_token(target, "a b", NULL), ERR_INVALID);
    assert_int_equal(target_set_token(target, "a\r\nX: y", NULL), ERR_INVALID);
    assert_int_equal(target_set_token(target, "\xc3\xa9", NULL), ERR_INVALID);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target__reads_endpoints),
        cmocka_unit_test(test_target__refuses_tokens_that_break_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
