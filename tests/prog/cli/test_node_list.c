// Answers about nodes, complete, sparse and wrong.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/node_list.h"

static enum err decode(struct node_list *list, const char *text)
{
    json_t *answer = json_loads(text, 0, NULL);
    assert_non_null(answer);
    enum err e = node_list_decode(list, answer, NULL);
    json_decref(answer);
    return e;
}

static void test_node_list__reads_a_full_answer(void **state)
{
    (void)state;
    struct node_list list;
    node_list_init(&list);
    assert_int_equal(
        decode(
            &list,
            "{\"status\":\"success\",\"epoch\":9,\"answered_by\":{\"node_id\":2,\"serving\":true},"
            "\"nodes\":["
            "{\"node_id\":1,\"status\":\"alive\",\"state\":\"up\",\"address\":\"127.0.0.1:5000\","
            "\"port\":5000,\"voter\":true,\"slots_in_sync\":16384,\"slots_joining\":0,"
            "\"slots_target\":16384,\"slots_awaited\":3,\"peer_address\":\"127.0.0.1:6000\","
            "\"leaving\":true,\"replaced\":false},"
            "{\"node_id\":2,\"status\":\"dead\",\"state\":\"failed\",\"address\":\"10.0.0.2\","
            "\"port\":5001,\"slots_in_sync\":5,\"slots_joining\":7,\"slots_awaited\":9,"
            "\"replaced\":true}]}"),
        ERR_OK);
    assert_int_equal(list.epoch, 9);
    assert_int_equal(list.answered_by, 2);
    assert_int_equal(list.count, 2);
    assert_true(node_entry_up(&list.entries[0]));
    assert_string_equal(list.entries[0].address, "127.0.0.1:5000");
    assert_true(list.entries[0].voter);
    assert_true(list.entries[0].leaving);
    assert_false(list.entries[0].replaced);
    assert_true(list.entries[1].replaced);
    assert_int_equal(list.entries[0].slots_target, 16384);
    assert_ptr_equal(node_list_find_peer(&list, "127.0.0.1:6000"), &list.entries[0]);
    assert_null(node_list_find_peer(&list, "127.0.0.1:6001"));
    // Of node 2, which is not up, nothing is waited for.
    assert_int_equal(node_list_moves_left(&list), 3);
    assert_string_equal(list.entries[1].address, "10.0.0.2:5001");
    assert_false(node_entry_up(&list.entries[1]));
    assert_int_equal(list.entries[1].slots_joining, 7);
    assert_ptr_equal(node_list_find(&list, 2), &list.entries[1]);
    assert_null(node_list_find(&list, 3));
    assert_false(node_list_all_up(&list));
    node_list_release(&list);
}

static void test_node_list__bears_what_is_missing(void **state)
{
    (void)state;
    struct node_list list;
    node_list_init(&list);
    assert_int_equal(
        decode(&list, "{\"answered_by\":1,\"nodes\":[{\"node_id\":1,\"status\":\"alive\"}]}"),
        ERR_OK);
    assert_int_equal(list.answered_by, 1);
    assert_string_equal(list.entries[0].state, "up");
    assert_string_equal(list.entries[0].address, "");
    assert_false(list.entries[0].has_slots);
    assert_true(node_list_settled(&list));
    assert_int_equal(decode(&list, "{\"nodes\":[]}"), ERR_OK);
    assert_int_equal(list.answered_by, 0);
    assert_false(node_list_all_up(&list));
    node_list_release(&list);
}

static void test_node_list__is_not_settled_while_slots_join(void **state)
{
    (void)state;
    struct node_list list;
    node_list_init(&list);
    assert_int_equal(decode(&list,
                            "{\"nodes\":[{\"node_id\":1,\"status\":\"alive\",\"state\":\"up\","
                            "\"slots_joining\":1}]}"),
                     ERR_OK);
    assert_true(node_list_all_up(&list));
    assert_false(node_list_settled(&list));
    node_list_release(&list);
}

static void test_node_list__refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        "{\"nodes\":{}}",
                                        "{\"nodes\":[1]}",
                                        "{\"nodes\":[{}]}",
                                        "{\"nodes\":[{\"node_id\":\"1\"}]}",
                                        "{\"nodes\":[{\"node_id\":-1}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct node_list list;
        node_list_init(&list);
        if (decode(&list, texts[i]) != ERR_CORRUPT)
            fail_msg("%s was taken", texts[i]);
        node_list_release(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_list__reads_a_full_answer),
        cmocka_unit_test(test_node_list__bears_what_is_missing),
        cmocka_unit_test(test_node_list__is_not_settled_while_slots_join),
        cmocka_unit_test(test_node_list__refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
