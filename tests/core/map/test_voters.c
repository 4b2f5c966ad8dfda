#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/voters.h"
#include "map_fixture.h"

#define NODES(...) nodes_of((const node_id[]){__VA_ARGS__, NODE_NONE})

static node_set nodes_of(const node_id *ids)
{
    node_set nodes = 0;
    for (; *ids != NODE_NONE; ids++)
        nodes |= node_bit(*ids);
    return nodes;
}

static node_set choose(unsigned nodes, node_set voters, node_set leaving, node_set able)
{
    struct cluster_map map;
    cluster_map_init(&map);
    fixture_map(&map, nodes, 1);
    map.voters = voters;
    for (unsigned i = 0; i < nodes; i++)
        map.nodes[i].leaving = node_set_has(leaving, map.nodes[i].id);
    node_set chosen = voters_choose(&map, able);
    cluster_map_release(&map);
    return chosen;
}

static void test_voters__those_that_can_go_on(void **state)
{
    (void)state;
    assert_int_equal(choose(3, NODES(1, 2, 3), 0, NODES(1, 2, 3)), NODES(1, 2, 3));
    assert_int_equal(choose(5, NODES(3, 4, 5), 0, fixture_nodes(5)), NODES(1, 2, 3, 4, 5));
    assert_int_equal(choose(9, NODES(3, 8, 9), 0, fixture_nodes(9)), NODES(1, 2, 3, 4, 5, 8, 9));
}

static void test_voters__are_odd_and_not_too_many(void **state)
{
    (void)state;
    for (unsigned nodes = 1; nodes <= NODES_MAX; nodes++) {
        unsigned count = node_set_count(choose(nodes, NODES(1), 0, fixture_nodes(nodes)));
        assert_int_equal(count % 2, 1);
        assert_int_equal(count, nodes >= VOTERS_MAX ? VOTERS_MAX : nodes - (nodes + 1) % 2);
    }
}

static void test_voters__who_cannot_vote_gives_way_to_who_can(void **state)
{
    (void)state;
    // One that is down keeps its vote while there is no reason to change the number.
    assert_int_equal(choose(4, NODES(1, 2, 3), 0, NODES(1, 3, 4)), NODES(1, 2, 3));
    // When the number falls it is the first to go.
    assert_int_equal(choose(2, NODES(1, 2), 0, NODES(2)), NODES(2));
    // One that leaves is replaced; without another it stays.
    assert_int_equal(choose(4, NODES(1, 2, 3), NODES(2), NODES(1, 3, 4)), NODES(1, 3, 4));
    assert_int_equal(choose(1, NODES(1), NODES(1), 0), NODES(1));
}

static void test_voters__only_the_able_begin(void **state)
{
    (void)state;
    assert_int_equal(choose(5, 0, 0, NODES(4)), NODES(4));
    assert_int_equal(choose(5, 0, 0, NODES(4, 5)), NODES(4));
    assert_int_equal(choose(5, NODES(2), 0, NODES(2, 5)), NODES(2));
    assert_int_equal(choose(5, NODES(2), 0, NODES(2, 4, 5)), NODES(2, 4, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_voters__those_that_can_go_on),
        cmocka_unit_test(test_voters__are_odd_and_not_too_many),
        cmocka_unit_test(test_voters__who_cannot_vote_gives_way_to_who_can),
        cmocka_unit_test(test_voters__only_the_able_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
