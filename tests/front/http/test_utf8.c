#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "front/http/utf8.h"

#include <jansson.h>

static void test_utf8__takes_what_is_well_formed(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "plain",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "long enough for a word \xf0\x9f\x90\xa6 and more of it"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(utf8_is_valid(slice_of_text(texts[i])));
    assert_true(utf8_is_valid(slice_of("a\0b", 3)));
}

static void test_utf8__refuses_what_is_not(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc2",
                                        "\xc2\x41",
                                        "\xe0\x9f\xbf",
                                        "\xe1\x80",
                                        "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf0\x90\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "eight by\xfftes"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(utf8_is_valid(slice_of_text(texts[i])));
}

// The JSON library's own check, written by others, is the twin.
static void test_utf8__agrees_with_its_twin(void **state)
{
    (void)state;
    static const uint8_t pieces[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                     0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4};
    struct rng rng;
    rng_init(&rng, 7);
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[10];
        size_t length = rng_below(&rng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = pieces[rng_below(&rng, sizeof pieces)];
        json_t *twin = json_stringn((const char *)bytes, length);
        assert_int_equal(utf8_is_valid(slice_of(bytes, length)), twin != NULL);
        json_decref(twin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__takes_what_is_well_formed),
        cmocka_unit_test(test_utf8__refuses_what_is_not),
        cmocka_unit_test(test_utf8__agrees_with_its_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
