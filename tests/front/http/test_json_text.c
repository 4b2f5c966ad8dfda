#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "front/http/json_text.h"

#include <jansson.h>

static void test_json_text__escapes(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    static const char text[] = "q\" b\\ n\n r\r t\t b\b f\f z\0 e\x1f d\x7f u\xc3\xa9/";
    json_append_string(&out, slice_of(text, sizeof text - 1));
    assert_true(slice_equal(buf_slice(&out),
                            slice_of_text("\"q\\\" b\\\\ n\\n r\\r t\\t b\\b f\\f z\\u0000 "
                                          "e\\u001f d\x7f u\xc3\xa9/\"")));
    buf_release(&out);
}

// Whatever is written, another JSON parser reads back the same.
static void test_json_text__is_read_back(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",        "plain text that fills words",
                                         "\"",       "\\",
                                         "\n",       "\x01",
                                         "\xc3\xa9", "\xf0\x9f\x90\xa6",
                                         "\x1f",     " ",
                                         "!",        "#",
                                         "[",        "]",
                                         "\x7f"};
    struct rng rng;
    rng_init(&rng, 3);
    for (int round = 0; round < 20000; round++) {
        struct buf text;
        struct buf out;
        buf_init(&text, 1000);
        buf_init(&out, 10000);
        for (uint64_t i = rng_below(&rng, 20); i > 0; i--) {
            buf_append_slice(
                &text, slice_of_text(pieces[rng_below(&rng, sizeof pieces / sizeof pieces[0])]));
            if (rng_one_in(&rng, 5))
                buf_append_u8(&text, 0);
        }
        json_append_string(&out, buf_slice(&text));
        json_t *json =
            json_loadb((const char *)out.bytes, out.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        assert_true(slice_equal(buf_slice(&text),
                                slice_of(json_string_value(json), json_string_length(json))));
        json_decref(json);
        buf_release(&text);
        buf_release(&out);
    }
}

static void test_json_text__writes_bytes_as_base64(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    json_append_bytes(&out, "key", slice_of_text("ok"));
    json_append_bytes(&out, "key", slice_of_text("\xff"));
    assert_true(
        slice_equal(buf_slice(&out), slice_of_text("\"key\":\"ok\"\"key_base64\":\"/w==\"")));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_text__escapes),
        cmocka_unit_test(test_json_text__is_read_back),
        cmocka_unit_test(test_json_text__writes_bytes_as_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
