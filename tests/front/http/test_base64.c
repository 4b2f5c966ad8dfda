#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/base64.h"

static void expect(void (*append)(struct buf *, struct slice), const char *bytes, const char *text)
{
    struct buf out;
    buf_init(&out, 100);
    append(&out, slice_of_text(bytes));
    assert_true(slice_equal(buf_slice(&out), slice_of_text(text)));
    buf_release(&out);
}

// RFC 4648 section 10.
static void test_base64__writes_the_standards_examples(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff", "+/8="}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        expect(base64_append, pairs[i][0], pairs[i][1]);
    expect(base64url_append, "\xfb\xff", "-_8");
    expect(base64url_append, "foobar", "Zm9vYmFy");
}

static void test_base64__reads_what_it_wrote(void **state)
{
    (void)state;
    uint8_t bytes[64];
    for (size_t length = 0; length <= sizeof bytes; length++) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(i * 67 + length * 13);
        struct buf text;
        buf_init(&text, 100);
        base64url_append(&text, slice_of(bytes, length));
        uint8_t back[64];
        size_t back_bytes = 0;
        assert_int_equal(base64url_decode(buf_slice(&text), back, sizeof back, &back_bytes),
                         ERR_OK);
        assert_true(slice_equal(slice_of(back, back_bytes), slice_of(bytes, length)));
        if (length > 0)
            assert_int_equal(base64url_decode(buf_slice(&text), back, length - 1, &back_bytes),
                             ERR_TOO_LARGE);
        buf_release(&text);
    }
}

static void test_base64__refuses_other_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"A",    "AAAAA", "Zg==", "Zh",      "Zm9",
                                        "AA+A", "AA/A",  "A A",  "\xff\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t bytes[16];
        size_t length = 0;
        assert_int_equal(base64url_decode(slice_of_text(texts[i]), bytes, sizeof bytes, &length),
                         ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64__writes_the_standards_examples),
        cmocka_unit_test(test_base64__reads_what_it_wrote),
        cmocka_unit_test(test_base64__refuses_other_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
