#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

static void test_listing__shows_keys(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default", "", NULL), 200);
    assert_string_equal(t->body, "{\"status\":\"success\",\"keys\":[],\"cursor\":null}");
    assert_int_equal(t->host.last.limit, 100);
    testbed_ask(t, "PUT /v1/kv/default/a%22", "", "123");
    testbed_ask(t, "PUT /v1/kv/default/%ff", "", "");
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default", "", NULL), 200);
    char stamp[STAMP_TEXT_BYTES];
    stamp_format(t->host.records[0].stamp, stamp);
    assert_non_null(strstr(t->body, "{\"key\":\"a\\\"\",\"etag\":\"\\\""));
    assert_non_null(strstr(t->body, stamp));
    assert_non_null(strstr(t->body, "\\\"\",\"size\":3},{\"key_base64\":\"/w==\",\"etag\""));
}

static void test_listing__goes_on_at_the_cursor(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default?limit=7&prefix=m%2f%00", "", NULL), 200);
    assert_int_equal(t->host.last.limit, 7);
    assert_int_equal(t->host.last_prefix_bytes, 3);
    assert_memory_equal(t->host.last_prefix, "m/\0", 3);
    assert_int_equal(t->host.last.cursor.slot, 0);
    // Slot 258, then "m1": 01 02 6d 31.
    assert_non_null(strstr(t->body, "\"cursor\":\"AQJtMQ\""));
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default?cursor=AQJtMQ", "", NULL), 200);
    assert_int_equal(t->host.last.cursor.slot, 258);
    assert_int_equal(t->host.last_cursor_bytes, 2);
    assert_memory_equal(t->host.last_cursor, "m1", 2);
}

static void test_listing__refuses_bad_arguments(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[] = {
        "GET /v1/kv/default?limit=0",    "GET /v1/kv/default?limit=1001",
        "GET /v1/kv/default?limit=",     "GET /v1/kv/default?limit=-1",
        "GET /v1/kv/default?limit=1e2",  "GET /v1/kv/default?limit=99999999999",
        "GET /v1/kv/default?cursor=",    "GET /v1/kv/default?cursor=AQ",
        "GET /v1/kv/default?cursor=QAA", "GET /v1/kv/default?cursor=!!!!",
        "GET /v1/kv/default?prefix=%2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, bad[i], "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, 0);
    testbed_ask(t, "GET /v1/kv/other", "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_listing__shows_keys, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_listing__goes_on_at_the_cursor, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_listing__refuses_bad_arguments, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
