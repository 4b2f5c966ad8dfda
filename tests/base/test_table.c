#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

struct item {
    struct table_node node;
    uint64_t key;
};

static struct item *item_of(const struct table_node *node)
{
    return (struct item *)(void *)((char *)node - offsetof(struct item, node));
}

static bool has_key(const struct table_node *node, const void *wanted)
{
    return item_of(node)->key == *(const uint64_t *)wanted;
}

static struct item *find(const struct table *table, uint64_t hash, uint64_t key)
{
    struct table_node *node = table_find(table, hash, has_key, &key);
    return node == NULL ? NULL : item_of(node);
}

static uint64_t hash_of(uint64_t key)
{
    return hash64(slice_of(&key, sizeof key), 7);
}

static void test_table__finds_nothing_when_empty(void **state)
{
    (void)state;
    struct table table;
    table_init(&table);
    assert_null(find(&table, 1, 1));
    assert_null(table_first(&table));
    table_release(&table);
}

static void test_table__tells_equal_hashes_apart(void **state)
{
    (void)state;
    struct table table;
    struct item items[100];
    table_init(&table);
    for (uint64_t i = 0; i < 100; i++) {
        items[i].key = i;
        table_add(&table, &items[i].node, 42);
    }
    for (uint64_t i = 0; i < 100; i++)
        assert_ptr_equal(find(&table, 42, i), &items[i]);
    assert_null(find(&table, 42, 100));
    assert_null(find(&table, 43, 1));
    assert_null(find(&table, 42 + (UINT64_C(1) << 40), 1)); // of the same bucket
    for (uint64_t i = 0; i < 100; i += 2)
        table_remove(&table, &items[i].node);
    for (uint64_t i = 0; i < 100; i++)
        assert_ptr_equal(find(&table, 42, i), i % 2 == 0 ? NULL : &items[i]);
    assert_int_equal(table.count, 50);
    table_release(&table);
}

// The naive twin is a flag for each key.
static void test_table__agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 500, STEPS = 20000 };
    struct table table;
    struct rng rng;
    struct item *items = memory_zeroed(KEYS, sizeof *items);
    bool present[KEYS] = {false};
    size_t count = 0;
    table_init(&table);
    rng_init(&rng, 3);
    for (int step = 0; step < STEPS; step++) {
        uint64_t key = rng_below(&rng, KEYS);
        struct item *found = find(&table, hash_of(key), key);
        assert_ptr_equal(found, present[key] ? &items[key] : NULL);
        if (present[key]) {
            table_remove(&table, &items[key].node);
            count--;
        } else {
            items[key].key = key;
            table_add(&table, &items[key].node, hash_of(key));
            count++;
        }
        present[key] = !present[key];
        assert_int_equal(table.count, count);
    }
    table_release(&table);
    free(items);
}

static void test_table__iterates_over_each_once_while_removing(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    struct table table;
    struct item *items = memory_zeroed(KEYS, sizeof *items);
    unsigned seen[KEYS] = {0};
    table_init(&table);
    for (uint64_t i = 0; i < KEYS; i++) {
        items[i].key = i;
        table_add(&table, &items[i].node, hash_of(i));
    }
    struct table_node *next;
    for (struct table_node *node = table_first(&table); node != NULL; node = next) {
        next = table_next(&table, node);
        seen[item_of(node)->key]++;
        table_remove(&table, node);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(table.count, 0);
    assert_null(table_first(&table));
    table_release(&table);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__finds_nothing_when_empty),
        cmocka_unit_test(test_table__tells_equal_hashes_apart),
        cmocka_unit_test(test_table__agrees_with_an_array),
        cmocka_unit_test(test_table__iterates_over_each_once_while_removing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
