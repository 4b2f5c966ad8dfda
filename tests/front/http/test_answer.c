#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"
#include "front/http/exchange.h"
#include "http_testbed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define CREATE "POST /v1/keyspaces"
#define TWO_BYTES "\xc3\xa9"
#define FOUR_BYTES "\xf0\x9f\x90\x9d"

enum { REPEATED_MAX = 200 };

// `before`, `count` times the piece, `after`.
static const char *repeated(const char *before, const char *piece, unsigned count,
                            const char *after)
{
    static char text[64 + REPEATED_MAX * sizeof FOUR_BYTES];
    int length = snprintf(text, sizeof text, "%s", before);
    for (unsigned i = 0; i < count; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s", piece);
    snprintf(text + length, sizeof text - (size_t)length, "%s", after);
    return text;
}

static void expect_refused(struct testbed *t, const char *body)
{
    testbed_ask(t, CREATE, "", body);
    testbed_expect_error(t, 400, "invalid");
}

static void test_answer__quotes_what_was_sent(void **state)
{
    struct testbed *t = *state;
    expect_refused(t, "{\"name\":\"a\",\"" TWO_BYTES FOUR_BYTES "\":1}");
    assert_non_null(strstr(t->body, "no field \\\"" TWO_BYTES FOUR_BYTES "\\\" here"));
}

// Wherever the bound falls, nothing is left of the character that it falls into.
static void test_answer__cuts_names_between_characters(void **state)
{
    struct testbed *t = *state;
    static const char *const before[] = {"{\"", "{\"x", "{\"xx", "{\"xxx"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        expect_refused(t, repeated(before[i], FOUR_BYTES, REPEATED_MAX, "\":1}"));
        assert_null(strchr(t->body, '?'));
        assert_non_null(strstr(t->body, FOUR_BYTES "\\\" here"));
    }
}

// Fails unless the error that quotes `text` is JSON; gives its message, for the caller to free.
static char *message_quoting(const char *text)
{
    struct exchange exchange = {0};
    buf_init(&exchange.answer.body, 1 << 16);
    exchange_fail(&exchange, 400, "invalid", "it is \"%s\"", text);
    struct slice body = buf_slice(&exchange.answer.body);
    json_t *json = json_loadb((const char *)body.bytes, body.length, 0, NULL);
    assert_non_null(json);
    const char *message = json_string_value(json_object_get(json, "message"));
    assert_non_null(message);
    char *copy = memory_copy(message, strlen(message) + 1);
    json_decref(json);
    buf_release(&exchange.answer.body);
    return copy;
}

static void test_answer__is_valid_whatever_it_quotes(void **state)
{
    (void)state;
    char *message = message_quoting(TWO_BYTES "\xff" FOUR_BYTES "\xe2\x82");
    assert_string_equal(message, "it is \"" TWO_BYTES "?" FOUR_BYTES "??\"");
    free(message);
}

// A message has its bound too: each of these places is where it falls.
static void test_answer__is_valid_when_its_message_was_cut(void **state)
{
    (void)state;
    static const char *const before[] = {"", "x", "xx", "xxx"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        char *message = message_quoting(repeated(before[i], FOUR_BYTES, REPEATED_MAX, ""));
        assert_in_range(strlen(message), 256, sizeof FOUR_BYTES * REPEATED_MAX - 1);
        free(message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer__quotes_what_was_sent, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_answer__cuts_names_between_characters, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test(test_answer__is_valid_whatever_it_quotes),
        cmocka_unit_test(test_answer__is_valid_when_its_message_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
