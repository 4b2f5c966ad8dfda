#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>
#include <stdlib.h>

static void test_bundles__are_exported(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/diary/bundle", "", NULL), 200);
    assert_string_equal(t->body, "a bundle");
    assert_true(testbed_has_header(t, "Content-Type: application/octet-stream"));
    assert_int_equal(t->host.last.kind, REQUEST_EXPORT);
    assert_int_equal(t->host.last.keyspace, FAKE_DIARY);
    assert_int_equal(t->host.last.since, 0);
    assert_int_equal(t->host.last.now_ms, FAKE_WALL_MS);
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Flinux/bundle?since=all", "", NULL),
                     200);
    assert_int_equal(t->host.last.since, 0);
    assert_string_equal(t->host.last_channel, "linux");
    assert_int_equal(
        testbed_ask(t, "GET /v1/keyspaces/diary/bundle?since=00000000deadBEEF", "", NULL), 200);
    assert_int_equal(t->host.last.since, 0xdeadbeef);
    unsigned before = t->host.request_count;
    static const char *const bad[] = {"since=", "since=ALL", "since=beef",
                                      "since=0000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char target[96];
        snprintf(target, sizeof target, "GET /v1/keyspaces/diary/bundle?%s", bad[i]);
        testbed_ask(t, target, "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, before);
}

static void test_bundles__that_cannot_be_made(void **state)
{
    struct testbed *t = *state;
    const char *get = "GET /v1/keyspaces/diary/bundle?since=00000000deadbeef";
    t->host.error = ERR_NOT_FOUND;
    testbed_ask(t, get, "", NULL);
    testbed_expect_error(t, 404, "not_found");
    t->host.error = ERR_TOO_LARGE;
    testbed_ask(t, get, "", NULL);
    testbed_expect_error(t, 413, "too_large");
    t->host.error = ERR_BUSY;
    testbed_ask(t, get, "", NULL);
    testbed_expect_error(t, 503, "busy");
}

static void test_bundles__are_imported(void **state)
{
    struct testbed *t = *state;
    const char *post = "POST /v1/keyspaces/team%2Flinux/bundle";
    t->host.import = (struct bundle_counts){.operations = 9, .news = 4, .closed = true};
    assert_int_equal(testbed_ask(t, post, "", "bytes"), 200);
    assert_int_equal(t->host.last.kind, REQUEST_IMPORT);
    assert_int_equal(t->host.last.keyspace, FAKE_TEAM);
    assert_string_equal(t->host.last_channel, "linux");
    assert_int_equal(t->host.last_value_bytes, 5);
    assert_non_null(
        strstr(t->body, "{\"status\":\"success\",\"name\":\"team/linux\",\"message\":"));
    assert_non_null(strstr(t->body, "\"operations\":9,\"news\":4,\"closed\":true}"));
    assert_null(strstr(t->body, "missing"));
    t->host.import.closed = false;
    assert_int_equal(testbed_ask(t, post, "", "bytes"), 200);
    assert_non_null(strstr(t->body, "\"closed\":false}"));
    assert_non_null(strstr(t->body, "missing"));
    unsigned before = t->host.request_count;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 400, "invalid");
    assert_int_equal(t->host.request_count, before);
}

static void test_bundles__may_be_larger_than_values(void **state)
{
    struct testbed *t = *state;
    char *bytes = malloc(60001);
    memset(bytes, 'x', 60000);
    bytes[60000] = 0;
    assert_int_equal(testbed_ask(t, "POST /v1/keyspaces/diary/bundle", "", bytes), 200);
    assert_int_equal(t->host.last_value_bytes, 60000);
    free(bytes);
    testbed_ask(t, "POST /v1/keyspaces/diary/bundle",
                "Expect: 100-continue\r\nContent-Length: 33554433\r\n", NULL);
    testbed_expect_error(t, 413, "too_large");
}

static void test_bundles__that_are_none(void **state)
{
    struct testbed *t = *state;
    static const struct {
        enum err error;
        unsigned status;
        const char *name;
    } cases[] = {{ERR_CORRUPT, 400, "corrupt"},     {ERR_INVALID, 400, "corrupt"},
                 {ERR_VERSION, 400, "version"},     {ERR_FOREIGN, 409, "foreign"},
                 {ERR_TOO_LARGE, 413, "too_large"}, {ERR_FULL, 507, "insufficient_storage"},
                 {ERR_RETRY, 503, "retry"},         {ERR_IO, 500, "io"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t->host.error = cases[i].error;
        testbed_ask(t, "POST /v1/keyspaces/diary/bundle", "", "bytes");
        testbed_expect_error(t, cases[i].status, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bundles__are_exported, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_bundles__that_cannot_be_made, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_bundles__are_imported, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_bundles__may_be_larger_than_values, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_bundles__that_are_none, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
