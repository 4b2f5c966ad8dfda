#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static const struct stamp OTHER = {.counter = 3, .id = 0xab};

static void add_conflict(struct testbed *t, bool is_stable, struct slice value)
{
    struct version_entry entry = {.stamp = OTHER, .is_stable = is_stable, .value = value};
    version_entry_append(&t->host.conflicts, &entry);
}

static void add_expiring(struct testbed *t, uint64_t expiry_ms)
{
    struct version_entry entry = {
        .stamp = OTHER, .expiry_ms = expiry_ms, .value = slice_of_text("x")};
    version_entry_append(&t->host.conflicts, &entry);
}

static void test_optimistic_kv__reads_and_writes(void **state)
{
    struct testbed *t = *state;
    const char *get = "GET /v1/kv/diary/a%2F%00";
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/diary/a%2F%00", "", "one"), 201);
    assert_int_equal(t->host.last.keyspace, FAKE_DIARY);
    assert_string_equal(t->host.last_channel, "");
    assert_non_null(strstr(t->head, "\r\nETag: \""));
    assert_null(strstr(t->head, "Brusio-State"));
    assert_int_equal(testbed_ask(t, get, "", NULL), 200);
    assert_string_equal(t->body, "one");
    assert_false(t->host.last.only_stable);
    assert_true(testbed_has_header(t, "Content-Type: application/octet-stream"));
    assert_true(testbed_has_header(t, "Brusio-State: tentative"));
    assert_true(testbed_has_header(t, "Brusio-Conflicts: 0"));
    t->host.is_stable = true;
    add_conflict(t, true, slice_of_text("x"));
    add_conflict(t, false, slice_of_text("y"));
    assert_int_equal(testbed_ask(t, get, "", NULL), 200);
    assert_true(testbed_has_header(t, "Brusio-State: stable"));
    assert_true(testbed_has_header(t, "Brusio-Conflicts: 2"));
    assert_int_equal(testbed_ask(t, "HEAD /v1/kv/diary/a%2F%00", "", NULL), 200);
    assert_true(testbed_has_header(t, "Brusio-Conflicts: 2"));
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/diary/a%2F%00", "", "two"), 204);
    assert_int_equal(testbed_ask(t, "DELETE /v1/kv/diary/a%2F%00", "", NULL), 204);
    testbed_ask(t, "DELETE /v1/kv/diary/a%2F%00", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, get, "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

static void test_optimistic_kv__answers_in_json(void **state)
{
    struct testbed *t = *state;
    testbed_ask(t, "PUT /v1/kv/diary/%22k", "", "one");
    char stamp[STAMP_TEXT_BYTES];
    stamp_format(t->host.records[0].stamp, stamp);
    add_conflict(t, true, slice_of_text("\"x"));
    add_conflict(t, false, slice_of_text("\xff"));
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"status\":\"success\",\"key\":\"\\\"k\",\"value\":\"one\",\"version\":\"%s\","
             "\"state\":\"tentative\",\"conflicts\":[{\"value\":\"\\\"x\",\"version\":\"3-ab\","
             "\"state\":\"stable\"},{\"value_base64\":\"/w==\",\"version\":\"3-ab\","
             "\"state\":\"tentative\"}]}",
             stamp);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/%22k?format=json", "", NULL), 200);
    assert_string_equal(t->body, wanted);
    assert_true(testbed_has_header(t, "Content-Type: application/json"));
    assert_true(testbed_has_header(t, "Brusio-Conflicts: 2"));
    static const struct {
        const char *header;
        bool json;
    } cases[] = {
        {"Accept: application/json\r\n", true},
        {"Accept: text/html, Application/JSON;q=0.9\r\n", true},
        {"Accept: text/html,application/json\r\n", true},
        {"Accept: */*\r\n", false},
        {"Accept: application/json5\r\n", false},
        {"Accept: x/application/json\r\n", false},
        {"Accept: \r\n", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/%22k", cases[i].header, NULL), 200);
        assert_string_equal(t->body, cases[i].json ? wanted : "one");
    }
    // A version that the client has may have other conflicts by now.
    snprintf(wanted, sizeof wanted, "If-None-Match: \"%s\"\r\n", stamp);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/%22k?format=json", wanted, NULL), 200);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/%22k", wanted, NULL), 304);
    assert_true(testbed_has_header(t, "Brusio-Conflicts: 2"));
}

static void test_optimistic_kv__takes_a_lifetime_and_tells_when_it_ends(void **state)
{
    struct testbed *t = *state;
    char wanted[512];
    char target[128];
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/diary/a?ttl=60", "", "one"), 201);
    assert_int_equal(t->host.last.expiry_ms, FAKE_WALL_MS + 60000);
    char stamp[STAMP_TEXT_BYTES];
    stamp_format(t->host.records[0].stamp, stamp);
    add_expiring(t, UINT64_MAX); // some peer says so
    add_expiring(t, 0);
    snprintf(wanted, sizeof wanted,
             "{\"status\":\"success\",\"key\":\"a\",\"value\":\"one\",\"version\":\"%s\","
             "\"state\":\"tentative\",\"expires\":\"2020-09-13T12:27:40.123Z\",\"conflicts\":["
             "{\"value\":\"x\",\"version\":\"3-ab\",\"state\":\"tentative\","
             "\"expires\":\"9999-12-31T23:59:59.999Z\"},"
             "{\"value\":\"x\",\"version\":\"3-ab\",\"state\":\"tentative\"}]}",
             stamp);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/a?format=json", "", NULL), 200);
    assert_string_equal(t->body, wanted);
    assert_int_equal(t->host.last.now_ms, FAKE_WALL_MS);
    snprintf(target, sizeof target, "PUT /v1/kv/diary/a?ttl=%u", REQUEST_TTL_S_MAX);
    assert_int_equal(testbed_ask(t, target, "", "one"), 204);
    assert_int_equal(t->host.last.expiry_ms, FAKE_WALL_MS + UINT64_C(1000) * REQUEST_TTL_S_MAX);
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/diary/a", "", "one"), 204);
    assert_int_equal(t->host.last.expiry_ms, 0);
}

static void test_optimistic_kv__refuses_what_is_no_lifetime(void **state)
{
    struct testbed *t = *state;
    char target[128];
    static const char *const bad[] = {"",   "0",   "-1",  "+1", "1.5", "1s",
                                      "1m", "%31", "1 1", "x",  "0x1", "18446744073709551617"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(target, sizeof target, "PUT /v1/kv/diary/a?ttl=%s", bad[i]);
        if (strchr(bad[i], ' ') != NULL)
            *strrchr(target, ' ') = '+';
        testbed_ask(t, target, "", "one");
        testbed_expect_error(t, 400, "invalid");
        assert_non_null(strstr(t->body, "from 1 to 316224000"));
    }
    snprintf(target, sizeof target, "PUT /v1/kv/diary/a?ttl=%u", REQUEST_TTL_S_MAX + 1);
    testbed_ask(t, target, "", "one");
    testbed_expect_error(t, 400, "invalid");
    testbed_ask(t, "DELETE /v1/kv/diary/a?ttl=60", "", NULL);
    testbed_expect_error(t, 400, "invalid");
    assert_non_null(strstr(t->body, "leave it out"));
    assert_int_equal(t->host.request_count, 0);
}

static void test_optimistic_kv__reports_damaged_versions(void **state)
{
    struct testbed *t = *state;
    testbed_ask(t, "PUT /v1/kv/diary/a", "", "one");
    buf_append_u8(&t->host.conflicts, 1);
    testbed_ask(t, "GET /v1/kv/diary/a", "", NULL);
    testbed_expect_error(t, 500, "corrupt");
    testbed_ask(t, "GET /v1/kv/diary/a?format=json", "", NULL);
    testbed_expect_error(t, 500, "corrupt");
}

static void test_optimistic_kv__shows_what_is_stable(void **state)
{
    struct testbed *t = *state;
    testbed_ask(t, "GET /v1/kv/diary/a?view=stable", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    assert_non_null(strstr(t->body, "stable here yet"));
    assert_true(t->host.last.only_stable);
    testbed_ask(t, "PUT /v1/kv/diary/a", "", "one");
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/a?view=stable&format=json", "", NULL), 200);
    assert_true(t->host.last.only_stable);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/diary/a?view=latest", "", NULL), 200);
    assert_false(t->host.last.only_stable);
    t->host.error = ERR_UNAVAILABLE;
    testbed_ask(t, "GET /v1/kv/diary/a?view=stable", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
    assert_non_null(strstr(t->body, "primary"));
    assert_true(testbed_has_header(t, "Retry-After: 1"));
    testbed_ask(t, "GET /v1/kv/diary/a", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
    assert_null(strstr(t->body, "primary"));
}

static void test_optimistic_kv__takes_conditions(void **state)
{
    struct testbed *t = *state;
    const char *put = "PUT /v1/kv/diary/a";
    testbed_ask(t, put, "If-Match: *\r\n", "1");
    testbed_expect_error(t, 412, "mismatch");
    assert_int_equal(testbed_ask(t, put, "If-None-Match: *\r\n", "1"), 201);
    testbed_ask(t, put, "If-None-Match: *\r\n", "2");
    testbed_expect_error(t, 412, "mismatch");
    assert_non_null(strstr(t->head, "\r\nETag: \""));
    testbed_ask(t, "DELETE /v1/kv/diary/a", "If-Match: \"1-1\"\r\n", NULL);
    testbed_expect_error(t, 412, "mismatch");
    unsigned before = t->host.request_count;
    testbed_ask(t, put, "If-Match: *\r\nIf-None-Match: *\r\n", "3");
    testbed_expect_error(t, 400, "invalid");
    testbed_ask(t, put, "Idempotency-Key: 0123456789abcdef0123456789abcdef\r\n", "3");
    testbed_expect_error(t, 400, "invalid");
    assert_int_equal(t->host.request_count, before);
}

static void test_optimistic_kv__refuses_what_is_for_strong_keyspaces(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[] = {"GET /v1/kv/diary/a?consistency=local",
                                      "GET /v1/kv/diary/a?consistency=strong",
                                      "GET /v1/kv/diary/a?view=newest",
                                      "GET /v1/kv/diary/a?view=",
                                      "GET /v1/kv/diary/a?format=xml",
                                      "GET /v1/kv/diary?consistency=local",
                                      "GET /v1/kv/diary?view=stable",
                                      "GET /v1/kv/team/a",
                                      "GET /v1/kv/team",
                                      "PUT /v1/kv/team/a",
                                      "DELETE /v1/kv/team/a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, bad[i], "", bad[i][0] == 'P' ? "1" : NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, 0);
}

static void test_optimistic_kv__reaches_channels(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/team%2Flinux/a", "", "1"), 201);
    assert_int_equal(t->host.last.keyspace, FAKE_TEAM);
    assert_string_equal(t->host.last_channel, "linux");
    assert_int_equal(testbed_ask(t, "GET /v1/kv/team%2flinux/a", "", NULL), 200);
    assert_string_equal(t->host.last_channel, "linux");
    assert_int_equal(testbed_ask(t, "GET /v1/kv/team%2Flinux?limit=3&prefix=a", "", NULL), 200);
    assert_int_equal(t->host.last.kind, REQUEST_LIST);
    assert_string_equal(t->host.last_channel, "linux");
    assert_int_equal(testbed_ask(t, "DELETE /v1/kv/team%2Flinux/a", "", NULL), 204);
    // The first put makes a channel.
    assert_int_equal(testbed_ask(t, "PUT /v1/kv/team%2Fnew%2Fone/a", "", "1"), 201);
    assert_string_equal(t->host.last_channel, "new/one");
}

static void test_optimistic_kv__tells_how_to_get_a_copy(void **state)
{
    struct testbed *t = *state;
    static const char *const absent[] = {"GET /v1/kv/team%2Fother/a", "GET /v1/kv/team%2Fother",
                                         "DELETE /v1/kv/team%2Fother/a", "GET /v1/kv/secrets/a",
                                         "GET /v1/kv/secrets"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        testbed_ask(t, absent[i], "", NULL);
        testbed_expect_error(t, 404, "not_found");
        assert_non_null(strstr(t->body, "subscribe"));
    }
    assert_int_equal(t->host.request_count, 0);
    t->host.has_epidemic = false;
    testbed_ask(t, "GET /v1/kv/diary/a", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
}

static void test_optimistic_kv__explains_refused_writes(void **state)
{
    struct testbed *t = *state;
    static const struct {
        enum err error;
        unsigned status;
        const char *name;
    } cases[] = {{ERR_DENIED, 403, "denied"},
                 {ERR_INVALID, 400, "invalid"},
                 {ERR_TOO_LARGE, 413, "too_large"},
                 {ERR_BUSY, 503, "busy"},
                 {ERR_FULL, 507, "insufficient_storage"},
                 {ERR_UNAVAILABLE, 503, "unavailable"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t->host.error = cases[i].error;
        testbed_ask(t, "PUT /v1/kv/secrets/a", "", "1");
        testbed_expect_error(t, cases[i].status, cases[i].name);
        testbed_ask(t, "DELETE /v1/kv/diary/a", "", NULL);
        testbed_expect_error(t, cases[i].status, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_optimistic_kv__reads_and_writes, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__answers_in_json, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__takes_a_lifetime_and_tells_when_it_ends,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__refuses_what_is_no_lifetime,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__reports_damaged_versions, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__shows_what_is_stable, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__takes_conditions, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__refuses_what_is_for_strong_keyspaces,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__reaches_channels, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__tells_how_to_get_a_copy, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_kv__explains_refused_writes, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
