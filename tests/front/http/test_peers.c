#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static void test_peers__are_listed(void **state)
{
    struct testbed *t = *state;
    t->host.now_us = 2501001;
    assert_int_equal(testbed_ask(t, "GET /v1/peers", "", NULL), 200);
    assert_string_equal(
        t->body,
        "{\"status\":\"success\",\"self\":{\"store_id\":\"0000000000000001\",\"node_id\":1,"
        "\"address\":\"127.0.0.1:7001\",\"keyspaces\":[\"diary\",\"team/linux\"]},"
        "\"counts\":{\"operations_sent\":0,\"operation_bytes\":0,\"control_bytes\":0,"
        "\"sessions_opened\":0,\"sessions_under_way\":0,\"sessions_ended\":5,"
        "\"verdicts\":{\"equal\":0,\"applied\":4,\"refused\":0,\"again\":0,\"broken\":0},\"hot\":0}"
        ","
        "\"peers\":[{\"store_id\":\"0000000000000002\",\"kind\":\"member\",\"node_id\":2,"
        "\"address\":\"127.0.0.1:7002\",\"reachable\":true,\"heard_ms\":2501,"
        "\"keyspaces\":[\"diary\"],\"keyspace_count\":2},{\"store_id\":\"0000000000000003\","
        "\"kind\":\"member\",\"node_id\":3,\"address\":\"127.0.0.1:7003\",\"reachable\":false,"
        "\"heard_ms\":null,\"keyspaces\":[],\"keyspace_count\":0},"
        "{\"store_id\":\"000000000000beef\",\"kind\":\"roaming\",\"node_id\":null,\"address\":\"\","
        "\"reachable\":false,\"heard_ms\":null,\"keyspaces\":[],\"keyspace_count\":0}],"
        "\"cursor\":null}");
    assert_int_equal(t->host.request_count, 0);
}

static void test_peers__do_not_keep_what_they_leave(void **state)
{
    struct testbed *t = *state;
    uint64_t id = fake_host_space(&t->host, FAKE_TEAM, "linux");
    epidemic_replica(&t->host.epidemic, id)->leaving = true;
    assert_int_equal(testbed_ask(t, "GET /v1/peers", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"keyspaces\":[\"diary\"]},\"counts\""));
    assert_int_equal(testbed_ask(t, "GET /v1/keyspaces/team", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"channels\":[]}"));
    testbed_ask(t, "GET /v1/kv/team%2Flinux/a", "", NULL);
    testbed_expect_error(t, 404, "not_found");
}

static void test_peers__are_out_of_reach_after_a_silence(void **state)
{
    struct testbed *t = *state;
    t->host.now_us = 1 + PEER_SILENT_US;
    assert_int_equal(testbed_ask(t, "GET /v1/peers?limit=1", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"reachable\":false,\"heard_ms\":45000,"));
}

static void test_peers__are_listed_page_by_page(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /v1/peers?limit=2", "", NULL), 200);
    assert_null(strstr(t->body, "000000000000beef"));
    assert_non_null(strstr(t->body, "\"cursor\":\"0000000000000003\"}"));
    assert_int_equal(testbed_ask(t, "GET /v1/peers?limit=2&cursor=0000000000000003", "", NULL),
                     200);
    assert_non_null(strstr(t->body, "\"peers\":[{\"store_id\":\"000000000000beef\""));
    assert_non_null(strstr(t->body, "\"cursor\":null}"));
    assert_int_equal(testbed_ask(t, "GET /v1/peers?limit=3", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"cursor\":null}"));
    assert_int_equal(testbed_ask(t, "GET /v1/peers?cursor=ffffffffffffffff", "", NULL), 200);
    assert_non_null(strstr(t->body, "\"peers\":[],\"cursor\":null}"));
    static const char *const bad[] = {"limit=0", "limit=1001", "limit=x", "cursor=3", "cursor="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char target[64];
        snprintf(target, sizeof target, "GET /v1/peers?%s", bad[i]);
        testbed_ask(t, target, "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
}

static void test_peers__are_known_once_the_node_begins(void **state)
{
    struct testbed *t = *state;
    t->host.has_epidemic = false;
    testbed_ask(t, "GET /v1/peers", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
    t->host.has_map = false;
    testbed_ask(t, "GET /v1/peers", "", NULL);
    testbed_expect_error(t, 503, "unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_peers__are_listed, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_peers__do_not_keep_what_they_leave, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_peers__are_out_of_reach_after_a_silence, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_peers__are_listed_page_by_page, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_peers__are_known_once_the_node_begins, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
