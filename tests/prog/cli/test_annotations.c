// Requests about annotations, put together from what a person types.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/annotations.h"

#include <stdlib.h>
#include <string.h>

static void test_annotations__encode_paths(void **state)
{
    (void)state;
    struct errmsg detail = {0};
    struct buf path;
    annotations_path_begin(&path, "/v1/annotations");
    annotations_path_argument(&path, "channel", NULL);
    annotations_path_argument(&path, "link", "http://a/b?c=d&e#\xc3\xa9");
    annotations_path_argument(&path, "q", "a b+c");
    assert_string_equal(annotations_path_end(&path, &detail),
                        "/v1/annotations?link=http%3A%2F%2Fa%2Fb%3Fc%3Dd%26e%23%C3%A9&q=a%20b%2Bc");
    buf_release(&path);
    annotations_path_begin(&path, "/v1/channels/");
    annotations_path_segment(&path, "../a?");
    assert_string_equal(annotations_path_end(&path, &detail), "/v1/channels/..%2Fa%3F");
    buf_release(&path);
    char *large = malloc(ANNOTATION_PATH_BYTES_MAX);
    memset(large, 'a', ANNOTATION_PATH_BYTES_MAX - 1);
    large[ANNOTATION_PATH_BYTES_MAX - 1] = '\0';
    annotations_path_begin(&path, "/");
    annotations_path_argument(&path, "q", large);
    assert_null(annotations_path_end(&path, &detail));
    buf_release(&path);
    free(large);
}

static void expect_body(const struct annotation_words *words, const char *text)
{
    struct errmsg detail = {0};
    json_t *body = annotations_body(words, &detail);
    json_t *expected = json_loads(text, 0, NULL);
    assert_non_null(body);
    assert_true(json_equal(body, expected));
    json_decref(body);
    json_decref(expected);
}

static void test_annotations__say_what_is_named(void **state)
{
    (void)state;
    expect_body(&(struct annotation_words){0}, "{}");
    expect_body(&(struct annotation_words){.text = "", .rating = "none", .tags = ""},
                "{\"text\":\"\",\"rating\":null,\"tags\":[]}");
    expect_body(&(struct annotation_words){.channel = "films",
                                           .link = "http://a",
                                           .text = "a\nb",
                                           .rating = "0",
                                           .tags = "a, b c,,",
                                           .replies_to = "x"},
                "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\\nb\",\"rating\":0,"
                "\"tags\":[\"a\",\" b c\",\"\",\"\"],\"replies_to\":\"x\"}");
}

static void test_annotations__refuse_what_is_none(void **state)
{
    (void)state;
    static const struct {
        struct annotation_words words;
        const char *what;
    } cases[] = {
        {{.rating = "6"}, "rating is 0 to 5"},    {{.rating = ""}, "rating is 0 to 5"},
        {{.rating = "-1"}, "rating is 0 to 5"},   {{.text = "\xff"}, "text is not UTF-8"},
        {{.link = "a\xc3"}, "link is not UTF-8"}, {{.tags = "a,\xff"}, "tags are not UTF-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct errmsg detail = {0};
        assert_null(annotations_body(&cases[i].words, &detail));
        assert_non_null(strstr(detail.text, cases[i].what));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotations__encode_paths),
        cmocka_unit_test(test_annotations__say_what_is_named),
        cmocka_unit_test(test_annotations__refuse_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
