#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/check.h"

// The ids and signatures of the samples, reckoned apart from this program.
static const struct golden {
    const char *id;
    const char *signature;
} goldens[] = {
    [SAMPLE_PUT] = {.id = "9d845e9e4e6993937a583f6425a7042d9067d11caf2660f58939c329df9212d9"},
    [SAMPLE_DELETE] = {.id = "b44f2379fbe9cfd7b2061c1a19abb1211d9df18d20a9cfcdd86bbf5afd93690a"},
    [SAMPLE_SIGNED_PUT] = {.id = "1ef4bf1819b3f7b46bba63e77833e11dbd18761fe3267cdb3da484f210bbf106",
                           .signature =
                               "547d96876533db92083a56ee462ee9c5ed23b26876d8bc5f699f4a50089c2ba3"
                               "6c91a164467459779f094ddbde3a573b85ff412d46eac06f7d59379e925c1f09"},
    [SAMPLE_SIGNED_DELETE] =
        {.id = "07f20ae96a8f0a15a786d6198ecebfd4055d899a320046951ba85bc5030144bc",
         .signature = "0f30dca5b3bd0b5eb7846ab421a635cdc3cfc7d6cd54085c1c443255ecedf8a4"
                      "7d5858daa995e00a67e12f230af927ad97e24b812c499a660922b7d3b40bfe04"},
};

enum { GOLDENS = sizeof goldens / sizeof goldens[0] };

static void assert_bytes(const uint8_t *bytes, size_t length, const char *expected)
{
    char text[2 * SIGNATURE_BYTES + 1] = "";
    assert_true(length <= SIGNATURE_BYTES);
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, expected);
}

static bool same_id(const struct operation *a, const struct operation *b)
{
    struct sha256 a_id = operation_id_of(a);
    struct sha256 b_id = operation_id_of(b);
    return sha256_compare(&a_id, &b_id) == 0;
}

// Changes one field of the signed put that its id covers. False when `field` is past the last.
static bool change_field(struct operation *operation, unsigned field)
{
    switch (field) {
    case 0:
        operation->space++;
        return true;
    case 1:
        operation->dot.origin++;
        return true;
    case 2:
        operation->dot.sequence++;
        return true;
    case 3:
        operation->counter++;
        return true;
    case 4:
        operation->context.entries[0].origin++;
        return true;
    case 5:
        operation->context.entries[1].sequence--;
        return true;
    case 6:
        operation->context.count--;
        return true;
    case 7:
        operation->key = slice_of_text("kez");
        return true;
    case 8:
        operation->key = slice_of_text("ke");
        return true;
    case 9:
        operation->value_hash.bytes[SHA256_BYTES - 1] ^= 1;
        return true;
    case 10:
        operation->value_bytes++;
        return true;
    case 11:
        operation->expiry_ms = 0;
        return true;
    case 12:
        operation->author.bytes[0] ^= 1;
        return true;
    case 13:
        operation->dead = true;
        return true;
    default:
        return false;
    }
}

static void test_operation__ids_and_signatures_are_the_same_for_ever(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GOLDENS; i++) {
        struct operation operation = sample_of((enum sample)i);
        struct sha256 id = operation_id_of(&operation);
        assert_bytes(id.bytes, SHA256_BYTES, goldens[i].id);
        assert_true(operation.is_signed == (goldens[i].signature != NULL));
        if (operation.is_signed)
            assert_bytes(operation.signature.bytes, SIGNATURE_BYTES, goldens[i].signature);
    }
}

static void test_operation__every_field_changes_the_id(void **state)
{
    (void)state;
    const struct operation operation = sample_of(SAMPLE_SIGNED_PUT);
    const struct operation plain = sample_of(SAMPLE_PUT);
    struct operation changed = operation;
    assert_false(same_id(&operation, &plain));
    for (unsigned field = 0; change_field(&changed, field); field++) {
        assert_false(same_id(&operation, &changed));
        changed = operation;
    }
}

static void test_operation__the_id_outlives_value_and_signature(void **state)
{
    (void)state;
    const struct operation operation = sample_of(SAMPLE_SIGNED_PUT);
    struct operation other = operation;
    other.value = slice_of(NULL, 0);
    assert_true(same_id(&operation, &other));
    other.signature.bytes[0] ^= 1;
    assert_true(same_id(&operation, &other));
}

static void test_operation__a_signature_is_good_for_its_operation_alone(void **state)
{
    (void)state;
    const enum sample samples[] = {SAMPLE_SIGNED_PUT, SAMPLE_SIGNED_DELETE};
    for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct operation operation = sample_of(samples[i]);
        assert_true(operation_signature_is_good(&operation));
        operation.value = slice_of(NULL, 0);
        assert_true(operation_signature_is_good(&operation));
        operation.signature.bytes[SIGNATURE_BYTES - 1] ^= 1;
        assert_false(operation_signature_is_good(&operation));
    }
    const struct operation operation = sample_of(SAMPLE_SIGNED_PUT);
    struct operation changed = operation;
    for (unsigned field = 0; change_field(&changed, field); field++) {
        assert_false(operation_signature_is_good(&changed));
        changed = operation;
    }
}

static void test_operation__without_a_signature_none_is_good(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    assert_false(operation_signature_is_good(&operation));
    operation = sample_of(SAMPLE_SIGNED_PUT);
    operation.is_signed = false;
    assert_false(operation_signature_is_good(&operation));
    operation = sample_of(SAMPLE_SIGNED_PUT);
    memset(operation.signature.bytes, 0, SIGNATURE_BYTES);
    assert_false(operation_signature_is_good(&operation));
    memset(operation.author.bytes, 0, SIGNING_KEY_BYTES);
    assert_false(operation_signature_is_good(&operation));
}

// A true signature of what says of itself that it is not signed: it must be neither.
static void test_operation__what_is_not_signed_has_no_good_signature(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_DELETE);
    struct signing_secret secret = sample_secret();
    struct buf bytes, message;
    buf_init(&bytes, OPERATION_HEADER_BYTES_MAX);
    buf_init(&message, OPERATION_HEADER_BYTES_MAX);
    operation_encode(&bytes, &operation, OPERATION_DELETE);
    buf_consume(&bytes, 2); // count and form
    buf_append_slice(&message, slice_of_text("brusio author 1"));
    buf_append_u64_be(&message, operation.space);
    buf_append_slice(&message, buf_slice(&bytes));
    operation.author = signing_key_of(&secret);
    operation.signature = signing_sign(&secret, buf_slice(&message));
    assert_true(signing_verify(&operation.author, buf_slice(&message), &operation.signature));
    assert_false(operation_signature_is_good(&operation));
    buf_release(&bytes);
    buf_release(&message);
}

static void test_operation__signing_again_replaces_the_author(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_SIGNED_PUT);
    const struct operation before = operation;
    struct signing_secret secret = sample_secret();
    secret.bytes[0] ^= 1;
    operation_sign(&operation, &secret);
    assert_true(operation_signature_is_good(&operation));
    assert_false(same_id(&operation, &before));
    secret.bytes[0] ^= 1;
    operation_sign(&operation, &secret);
    assert_true(same_id(&operation, &before));
}

static void test_operation__a_value_is_good_when_the_header_names_it(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    assert_true(operation_value_is_good(&operation));
    operation.value = slice_of_text("valuf");
    assert_false(operation_value_is_good(&operation));
    operation.value = slice_of_text("value and more");
    assert_false(operation_value_is_good(&operation));
    operation.value = slice_of(NULL, 0);
    assert_false(operation_value_is_good(&operation));
    operation = sample_of(SAMPLE_PUT);
    operation.value_bytes--;
    operation.value.length--;
    assert_false(operation_value_is_good(&operation));
    operation = sample_of(SAMPLE_EMPTY_PUT);
    assert_true(operation_value_is_good(&operation));
    operation = sample_of(SAMPLE_DELETE);
    assert_false(operation_value_is_good(&operation));
}

static void test_operation__covers_by_its_context_and_orders_by_its_stamp(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    struct stamp stamp = operation_stamp(&operation);
    assert_true(stamp.counter == 7 && stamp.id == SAMPLE_ORIGIN);
    assert_true(operation_covers(&operation, (struct dot){1, 2}));
    assert_false(operation_covers(&operation, (struct dot){1, 3}));
    assert_true(operation_covers(&operation, (struct dot){SAMPLE_ORIGIN, SAMPLE_SEQUENCE - 1}));
    assert_false(operation_covers(&operation, operation.dot));
}

// --- operation_check

static void test_operation__check_takes_what_keeps_the_invariants(void **state)
{
    (void)state;
    static const uint8_t key[KEY_BYTES_MAX] = {0};
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        struct operation operation = sample_of((enum sample)i);
        assert_int_equal(operation_check(&operation), ERR_OK);
        operation.value = slice_of(NULL, 0); // as a store keeps a header
        operation.counter = OPERATION_COUNTER_MAX;
        operation.key = slice_of(key, KEY_BYTES_MAX);
        operation.dot.sequence = UINT64_MAX >> 1;
        assert_int_equal(operation_check(&operation), ERR_OK);
        operation.context.count = 0;
        operation.counter = 1;
        operation.dot = (struct dot){UINT64_MAX, 1};
        operation.key.length = 1;
        assert_int_equal(operation_check(&operation), ERR_OK);
    }
}

static void test_operation__check_refuses_names_that_are_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        struct operation operation = sample_of((enum sample)i);
        operation.dot.origin = 0;
        assert_int_equal(operation_check(&operation), ERR_INVALID);
        operation = sample_of((enum sample)i);
        operation.context.count = 0;
        operation.dot.sequence = 0;
        assert_int_equal(operation_check(&operation), ERR_INVALID);
        operation.dot.sequence = (UINT64_MAX >> 1) + 1;
        assert_int_equal(operation_check(&operation), ERR_INVALID);
        operation = sample_of((enum sample)i);
        operation.counter = 0;
        assert_int_equal(operation_check(&operation), ERR_INVALID);
        operation.counter = OPERATION_COUNTER_MAX + 1;
        assert_int_equal(operation_check(&operation), ERR_INVALID);
    }
}

static void test_operation__check_refuses_what_covers_itself(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    operation.context.entries[1].sequence = SAMPLE_SEQUENCE;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation.context.entries[1].sequence = UINT64_MAX;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation.context.entries[1].origin++;
    assert_int_equal(operation_check(&operation), ERR_OK);
}

static void test_operation__check_refuses_a_delete_with_a_value(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_DELETE);
    operation.value = slice_of_text("value");
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation = sample_of(SAMPLE_DELETE);
    operation.value_bytes = 1;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation = sample_of(SAMPLE_DELETE);
    operation.value_hash.bytes[SHA256_BYTES - 1] = 1;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation = sample_of(SAMPLE_DELETE);
    operation.expiry_ms = 1;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
}

static void test_operation__check_bounds_key_and_value(void **state)
{
    (void)state;
    static const uint8_t key[KEY_BYTES_MAX + 1] = {0};
    struct operation operation = sample_of(SAMPLE_PUT);
    operation.key = slice_of(key, 0);
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation.key = slice_of(key, sizeof key);
    assert_int_equal(operation_check(&operation), ERR_TOO_LARGE);

    uint8_t *value = memory_zeroed(VALUE_BYTES_MAX + 1, 1);
    operation = sample_of(SAMPLE_PUT);
    operation_set_value(&operation, slice_of(value, VALUE_BYTES_MAX));
    assert_int_equal(operation_check(&operation), ERR_OK);
    assert_true(operation_value_is_good(&operation));
    operation_set_value(&operation, slice_of(value, VALUE_BYTES_MAX + 1));
    assert_int_equal(operation_check(&operation), ERR_TOO_LARGE);
    operation.value = slice_of(NULL, 0);
    assert_int_equal(operation_check(&operation), ERR_TOO_LARGE);
    free(value);
}

static void test_operation__check_refuses_a_part_of_a_value(void **state)
{
    (void)state;
    struct operation operation = sample_of(SAMPLE_PUT);
    operation.value.length--;
    assert_int_equal(operation_check(&operation), ERR_INVALID);
    operation = sample_of(SAMPLE_EMPTY_PUT);
    operation.value = slice_of_text("v");
    assert_int_equal(operation_check(&operation), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation__ids_and_signatures_are_the_same_for_ever),
        cmocka_unit_test(test_operation__every_field_changes_the_id),
        cmocka_unit_test(test_operation__the_id_outlives_value_and_signature),
        cmocka_unit_test(test_operation__a_signature_is_good_for_its_operation_alone),
        cmocka_unit_test(test_operation__without_a_signature_none_is_good),
        cmocka_unit_test(test_operation__what_is_not_signed_has_no_good_signature),
        cmocka_unit_test(test_operation__signing_again_replaces_the_author),
        cmocka_unit_test(test_operation__a_value_is_good_when_the_header_names_it),
        cmocka_unit_test(test_operation__covers_by_its_context_and_orders_by_its_stamp),
        cmocka_unit_test(test_operation__check_takes_what_keeps_the_invariants),
        cmocka_unit_test(test_operation__check_refuses_names_that_are_none),
        cmocka_unit_test(test_operation__check_refuses_what_covers_itself),
        cmocka_unit_test(test_operation__check_refuses_a_delete_with_a_value),
        cmocka_unit_test(test_operation__check_bounds_key_and_value),
        cmocka_unit_test(test_operation__check_refuses_a_part_of_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
