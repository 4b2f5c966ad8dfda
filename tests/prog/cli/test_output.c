#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/output.h"

static void test_output__shortens_durations(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {{0, "0 ms"},
                 {999, "999 ms"},
                 {1000, "1 s"},
                 {59999, "59 s"},
                 {60000, "1 min"},
                 {3599999, "59 min"},
                 {3600000, "1 h"},
                 {86399999, "23 h"},
                 {86400000, "1 d"},
                 {604800000, "7 d"},
                 {UINT64_MAX, "213503982334 d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[OUTPUT_DURATION_BYTES];
        output_duration(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_output__reads_the_bytes_that_it_writes(void **state)
{
    (void)state;
    static const struct slice cases[] = {
        {(const uint8_t *)"text", 4}, {(const uint8_t *)"\xff\x00", 2}, {NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *object = json_object();
        struct buf out;
        buf_init(&out, 100);
        buf_append_u8(&out, '.');
        output_json_bytes(object, "name", cases[i]);
        output_read_bytes(&out, object, "name");
        assert_int_equal(out.length, 1 + cases[i].length);
        assert_true(slice_equal(slice_of(out.bytes + 1, out.length - 1), cases[i]));
        buf_release(&out);
        json_decref(object);
    }
}

static void test_output__reads_nothing_of_bad_members(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "{\"name\":1}", "{\"name_base64\":\"AAA\"}",
                                      "{\"name_base64\":\"AAAA????\"}", "{\"name_base64\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *object = json_loads(bad[i], 0, NULL);
        struct buf out;
        buf_init(&out, 100);
        buf_append_u8(&out, '.');
        output_read_bytes(&out, object, "name");
        assert_int_equal(out.length, 1);
        buf_release(&out);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output__shortens_durations),
        cmocka_unit_test(test_output__reads_the_bytes_that_it_writes),
        cmocka_unit_test(test_output__reads_nothing_of_bad_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
