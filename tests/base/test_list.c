#include "base/list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

static int take_number(struct list *head)
{
    struct list *node = list_take_first(head);
    return node == NULL ? -1 : LIST_ITEM(node, struct item, link)->number;
}

static void fill(struct list *head, struct item *items, int count, int first)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].number = first + i;
        list_append(head, &items[i].link);
    }
}

static void test_list__takes_in_the_order_of_appending(void **state)
{
    (void)state;
    struct list head;
    struct item items[3];
    fill(&head, items, 3, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take_number(&head), i);
    assert_true(list_empty(&head));
    assert_int_equal(take_number(&head), -1);
}

static void test_list__removes_from_the_middle_and_twice(void **state)
{
    (void)state;
    struct list head;
    struct item items[3];
    fill(&head, items, 3, 0);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    assert_true(list_empty(&items[1].link));
    assert_int_equal(take_number(&head), 0);
    assert_int_equal(take_number(&head), 2);
    assert_int_equal(take_number(&head), -1);
}

static void test_list__moves_all_to_the_end(void **state)
{
    (void)state;
    struct list to, from;
    struct item early[2], late[2];
    fill(&to, early, 2, 0);
    fill(&from, late, 2, 2);
    list_move_all(&to, &from);
    assert_true(list_empty(&from));
    list_move_all(&to, &from);
    for (int i = 0; i < 4; i++)
        assert_int_equal(take_number(&to), i);
    assert_true(list_empty(&to));
}

static void test_list__moves_to_an_empty_one(void **state)
{
    (void)state;
    struct list to, from;
    struct item items[2];
    list_init(&to);
    fill(&from, items, 2, 5);
    list_move_all(&to, &from);
    assert_true(list_empty(&from));
    assert_int_equal(take_number(&to), 5);
    assert_int_equal(take_number(&to), 6);
    assert_int_equal(take_number(&to), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list__takes_in_the_order_of_appending),
        cmocka_unit_test(test_list__removes_from_the_middle_and_twice),
        cmocka_unit_test(test_list__moves_all_to_the_end),
        cmocka_unit_test(test_list__moves_to_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
