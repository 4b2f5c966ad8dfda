#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_id.h"

static const struct annotation_id some = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255},
                                          {0xfe, 0, 0, 0, 0, 0, 0, 1}};
static const char some_text[] = "000102030405060708090a0b0c0d0eff-fe00000000000001";

static void test_annotation_id__has_one_text_and_one_key(void **state)
{
    (void)state;
    struct buf out;
    struct annotation_id back;
    buf_init(&out, ANNOTATION_ID_TEXT_BYTES);
    annotation_id_append(&out, &some);
    assert_false(out.overflown);
    assert_true(slice_equal(buf_slice(&out), slice_of_text(some_text)));
    assert_int_equal(annotation_id_parse(buf_slice(&out), &back), ERR_OK);
    assert_true(annotation_id_equal(&back, &some));
    buf_clear(&out);
    annotation_key_encode(&out, &some);
    assert_int_equal(out.length, ANNOTATION_KEY_BYTES);
    assert_memory_equal(out.bytes, some.author, ANNOTATION_AUTHOR_BYTES);
    assert_memory_equal(out.bytes + ANNOTATION_AUTHOR_BYTES, some.number, ANNOTATION_NUMBER_BYTES);
    assert_int_equal(annotation_key_decode(buf_slice(&out), &back), ERR_OK);
    assert_true(annotation_id_equal(&back, &some));
    buf_release(&out);
}

static void test_annotation_id__refuses_other_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "000102030405060708090a0b0c0d0eff-fe0000000000000",
        "000102030405060708090a0b0c0d0eff-fe000000000000011",
        "000102030405060708090a0b0c0d0efff-e00000000000001",
        "000102030405060708090a0b0c0d0eff_fe00000000000001",
        "000102030405060708090A0b0c0d0eff-fe00000000000001",
        "000102030405060708090a0b0c0d0eff-Fe00000000000001",
        "g00102030405060708090a0b0c0d0eff-fe00000000000001",
        "000102030405060708090a0b0c0d0eff-fe0000000000000g",
        "00000000000000000000000000000000-0000000000000000",
    };
    struct annotation_id id;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(annotation_id_parse(slice_of_text(bad[i]), &id), ERR_INVALID);
}

static void test_annotation_id__refuses_other_keys(void **state)
{
    (void)state;
    static const uint8_t zeros[ANNOTATION_KEY_BYTES + 1];
    static const uint8_t ones[ANNOTATION_KEY_BYTES + 1] = {1};
    struct annotation_id id;
    assert_int_equal(annotation_key_decode(slice_of(NULL, 0), &id), ERR_INVALID);
    assert_int_equal(annotation_key_decode(slice_of(zeros, ANNOTATION_KEY_BYTES), &id),
                     ERR_INVALID);
    assert_int_equal(annotation_key_decode(slice_of(ones, ANNOTATION_KEY_BYTES - 1), &id),
                     ERR_INVALID);
    assert_int_equal(annotation_key_decode(slice_of(ones, ANNOTATION_KEY_BYTES + 1), &id),
                     ERR_INVALID);
    assert_int_equal(annotation_key_decode(slice_of(ones, ANNOTATION_KEY_BYTES), &id), ERR_OK);
}

static void test_annotation_id__names_the_author_by_the_key(void **state)
{
    (void)state;
    // The SHA-256 of 32 zero bytes begins 66687aadf862bd776c8fc18b8e9f8e20 (FIPS 180-4).
    static const struct signing_key key;
    static const uint8_t number[ANNOTATION_NUMBER_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct buf text;
    struct annotation_id id = annotation_id_of(&key, number);
    buf_init(&text, ANNOTATION_ID_TEXT_BYTES);
    annotation_id_append(&text, &id);
    assert_true(slice_equal(buf_slice(&text),
                            slice_of_text("66687aadf862bd776c8fc18b8e9f8e20-0102030405060708")));
    buf_release(&text);
}

static void test_annotation_id__follows_from_what_is_adopted(void **state)
{
    (void)state;
    static const struct signing_key key;
    static const struct signing_key other_key = {{1}};
    struct annotation_id own = annotation_id_of(&key, some.number);
    struct annotation_id first = annotation_id_adopted(&key, &some);
    struct annotation_id again = annotation_id_adopted(&key, &some);
    assert_true(annotation_id_equal(&first, &again));
    assert_memory_equal(first.author, own.author, sizeof own.author);
    struct annotation_id by_other = annotation_id_adopted(&other_key, &some);
    assert_memory_not_equal(by_other.author, first.author, sizeof first.author);
    for (size_t i = 0; i < ANNOTATION_KEY_BYTES; i++) {
        struct annotation_id changed = some;
        if (i < ANNOTATION_AUTHOR_BYTES)
            changed.author[i] ^= 1;
        else
            changed.number[i - ANNOTATION_AUTHOR_BYTES] ^= 1;
        struct annotation_id adopted = annotation_id_adopted(&key, &changed);
        assert_false(annotation_id_equal(&adopted, &first));
    }
}

static void test_annotation_id__reads_an_author_alone(void **state)
{
    (void)state;
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    static const char *const bad[] = {
        "", "66687aadf862bd776c8fc18b8e9f8e2", "66687aadf862bd776c8fc18b8e9f8e200",
        "66687AADF862bd776c8fc18b8e9f8e20", "g6687aadf862bd776c8fc18b8e9f8e20"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(annotation_author_parse(slice_of_text(bad[i]), author), ERR_INVALID);
    assert_int_equal(
        annotation_author_parse(slice_of_text("66687aadf862bd776c8fc18b8e9f8e20"), author), ERR_OK);
    assert_int_equal(author[0], 0x66);
    assert_int_equal(author[15], 0x20);
}

static void test_annotation_id__compares_all_bytes(void **state)
{
    (void)state;
    static const struct annotation_id none;
    assert_true(annotation_id_is_none(&none));
    for (size_t i = 0; i < ANNOTATION_KEY_BYTES; i++) {
        struct annotation_id id = some;
        struct annotation_id sparse = none;
        if (i < ANNOTATION_AUTHOR_BYTES) {
            id.author[i] ^= 1;
            sparse.author[i] = 1;
        } else {
            id.number[i - ANNOTATION_AUTHOR_BYTES] ^= 1;
            sparse.number[i - ANNOTATION_AUTHOR_BYTES] = 1;
        }
        assert_false(annotation_id_equal(&id, &some));
        assert_false(annotation_id_is_none(&sparse));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_id__has_one_text_and_one_key),
        cmocka_unit_test(test_annotation_id__refuses_other_texts),
        cmocka_unit_test(test_annotation_id__refuses_other_keys),
        cmocka_unit_test(test_annotation_id__names_the_author_by_the_key),
        cmocka_unit_test(test_annotation_id__follows_from_what_is_adopted),
        cmocka_unit_test(test_annotation_id__reads_an_author_alone),
        cmocka_unit_test(test_annotation_id__compares_all_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
