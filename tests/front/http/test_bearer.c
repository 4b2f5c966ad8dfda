#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/bearer.h"

static bool check(const char *header)
{
    return bearer_is_valid(slice_of_text(header), slice_of_text("sesame"));
}

static void test_bearer__takes_the_token_only(void **state)
{
    (void)state;
    assert_true(check("Bearer sesame"));
    assert_true(check("bearer sesame"));
    static const char *const others[] = {"",
                                         "Bearer",
                                         "Bearer ",
                                         "Bearer sesam",
                                         "Bearer sesamex",
                                         "Bearer sesamesesame",
                                         "Bearer Sesame",
                                         "Bearer  sesame",
                                         "Basic sesame",
                                         "sesame",
                                         "Bearer xesame"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(check(others[i]));
    assert_false(bearer_is_valid(slice_of(NULL, 0), slice_of_text("sesame")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bearer__takes_the_token_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
