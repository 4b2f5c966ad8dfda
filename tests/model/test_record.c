#include "base/check.h"
#include "base/random.h"
#include "model/record.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

static void expect_back(const struct record *record)
{
    struct buf buf;
    struct record back;
    buf_init(&buf, VALUE_BYTES_MAX + RECORD_OVERHEAD_MAX);
    record_encode(&buf, record);
    assert_false(buf.overflown);
    assert_true(buf.length <= record->value.length + RECORD_OVERHEAD_MAX);
    assert_int_equal(record_decode(buf_slice(&buf), &back), ERR_OK);
    assert_int_equal(stamp_compare(back.stamp, record->stamp), 0);
    assert_int_equal(back.operation.high, record->operation.high);
    assert_int_equal(back.operation.low, record->operation.low);
    assert_int_equal(back.expiry_ms, record->expiry_ms);
    assert_int_equal(back.dead, record->dead);
    assert_int_equal(back.replaced, record->replaced);
    assert_true(slice_equal(back.value, record->value));
    buf_release(&buf);
}

static void test_record__comes_back_with_every_field(void **state)
{
    (void)state;
    for (unsigned fields = 0; fields < 32; fields++) {
        struct record record = {.stamp = {UINT64_MAX, UINT64_MAX}};
        if ((fields & 1) != 0)
            record.operation = (struct operation_id){0, UINT64_MAX};
        if ((fields & 2) != 0)
            record.expiry_ms = UINT64_MAX;
        if ((fields & 4) != 0)
            record.dead = true;
        else if ((fields & 8) != 0)
            record.value = slice_of("a\0b", 3);
        record.replaced = (fields & 16) != 0;
        expect_back(&record);
    }
}

static void test_record__takes_the_greatest_value_and_no_greater(void **state)
{
    (void)state;
    struct buf buf;
    struct record record = {.stamp = {1, 1}}, back;
    uint8_t *value = memory_zeroed(VALUE_BYTES_MAX + 1, 1);
    record.value = slice_of(value, VALUE_BYTES_MAX);
    expect_back(&record);
    buf_init(&buf, VALUE_BYTES_MAX + 1 + RECORD_OVERHEAD_MAX);
    record.value = slice_of(value, VALUE_BYTES_MAX + 1);
    record_encode(&buf, &record);
    assert_int_equal(record_decode(buf_slice(&buf), &back), ERR_INVALID);
    buf_release(&buf);
    free(value);
}

static void test_record__refuses_bad_bytes(void **state)
{
    (void)state;
    static const struct slice cases[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\x00\x01", 2},         // no writer
        {(const uint8_t *)"\x10\x01\x01", 3},     // unknown flag
        {(const uint8_t *)"\x01\x01\x01x", 4},    // a certificate with a value
        {(const uint8_t *)"\x04\x01\x01\x00", 4}, // an expiry that is none
        {(const uint8_t *)"\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00"
                          "\x00\x00\x00\x00\x00\x00\x00\x00",
         19},                                         // an operation that is none
        {(const uint8_t *)"\x02\x01\x01\x00\x01", 5}, // an operation cut off
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record;
        assert_int_equal(record_decode(cases[i], &record), ERR_INVALID);
    }
}

static void test_record__has_one_encoding(void **state)
{
    (void)state;
    struct rng rng;
    unsigned accepted = 0;
    rng_init(&rng, 2);
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[40];
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)rng_u64(&rng);
        if (length > 0)
            bytes[0] &= 15;
        struct record record;
        if (record_decode(slice_of(bytes, length), &record) != ERR_OK)
            continue;
        struct buf buf;
        buf_init(&buf, 100);
        record_encode(&buf, &record);
        assert_true(slice_equal(buf_slice(&buf), slice_of(bytes, length)));
        buf_release(&buf);
        accepted++;
    }
    assert_true(accepted > 1000);
}

static void test_record__bounds_keys(void **state)
{
    (void)state;
    uint8_t bytes[KEY_BYTES_MAX + 1] = {0};
    assert_false(key_is_valid(slice_of(bytes, 0)));
    assert_true(key_is_valid(slice_of(bytes, 1)));
    assert_true(key_is_valid(slice_of(bytes, KEY_BYTES_MAX)));
    assert_false(key_is_valid(slice_of(bytes, KEY_BYTES_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__comes_back_with_every_field),
        cmocka_unit_test(test_record__takes_the_greatest_value_and_no_greater),
        cmocka_unit_test(test_record__refuses_bad_bytes),
        cmocka_unit_test(test_record__has_one_encoding),
        cmocka_unit_test(test_record__bounds_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
