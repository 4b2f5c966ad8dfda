#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "front/http/fields.h"

#include <stdlib.h>

static struct fields *parse(const char *text)
{
    struct fields *fields = NULL;
    struct errmsg problem;
    assert_int_equal(fields_parse(slice_of_text(text), &fields, &problem), ERR_OK);
    return fields;
}

static void test_fields__refuses_malformed_bodies(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "[1]",
        "1",
        "null",
        "\"a\"",
        "{} x",
        "{}{}",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":01}",
        "{\"a\":1e999}",
        "{\"a\":99999999999999999999}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}",
        "{\"a\":[[[[[[[[1]]]]]]]]}",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fields *fields = NULL;
        struct errmsg problem = {{0}};
        assert_int_equal(fields_parse(slice_of_text(texts[i]), &fields, &problem), ERR_INVALID);
        assert_null(fields);
        assert_true(problem.text[0] != 0);
    }
}

static void test_fields__refuses_nesting_of_any_depth(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *text = malloc(DEPTH);
    memset(text, '[', DEPTH);
    struct fields *fields = NULL;
    struct errmsg problem;
    assert_int_equal(fields_parse(slice_of(text, DEPTH), &fields, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "deep"));
    free(text);
    // Brackets inside strings are not nesting.
    fields_free(parse("{\"a\":\"[[[[[[[[[[[[\\\"[[[[[[[{{{{{{{{{{{\"}"));
}

static void test_fields__gives_texts(void **state)
{
    (void)state;
    struct fields *fields =
        parse("{\"a\":\"x\\u0000y\",\"b\":\"\",\"c\":null,\"d\":1,\"e\":[\"x\"]}");
    struct slice text;
    struct errmsg problem;
    assert_int_equal(fields_text(fields, "a", &text, &problem), ERR_OK);
    assert_true(slice_equal(text, slice_of("x\0y", 3)));
    static const char *const bad[] = {"b", "c", "d", "e", "missing"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fields_text(fields, bad[i], &text, &problem), ERR_INVALID);
    assert_true(fields_have(fields, "c"));
    assert_false(fields_have(fields, "missing"));
    fields_free(fields);
}

static void test_fields__gives_integers(void **state)
{
    (void)state;
    struct fields *fields = parse(
        "{\"one\":1,\"three\":3,\"four\":4,\"zero\":0,\"minus\":-1,\"real\":2.0,\"text\":\"2\","
        "\"true\":true,\"null\":null,\"big\":9223372036854775807}");
    int64_t value = 0;
    struct errmsg problem;
    assert_int_equal(fields_integer(fields, "one", 1, 3, &value, &problem), ERR_OK);
    assert_int_equal(value, 1);
    assert_int_equal(fields_integer(fields, "three", 1, 3, &value, &problem), ERR_OK);
    static const char *const bad[] = {"four", "zero", "minus", "real",   "text",
                                      "true", "null", "big",   "missing"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fields_integer(fields, bad[i], 1, 3, &value, &problem), ERR_INVALID);
    fields_free(fields);
}

static void test_fields__gives_booleans(void **state)
{
    (void)state;
    struct fields *fields =
        parse("{\"yes\":true,\"no\":false,\"null\":null,\"one\":1,\"text\":\"true\"}");
    bool value = false;
    struct errmsg problem;
    assert_int_equal(fields_boolean(fields, "yes", &value, &problem), ERR_OK);
    assert_true(value);
    assert_int_equal(fields_boolean(fields, "no", &value, &problem), ERR_OK);
    assert_false(value);
    static const char *const bad[] = {"null", "one", "text", "missing"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fields_boolean(fields, bad[i], &value, &problem), ERR_INVALID);
    fields_free(fields);
}

static void test_fields__finds_strangers(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    struct errmsg problem;
    struct fields *fields = parse("{\"b\":1,\"a\":2}");
    assert_int_equal(fields_only(fields, names, 2, &problem), ERR_OK);
    assert_int_equal(fields_only(fields, names, 1, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "\"b\""));
    fields_free(fields);
}

// A name of three bytes for each character, and a bound of 64 bytes.
static void test_fields__cuts_a_strange_name_between_characters(void **state)
{
    (void)state;
    struct errmsg problem;
    struct fields *fields =
        parse("{\"\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"
              "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\":1}");
    assert_int_equal(fields_only(fields, NULL, 0, &problem), ERR_INVALID);
    assert_true(utf8_is_valid(slice_of_text(problem.text)));
    const char *quoted = strchr(problem.text, '"');
    assert_non_null(quoted);
    assert_int_equal(strcspn(quoted + 1, "\""), 63);
    fields_free(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__refuses_malformed_bodies),
        cmocka_unit_test(test_fields__refuses_nesting_of_any_depth),
        cmocka_unit_test(test_fields__gives_texts),
        cmocka_unit_test(test_fields__gives_integers),
        cmocka_unit_test(test_fields__gives_booleans),
        cmocka_unit_test(test_fields__finds_strangers),
        cmocka_unit_test(test_fields__cuts_a_strange_name_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
