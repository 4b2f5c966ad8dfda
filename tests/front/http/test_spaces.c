#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static void test_spaces__show_how_stable_they_are(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/diary/stability", "", NULL), 200);
    assert_string_equal(
        t->body,
        "{\"status\":\"success\",\"name\":\"diary\",\"primary\":2,\"primary_epoch\":7,"
        "\"number\":{\"epoch\":9,\"sequence\":31},\"operations\":{\"known\":11,\"stable\":6,"
        "\"tentative\":5,\"horizon\":2,\"origins\":1},\"versions\":{\"live\":8,\"certificates\":2,"
        "\"covered\":0},\"hot\":0,\"damaged\":false,\"bad\":0,\"unfit\":0,\"twins\":0,"
        "\"reissued\":0}");
    t->host.map.optimistic[1].primary = NODE_NONE;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Flinux/stability", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"name\":\"team/linux\",\"primary\":null,\"primary_epoch\":7,"
                                    "\"number\":null,\"operations\":{\"known\":0,"));
    assert_int_equal(testbed_ask(t, "HEAD /v1/keyspaces/diary/stability", "", NULL), 200);
    assert_int_equal(t->host.request_count, 0);
}

static void test_spaces__must_be_named_well(void **state)
{
    struct testbed *t = *state;
    static const struct {
        const char *name;
        unsigned status;
        const char *error;
    } cases[] = {{"default", 400, "invalid"},
                 {"team", 400, "invalid"},
                 {"", 400, "invalid"},
                 {"%2", 400, "invalid"},
                 {"none", 404, "not_found"},
                 {"secrets", 404, "not_found"},
                 {"team%2Fother", 404, "not_found"}};
    static const char *const asked[] = {"GET %s/stability", "DELETE %s/subscription",
                                        "POST %s/exchange", "GET %s/bundle", "POST %s/bundle"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < sizeof asked / sizeof asked[0]; k++) {
            char path[64];
            char target[128];
            snprintf(path, sizeof path, "/v1/keyspaces/%s", cases[i].name);
            const char *rest = strchr(asked[k], '%') + 2;
            snprintf(target, sizeof target, "%.*s%s%s", (int)(rest - 2 - asked[k]), asked[k], path,
                     rest);
            testbed_ask(t, target, "", target[0] == 'P' ? "" : NULL);
            testbed_expect_error(t, cases[i].status, cases[i].error);
        }
    }
    assert_int_equal(t->host.request_count, 0);
    t->host.has_epidemic = false;
    testbed_ask(t, "GET /v1/keyspaces/diary/stability", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
    t->host.has_map = false;
    testbed_ask(t, "GET /v1/keyspaces/diary/stability", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
}

static void test_spaces__take_the_methods_they_have(void **state)
{
    struct testbed *t = *state;
    testbed_ask(t, "POST /v1/keyspaces/diary/stability", "", "");
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_true(testbed_has_header(t, "Allow: GET, HEAD"));
    testbed_ask(t, "GET /v1/keyspaces/diary/subscription", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_true(testbed_has_header(t, "Allow: POST, DELETE"));
    testbed_ask(t, "GET /v1/keyspaces/diary/exchange", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    testbed_ask(t, "DELETE /v1/keyspaces/diary/bundle", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    // A keyspace may be named as what stands behind others.
    testbed_ask(t, "GET /v1/keyspaces/stability", "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

static void test_spaces__are_subscribed_to(void **state)
{
    struct testbed *t = *state;
    const char *post = "POST /v1/keyspaces/team%2Fother/subscription";
    assert_int_equal(testbed_ask(t, post, "", ""), 200);
    assert_non_null(
        strstr(t->body, "{\"status\":\"success\",\"name\":\"team/other\",\"message\":"));
    assert_int_equal(t->host.last.kind, REQUEST_SUBSCRIBE);
    assert_int_equal(t->host.last.keyspace, FAKE_TEAM);
    assert_string_equal(t->host.last_channel, "other");
    assert_int_equal(testbed_ask(t, "POST /v1/keyspaces/secrets/subscription", "", ""), 200);
    assert_int_equal(t->host.last.keyspace, FAKE_SECRETS);
    t->host.error = ERR_FULL;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 507, "insufficient_storage");
    t->host.error = ERR_UNAVAILABLE;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 503, "unavailable");
    t->host.error = ERR_BUSY;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 503, "busy");
    testbed_ask(t, "POST /v1/keyspaces/team/subscription", "", "");
    testbed_expect_error(t, 400, "invalid");
}

static void test_spaces__are_unsubscribed_from(void **state)
{
    struct testbed *t = *state;
    const char *leave = "DELETE /v1/keyspaces/team%2Flinux/subscription";
    assert_int_equal(testbed_ask(t, leave, "", NULL), 200);
    assert_int_equal(t->host.last.kind, REQUEST_UNSUBSCRIBE);
    assert_string_equal(t->host.last_channel, "linux");
    t->host.error = ERR_RETRY;
    testbed_ask(t, leave, "", NULL);
    testbed_expect_error(t, 409, "retry");
    t->host.error = ERR_ILLEGAL;
    testbed_ask(t, leave, "", NULL);
    testbed_expect_error(t, 409, "illegal");
    t->host.error = ERR_NOT_FOUND;
    testbed_ask(t, leave, "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

static void test_spaces__are_exchanged(void **state)
{
    struct testbed *t = *state;
    const char *post = "POST /v1/keyspaces/diary/exchange";
    static const char *const any[] = {"", "{}"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(testbed_ask(t, post, "", any[i]), 202);
        assert_int_equal(t->host.last.kind, REQUEST_EXCHANGE);
        assert_int_equal(t->host.last.since, 0);
    }
    assert_int_equal(testbed_ask(t, post, "", "{\"peer\":\"000000000000BEef\"}"), 202);
    assert_int_equal(t->host.last.since, 0xbeef);
    unsigned before = t->host.request_count;
    static const char *const bad[] = {"{\"peer\":\"beef\"}",
                                      "{\"peer\":\"\"}",
                                      "{\"peer\":1}",
                                      "{\"peer\":\"0000000000000000\"}",
                                      "{\"peer\":\"00000000deadbee\"}",
                                      "{\"peer\":\"00000000deadbeef0\"}",
                                      "{\"peer\":\"00000000deadbeeg\"}",
                                      "{\"pear\":\"00000000deadbeef\"}",
                                      "[]",
                                      "x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, post, "", bad[i]);
        testbed_expect_error(t, 400, "invalid");
    }
    testbed_ask(t, post, "", "{\"peer\":\"00000000deadbeef\"}");
    testbed_expect_error(t, 404, "not_found");
    assert_non_null(strstr(t->body, "peer"));
    assert_int_equal(t->host.request_count, before);
    t->host.error = ERR_EXISTS;
    assert_int_equal(testbed_ask(t, post, "", ""), 202);
    t->host.error = ERR_UNAVAILABLE;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 503, "unavailable");
    t->host.error = ERR_BUSY;
    testbed_ask(t, post, "", "");
    testbed_expect_error(t, 503, "busy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spaces__show_how_stable_they_are, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_spaces__must_be_named_well, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_spaces__take_the_methods_they_have, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_spaces__are_subscribed_to, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_spaces__are_unsubscribed_from, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_spaces__are_exchanged, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
