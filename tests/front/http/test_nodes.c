#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *body(const struct testbed *t)
{
    json_t *json = json_loadb(t->body, t->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_nodes__are_listed(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
    json_t *json = body(t);
    json_t *nodes = json_object_get(json, "nodes");
    assert_int_equal(json_array_size(nodes), 3);
    static const char *const status[] = {"alive", "alive", "dead"};
    for (size_t i = 0; i < 3; i++) {
        json_t *node = json_array_get(nodes, i);
        assert_int_equal(json_integer_value(json_object_get(node, "node_id")), (int)i + 1);
        assert_int_equal(json_integer_value(json_object_get(node, "port")), 5001 + (int)i);
        assert_string_equal(json_string_value(json_object_get(node, "status")), status[i]);
    }
    json_decref(json);
}

static void test_nodes__are_described(void **state)
{
    struct testbed *t = *state;
    // One slot of the second keyspace differs.
    struct map_keyspace *keyspace = &t->host.map.keyspaces[1];
    keyspace->sets = realloc(keyspace->sets, 2 * sizeof *keyspace->sets);
    keyspace->sets[1] = (struct replica_set){.in_sync = 4, .target = 4, .primary = NODE_NONE};
    keyspace->set_count = 2;
    keyspace->set_of_slot[77] = 1;
    t->host.map.nodes[1].leaving = true;
    t->host.map.nodes[2].replaced = true;
    t->host.status.sync_records = 77;
    t->host.status.sync_bytes = 7777;
    assert_int_equal(testbed_ask(t, "GET /v1/nodes", "", NULL), 200);
    json_t *json = body(t);
    assert_int_equal(json_integer_value(json_object_get(json, "epoch")), 9);
    assert_string_equal(json_string_value(json_object_get(json, "cluster")),
                        "0000000000000abc0000000000000def");
    assert_int_equal(number(json, "moves_left"), 32767);
    const json_t *self = json_object_get(json, "answered_by");
    assert_true(json_is_true(json_object_get(self, "serving")));
    assert_true(json_is_false(json_object_get(self, "lease_held")));
    assert_int_equal(number(self, "sync_records"), 77);
    assert_int_equal(number(self, "sync_bytes"), 7777);
    json_t *nodes = json_object_get(json, "nodes");
    static const int in_sync[] = {32767, 32767, 1};
    static const int joining[] = {0, 0, 32767};
    static const int target[] = {32767, 32767, 32768};
    static const int primary[] = {0, 32767, 0};
    for (size_t i = 0; i < 3; i++) {
        json_t *node = json_array_get(nodes, i);
        assert_int_equal(number(node, "slots_in_sync"), in_sync[i]);
        assert_int_equal(number(node, "slots_joining"), joining[i]);
        assert_int_equal(number(node, "slots_target"), target[i]);
        assert_int_equal(number(node, "slots_awaited"), joining[i]);
        assert_int_equal(number(node, "slots_primary"), primary[i]);
        assert_int_equal(json_is_true(json_object_get(node, "voter")), i < 2);
        assert_int_equal(json_is_true(json_object_get(node, "leaving")), i == 1);
        assert_int_equal(json_is_true(json_object_get(node, "replaced")), i == 2);
    }
    json_decref(json);
}

static void test_nodes__keep_their_first_listing(void **state)
{
    struct testbed *t = *state;
    t->host.map.nodes[1].leaving = true;
    t->host.map.nodes[2].state = NODE_DOWN;
    t->host.map.nodes[2].replaced = true;
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
    assert_string_equal(
        t->body, "{\"status\":\"success\",\"nodes\":["
                 "{\"node_id\":1,\"status\":\"alive\",\"port\":5001,\"address\":\"127.0.0.1:5001\","
                 "\"state\":\"up\"},"
                 "{\"node_id\":2,\"status\":\"alive\",\"port\":5002,\"address\":\"127.0.0.1:5002\","
                 "\"state\":\"up\"},"
                 "{\"node_id\":3,\"status\":\"dead\",\"port\":5003,\"address\":\"127.0.0.1:5003\","
                 "\"state\":\"down\"}]}");
}

static void test_nodes__are_removed(void **state)
{
    struct testbed *t = *state;
    t->host.map.nodes[1].leaving = true;
    assert_int_equal(testbed_ask(t, "DELETE /v1/nodes/2", "", NULL), 202);
    assert_int_equal(t->host.last.kind, REQUEST_CHANGE);
    assert_int_equal(t->host.last.change.kind, CHANGE_REMOVE);
    assert_int_equal(t->host.last.change.node, 2);
    json_t *json = body(t);
    assert_int_equal(number(json, "node_id"), 2);
    const json_t *node = json_object_get(json, "node");
    assert_int_equal(number(node, "node_id"), 2);
    assert_int_equal(number(node, "slots_in_sync"), 32768);
    assert_true(json_is_true(json_object_get(node, "leaving")));
    json_decref(json);
}

static void test_nodes__that_go_at_once_are_removed(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    static const char asked[] = "DELETE /v1/nodes/3 HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n";
    testbed_send(t, asked, sizeof asked - 1);
    testbed_settle(t);
    t->host.map.node_count = 2;
    struct reply reply = {.error = ERR_OK};
    fake_host_release(&t->host, &reply);
    testbed_take(t, false);
    assert_int_equal(t->status, 202);
    json_t *json = body(t);
    assert_int_equal(number(json, "node_id"), 3);
    assert_null(json_object_get(json, "node"));
    json_decref(json);
}

static void test_nodes__are_not_removed_in_vain(void **state)
{
    struct testbed *t = *state;
    static const char *const malformed[] = {"DELETE /v1/nodes/", "DELETE /v1/nodes/one",
                                            "DELETE /v1/nodes/1/2"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        testbed_ask(t, malformed[i], "", NULL);
        testbed_expect_error(t, 400, "invalid");
    }
    testbed_ask(t, "DELETE /v1/nodes/4", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /v1/nodes/1", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_int_equal(t->host.request_count, 0);
    static const struct {
        enum err error;
        int status;
        const char *name;
    } errors[] = {{ERR_NOT_FOUND, 404, "not_found"},
                  {ERR_ILLEGAL, 409, "illegal"},
                  {ERR_CUT_OFF, 503, "cut_off"}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        t->host.error = errors[i].error;
        testbed_ask(t, "DELETE /v1/nodes/2", "", NULL);
        testbed_expect_error(t, (unsigned)errors[i].status, errors[i].name);
    }
}

static void test_nodes__fail_and_recover(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "POST /fail/2", "", ""), 200);
    assert_int_equal(t->host.last.change.kind, CHANGE_FAIL);
    assert_int_equal(t->host.last.change.node, 2);
    assert_non_null(strstr(
        t->body, "\"status\":\"success\",\"message\":\"node 2 behaves as dead\",\"node_id\":2"));
    assert_int_equal(testbed_ask(t, "POST /recover/3", "", "{}"), 200);
    assert_int_equal(t->host.last.change.kind, CHANGE_RECOVER);
    unsigned before = t->host.request_count;
    static const char *const unknown[] = {"POST /fail/4",
                                          "POST /fail/0",
                                          "POST /fail/-1",
                                          "POST /recover/65",
                                          "POST /fail/257",
                                          "POST /fail/4294967297",
                                          "POST /recover/99999999999999999999999"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        testbed_ask(t, unknown[i], "", "");
        testbed_expect_error(t, 404, "not_found");
    }
    static const char *const malformed[] = {"POST /fail/",     "POST /fail/one",
                                            "POST /fail/1.0",  "POST /fail/1/2",
                                            "POST /recover/-", "POST /recover/%31"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        testbed_ask(t, malformed[i], "", "");
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, before);
    t->host.error = ERR_ILLEGAL;
    testbed_ask(t, "POST /fail/2", "", "");
    testbed_expect_error(t, 409, "illegal");
}

static void test_nodes__of_a_key(void **state)
{
    struct testbed *t = *state;
    assert_int_equal(testbed_ask(t, "GET /nodes_for_key/foo", "", NULL), 200);
    // 12182: the slot of "foo" in Redis Cluster.
    assert_string_equal(
        t->body,
        "{\"status\":\"success\",\"key\":\"foo\",\"slot\":12182,\"primary\":2,\"nodes\":[1,2,3],"
        "\"in_sync\":[1,2],\"joining\":[3]}");
    testbed_ask(t, "GET /nodes_for_key/", "", NULL);
    testbed_expect_error(t, 400, "invalid");
}

static void test_nodes__are_placed_by_a_strategy(void **state)
{
    struct testbed *t = *state;
    const char *path = "POST /set_replication_strategy";
    assert_int_equal(
        testbed_ask(t, path, "", "{\"strategy\":\"consistent\",\"replication_factor\":3}"), 200);
    assert_int_equal(t->host.last.change.kind, CHANGE_STRATEGY);
    assert_int_equal(t->host.last.change.keyspace, 1);
    assert_int_equal(t->host.last.change.strategy, STRATEGY_CONSISTENT);
    assert_int_equal(t->host.last.change.replication_factor, 3);
    assert_non_null(strstr(t->body, "\"strategy\":\"consistent\",\"replication_factor\":3"));
    assert_int_equal(testbed_ask(t, path, "", "{\"strategy\":\"consistent\"}"), 200);
    assert_int_equal(t->host.last.change.replication_factor, 0);
    assert_non_null(strstr(t->body, "\"replication_factor\":2"));
    assert_int_equal(testbed_ask(t, path, "", "{\"strategy\":\"full\"}"), 200);
    unsigned before = t->host.request_count;
    static const char *const bad[] = {"{}",
                                      "{\"strategy\":\"half\"}",
                                      "{\"strategy\":1}",
                                      "{\"strategy\":\"\"}",
                                      "{\"strategy\":null}",
                                      "{\"strategy\":\"full\\u0000\"}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":0}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":-1}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":4}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":258}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":\"2\"}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":2.5}",
                                      "{\"strategy\":\"consistent\",\"replication_factor\":null}",
                                      "{\"strategy\":\"full\",\"replication_factor\":4}",
                                      "{\"replication_factor\":2}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, path, "", bad[i]);
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(t->host.request_count, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nodes__are_listed, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_described, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__keep_their_first_listing, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_removed, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__that_go_at_once_are_removed, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_not_removed_in_vain, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__fail_and_recover, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__of_a_key, testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_placed_by_a_strategy, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
