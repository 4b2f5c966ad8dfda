// Answers about peers, complete, sparse and wrong.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/peer_list.h"

static enum err add(struct peer_list *list, const char *text)
{
    json_t *page = json_loads(text, 0, NULL);
    assert_non_null(page);
    enum err e = peer_list_add(list, page, NULL);
    json_decref(page);
    return e;
}

static void test_peer_list__reads_pages(void **state)
{
    (void)state;
    struct peer_list list;
    peer_list_init(&list);
    assert_int_equal(
        add(&list,
            "{\"status\":\"success\",\"self\":{\"store_id\":\"01\",\"keyspaces\":[\"a\",\"b/c\"]},"
            "\"peers\":[{\"store_id\":\"02\",\"kind\":\"member\",\"node_id\":2,\"address\":\"h:1\","
            "\"reachable\":true,\"heard_ms\":70,\"keyspaces\":[\"a\"],\"keyspace_count\":3}]}"),
        ERR_OK);
    assert_int_equal(add(&list,
                         "{\"self\":{\"keyspaces\":[]},\"peers\":[{\"store_id\":\"03\",\"kind\":"
                         "\"roaming\",\"node_id\":null,\"address\":\"\",\"reachable\":false,"
                         "\"heard_ms\":null,\"more\":1},{}]}"),
                     ERR_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.entries[0].store_id, "02");
    assert_string_equal(list.entries[0].kind, "member");
    assert_int_equal(list.entries[0].node_id, 2);
    assert_string_equal(list.entries[0].address, "h:1");
    assert_true(list.entries[0].reachable);
    assert_true(list.entries[0].heard);
    assert_int_equal(list.entries[0].heard_ms, 70);
    assert_int_equal(list.entries[0].keyspace_count, 3);
    assert_string_equal(list.entries[1].store_id, "03");
    assert_int_equal(list.entries[1].node_id, 0);
    assert_false(list.entries[1].heard);
    assert_string_equal(list.entries[2].store_id, "");
    assert_int_equal(json_array_size(peer_list_kept(&list)), 2);
    assert_int_equal(json_array_size(json_object_get(list.answer, "peers")), 3);
    peer_list_release(&list);
}

static void test_peer_list__refuses_what_is_none(void **state)
{
    (void)state;
    struct peer_list list;
    peer_list_init(&list);
    assert_null(peer_list_kept(&list));
    assert_int_equal(add(&list, "{}"), ERR_CORRUPT);
    assert_int_equal(add(&list, "{\"peers\":{}}"), ERR_CORRUPT);
    assert_int_equal(add(&list, "{\"peers\":[]}"), ERR_OK);
    assert_null(peer_list_kept(&list));
    peer_list_release(&list);
}

static void test_peer_list__is_bounded(void **state)
{
    (void)state;
    struct peer_list list;
    peer_list_init(&list);
    json_t *page = json_object();
    json_t *peers = json_array();
    for (size_t i = 0; i < PEER_LIST_MAX; i++)
        json_array_append_new(peers, json_object());
    json_object_set_new(page, "peers", peers);
    assert_int_equal(peer_list_add(&list, page, NULL), ERR_OK);
    assert_int_equal(list.count, PEER_LIST_MAX);
    assert_int_equal(add(&list, "{\"peers\":[{}]}"), ERR_CORRUPT);
    json_decref(page);
    peer_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_list__reads_pages),
        cmocka_unit_test(test_peer_list__refuses_what_is_none),
        cmocka_unit_test(test_peer_list__is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
