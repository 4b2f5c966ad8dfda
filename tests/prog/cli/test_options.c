// Command lines as a table: what each must become, or which word must be blamed.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/options.h"

#include <string.h>

enum { WORDS_MAX = 10 };

static enum err parse(struct options *options, struct errmsg *detail, const char *const *words)
{
    char *arguments[WORDS_MAX];
    int count = 0;
    for (; words[count] != NULL; count++)
        arguments[count] = (char *)(uintptr_t)words[count];
    return options_parse(options, count, arguments, detail);
}

static void test_options__sorts_options_from_words(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    const char *const words[] = {"--json", "put",       "--keyspace", "logs",
                                 "key",    "--limit=7", "-",          NULL};
    assert_int_equal(parse(&options, &detail, words), ERR_OK);
    assert_int_equal(options.given, OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_KEYSPACE) |
                                        OPTION_BIT(OPTION_LIMIT));
    assert_string_equal(options.text[OPTION_KEYSPACE], "logs");
    assert_int_equal(options.number[OPTION_LIMIT], 7);
    assert_int_equal(options.word_count, 3);
    assert_string_equal(options.words[0], "put");
    assert_string_equal(options.words[1], "key");
    assert_string_equal(options.words[2], "-");
}

static void test_options__end_at_two_dashes(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    const char *const words[] = {"put", "--", "--json", "-5", NULL};
    assert_int_equal(parse(&options, &detail, words), ERR_OK);
    assert_int_equal(options.given, 0);
    assert_int_equal(options.word_count, 3);
    assert_string_equal(options.words[1], "--json");
    assert_string_equal(options.words[2], "-5");
}

static void test_options__take_empty_values(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    const char *const words[] = {"--prefix=", "", NULL};
    assert_int_equal(parse(&options, &detail, words), ERR_OK);
    assert_string_equal(options.text[OPTION_PREFIX], "");
    assert_string_equal(options.words[0], "");
}

static void test_options__gather_endpoints(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    const char *const words[] = {"--endpoint", "a:1", "--endpoint=b:2", NULL};
    assert_int_equal(parse(&options, &detail, words), ERR_OK);
    assert_int_equal(options.endpoint_count, 2);
    assert_string_equal(options.endpoints[0], "a:1");
    assert_string_equal(options.endpoints[1], "b:2");
}

static void test_options__bound_endpoints(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    char word[] = "--endpoint=a";
    char *arguments[OPTION_ENDPOINTS_MAX + 1];
    for (size_t i = 0; i <= OPTION_ENDPOINTS_MAX; i++)
        arguments[i] = word;
    assert_int_equal(options_parse(&options, OPTION_ENDPOINTS_MAX, arguments, &detail), ERR_OK);
    assert_int_equal(options_parse(&options, OPTION_ENDPOINTS_MAX + 1, arguments, &detail),
                     ERR_INVALID);
}

static void test_options__bound_words(void **state)
{
    (void)state;
    struct options options;
    struct errmsg detail = {0};
    char word[] = "word";
    char last[] = "one-more";
    char *arguments[OPTION_WORDS_MAX + 1];
    for (size_t i = 0; i < OPTION_WORDS_MAX; i++)
        arguments[i] = word;
    arguments[OPTION_WORDS_MAX] = last;
    assert_int_equal(options_parse(&options, OPTION_WORDS_MAX, arguments, &detail), ERR_OK);
    assert_int_equal(options_parse(&options, OPTION_WORDS_MAX + 1, arguments, &detail),
                     ERR_INVALID);
    assert_non_null(strstr(detail.text, last));
}

static void test_options__blame_the_word_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *blamed;
    } cases[] = {
        {{"--nope", NULL}, "--nope"},
        {{"-x", NULL}, "-x"},
        {{"--jso", NULL}, "--jso"},
        {{"--json=1", NULL}, "--json"},
        {{"get", "--keyspace", NULL}, "--keyspace"},
        {{"--token", "a", "--token=b", NULL}, "--token"},
        {{"--limit", "0", NULL}, "--limit"},
        {{"--limit", "-1", NULL}, "-1"},
        {{"--limit", "", NULL}, "--limit"},
        {{"--limit", "4294967296", NULL}, "4294967296"},
        {{"--limit", "99999999999999999999999", NULL}, "99999999999999999999999"},
        {{"--http-port", "65536", NULL}, "65536"},
        {{"--nodes", "3x", NULL}, "3x"},
        {{"--strategy", "ful", NULL}, "'ful'"},
        {{"--strategy", "full|consistent", NULL}, "--strategy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        struct errmsg detail = {0};
        assert_int_equal(parse(&options, &detail, cases[i].words), ERR_INVALID);
        if (strstr(detail.text, cases[i].blamed) == NULL)
            fail_msg("'%s' does not blame '%s'", detail.text, cases[i].blamed);
    }
}

static void test_options__read_numbers_whole(void **state)
{
    (void)state;
    uint64_t number;
    assert_true(options_number("18446744073709551615", 0, UINT64_MAX, &number));
    assert_int_equal(number, UINT64_MAX);
    assert_false(options_number("18446744073709551616", 0, UINT64_MAX, &number));
    assert_true(options_number("007", 7, 7, &number));
    assert_false(options_number("+7", 0, 10, &number));
    assert_false(options_number(" 7", 0, 10, &number));
    assert_false(options_number("7 ", 0, 10, &number));
    assert_false(options_number("", 0, 10, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__sorts_options_from_words),
        cmocka_unit_test(test_options__end_at_two_dashes),
        cmocka_unit_test(test_options__take_empty_values),
        cmocka_unit_test(test_options__gather_endpoints),
        cmocka_unit_test(test_options__bound_endpoints),
        cmocka_unit_test(test_options__bound_words),
        cmocka_unit_test(test_options__blame_the_word_at_fault),
        cmocka_unit_test(test_options__read_numbers_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
