#include "core/strong/sync_items.h"

#include "memory_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYSPACE = 7, SALT = 99 };

static void store_record(struct memory_store *memory, unsigned slot, const char *key,
                         uint64_t sequence, bool dead)
{
    struct store_key name;
    struct buf bytes;
    struct record record = {.stamp = stamp_make(1, sequence, 1), .dead = dead};
    store_key_make(&name, KEYSPACE, slot, slice_of_text(key));
    buf_init(&bytes, VALUE_BYTES_MAX);
    record_encode(&bytes, &record);
    memory_store_queue(memory, STORE_RECORDS, false, store_key_slice(&name), buf_slice(&bytes));
    buf_release(&bytes);
}

// Three slots: two records, none, one certificate.
static struct store three_slots(struct memory_store *memory, struct slot_set *slots)
{
    memory_store_init(memory);
    store_record(memory, 1, "a", 1, false);
    store_record(memory, 1, "b", 2, false);
    store_record(memory, 3, "c", 3, true);
    store_record(memory, 4, "not asked for", 4, false);
    memory_store_apply(memory, SIZE_MAX);
    slot_set_clear(slots);
    for (unsigned slot = 1; slot <= 3; slot++)
        slot_set_add(slots, slot);
    return memory_store_reader(memory);
}

static void test_sync_items__list_each_record_of_the_slots(void **state)
{
    (void)state;
    struct memory_store memory;
    struct slot_set slots;
    struct sync_items items;
    struct store store = three_slots(&memory, &slots);
    sync_items_init(&items, SALT);
    assert_int_equal(sync_items_list(&items, &store, NULL, KEYSPACE, &slots), ERR_OK);
    assert_int_equal(slot_set_count(&slots), 3);
    assert_int_equal(items.count, 3);
    assert_int_equal(items.fold_count, 3);
    static const char *const keys[] = {"a", "b", "c"};
    static const unsigned slot_of[] = {1, 1, 3};
    for (unsigned i = 0; i < 3; i++) {
        struct stamp stamp = stamp_make(1, i + 1, 1);
        struct hash128 hash = riblt_item(item_hash(SALT, slice_of_text(keys[i]), stamp));
        assert_true(slice_equal(sync_item_key(&items, &items.items[i]), slice_of_text(keys[i])));
        assert_int_equal(items.items[i].slot, slot_of[i]);
        assert_int_equal(stamp_compare(items.items[i].stamp, stamp), 0);
        assert_int_equal(items.items[i].hash.high, hash.high);
        assert_int_equal(items.items[i].hash.low, hash.low);
    }
    sync_items_release(&items);
    memory_store_release(&memory);
}

static void test_sync_items__fold_of_a_slot_is_its_digests(void **state)
{
    (void)state;
    struct memory_store memory;
    struct slot_set slots;
    struct sync_items items;
    struct digest digest = {0};
    struct store store = three_slots(&memory, &slots);
    sync_items_init(&items, SALT);
    assert_int_equal(sync_items_list(&items, &store, NULL, KEYSPACE, &slots), ERR_OK);
    assert_int_equal(items.folds[1], digest_fold(&digest, SALT));
    assert_true(items.folds[0] != items.folds[1]);
    sync_items_release(&items);
    memory_store_release(&memory);
}

// The newest delete of slot 1, when the slot's past knows of one.
static uint64_t delete_of_first(const struct store *store, const struct slot_pasts *pasts,
                                struct slot_set *slots, uint64_t *fold)
{
    struct sync_items items;
    sync_items_init(&items, SALT);
    assert_int_equal(sync_items_list(&items, store, pasts, KEYSPACE, slots), ERR_OK);
    uint64_t counter = items.deletes[0];
    *fold = items.folds[0];
    assert_int_equal(items.deletes[1], 0);
    assert_int_equal(items.deletes[2], stamp_make(1, 3, 1).counter); // its certificate
    sync_items_release(&items);
    return counter;
}

static void test_sync_items__folds_tell_of_deletes_that_left_nothing(void **state)
{
    (void)state;
    static struct slot_past past = {.keyspace = KEYSPACE};
    static const uint8_t name[] = "swept:\0\0\0\7\0\1";
    struct slot_pasts pasts = {.of = {&past}, .count = 1};
    struct memory_store memory;
    struct slot_set slots;
    struct buf noted;
    uint64_t folds[4];
    struct store store = three_slots(&memory, &slots);
    assert_int_equal(delete_of_first(&store, &pasts, &slots, &folds[0]), 0);
    past.deleted[1] = stamp_make(1, 9, 1).counter;
    assert_int_equal(delete_of_first(&store, &pasts, &slots, &folds[1]), past.deleted[1]);
    assert_int_equal(delete_of_first(&store, NULL, &slots, &folds[2]), 0);
    buf_init(&noted, VALUE_BYTES_MAX);
    stamp_encode(&noted, stamp_make(1, 9, 1));
    memory_store_queue(&memory, STORE_META, false, slice_of(name, sizeof name - 1),
                       buf_slice(&noted));
    memory_store_apply(&memory, SIZE_MAX);
    assert_int_equal(delete_of_first(&store, NULL, &slots, &folds[3]), past.deleted[1]);
    assert_true(folds[0] == folds[2] && folds[1] == folds[3] && folds[0] != folds[1]);
    buf_release(&noted);
    memory_store_release(&memory);
}

static void test_sync_items__are_found_once_sorted(void **state)
{
    (void)state;
    struct memory_store memory;
    struct slot_set slots;
    struct sync_items items;
    struct store store = three_slots(&memory, &slots);
    sync_items_init(&items, SALT);
    assert_int_equal(sync_items_list(&items, &store, NULL, KEYSPACE, &slots), ERR_OK);
    sync_items_sort(&items);
    const struct sync_item *found = sync_items_find(
        &items, riblt_item(item_hash(SALT, slice_of_text("b"), stamp_make(1, 2, 1))));
    assert_non_null(found);
    assert_true(slice_equal(sync_item_key(&items, found), slice_of_text("b")));
    struct hash128 other = riblt_item(item_hash(SALT, slice_of_text("b"), stamp_make(1, 3, 1)));
    assert_null(sync_items_find(&items, other));
    sync_items_release(&items);
    memory_store_release(&memory);
}

static void test_sync_items__stop_with_a_whole_slot(void **state)
{
    (void)state;
    struct memory_store memory;
    struct slot_set slots;
    struct sync_items items;
    char key[32];
    memory_store_init(&memory);
    slot_set_clear(&slots);
    for (unsigned i = 0; i < SYNC_ITEMS_ENOUGH; i++) {
        snprintf(key, sizeof key, "%06u", i);
        store_record(&memory, 1 + i / (SYNC_ITEMS_ENOUGH / 2), key, i, false);
    }
    memory_store_apply(&memory, SIZE_MAX);
    for (unsigned slot = 1; slot <= 4; slot++)
        slot_set_add(&slots, slot);
    struct store store = memory_store_reader(&memory);
    sync_items_init(&items, SALT);
    assert_int_equal(sync_items_list(&items, &store, NULL, KEYSPACE, &slots), ERR_OK);
    assert_int_equal(items.count, SYNC_ITEMS_ENOUGH);
    assert_int_equal(items.fold_count, 2);
    assert_int_equal(slot_set_count(&slots), 2);
    assert_true(slot_set_has(&slots, 1) && slot_set_has(&slots, 2));
    sync_items_release(&items);
    memory_store_release(&memory);
}

static void test_sync_items__of_nothing_find_nothing(void **state)
{
    (void)state;
    struct memory_store memory;
    struct slot_set slots;
    struct sync_items items;
    struct store store = three_slots(&memory, &slots);
    sync_items_init(&items, SALT);
    slot_set_clear(&slots);
    slot_set_add(&slots, 2);
    assert_int_equal(sync_items_list(&items, &store, NULL, KEYSPACE, &slots), ERR_OK);
    sync_items_sort(&items);
    assert_int_equal(items.count, 0);
    assert_null(sync_items_find(&items, item_hash(SALT, slice_of_text("a"), stamp_make(1, 1, 1))));
    sync_items_release(&items);
    memory_store_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync_items__list_each_record_of_the_slots),
        cmocka_unit_test(test_sync_items__fold_of_a_slot_is_its_digests),
        cmocka_unit_test(test_sync_items__folds_tell_of_deletes_that_left_nothing),
        cmocka_unit_test(test_sync_items__are_found_once_sorted),
        cmocka_unit_test(test_sync_items__stop_with_a_whole_slot),
        cmocka_unit_test(test_sync_items__of_nothing_find_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
