#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <jansson.h>
#include <stdlib.h>

static int setup(void **state)
{
    struct testbed *testbed = malloc(sizeof *testbed);
    testbed_open(testbed);
    *state = testbed;
    return 0;
}

static int teardown(void **state)
{
    testbed_close(*state);
    free(*state);
    return 0;
}

static json_t *body(const struct testbed *t)
{
    json_t *json = json_loadb(t->body, t->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
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
    assert_int_equal(testbed_ask(t, "GET /v1/nodes", "", NULL), 200);
    json_t *json = body(t);
    assert_int_equal(json_integer_value(json_object_get(json, "epoch")), 9);
    assert_string_equal(json_string_value(json_object_get(json, "cluster")),
                        "0000000000000abc0000000000000def");
    assert_true(json_is_true(json_object_get(json_object_get(json, "answered_by"), "serving")));
    json_t *nodes = json_object_get(json, "nodes");
    static const int in_sync[] = {32767, 32767, 1};
    static const int joining[] = {0, 0, 32767};
    static const int primary[] = {0, 32767, 0};
    for (size_t i = 0; i < 3; i++) {
        json_t *node = json_array_get(nodes, i);
        assert_int_equal(json_integer_value(json_object_get(node, "slots_in_sync")), in_sync[i]);
        assert_int_equal(json_integer_value(json_object_get(node, "slots_joining")), joining[i]);
        assert_int_equal(json_integer_value(json_object_get(node, "slots_primary")), primary[i]);
        assert_int_equal(json_is_true(json_object_get(node, "voter")), i < 2);
    }
    json_decref(json);
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
        cmocka_unit_test_setup_teardown(test_nodes__are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_described, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nodes__fail_and_recover, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nodes__of_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nodes__are_placed_by_a_strategy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
