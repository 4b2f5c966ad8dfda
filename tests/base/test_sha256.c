#include "base/sha256.h"

#include "hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

// The examples that NIST publishes for FIPS 180-4.
static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char two_blocks_sum[] =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
static const char nothing_sum[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc_sum[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char million_sum[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

enum { MILLION = 1000000 };

static void assert_sum(const struct sha256 *sum, const char *expected)
{
    char text[2 * SHA256_BYTES + 1];
    hex_write(sum->bytes, SHA256_BYTES, text);
    assert_string_equal(text, expected);
}

static struct sha256 sum_of_text(const char *text)
{
    return sha256_of(slice_of_text(text));
}

static void test_sha256__gives_the_sums_of_the_standard(void **state)
{
    (void)state;
    struct sha256 sum = sum_of_text("abc");
    assert_sum(&sum, abc_sum);
    sum = sum_of_text("");
    assert_sum(&sum, nothing_sum);
    sum = sum_of_text(two_blocks);
    assert_sum(&sum, two_blocks_sum);

    uint8_t *letters = memory_new(MILLION);
    memset(letters, 'a', MILLION);
    sum = sha256_of(slice_of(letters, MILLION));
    assert_sum(&sum, million_sum);
    free(letters);
}

static void test_sha256__takes_pieces_as_their_concatenation(void **state)
{
    (void)state;
    size_t length = strlen(two_blocks);
    for (size_t cut = 0; cut <= length; cut++) {
        const struct slice pieces[] = {
            slice_of(two_blocks, cut),
            slice_of(NULL, 0),
            slice_of(two_blocks + cut, length - cut),
        };
        struct sha256 sum = sha256_of_pieces(pieces, 3);
        assert_sum(&sum, two_blocks_sum);
    }
    struct slice letters[sizeof two_blocks - 1];
    for (size_t i = 0; i < length; i++)
        letters[i] = slice_of(two_blocks + i, 1);
    struct sha256 sum = sha256_of_pieces(letters, length);
    assert_sum(&sum, two_blocks_sum);
}

static void test_sha256__of_nothing_at_all_is_that_of_no_bytes(void **state)
{
    (void)state;
    struct sha256 sum = sha256_of_pieces(NULL, 0);
    assert_sum(&sum, nothing_sum);
    sum = sha256_of(slice_of(NULL, 0));
    assert_sum(&sum, nothing_sum);
}

static void test_sha256__compares_in_byte_order(void **state)
{
    (void)state;
    struct sha256 a = {{0}};
    struct sha256 b = {{0}};
    assert_int_equal(sha256_compare(&a, &b), 0);
    b.bytes[SHA256_BYTES - 1] = 1;
    assert_true(sha256_compare(&a, &b) < 0);
    assert_true(sha256_compare(&b, &a) > 0);
    a.bytes[0] = 0x80; // not a negative number
    assert_true(sha256_compare(&a, &b) > 0);
    b.bytes[0] = 0x7f;
    assert_true(sha256_compare(&b, &a) < 0);
}

static void test_sha256__head_is_the_first_eight_bytes(void **state)
{
    (void)state;
    struct sha256 sum = sum_of_text("abc");
    assert_true(sha256_head(&sum) == UINT64_C(0xba7816bf8f01cfea));
    struct sha256 nothing = {{0}};
    nothing.bytes[8] = 1;
    assert_true(sha256_head(&nothing) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__gives_the_sums_of_the_standard),
        cmocka_unit_test(test_sha256__takes_pieces_as_their_concatenation),
        cmocka_unit_test(test_sha256__of_nothing_at_all_is_that_of_no_bytes),
        cmocka_unit_test(test_sha256__compares_in_byte_order),
        cmocka_unit_test(test_sha256__head_is_the_first_eight_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
