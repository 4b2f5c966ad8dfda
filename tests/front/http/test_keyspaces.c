#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static void test_keyspaces__are_listed(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces", "", NULL), 200);
    assert_non_null(
        strstr(t->body, "{\"name\":\"default\",\"id\":1,\"mode\":\"strong\",\"strategy\":\"full\","
                        "\"replication_factor\":2,\"min_in_sync\":1},{\"name\":\"team/notes\""));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Fnotes", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"keyspace\":{\"name\":\"team/notes\",\"id\":2"));
    testbed_ask(t, "GET /v1/keyspaces/none", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /v1/keyspaces/", "", NULL);
    testbed_expect_error(t, 400, "invalid");
}

static void test_keyspaces__are_listed_with_optimistic_ones(void **state)
{
    struct testbed *t = *state;
    const char *settings = "\"rumor_k\":4,\"rumor_ms\":1000,\"anti_entropy_ms\":10000,"
                           "\"audit_ms\":86400000,\"retention_ms\":604800000,"
                           "\"stability_ms\":1000";
    char wanted[512];
    t->host.map.optimistic[0].secret = 0x1234567890abcdef;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces", "", NULL), 200);
    snprintf(wanted, sizeof wanted,
             "},{\"name\":\"diary\",\"id\":3,\"mode\":\"optimistic\",\"primary\":2,"
             "\"primary_epoch\":7,\"family\":false,\"signed\":false,%s},{\"name\":\"team\"",
             settings);
    assert_non_null(strstr(t->body, wanted));
    snprintf(wanted, sizeof wanted,
             "\"name\":\"secrets\",\"id\":5,\"mode\":\"optimistic\",\"primary\":null,"
             "\"primary_epoch\":7,\"family\":false,\"signed\":true,%s}]}",
             settings);
    assert_non_null(strstr(t->body, wanted));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/diary", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"stability_ms\":1000,\"kept\":true}}"));
    assert_null(strstr(t->body, "secret"));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/secrets", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"kept\":false}}"));
}

static void test_keyspaces__show_families_and_channels(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"family\":true"));
    assert_non_null(strstr(t->body, "\"channels\":[\"linux\"]}}"));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Flinux", "", NULL), 200);
    assert_non_null(strstr(t->body, "{\"name\":\"team/linux\",\"id\":4,"));
    assert_non_null(strstr(t->body, "\"kept\":true,\"channel\":\"linux\"}}"));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Fx%2Fy", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"kept\":false,\"channel\":\"x/y\"}}"));
    // The keyspace of a whole name goes first.
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team%2Fnotes", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"mode\":\"strong\""));
    testbed_ask(t, "GET /v1/keyspaces/diary%2Fx", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /v1/keyspaces/team%2F-x", "", NULL);
    testbed_expect_error(t, 400, "invalid");
    testbed_ask(t, "GET /v1/keyspaces/team%2F", "", NULL);
    testbed_expect_error(t, 400, "invalid");
}

static void test_keyspaces__take_channels_of_long_names(void **state)
{
    struct testbed *t = *state;
    char target[256] = "GET /v1/keyspaces/team%2F";
    size_t start = strlen(target);
    memset(target + start, 'x', KEYSPACE_NAME_BYTES_MAX);
    assert_int_equal(testbed_ask(t, target, "", NULL), 200);
    target[start + KEYSPACE_NAME_BYTES_MAX] = 'x';
    testbed_ask(t, target, "", NULL);
    testbed_expect_error(t, 400, "invalid");
    memset(target + start, 'x', 2 * KEYSPACE_NAME_BYTES_MAX);
    testbed_ask(t, target, "", NULL);
    testbed_expect_error(t, 400, "invalid");
}

static void test_keyspaces__are_made(void **state)
{
    struct testbed *t = *state;
    const char *path = "POST /v1/keyspaces";
    assert_int_equal(testbed_ask(t, path, "", "{\"name\":\"logs\"}"), 201);
    const struct change *change = &t->host.last.change;
    assert_int_equal(change->kind, CHANGE_KEYSPACE_CREATE);
    assert_string_equal(change->name, "logs");
    assert_int_equal(change->strategy, STRATEGY_FULL);
    assert_int_equal(change->replication_factor, 3);
    assert_int_equal(change->min_in_sync, 1);
    assert_int_equal(
        testbed_ask(t, path, "",
                    "{\"name\":\"a/"
                    "b\",\"strategy\":\"consistent\",\"replication_factor\":2,\"min_in_sync\":2}"),
        201);
    assert_int_equal(change->strategy, STRATEGY_CONSISTENT);
    assert_int_equal(change->min_in_sync, 2);
    assert_int_equal(testbed_ask(t, path, "", "{\"name\":\"b\",\"mode\":\"strong\"}"), 201);
    assert_int_equal(change->kind, CHANGE_KEYSPACE_CREATE);
    unsigned before = t->host.request_count;
    testbed_ask(t, path, "", "{\"name\":\"default\"}");
    testbed_expect_error(t, 409, "exists");
    static const char *const bad[] = {
        "{}",
        "{\"name\":\"\"}",
        "{\"name\":\"A\"}",
        "{\"name\":\"-a\"}",
        "{\"name\":1}",
        "{\"name\":\"a\",\"other\":1}",
        "{\"name\":\"a\",\"min_in_sync\":4}",
        "{\"name\":\"a\",\"min_in_sync\":0}",
        "{\"name\":\"a\",\"replication_factor\":4}",
        "{\"name\":\"a\",\"strategy\":null}",
        "{\"name\":\"a\",\"strategy\":\"consistent\",\"replication_factor\":1,\"min_in_sync\":2}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, path, "", bad[i]);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, before);
    t->host.error = ERR_EXISTS;
    testbed_ask(t, path, "", "{\"name\":\"logs\"}");
    testbed_expect_error(t, 409, "exists");
}

static void test_keyspaces__are_changed(void **state)
{
    struct testbed *t = *state;
    const char *path = "PATCH /v1/keyspaces/default";
    assert_int_equal(testbed_ask(t, path, "", "{\"min_in_sync\":2}"), 200);
    assert_int_equal(t->host.request_count, 1);
    assert_int_equal(t->host.last.change.kind, CHANGE_MIN_IN_SYNC);
    assert_int_equal(t->host.last.change.keyspace, 1);
    assert_int_equal(t->host.last.change.min_in_sync, 2);
    assert_int_equal(testbed_ask(t, path, "", "{\"replication_factor\":3}"), 200);
    assert_int_equal(t->host.request_count, 2);
    assert_int_equal(t->host.last.change.kind, CHANGE_STRATEGY);
    assert_int_equal(t->host.last.change.strategy, STRATEGY_FULL);
    assert_int_equal(t->host.last.change.replication_factor, 3);
    // Two changes, one after the other, at once or later.
    const char *both = "{\"strategy\":\"consistent\",\"min_in_sync\":2}";
    assert_int_equal(testbed_ask(t, path, "", both), 200);
    assert_string_equal(
        t->body,
        "{\"status\":\"success\",\"message\":\"the keyspace is changed\",\"name\":\"default\"}");
    assert_int_equal(t->host.request_count, 4);
    assert_int_equal(t->host.last.change.kind, CHANGE_MIN_IN_SYNC);
    t->host.error = ERR_UNKNOWN;
    t->host.fail_after = 1;
    testbed_ask(t, path, "", both);
    testbed_expect_error(t, 504, "outcome_unknown");
    assert_int_equal(t->host.request_count, 6);
}

static void test_keyspaces__are_changed_later(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    const char *text = "PATCH /v1/keyspaces/default HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                       "Content-Length: 41\r\n\r\n"
                       "{\"strategy\":\"consistent\",\"min_in_sync\":2} ";
    testbed_send(t, text, strlen(text));
    testbed_settle(t);
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});
    assert_int_equal(t->host.held_count, 1);
    assert_false(http_server_wants_run(t->server));
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
}

static void test_keyspaces__refuse_bad_changes(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[] = {"{}",
                                      "{\"name\":\"x\"}",
                                      "{\"min_in_sync\":0}",
                                      "{\"min_in_sync\":4}",
                                      "{\"strategy\":\"consistent\",\"min_in_sync\":9}",
                                      "{\"strategy\":\"consistent\",\"min_in_sync\":3}",
                                      "{\"strategy\":\"none\"}",
                                      "{\"replication_factor\":true}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, "PATCH /v1/keyspaces/default", "", bad[i]);
        testbed_expect_error(t, 400, "invalid");
    }
    testbed_ask(t, "PATCH /v1/keyspaces/none", "", "{\"min_in_sync\":1}");
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "PATCH /v1/keyspaces/diary", "", "{\"retention_ms\":1000}");
    testbed_expect_error(t, 409, "illegal");
    testbed_ask(t, "PATCH /v1/keyspaces/team%2Flinux", "", "{\"min_in_sync\":1}");
    testbed_expect_error(t, 409, "illegal");
    assert_int_equal(t->host.request_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keyspaces__are_listed, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__are_listed_with_optimistic_ones,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__show_families_and_channels, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__take_channels_of_long_names, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__are_made, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__are_changed, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__are_changed_later, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_keyspaces__refuse_bad_changes, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
