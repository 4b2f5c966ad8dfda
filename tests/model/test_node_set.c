#include "base/random.h"
#include "model/node_set.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_node_set__has_a_bit_for_each_id_and_none_for_others(void **state)
{
    (void)state;
    node_set all = 0;
    for (unsigned id = 1; id <= NODES_MAX; id++) {
        assert_false(node_set_has(all, (node_id)id));
        all |= node_bit((node_id)id);
        assert_true(node_set_has(all, (node_id)id));
        assert_int_equal(node_set_count(all), id);
    }
    assert_int_equal(all, UINT64_MAX);
    assert_int_equal(node_bit(NODE_NONE), 0);
    assert_int_equal(node_bit(NODES_MAX + 1), 0);
    assert_false(node_set_has(all, NODE_NONE));
    assert_false(node_set_has(all, NODES_MAX + 1));
}

static void test_node_set__is_walked_in_ascending_order(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 4);
    for (int i = 0; i < 200; i++) {
        node_set set = rng_u64(&rng) & rng_u64(&rng), walked = 0;
        node_id last = NODE_NONE;
        unsigned index = 0;
        for (node_id id = node_set_first(set); id != NODE_NONE; id = node_set_after(set, id)) {
            assert_true(id > last);
            assert_int_equal(node_set_nth(set, index++), id);
            walked |= node_bit(id);
            last = id;
        }
        assert_int_equal(walked, set);
        assert_int_equal(index, node_set_count(set));
    }
}

static void test_node_set__ends_at_its_borders(void **state)
{
    (void)state;
    assert_int_equal(node_set_first(0), NODE_NONE);
    assert_int_equal(node_set_nth(0, 0), NODE_NONE);
    assert_int_equal(node_set_after(UINT64_MAX, NODES_MAX), NODE_NONE);
    assert_int_equal(node_set_after(UINT64_MAX, NODES_MAX - 1), NODES_MAX);
    assert_int_equal(node_set_after(UINT64_MAX, NODE_NONE), 1);
    assert_int_equal(node_set_first(node_bit(NODES_MAX)), NODES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_set__has_a_bit_for_each_id_and_none_for_others),
        cmocka_unit_test(test_node_set__is_walked_in_ascending_order),
        cmocka_unit_test(test_node_set__ends_at_its_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
