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
        {{"--mode", "eventual", NULL}, "'eventual'"},
        {{"--retention", "7", NULL}, "--retention"},
        {{"--retention", "19ms", NULL}, "from 20ms to 3660d"},
        {{"--rumor-k", "65", NULL}, "65"},
        {{"--family=yes", NULL}, "--family"},
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

static void test_options__read_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms; // 0: none
    } cases[] = {{"500ms", 500},
                 {"10s", 10000},
                 {"5m", 300000},
                 {"12h", 43200000},
                 {"7d", 604800000},
                 {"3660d", 316224000000},
                 {"007s", 7000},
                 {"3661d", 0},
                 {"5", 0},
                 {"", 0},
                 {"s", 0},
                 {"-5s", 0},
                 {"5 s", 0},
                 {"5sec", 0},
                 {"1.5h", 0},
                 {"4ms", 0},
                 {"5S", 0},
                 {"18446744073709551615d", 0},
                 {"99999999999999999999999999999s", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ms = 0;
        bool good = options_duration(cases[i].text, 5, 316224000000, &ms);
        if (good != (cases[i].ms > 0) || (good && ms != cases[i].ms))
            fail_msg("'%s' is read as %llu", cases[i].text, (unsigned long long)ms);
    }
    struct options options;
    struct errmsg detail = {0};
    const char *const words[] = {"--retention", "7d", "--signed", NULL};
    assert_int_equal(parse(&options, &detail, words), ERR_OK);
    assert_int_equal(options.number[OPTION_RETENTION], 604800000);
    assert_true(options_have(&options, OPTION_SIGNED));
    assert_false(options_have(&options, OPTION_FAMILY));
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
        cmocka_unit_test(test_options__read_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
