#include "base/ordered.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define THINGS 400u
#define STEPS 20000u
#define MANY 20000u
// A treap of MANY nodes is about 35 deep; one that is not balanced, thousands.
#define DEPTH_MAX 64u

struct thing {
    struct ordered_node node;
    bool in;
    uint8_t key[4];
    size_t key_length;
};

static struct slice key_of(const struct thing *thing)
{
    return slice_of(thing->key, thing->key_length);
}

static int compare_things(const void *a, const void *b)
{
    return slice_compare(key_of(a), key_of(b));
}

// Keys of 1 to 4 bytes of a small alphabet, so that many begin with others.
static void draw_key(struct rng *rng, struct thing *thing)
{
    thing->key_length = (size_t)rng_below(rng, 4) + 1;
    for (size_t i = 0; i < thing->key_length; i++)
        thing->key[i] = (uint8_t)rng_below(rng, 6) * 51u;
}

// Different things in byte order of keys; gives their number.
static size_t draw_things(struct rng *rng, struct thing *things)
{
    memset(things, 0, THINGS * sizeof *things);
    for (size_t i = 0; i < THINGS; i++)
        draw_key(rng, &things[i]);
    qsort(things, THINGS, sizeof *things, compare_things);
    size_t count = 1;
    for (size_t i = 1; i < THINGS; i++)
        if (compare_things(&things[count - 1], &things[i]) != 0)
            things[count++] = things[i];
    return count;
}

static void assert_walk_is(const struct ordered *ordered, const struct thing *things, size_t count)
{
    const struct ordered_node *node = ordered_seek(ordered, slice_of(NULL, 0));
    for (size_t i = 0; i < count; i++) {
        if (!things[i].in)
            continue;
        assert_ptr_equal(node, &things[i].node);
        node = ordered_next(node);
    }
    assert_null(node);
}

static const struct ordered_node *naive_seek(const struct thing *things, size_t count,
                                             struct slice key)
{
    for (size_t i = 0; i < count; i++)
        if (things[i].in && slice_compare(key_of(&things[i]), key) >= 0)
            return &things[i].node;
    return NULL;
}

static void test_ordered__finds_nothing_when_empty(void **state)
{
    (void)state;
    struct ordered ordered;
    ordered_init(&ordered);
    assert_null(ordered_find(&ordered, slice_of_text("a")));
    assert_null(ordered_seek(&ordered, slice_of(NULL, 0)));
    ordered_invariants(&ordered);
}

static void test_ordered__agrees_with_a_sorted_array(void **state)
{
    (void)state;
    static struct thing things[THINGS];
    struct rng rng;
    rng_init(&rng, 1);
    size_t count = draw_things(&rng, things);
    struct ordered ordered;
    ordered_init(&ordered);
    for (size_t step = 0; step < STEPS; step++) {
        struct thing *thing = &things[rng_below(&rng, count)];
        if (thing->in)
            ordered_remove(&ordered, &thing->node);
        else
            ordered_add(&ordered, &thing->node, key_of(thing));
        thing->in = !thing->in;
        struct thing wanted;
        draw_key(&rng, &wanted);
        const struct ordered_node *sought = naive_seek(things, count, key_of(&wanted));
        assert_ptr_equal(ordered_seek(&ordered, key_of(&wanted)), sought);
        bool found = sought != NULL && slice_equal(sought->key, key_of(&wanted));
        assert_ptr_equal(ordered_find(&ordered, key_of(&wanted)), found ? sought : NULL);
        if (step % 64 == 0) {
            ordered_invariants(&ordered);
            assert_walk_is(&ordered, things, count);
        }
    }
}

static size_t depth_of(const struct ordered_node *node)
{
    size_t depth = 0;
    for (; node != NULL; node = node->parent)
        depth++;
    return depth;
}

static void test_ordered__stays_flat_when_keys_rise(void **state)
{
    (void)state;
    struct thing *things = calloc(MANY, sizeof *things);
    assert_non_null(things);
    struct ordered ordered;
    ordered_init(&ordered);
    for (uint32_t i = 0; i < MANY; i++) {
        things[i].key_length = sizeof things[i].key;
        for (unsigned byte = 0; byte < sizeof things[i].key; byte++)
            things[i].key[byte] = (uint8_t)(i >> (24 - 8 * byte));
        ordered_add(&ordered, &things[i].node, key_of(&things[i]));
    }
    ordered_invariants(&ordered);
    for (uint32_t i = 0; i < MANY; i++)
        assert_in_range(depth_of(&things[i].node), 1, DEPTH_MAX);
    // As queues are left: from the oldest on.
    for (uint32_t i = 0; i < MANY / 2; i++)
        ordered_remove(&ordered, &things[i].node);
    ordered_invariants(&ordered);
    for (uint32_t i = MANY / 2; i < MANY; i++)
        assert_in_range(depth_of(&things[i].node), 1, DEPTH_MAX);
    free(things);
}

static void test_ordered__takes_a_node_again(void **state)
{
    (void)state;
    struct ordered ordered;
    struct ordered_node node;
    ordered_init(&ordered);
    ordered_add(&ordered, &node, slice_of_text("a"));
    ordered_remove(&ordered, &node);
    assert_null(ordered_seek(&ordered, slice_of(NULL, 0)));
    ordered_add(&ordered, &node, slice_of_text("b"));
    assert_ptr_equal(ordered_find(&ordered, slice_of_text("b")), &node);
    assert_null(ordered_find(&ordered, slice_of_text("a")));
    assert_int_equal(ordered.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordered__finds_nothing_when_empty),
        cmocka_unit_test(test_ordered__agrees_with_a_sorted_array),
        cmocka_unit_test(test_ordered__stays_flat_when_keys_rise),
        cmocka_unit_test(test_ordered__takes_a_node_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
