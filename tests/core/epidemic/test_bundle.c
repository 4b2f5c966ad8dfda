#include "bundle_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

// Written apart from this program: one put, with everything around it.
static const char golden[] = "62727573696f2062756e646c650a000101290102030405060708096e6f746573"
                             "2f6c616203622037000000000000000980d095ffbc3101060100010251000011"
                             "12131415161718ac0207020000000000000001021112131415161718ab02036b"
                             "6579cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf72411832"
                             "06190580d095ffbc3176616c7565031e020601000190aed8a8c1e284891101a9"
                             "02020106010100067265636f726487e0e5f0fa2cbb1fcaf4d2d9571a5917bc88"
                             "f02c7267eca30e8fce19a767b000";

static void test_bundle__bytes_are_the_same_for_ever(void **state)
{
    (void)state;
    char text[2 * BUNDLE_SAMPLE_BYTES_MAX + 1] = "";
    struct buf bytes = sample_bundle_bytes(1);
    for (size_t i = 0; i < bytes.length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes.bytes[i]);
    assert_string_equal(text, golden);
    buf_release(&bytes);
}

static void assert_next(struct bundle_reader *reader, enum bundle_part expected)
{
    enum bundle_part part;
    assert_int_equal(bundle_read_next(reader, &part), ERR_OK);
    assert_int_equal(part, expected);
}

static void test_bundle__reads_what_was_written(void **state)
{
    (void)state;
    struct sample_bundle sample = sample_bundle_of();
    struct bundle_header *header = &sample.header;
    struct bundle_close *close = &sample.close;
    struct buf bytes = sample_bundle_bytes(SAMPLE_COUNT);
    struct bundle_reader reader;
    bundle_reader_init(&reader);
    // Twice: rewound, it begins anew.
    for (unsigned round = 0; round < 2; round++) {
        bundle_feed(&reader, buf_slice(&bytes));
        assert_next(&reader, BUNDLE_HEADER);
        assert_true(reader.header.space == SAMPLE_SPACE && reader.header.exporter == 9);
        assert_true(reader.header.created_ms == header->created_ms);
        assert_string_equal(reader.header.keyspace, "notes/lab");
        assert_string_equal(reader.header.channel, "b 7");
        assert_true(knowledge_equal(&reader.header.since, &header->since));
        for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
            struct operation expected = sample_of((enum sample)i);
            struct sha256 id = operation_id_of(&expected);
            assert_next(&reader, BUNDLE_OPERATION);
            struct sha256 read = operation_id_of(&reader.operation);
            assert_int_equal(sha256_compare(&id, &read), 0);
            assert_int_equal(reader.form, sample_form((enum sample)i));
            assert_true(slice_equal(reader.operation.value, expected.value));
        }
        assert_next(&reader, BUNDLE_CLOSE);
        assert_int_equal(reader.position, bytes.length - SHA256_BYTES);
        assert_next(&reader, BUNDLE_OVER);
        assert_next(&reader, BUNDLE_OVER);
        assert_true(knowledge_equal(&reader.close.known, &close->known));
        assert_true(knowledge_equal(&reader.close.horizon, &close->horizon));
        assert_true(slice_equal(reader.close.stability, close->stability));
        assert_int_equal(bundle_read_end(&reader), ERR_OK);
        bundle_reader_rewind(&reader);
    }
    bundle_reader_release(&reader);
    buf_release(&bytes);
    sample_bundle_release(&sample);
}

static void test_bundle__portions_make_no_difference(void **state)
{
    (void)state;
    struct buf bytes = sample_bundle_bytes(SAMPLE_COUNT);
    for (size_t portion = 1; portion <= bytes.length; portion++) {
        struct bundle_reading reading = bundle_read_in_portions(buf_slice(&bytes), portion);
        assert_true(reading.over && reading.operations == SAMPLE_COUNT);
        assert_int_equal(reading.position, bytes.length);
    }
    buf_release(&bytes);
}

static void test_bundle__every_cut_and_every_altered_bit_is_refused(void **state)
{
    (void)state;
    struct buf bytes = sample_bundle_bytes(2);
    for (size_t length = 0; length < bytes.length; length++) {
        struct bundle_reading reading = bundle_read_in_portions(slice_of(bytes.bytes, length), 50);
        assert_int_equal(reading.error, ERR_CORRUPT);
        assert_true(reading.position <= length);
    }
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        uint8_t flip = (uint8_t)(1u << bit % 8);
        bytes.bytes[bit / 8] ^= flip;
        struct bundle_reading reading = bundle_read_whole(buf_slice(&bytes));
        assert_false(reading.over);
        // The version alone can look like one of a newer program.
        bool is_version = bit / 8 == 14 || bit / 8 == 15;
        if (!is_version || reading.error != ERR_VERSION)
            assert_int_equal(reading.error, ERR_CORRUPT);
        bytes.bytes[bit / 8] ^= flip;
    }
    buf_append_u8(&bytes, 0);
    struct bundle_reading longer = bundle_read_whole(buf_slice(&bytes));
    assert_int_equal(longer.error, ERR_CORRUPT);
    assert_int_equal(longer.position, bytes.length - 1);
    assert_int_equal(bundle_read_in_portions(buf_slice(&bytes), bytes.length - 1).error,
                     ERR_CORRUPT);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle__bytes_are_the_same_for_ever),
        cmocka_unit_test(test_bundle__reads_what_was_written),
        cmocka_unit_test(test_bundle__portions_make_no_difference),
        cmocka_unit_test(test_bundle__every_cut_and_every_altered_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
