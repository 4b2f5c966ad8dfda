#include "base/signing.h"

#include "hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { MESSAGE_BYTES_MAX = 2 };

// RFC 8032, section 7.1: TEST 1 to TEST 3.
static const struct example {
    const char *secret;
    const char *key;
    const char *message;
    size_t message_bytes;
    const char *signature;
} examples[] = {
    {
        .secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        .key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        .message = "",
        .message_bytes = 0,
        .signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
    {
        .secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        .key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        .message = "72",
        .message_bytes = 1,
        .signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    {
        .secret = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        .key = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        .message = "af82",
        .message_bytes = 2,
        .signature = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    },
};

enum { EXAMPLES = sizeof examples / sizeof examples[0] };

// An example's bytes.
struct signing_case {
    struct signing_secret secret;
    struct signing_key key;
    struct signature signature;
    uint8_t message[MESSAGE_BYTES_MAX];
    size_t message_bytes;
};

static struct signing_case case_of(unsigned number)
{
    const struct example *example = &examples[number];
    struct signing_case bytes = {.message_bytes = example->message_bytes};
    hex_read(example->secret, bytes.secret.bytes, SIGNING_SECRET_BYTES);
    hex_read(example->key, bytes.key.bytes, SIGNING_KEY_BYTES);
    hex_read(example->signature, bytes.signature.bytes, SIGNATURE_BYTES);
    hex_read(example->message, bytes.message, example->message_bytes);
    return bytes;
}

static bool verify(const struct signing_case *bytes)
{
    return signing_verify(&bytes->key, slice_of(bytes->message, bytes->message_bytes),
                          &bytes->signature);
}

// Whether each bit of `field`, a part of `bytes`, is needed: flipped, it is refused.
static void assert_every_bit_counts(struct signing_case *bytes, uint8_t *field, size_t length)
{
    for (size_t bit = 0; bit < 8 * length; bit++) {
        uint8_t flip = (uint8_t)(1u << bit % 8);
        field[bit / 8] ^= flip;
        assert_false(verify(bytes));
        field[bit / 8] ^= flip;
    }
    assert_true(verify(bytes));
}

static void test_signing__makes_the_keys_and_signatures_of_the_standard(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EXAMPLES; i++) {
        struct signing_case bytes = case_of(i);
        struct slice message = slice_of(bytes.message, bytes.message_bytes);
        struct signing_key key = signing_key_of(&bytes.secret);
        struct signature signature = signing_sign(&bytes.secret, message);
        assert_memory_equal(key.bytes, bytes.key.bytes, SIGNING_KEY_BYTES);
        assert_memory_equal(signature.bytes, bytes.signature.bytes, SIGNATURE_BYTES);
        assert_true(verify(&bytes));
    }
}

static void test_signing__refuses_a_flipped_bit_anywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EXAMPLES; i++) {
        struct signing_case bytes = case_of(i);
        assert_every_bit_counts(&bytes, bytes.key.bytes, SIGNING_KEY_BYTES);
        assert_every_bit_counts(&bytes, bytes.signature.bytes, SIGNATURE_BYTES);
        assert_every_bit_counts(&bytes, bytes.message, bytes.message_bytes);
    }
}

static void test_signing__refuses_another_length_key_or_signature(void **state)
{
    (void)state;
    struct signing_case bytes = case_of(2);
    bytes.message_bytes = 1;
    assert_false(verify(&bytes));
    for (unsigned i = 0; i < EXAMPLES; i++) {
        struct signing_case other = case_of((i + 1) % EXAMPLES);
        bytes = case_of(i);
        bytes.key = other.key;
        assert_false(verify(&bytes));
        bytes = case_of(i);
        bytes.signature = other.signature;
        assert_false(verify(&bytes));
    }
}

// RFC 8032, section 5.1.7: the second half must be below the group's order, or each signature would
// have a twin that verifies as well.
static void test_signing__refuses_the_same_signature_plus_the_order(void **state)
{
    (void)state;
    uint8_t order[SIGNATURE_BYTES / 2];
    struct signing_case bytes = case_of(0);
    unsigned carry = 0;
    hex_read("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order,
             sizeof order);
    for (size_t i = 0; i < sizeof order; i++) {
        uint8_t *digit = &bytes.signature.bytes[SIGNATURE_BYTES / 2 + i];
        carry += (unsigned)*digit + order[i];
        *digit = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(verify(&bytes));
}

// The points whose order divides 8, as computed from the curve's equation: without a rule of their
// own, each of them verifies a good part of these. Then what encodes them in a way that is not
// allowed (RFC 8032, section 5.1.3).
static void test_signing__a_key_without_a_secret_verifies_nothing(void **state)
{
    (void)state;
    static const char *const weak[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    for (unsigned i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        struct signing_case bytes = {.message_bytes = 1};
        hex_read(weak[i], bytes.key.bytes, SIGNING_KEY_BYTES);
        hex_read(weak[2], bytes.signature.bytes, SIGNING_KEY_BYTES);
        for (unsigned message = 0; message < 64; message++) {
            bytes.message[0] = (uint8_t)message;
            assert_false(verify(&bytes));
        }
    }
}

// Fills each field in turn with one byte again and again: most are no points or scalars at all.
static void test_signing__is_total_over_odd_keys_and_signatures(void **state)
{
    (void)state;
    for (unsigned fill = 0; fill < 256; fill++) {
        struct signing_case bytes = case_of(1);
        memset(bytes.key.bytes, (int)fill, SIGNING_KEY_BYTES);
        assert_false(verify(&bytes));
        bytes = case_of(1);
        memset(bytes.signature.bytes, (int)fill, SIGNATURE_BYTES);
        assert_false(verify(&bytes));
        memset(bytes.key.bytes, (int)fill, SIGNING_KEY_BYTES);
        assert_false(verify(&bytes));
    }
    struct signing_case bytes = case_of(0);
    assert_true(signing_verify(&bytes.key, slice_of(NULL, 0), &bytes.signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signing__makes_the_keys_and_signatures_of_the_standard),
        cmocka_unit_test(test_signing__refuses_a_flipped_bit_anywhere),
        cmocka_unit_test(test_signing__refuses_another_length_key_or_signature),
        cmocka_unit_test(test_signing__refuses_the_same_signature_plus_the_order),
        cmocka_unit_test(test_signing__a_key_without_a_secret_verifies_nothing),
        cmocka_unit_test(test_signing__is_total_over_odd_keys_and_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
