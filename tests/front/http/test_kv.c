#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

// The ETag line of the latest answer, as a header of the name that is given.
static const char *tag_as(const struct testbed *t, const char *header)
{
    static char line[128];
    const char *tag = strstr(t->head, "\r\nETag: ");
    assert_non_null(tag);
    tag += 8;
    snprintf(line, sizeof line, "%s: %.*s\r\n", header, (int)strcspn(tag, "\r"), tag);
    return line;
}

static void test_kv__keeps_bytes(void **state)
{
    struct testbed *t = *state;
    // A key of any bytes in a keyspace with a slash.
    const char *path = "PUT /v1/kv/team%2Fnotes/a%00%2F/%ff?x=1";
    assert_int_equal(testbed_ask(t, path, "", "one"), 201);
    assert_int_equal(t->body_bytes, 0);
    assert_int_equal(t->host.last.keyspace, 2);
    assert_memory_equal(t->host.records[0].key, "a\0//\xff", 5);
    assert_int_equal(t->host.records[0].key_bytes, 5);
    assert_int_equal(testbed_ask(t, path, "", ""), 204);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/team%2fnotes/a%00//%FF", "", NULL), 200);
    assert_int_equal(t->body_bytes, 0);
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/default/a", "", "one"), 201);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", "", NULL), 200);
    assert_string_equal(t->body, "one");
    assert_true(testbed_has_header(t, "Content-Type: application/octet-stream"));
    assert_int_equal(testbed_ask(t, "HEAD /v1/kv/default/a", "", NULL), 200);
    assert_true(testbed_has_header(t, "Content-Length: 3"));
    assert_int_equal(testbed_ask(t, "DELETE /v1/kv/default/a", "", NULL), 204);
    testbed_ask(t, "DELETE /v1/kv/default/a", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /v1/kv/default/a", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    assert_int_equal(testbed_ask(t, "HEAD /v1/kv/default/a", "", NULL), 404);
    assert_int_equal(testbed_ask(t, "GET /livez", "", NULL), 200);
}

static void test_kv__takes_conditions(void **state)
{
    struct testbed *t = *state;
    const char *put = "PUT /v1/kv/default/a";
    testbed_ask(t, put, "If-Match: *\r\n", "1");
    testbed_expect_error(t, 412, "mismatch");
    assert_null(strstr(t->head, "ETag"));
    assert_int_equal(testbed_ask(t, put, "If-None-Match: *\r\n", "1"), 201);
    char first[128];
    snprintf(first, sizeof first, "%s", tag_as(t, "If-Match"));
    testbed_ask(t, put, "If-None-Match: *\r\n", "2");
    testbed_expect_error(t, 412, "mismatch");
    assert_string_equal(tag_as(t, "If-Match"), first);
    assert_int_equal(testbed_ask(t, put, first, "2"), 204);
    char second[128];
    snprintf(second, sizeof second, "%s", tag_as(t, "If-Match"));
    testbed_ask(t, put, first, "3");
    testbed_expect_error(t, 412, "mismatch");
    testbed_ask(t, "DELETE /v1/kv/default/a", first, NULL);
    testbed_expect_error(t, 412, "mismatch");
    unsigned before = t->host.request_count;
    testbed_ask(t, put, "If-Match: W/\"1-1\"\r\n", "3");
    testbed_expect_error(t, 400, "invalid");
    testbed_ask(t, put, "If-Match: *\r\nIf-None-Match: *\r\n", "3");
    testbed_expect_error(t, 400, "invalid");
    assert_int_equal(t->host.request_count, before);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", "", NULL), 200);
    assert_string_equal(t->body, "2");
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", tag_as(t, "If-None-Match"), NULL), 304);
    assert_int_equal(t->body_bytes, 0);
    assert_string_equal(tag_as(t, "If-Match"), second);
    assert_int_equal(testbed_ask(t, "DELETE /v1/kv/default/a", second, NULL), 204);
}

static void test_kv__keeps_if_none_match_while_it_waits(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/default/a", "", "1"), 201);
    struct stamp stamp = t->host.records[0].stamp;
    char text[512];
    snprintf(text, sizeof text,
             "GET /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "%s\r\n",
             tag_as(t, "If-None-Match"));
    t->host.holds = true;
    testbed_send(t, text, strlen(text));
    testbed_settle(t);
    fake_host_release(&t->host, &(struct reply){.stamp = stamp, .value = slice_of_text("1")});
    testbed_take(t, false);
    assert_int_equal(t->status, 304);
}

static void test_kv__reads_locally_on_demand(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/default/a", "", "1"), 201);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a?consistency=strong", "", NULL), 200);
    assert_int_equal(t->host.last.consistency, CONSISTENCY_STRONG);
    assert_null(strstr(t->head, "Brusio-Consistency"));
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a?consistency=local", "", NULL), 200);
    assert_int_equal(t->host.last.consistency, CONSISTENCY_LOCAL);
    assert_true(testbed_has_header(t, "Brusio-Consistency: local"));
    static const char *const bad[] = {"consistency=weak", "view=stable", "view=latest",
                                      "format=json"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char target[64];
        snprintf(target, sizeof target, "GET /v1/kv/default/a?%s", bad[i]);
        testbed_ask(t, target, "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    // JSON is for optimistic keyspaces: who would take it gets the bytes.
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", "Accept: application/json\r\n", NULL),
                     200);
    assert_string_equal(t->body, "1");
}

static void test_kv__refuses_a_lifetime_in_a_strong_keyspace(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[] = {"PUT /v1/kv/default/a?ttl=60", "PUT /v1/kv/default/a?ttl=",
                                      "DELETE /v1/kv/default/a?ttl=60"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, bad[i], "", bad[i][0] == 'P' ? "1" : NULL);
        testbed_expect_error(t, 400, "invalid");
        assert_non_null(strstr(t->body, "ttl is for optimistic keyspaces"));
    }
    assert_int_equal(t->host.request_count, 0);
}

static void test_kv__refuses_bad_names(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[] = {"GET /v1/kv/default/", "GET /v1/kv/default/%4",
                                      "GET /v1/kv/De/a",     "GET /v1/kv//a",
                                      "GET /v1/kv/%ff/a",    "GET /v1/kv/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, bad[i], "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    // A slash that is not written as %2F ends the name.
    testbed_ask(t, "GET /v1/kv/none/notes", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /v1/kv/team/notes", "", NULL);
    testbed_expect_error(t, 400, "invalid");
    assert_non_null(strstr(t->body, "is a family"));
    testbed_ask(t, "PUT /v1/kv/default", "", "1");
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_true(testbed_has_header(t, "Allow: GET, HEAD"));
    assert_int_equal(t->host.request_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kv__keeps_bytes, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_kv__takes_conditions, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_kv__keeps_if_none_match_while_it_waits, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_kv__reads_locally_on_demand, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_kv__refuses_a_lifetime_in_a_strong_keyspace,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_kv__refuses_bad_names, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
