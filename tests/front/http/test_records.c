#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static void test_records__writes_reads_and_deletes(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(
        testbed_ask(t, "POST /write", "", "{\"key\":\"a/b c\",\"value\":\"v\\u0000\\\"\"}"), 200);
    assert_string_equal(
        t->body, "{\"status\":\"success\",\"message\":\"the value is stored\",\"key\":\"a/b c\"}");
    assert_true(testbed_has_header(t, "Content-Type: application/json"));
    assert_int_equal(t->host.last.keyspace, 1);
    assert_int_equal(testbed_ask(t, "GET /read/a/b%20c", "", NULL), 200);
    assert_string_equal(t->body,
                        "{\"status\":\"success\",\"key\":\"a/b c\",\"value\":\"v\\u0000\\\"\","
                        "\"message\":\"the key is found\"}");
    assert_int_equal(testbed_ask(t, "GET /read/a%2Fb%20c", "", NULL), 200);
    assert_int_equal(
        testbed_ask(t, "POST /write", "", "{\"value\":\"2\",\"key\":\"a/b c\",\"extra\":1}"), 200);
    assert_non_null(strstr(t->body, "replaced"));
    assert_int_equal(testbed_ask(t, "DELETE /delete/a/b%20c", "", NULL), 200);
    assert_string_equal(
        t->body, "{\"status\":\"success\",\"message\":\"the key is deleted\",\"key\":\"a/b c\"}");
    testbed_ask(t, "DELETE /delete/a/b%20c", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /read/a/b%20c", "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

static void test_records__refuses_bad_writes(void **state)
{
    struct testbed *t = *state;
    static const char *const bodies[] = {"",
                                         "{",
                                         "[]",
                                         "{}",
                                         "{\"key\":\"a\"}",
                                         "{\"value\":\"a\"}",
                                         "{\"key\":\"\",\"value\":\"a\"}",
                                         "{\"key\":\"a\",\"value\":\"\"}",
                                         "{\"key\":null,\"value\":\"a\"}",
                                         "{\"key\":\"a\",\"value\":null}",
                                         "{\"key\":1,\"value\":\"a\"}",
                                         "{\"key\":\"a\",\"value\":1}",
                                         "{\"key\":\"a\",\"value\":{}}",
                                         "{\"key\":\"a\",\"value\":\"b\",\"key\":\"c\"}",
                                         "{\"key\":\"a\",\"value\":\"b\"}x",
                                         "{\"key\":\"a\",\"value\":\"\xff\"}",
                                         "{\"key\":\"a\",\"value\":[[[[[[[[[[]]]]]]]]]]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        testbed_ask(t, "POST /write", "", bodies[i]);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, 0);
}

static void write_sized(struct testbed *t, size_t key_bytes, size_t value_bytes)
{
    char key[600] = {0};
    char value[2000] = {0};
    char body[3000];
    memset(key, 'k', key_bytes);
    memset(value, 'v', value_bytes);
    snprintf(body, sizeof body, "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
    testbed_ask(t, "POST /write", "", body);
}

static void test_records__bounds_keys_and_values(void **state)
{
    struct testbed *t = *state;
    write_sized(t, 480, 1000);
    assert_int_equal(t->status, 200);
    write_sized(t, 481, 10);
    testbed_expect_error(t, 400, "invalid");
    write_sized(t, 10, 1001);
    testbed_expect_error(t, 413, "too_large");
    char path[2000];
    size_t length = (size_t)snprintf(path, sizeof path, "GET /read/");
    for (int i = 0; i < 480; i++)
        length += (size_t)snprintf(path + length, sizeof path - length, "%%6b");
    assert_int_equal(testbed_ask(t, path, "", NULL), 200);
    snprintf(path + length, sizeof path - length, "k");
    testbed_ask(t, path, "", NULL);
    testbed_expect_error(t, 400, "invalid");
    static const char *const paths[] = {"GET /read/",      "GET /read/%",
                                        "GET /read/%zz",   "GET /read/%ff",
                                        "DELETE /delete/", "DELETE /delete/%c3%28"};
    unsigned before = t->host.request_count;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        testbed_ask(t, paths[i], "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, before);
}

static void test_records__shows_other_bytes_as_base64(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/default/a", "", "\xff"), 201);
    assert_int_equal(testbed_ask(t, "GET /read/a", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"value_base64\":\"/w==\""));
    assert_null(strstr(t->body, "\"value\""));
}

static void test_records__names_the_hosts_errors(void **state)
{
    struct testbed *t = *state;
    static const struct {
        enum err error;
        unsigned status;
        const char *name;
        bool retry;
    } cases[] = {{ERR_INVALID, 400, "invalid", false},
                 {ERR_TOO_LARGE, 413, "too_large", false},
                 {ERR_EXISTS, 409, "exists", false},
                 {ERR_MISMATCH, 412, "mismatch", false},
                 {ERR_ILLEGAL, 409, "illegal", false},
                 {ERR_UNAVAILABLE, 503, "unavailable", true},
                 {ERR_RETRY, 503, "retry", true},
                 {ERR_UNKNOWN, 504, "outcome_unknown", false},
                 {ERR_TIMEOUT, 504, "timeout", false},
                 {ERR_BUSY, 503, "busy", true},
                 {ERR_FULL, 507, "insufficient_storage", false},
                 {ERR_IO, 500, "io", false},
                 {ERR_CORRUPT, 500, "corrupt", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t->host.error = cases[i].error;
        testbed_ask(t, "POST /write", "", "{\"key\":\"a\",\"value\":\"b\"}");
        testbed_expect_error(t, cases[i].status, cases[i].name);
        assert_int_equal(testbed_has_header(t, "Retry-After: 1"), cases[i].retry);
    }
    t->host.error = ERR_UNAVAILABLE;
    t->host.awaited = node_bit(2) | node_bit(3) | node_bit(7);
    testbed_ask(t, "GET /read/a", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
    assert_non_null(strstr(t->body, "\"awaited\":[2,3,7]"));
    assert_non_null(strstr(t->body, "waiting for node 2, 3 or 7 to come back"));
}

static void test_records__takes_operation_ids(void **state)
{
    struct testbed *t = *state;
    const char *body = "{\"key\":\"a\",\"value\":\"b\"}";
    testbed_ask(t, "POST /write", "Idempotency-Key: 000000000000000100000000000000ff\r\n", body);
    assert_int_equal(t->status, 200);
    assert_int_equal(t->host.last.operation.high, 1);
    assert_int_equal(t->host.last.operation.low, 255);
    testbed_ask(t, "POST /write", "", body);
    assert_int_equal(t->host.last.operation.high, 0);
    testbed_ask(t, "POST /write", "Idempotency-Key: 1\r\n", body);
    testbed_expect_error(t, 400, "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records__writes_reads_and_deletes, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_records__refuses_bad_writes, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_records__bounds_keys_and_values, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_records__shows_other_bytes_as_base64, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_records__names_the_hosts_errors, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_records__takes_operation_ids, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
