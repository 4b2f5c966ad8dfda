#include "model/slot.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static uint16_t slot_of(const char *key)
{
    return slot_of_key(slice_of_text(key));
}

// The values are those of the Redis Cluster specification, and of CLUSTER KEYSLOT.
static void test_slot__is_the_crc16_of_the_key(void **state)
{
    (void)state;
    assert_int_equal(slot_of("123456789"), 0x31c3);
    assert_int_equal(slot_of("foo"), 12182);
    assert_int_equal(slot_of("bar"), 5061);
    assert_int_equal(slot_of("hello"), 866);
    assert_int_equal(slot_of("somekey"), 11058);
    assert_int_equal(slot_of(""), 0);
}

static void test_slot__takes_the_hash_tag_alone(void **state)
{
    (void)state;
    static const struct {
        const char *key, *tag;
    } cases[] = {
        {"{user1000}.following", "user1000"},
        {"{user1000}.followers", "user1000"},
        {"foo{bar}{zap}", "bar"},
        {"foo{{bar}}zap", "{bar"},
        {"a}b{c}d", "c"},
        {"somekey", "somekey"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(slot_of(cases[i].key), slot_of(cases[i].tag));
    assert_int_equal(slot_of("foo{hash_tag}"), 2515);
}

static void test_slot__takes_the_whole_key_without_a_tag(void **state)
{
    (void)state;
    // What an empty or open tag hashes to differs from the whole key's slot in each of these.
    assert_int_equal(slot_of("foo{}{bar}"), 8363);
    assert_int_not_equal(slot_of("foo{}{bar}"), slot_of("bar"));
    assert_int_not_equal(slot_of("foo{bar"), slot_of("bar"));
    assert_int_not_equal(slot_of("foo{"), slot_of(""));
    assert_int_not_equal(slot_of("}foo{"), slot_of("foo"));
}

static void test_slot__spreads_keys_over_all_slots(void **state)
{
    (void)state;
    static unsigned counts[SLOTS];
    for (unsigned i = 0; i < 16 * SLOTS; i++) {
        uint8_t key[4] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 'k'};
        uint16_t slot = slot_of_key(slice_of(key, sizeof key));
        assert_true(slot < SLOTS);
        counts[slot]++;
    }
    for (unsigned i = 0; i < SLOTS; i++)
        assert_in_range(counts[i], 1, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot__is_the_crc16_of_the_key),
        cmocka_unit_test(test_slot__takes_the_hash_tag_alone),
        cmocka_unit_test(test_slot__takes_the_whole_key_without_a_tag),
        cmocka_unit_test(test_slot__spreads_keys_over_all_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
