// Digests by slot, by group, and of all.

#include "core/epidemic/space_digests.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITEMS = 500 };

struct item {
    uint16_t slot;
    struct hash128 hash;
};

static void draw_items(struct item items[ITEMS])
{
    struct rng rng;
    rng_init(&rng, 3);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].slot = (uint16_t)rng_below(&rng, i % 2 == 0 ? SLOTS : 200);
        items[i].hash = (struct hash128){.high = rng_u64(&rng), .low = rng_u64(&rng)};
    }
}

static void test_space_digests__are_those_of_what_is_left(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct space_digests all;
    struct space_digests some;
    draw_items(items);
    space_digests_init(&all);
    space_digests_init(&some);
    for (unsigned i = 0; i < ITEMS; i++)
        space_digests_add(&all, items[i].slot, items[i].hash);
    for (unsigned i = ITEMS; i > 0; i -= 2) {
        space_digests_remove(&all, items[i - 1].slot, items[i - 1].hash);
        assert_false(space_digests_equal(&all, &some));
        space_digests_add(&some, items[i - 2].slot, items[i - 2].hash);
    }
    assert_true(space_digests_equal(&all, &some));
    assert_int_equal(all.total.count, ITEMS / 2);
    space_digests_release(&all);
    space_digests_release(&some);
}

static void test_space_digests__tell_slots_with_the_same_items_apart(void **state)
{
    (void)state;
    struct space_digests a;
    struct space_digests b;
    struct hash128 hash = {.high = 1, .low = 2};
    space_digests_init(&a);
    space_digests_init(&b);
    space_digests_add(&a, 5, hash);
    space_digests_add(&b, 6, hash);
    assert_true(digest_equal(&a.total, &b.total));
    assert_false(space_digests_equal(&a, &b));
    space_digests_release(&a);
    space_digests_release(&b);
}

static void test_space_digests__groups_are_the_sums_of_their_slots(void **state)
{
    (void)state;
    struct item items[ITEMS];
    struct space_digests digests;
    struct digest total = {0};
    draw_items(items);
    space_digests_init(&digests);
    for (unsigned i = 0; i < ITEMS; i++)
        space_digests_add(&digests, items[i].slot, items[i].hash);
    for (unsigned group = 0; group < DIGEST_GROUPS; group++) {
        struct digest sum = {0};
        for (unsigned i = 0; i < DIGEST_GROUP_SLOTS; i++) {
            struct digest slot =
                space_digests_slot(&digests, (uint16_t)(group * DIGEST_GROUP_SLOTS + i));
            digest_merge(&sum, &slot);
        }
        struct digest told = space_digests_group(&digests, group);
        assert_true(digest_equal(&told, &sum));
        digest_merge(&total, &sum);
    }
    assert_true(digest_equal(&digests.total, &total));
    space_digests_release(&digests);
}

static void test_space_digests__take_room_where_something_lives(void **state)
{
    (void)state;
    struct space_digests digests;
    struct digest digest = {.count = 2, .sum_low = 9};
    unsigned groups = 0;
    space_digests_init(&digests);
    assert_int_equal(space_digests_slot(&digests, 7).count, 0);
    assert_int_equal(space_digests_group(&digests, 0).count, 0);
    space_digests_set(&digests, 7, &digest);
    space_digests_add(&digests, 8, (struct hash128){.low = 1});
    for (unsigned i = 0; i < DIGEST_GROUPS; i++)
        groups += digests.groups[i] != NULL;
    assert_int_equal(groups, 1);
    assert_true(digests.total.count == 3 && digests.total.sum_low == 10);
    space_digests_release(&digests);
    assert_int_equal(digests.total.count, 0);
}

static void test_space_digests__hash_all_that_names_a_version(void **state)
{
    (void)state;
    struct sha256 id = {{1}};
    struct sha256 other = {{1}};
    struct dot dot = {.origin = 1, .sequence = 2};
    struct slice key = slice_of_text("k");
    other.bytes[SHA256_BYTES - 1] = 1;
    struct hash128 hash = space_item_hash(5, key, dot, &id);
    struct hash128 others[] = {
        space_item_hash(6, key, dot, &id),
        space_item_hash(5, slice_of_text("l"), dot, &id),
        space_item_hash(5, slice_of_text("kk"), dot, &id),
        space_item_hash(5, key, (struct dot){.origin = 2, .sequence = 1}, &id),
        space_item_hash(5, key, (struct dot){.origin = 1, .sequence = 3}, &id),
        space_item_hash(5, key, dot, &other),
    };
    struct hash128 again = space_item_hash(5, key, dot, &id);
    assert_memory_equal(&hash, &again, sizeof hash);
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_memory_not_equal(&hash, &others[i], sizeof hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_digests__are_those_of_what_is_left),
        cmocka_unit_test(test_space_digests__tell_slots_with_the_same_items_apart),
        cmocka_unit_test(test_space_digests__groups_are_the_sums_of_their_slots),
        cmocka_unit_test(test_space_digests__take_room_where_something_lives),
        cmocka_unit_test(test_space_digests__hash_all_that_names_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
