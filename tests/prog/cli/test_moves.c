// When waiting for moves is over.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/moves.h"

enum { ENTRIES = 3 };

// Nodes 1 to 3, all up, with peer addresses a, b and c.
static struct node_list sample(struct node_entry entries[ENTRIES])
{
    for (size_t i = 0; i < ENTRIES; i++)
        entries[i] = (struct node_entry){
            .id = i + 1, .alive = true, .state = "up", .peer_address = {(char)('a' + i)}};
    return (struct node_list){.count = ENTRIES, .entries = entries};
}

static void test_moves__end_when_a_node_is_gone(void **state)
{
    (void)state;
    struct node_entry entries[ENTRIES];
    struct node_list list = sample(entries);
    struct moves_goal goal = {.kind = MOVES_GONE, .id = 3};
    assert_false(moves_reached(&goal, &list));
    entries[2].alive = false;
    assert_false(moves_reached(&goal, &list));
    list.count = 2;
    assert_true(moves_reached(&goal, &list));
}

static void test_moves__end_when_a_node_is_a_member(void **state)
{
    (void)state;
    struct node_entry entries[ENTRIES];
    struct node_list list = sample(entries);
    struct moves_goal goal = {.kind = MOVES_MEMBER, .peer_address = "d"};
    assert_false(moves_reached(&goal, &list));
    assert_int_equal(goal.id, 0);
    goal.peer_address = "b";
    entries[1].state[0] = 'd';
    assert_false(moves_reached(&goal, &list));
    entries[1].state[0] = 'u';
    // It may still have everything to come.
    entries[1].slots_awaited = 7;
    assert_true(moves_reached(&goal, &list));
    assert_int_equal(goal.id, 2);
}

static void test_moves__end_when_all_that_are_up_hold_what_they_should(void **state)
{
    (void)state;
    struct node_entry entries[ENTRIES];
    struct node_list list = sample(entries);
    struct moves_goal goal = {.kind = MOVES_BALANCED, .id = 2};
    assert_true(moves_reached(&goal, &list));
    entries[2].slots_awaited = 5;
    entries[0].slots_awaited = 1;
    assert_int_equal(node_list_moves_left(&list), 6);
    assert_false(moves_reached(&goal, &list));
    entries[0].slots_awaited = 0;
    // Those of a dead node wait for it, not for us.
    entries[2].alive = false;
    assert_int_equal(node_list_moves_left(&list), 0);
    assert_true(moves_reached(&goal, &list));
    goal.id = 3;
    assert_false(moves_reached(&goal, &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves__end_when_a_node_is_gone),
        cmocka_unit_test(test_moves__end_when_a_node_is_a_member),
        cmocka_unit_test(test_moves__end_when_all_that_are_up_hold_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
