// Encodings as tables, and every byte there and back.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/encoding.h"

enum { OUT_BYTES_MAX = 4096 };

typedef void encode(struct buf *out, struct slice bytes);

static void assert_encodes(encode *write, const char *bytes, size_t length, const char *expected)
{
    struct buf out;
    buf_init(&out, OUT_BYTES_MAX);
    write(&out, slice_of(bytes, length));
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.bytes, expected);
    buf_release(&out);
}

static void test_encoding__percent(void **state)
{
    (void)state;
    assert_encodes(encoding_percent, "", 0, "");
    assert_encodes(encoding_percent, "aZ09-._~", 8, "aZ09-._~");
    assert_encodes(encoding_percent, "a/b c?d#e%", 10, "a%2Fb%20c%3Fd%23e%25");
    assert_encodes(encoding_percent, "\0\xff\n", 3, "%00%FF%0A");
    assert_encodes(encoding_percent, "\xc3\xa9", 2, "%C3%A9");
}

static void test_encoding__percent_hides_dot_segments(void **state)
{
    (void)state;
    assert_encodes(encoding_percent, ".", 1, "%2E");
    assert_encodes(encoding_percent, "..", 2, "%2E%2E");
    assert_encodes(encoding_percent, "...", 3, "...");
    assert_encodes(encoding_percent, "a..", 3, "a..");
}

// RFC 4648, section 10.
static void test_encoding__base64_knows_the_vectors(void **state)
{
    (void)state;
    assert_encodes(encoding_base64, "", 0, "");
    assert_encodes(encoding_base64, "f", 1, "Zg==");
    assert_encodes(encoding_base64, "fo", 2, "Zm8=");
    assert_encodes(encoding_base64, "foo", 3, "Zm9v");
    assert_encodes(encoding_base64, "foob", 4, "Zm9vYg==");
    assert_encodes(encoding_base64, "fooba", 5, "Zm9vYmE=");
    assert_encodes(encoding_base64, "foobar", 6, "Zm9vYmFy");
    assert_encodes(encoding_base64, "\xfb\xff", 2, "+/8=");
}

static void test_encoding__base64_comes_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (size_t length = 0; length <= sizeof bytes; length++) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(i * 167 + length);
        struct buf text;
        struct buf back;
        buf_init(&text, OUT_BYTES_MAX);
        buf_init(&back, OUT_BYTES_MAX);
        encoding_base64(&text, slice_of(bytes, length));
        assert_int_equal(encoding_base64_read(&back, buf_slice(&text)), ERR_OK);
        assert_true(slice_equal(buf_slice(&back), slice_of(bytes, length)));
        buf_release(&text);
        buf_release(&back);
    }
}

static void test_encoding__base64_refuses_the_rest(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Z", "Zg", "Zg=", "====", "Zg==Zg==", "Z===", "Zm 9", "Z-_v", "=Zm9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf out;
        buf_init(&out, OUT_BYTES_MAX);
        if (encoding_base64_read(&out, slice_of_text(texts[i])) != ERR_INVALID)
            fail_msg("'%s' was taken", texts[i]);
        buf_release(&out);
    }
}

static void test_encoding__printable(void **state)
{
    (void)state;
    assert_encodes(encoding_printable, "plain text", 10, "plain text");
    assert_encodes(encoding_printable, "a\\b", 3, "a\\\\b");
    assert_encodes(encoding_printable, "\x1b[2J\n\0\x7f", 7, "\\x1B[2J\\x0A\\x00\\x7F");
    assert_encodes(encoding_printable, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d", 9,
                   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d");
    // A control character of two bytes, a lone continuation, a cut sequence.
    assert_encodes(encoding_printable, "\xc2\x9b", 2, "\\xC2\\x9B");
    assert_encodes(encoding_printable, "\x80", 1, "\\x80");
    assert_encodes(encoding_printable, "a\xe2\x82", 3, "a\\xE2\\x82");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding__percent),
        cmocka_unit_test(test_encoding__percent_hides_dot_segments),
        cmocka_unit_test(test_encoding__base64_knows_the_vectors),
        cmocka_unit_test(test_encoding__base64_comes_back),
        cmocka_unit_test(test_encoding__base64_refuses_the_rest),
        cmocka_unit_test(test_encoding__printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
