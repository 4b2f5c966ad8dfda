#include "core/strong/record_store.h"

#include "memory_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYSPACE = 7, SLOT = 300 };

static void store_record(struct memory_store *memory, uint32_t keyspace, unsigned slot,
                         const char *key, const char *value)
{
    struct store_key name;
    struct buf bytes;
    struct record record = {.stamp = stamp_make(1, 1, 1), .value = slice_of_text(value)};
    store_key_make(&name, keyspace, slot, slice_of_text(key));
    buf_init(&bytes, VALUE_BYTES_MAX);
    record_encode(&bytes, &record);
    memory_store_queue(memory, STORE_RECORDS, false, store_key_slice(&name), buf_slice(&bytes));
    memory_store_apply(memory, SIZE_MAX);
    buf_release(&bytes);
}

static void store_damage(struct memory_store *memory, const char *key)
{
    struct store_key name;
    store_key_make(&name, KEYSPACE, SLOT, slice_of_text(key));
    memory_store_queue(memory, STORE_RECORDS, false, store_key_slice(&name), slice_of_text("\xff"));
    memory_store_apply(memory, SIZE_MAX);
}

static void test_record_store__key_is_taken_apart(void **state)
{
    (void)state;
    struct store_key name;
    char longest[KEY_BYTES_MAX];
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    memset(longest, 'x', sizeof longest);
    store_key_make(&name, UINT32_MAX, SLOTS - 1, slice_of(longest, sizeof longest));
    assert_true(store_key_parse(store_key_slice(&name), &keyspace, &slot, &key));
    assert_int_equal(keyspace, UINT32_MAX);
    assert_int_equal(slot, SLOTS - 1);
    assert_true(slice_equal(key, slice_of(longest, sizeof longest)));
}

static void test_record_store__bad_keys_are_refused(void **state)
{
    (void)state;
    struct store_key name;
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    store_key_make(&name, KEYSPACE, SLOT, slice_of_text("k"));
    for (size_t length = 0; length <= STORE_KEY_PREFIX_BYTES; length++)
        assert_false(store_key_parse(slice_of(name.bytes, length), &keyspace, &slot, &key));
    store_key_make(&name, KEYSPACE, SLOTS, slice_of_text("k"));
    assert_false(store_key_parse(store_key_slice(&name), &keyspace, &slot, &key));
    store_key_make(&name, KEYSPACE, SLOT, slice_of(name.bytes, 0));
    name.length = STORE_KEY_PREFIX_BYTES + KEY_BYTES_MAX + 1;
    memset(name.bytes + STORE_KEY_PREFIX_BYTES, 'x', KEY_BYTES_MAX + 1);
    assert_false(store_key_parse(store_key_slice(&name), &keyspace, &slot, &key));
}

static void test_record_store__keys_sort_by_keyspace_slot_and_key(void **state)
{
    (void)state;
    static const struct {
        uint32_t keyspace;
        unsigned slot;
        const char *key;
    } ascending[] = {{1, 0, "z"},    {1, 255, "b"}, {1, 256, "a"}, {1, 256, "aa"},
                     {1, SLOTS, ""}, {2, 0, ""},    {2, 0, "a"},   {256, 0, "a"}};
    for (size_t i = 1; i < sizeof ascending / sizeof ascending[0]; i++) {
        struct store_key a;
        struct store_key b;
        store_key_make(&a, ascending[i - 1].keyspace, ascending[i - 1].slot,
                       slice_of_text(ascending[i - 1].key));
        store_key_make(&b, ascending[i].keyspace, ascending[i].slot,
                       slice_of_text(ascending[i].key));
        assert_true(slice_compare(store_key_slice(&a), store_key_slice(&b)) < 0);
    }
}

static void test_record_store__gets_or_says_why_not(void **state)
{
    (void)state;
    struct memory_store memory;
    struct record record;
    memory_store_init(&memory);
    struct store store = memory_store_reader(&memory);
    store_record(&memory, KEYSPACE, SLOT, "k", "value");
    store_damage(&memory, "bad");
    assert_int_equal(record_store_get(&store, KEYSPACE, SLOT, slice_of_text("k"), &record), ERR_OK);
    assert_true(slice_equal(record.value, slice_of_text("value")));
    assert_int_equal(record_store_get(&store, KEYSPACE, SLOT, slice_of_text("none"), &record),
                     ERR_NOT_FOUND);
    assert_int_equal(record_store_get(&store, KEYSPACE, SLOT + 1, slice_of_text("k"), &record),
                     ERR_NOT_FOUND);
    assert_int_equal(record_store_get(&store, KEYSPACE + 1, SLOT, slice_of_text("k"), &record),
                     ERR_NOT_FOUND);
    assert_int_equal(record_store_get(&store, KEYSPACE, SLOT, slice_of_text("bad"), &record),
                     ERR_CORRUPT);
    memory_store_release(&memory);
}

struct visits {
    char keys[8]; // their first letters
    unsigned count;
    unsigned most;
};

static bool visit(void *context, struct slice key, const struct record *record)
{
    struct visits *visits = context;
    assert_true(slice_equal(record->value, slice_of_text("v")));
    visits->keys[visits->count++] = (char)key.bytes[0];
    return visits->count < visits->most;
}

static void test_record_store__scans_one_slot_in_order(void **state)
{
    (void)state;
    struct memory_store memory;
    struct visits visits = {.most = 8};
    memory_store_init(&memory);
    struct store store = memory_store_reader(&memory);
    store_record(&memory, KEYSPACE, SLOT, "c", "v");
    store_record(&memory, KEYSPACE, SLOT, "a", "v");
    store_record(&memory, KEYSPACE, SLOT, "b", "v");
    store_record(&memory, KEYSPACE, SLOT - 1, "x", "v");
    store_record(&memory, KEYSPACE, SLOT + 1, "y", "v");
    store_record(&memory, KEYSPACE + 1, SLOT, "z", "v");
    enum err error = record_store_scan(&store, KEYSPACE, SLOT, slice_of_text(""), visit, &visits);
    assert_int_equal(error, ERR_OK);
    assert_string_equal(visits.keys, "abc");
    visits = (struct visits){.most = 1};
    assert_int_equal(record_store_scan(&store, KEYSPACE, SLOT, slice_of_text("b"), visit, &visits),
                     ERR_OK);
    assert_string_equal(visits.keys, "b");
    memory_store_release(&memory);
}

static void test_record_store__scan_tells_damage_at_the_end(void **state)
{
    (void)state;
    struct memory_store memory;
    struct visits visits = {.most = 8};
    memory_store_init(&memory);
    struct store store = memory_store_reader(&memory);
    store_record(&memory, KEYSPACE, SLOT, "a", "v");
    store_damage(&memory, "b");
    store_record(&memory, KEYSPACE, SLOT, "c", "v");
    enum err error = record_store_scan(&store, KEYSPACE, SLOT, slice_of_text(""), visit, &visits);
    assert_int_equal(error, ERR_CORRUPT);
    assert_string_equal(visits.keys, "ac");
    memory_store_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_store__key_is_taken_apart),
        cmocka_unit_test(test_record_store__bad_keys_are_refused),
        cmocka_unit_test(test_record_store__keys_sort_by_keyspace_slot_and_key),
        cmocka_unit_test(test_record_store__gets_or_says_why_not),
        cmocka_unit_test(test_record_store__scans_one_slot_in_order),
        cmocka_unit_test(test_record_store__scan_tells_damage_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
