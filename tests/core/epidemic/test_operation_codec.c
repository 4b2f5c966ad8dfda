#include "operation_sample.h"

#include "base/check.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { GARBAGE_ROUNDS = 20000, BYTES_MAX = 4096 };

// Written apart from this program.
static const struct golden {
    enum sample sample;
    enum operation_form form;
    const char *bytes;
} goldens[] = {
    {SAMPLE_PUT, OPERATION_PUT,
     "5100001112131415161718ac0207020000000000000001021112131415161718"
     "ab02036b6579cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf"
     "7241183206190580d095ffbc3176616c7565"},
    {SAMPLE_PUT, OPERATION_BARE,
     "4c02001112131415161718ac0207020000000000000001021112131415161718"
     "ab02036b6579cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf"
     "7241183206190580d095ffbc31"},
    {SAMPLE_DELETE, OPERATION_DELETE,
     "2501011112131415161718ac0207020000000000000001021112131415161718"
     "ab02036b6579"},
    {SAMPLE_SIGNED_PUT, OPERATION_PUT,
     "b10100021112131415161718ac02070200000000000000010211121314151617"
     "18ab02036b6579cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbc"
     "bf7241183206190580d095ffbc31d75a980182b10ab7d54bfed3c964073a0ee1"
     "72f3daa62325af021a68f707511a547d96876533db92083a56ee462ee9c5ed23"
     "b26876d8bc5f699f4a50089c2ba36c91a164467459779f094ddbde3a573b85ff"
     "412d46eac06f7d59379e925c1f0976616c7565"},
    {SAMPLE_SIGNED_DELETE, OPERATION_DELETE,
     "850101031112131415161718ac02070200000000000000010211121314151617"
     "18ab02036b6579d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af"
     "021a68f707511a0f30dca5b3bd0b5eb7846ab421a635cdc3cfc7d6cd54085c1c"
     "443255ecedf8a47d5858daa995e00a67e12f230af927ad97e24b812c499a6609"
     "22b7d3b40bfe04"},
};

static void assert_same(const struct operation *a, const struct operation *b)
{
    assert_true(a->space == b->space && dot_equal(a->dot, b->dot));
    assert_true(a->counter == b->counter && a->dead == b->dead);
    assert_true(context_equal(&a->context, &b->context));
    assert_int_equal(sha256_compare(&a->value_hash, &b->value_hash), 0);
    assert_true(a->value_bytes == b->value_bytes && a->expiry_ms == b->expiry_ms);
    assert_int_equal(a->is_signed, b->is_signed);
    assert_memory_equal(a->author.bytes, b->author.bytes, SIGNING_KEY_BYTES);
    assert_memory_equal(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES);
    assert_true(slice_equal(a->key, b->key));
    assert_true(slice_equal(a->value, b->value));
}

// Decodes the next operation and compares it with what was encoded in `form`.
static void assert_decodes(struct cursor *in, const struct operation *encoded,
                           enum operation_form form)
{
    struct operation expected = *encoded;
    struct operation decoded;
    enum operation_form decoded_form;
    if (form != OPERATION_PUT)
        expected.value = slice_of(NULL, 0);
    operation_decode(in, encoded->space, &decoded, &decoded_form);
    assert_false(in->failed);
    assert_int_equal(decoded_form, form);
    assert_same(&decoded, &expected);
}

static void test_operation_codec__bytes_are_the_same_for_ever(void **state)
{
    (void)state;
    char text[2 * BYTES_MAX + 1];
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    for (unsigned i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        struct operation operation = sample_of(goldens[i].sample);
        buf_clear(&bytes);
        operation_encode(&bytes, &operation, goldens[i].form);
        for (size_t j = 0; j < bytes.length; j++)
            snprintf(text + 2 * j, 3, "%02x", bytes.bytes[j]);
        assert_string_equal(text, goldens[i].bytes);
    }
    buf_release(&bytes);
}

static void test_operation_codec__several_follow_each_other(void **state)
{
    (void)state;
    struct operation samples[SAMPLE_COUNT];
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        samples[i] = sample_of((enum sample)i);
        operation_encode(&bytes, &samples[i], sample_form((enum sample)i));
        if (!samples[i].dead)
            operation_encode(&bytes, &samples[i], OPERATION_BARE);
    }
    struct cursor in = cursor_of(buf_slice(&bytes));
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        assert_decodes(&in, &samples[i], sample_form((enum sample)i));
        if (!samples[i].dead)
            assert_decodes(&in, &samples[i], OPERATION_BARE);
    }
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_release(&bytes);
}

// Cuts the bytes, once as they are and once with a count that suits what is left.
static void assert_needs_every_byte(struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    struct slice block = cursor_counted(&in);
    struct buf shorter;
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_true(sample_is_taken(bytes));
    for (size_t length = 0; length < bytes.length; length++)
        assert_false(sample_is_taken(slice_of(bytes.bytes, length)));
    buf_init(&shorter, BYTES_MAX);
    for (size_t length = 0; length < block.length; length++) {
        buf_clear(&shorter);
        buf_append_counted(&shorter, slice_of(block.bytes, length));
        assert_false(sample_is_taken(buf_slice(&shorter)));
    }
    buf_clear(&shorter);
    buf_append_varint(&shorter, block.length + 1);
    buf_append_slice(&shorter, block);
    buf_append_u8(&shorter, 0);
    assert_false(sample_is_taken(buf_slice(&shorter)));
    buf_release(&shorter);
}

static void test_operation_codec__needs_every_byte_and_takes_no_more(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        struct operation operation = sample_of((enum sample)i);
        buf_clear(&bytes);
        operation_encode(&bytes, &operation, sample_form((enum sample)i));
        assert_needs_every_byte(buf_slice(&bytes));
        if (operation.dead)
            continue;
        buf_clear(&bytes);
        operation_encode(&bytes, &operation, OPERATION_BARE);
        assert_needs_every_byte(buf_slice(&bytes));
    }
    buf_release(&bytes);
}

// A flipped bit fails to decode, or changes the id, or is in the signature or the value.
static bool flip_is_seen(struct slice bytes, const struct sha256 *id)
{
    struct operation operation;
    enum operation_form form;
    struct cursor in = cursor_of(bytes);
    operation_decode(&in, SAMPLE_SPACE, &operation, &form);
    if (cursor_finish(&in) != ERR_OK)
        return true;
    struct sha256 now = operation_id_of(&operation);
    return sha256_compare(&now, id) != 0 || !operation_signature_is_good(&operation) ||
           !operation_value_is_good(&operation);
}

static void test_operation_codec__no_flipped_bit_goes_unseen(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_SIGNED_PUT);
    struct sha256 id = operation_id_of(&operation);
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    operation_encode(&bytes, &operation, OPERATION_PUT);
    assert_false(flip_is_seen(buf_slice(&bytes), &id));
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        uint8_t flip = (uint8_t)(1u << bit % 8);
        bytes.bytes[bit / 8] ^= flip;
        assert_true(flip_is_seen(buf_slice(&bytes), &id));
        bytes.bytes[bit / 8] ^= flip;
    }
    buf_release(&bytes);
}

static void test_operation_codec__refuses_a_longer_way_to_say_the_same(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    struct buf bytes, longer;
    buf_init(&bytes, BYTES_MAX);
    buf_init(&longer, BYTES_MAX);
    operation_encode(&bytes, &operation, OPERATION_PUT);
    // The varints that have one byte: count, counter, entries, first entry's number, key's length,
    // value's length.
    const size_t places[] = {0, 13, 14, 23, 34, 70};
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t place = places[i];
        buf_clear(&longer);
        buf_append(&longer, bytes.bytes, place);
        buf_append_u8(&longer, bytes.bytes[place] | 0x80);
        buf_append_u8(&longer, 0);
        buf_append(&longer, bytes.bytes + place + 1, bytes.length - place - 1);
        if (place > 0)
            longer.bytes[0]++;
        assert_false(sample_is_taken(buf_slice(&longer)));
    }
    buf_release(&bytes);
    buf_release(&longer);
}

static void test_operation_codec__the_longest_fits_its_bounds(void **state)
{
    (void)state;
    static const uint8_t key[KEY_BYTES_MAX] = {0};
    struct signing_secret secret = sample_secret();
    uint8_t *value = memory_zeroed(VALUE_BYTES_MAX, 1);
    struct operation operation = {
        .space = UINT64_MAX,
        .dot = {.origin = UINT64_MAX, .sequence = UINT64_MAX >> 1},
        .counter = OPERATION_COUNTER_MAX,
        .expiry_ms = UINT64_MAX,
        .key = slice_of(key, KEY_BYTES_MAX),
    };
    for (uint32_t i = 0; i < CONTEXT_ENTRIES_MAX; i++)
        assert_int_equal(context_raise(&operation.context, (struct dot){i + 1, UINT64_MAX}),
                         ERR_OK);
    operation_set_value(&operation, slice_of(value, VALUE_BYTES_MAX));
    operation_sign(&operation, &secret);
    assert_true(operation_signature_is_good(&operation));
    struct buf bytes;
    buf_init(&bytes, OPERATION_BYTES_MAX);
    operation_encode(&bytes, &operation, OPERATION_BARE);
    assert_true(bytes.length <= OPERATION_HEADER_BYTES_MAX);
    struct cursor in = cursor_of(buf_slice(&bytes));
    assert_decodes(&in, &operation, OPERATION_BARE);
    buf_clear(&bytes);
    operation_encode(&bytes, &operation, OPERATION_PUT);
    assert_false(bytes.overflown);
    in = cursor_of(buf_slice(&bytes));
    assert_decodes(&in, &operation, OPERATION_PUT);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_release(&bytes);
    free(value);
}

static void test_operation_codec__decodes_any_bytes_to_what_they_encode(void **state)
{
    (void)state;
    struct rng rng;
    struct buf bytes, again;
    unsigned taken = 0;
    rng_init(&rng, 5);
    buf_init(&bytes, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    for (unsigned round = 0; round < GARBAGE_ROUNDS; round++) {
        struct operation operation = sample_of(round % 2 == 0 ? SAMPLE_PUT : SAMPLE_DELETE);
        enum operation_form form = round % 2 == 0 ? OPERATION_PUT : OPERATION_DELETE;
        buf_clear(&bytes);
        buf_clear(&again);
        operation_encode(&bytes, &operation, form);
        for (unsigned i = 0; i < 1 + round % 3; i++)
            bytes.bytes[rng_below(&rng, bytes.length)] = (uint8_t)rng_u64(&rng);
        struct cursor in = cursor_of(buf_slice(&bytes));
        operation_decode(&in, SAMPLE_SPACE, &operation, &form);
        if (in.failed)
            continue;
        taken++;
        assert_int_equal(operation_check(&operation), ERR_OK);
        operation_encode(&again, &operation, form);
        assert_true(
            slice_equal(buf_slice(&again), slice_of(bytes.bytes, bytes.length - cursor_left(&in))));
    }
    assert_true(taken > GARBAGE_ROUNDS / 10 && taken < GARBAGE_ROUNDS);
    buf_release(&bytes);
    buf_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation_codec__bytes_are_the_same_for_ever),
        cmocka_unit_test(test_operation_codec__several_follow_each_other),
        cmocka_unit_test(test_operation_codec__needs_every_byte_and_takes_no_more),
        cmocka_unit_test(test_operation_codec__no_flipped_bit_goes_unseen),
        cmocka_unit_test(test_operation_codec__refuses_a_longer_way_to_say_the_same),
        cmocka_unit_test(test_operation_codec__the_longest_fits_its_bounds),
        cmocka_unit_test(test_operation_codec__decodes_any_bytes_to_what_they_encode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
