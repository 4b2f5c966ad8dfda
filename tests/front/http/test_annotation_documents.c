// Export and import: whole channels, in pieces, back and forth.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotation_testbed.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPORT "GET /v1/annotations/export?channel=films"

static char *text_of(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    json_decref(json);
    return text;
}

static void expect_counts(struct testbed *t, const char *target, const char *document,
                          const char *counts)
{
    json_t *json = annotation_testbed_ask(t, target, document, 200);
    char found[128];
    snprintf(found, sizeof found, "%d items: %d created, %d replaced, %d unchanged, %d foreign",
             (int)json_integer_value(json_object_get(json, "items")),
             (int)json_integer_value(json_object_get(json, "created")),
             (int)json_integer_value(json_object_get(json, "replaced")),
             (int)json_integer_value(json_object_get(json, "unchanged")),
             (int)json_integer_value(json_object_get(json, "foreign")));
    assert_string_equal(found, counts);
    json_decref(json);
}

static void forget_all(struct testbed *t)
{
    for (int i = 0; i < FAKE_RECORDS_MAX; i++)
        t->host.records[i].present = false;
}

static void test_annotation_documents__come_back(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 5; i++)
        annotation_testbed_say(t, i == 0 ? "Bello \xe2\x98\xba" : "other", id);
    json_t *json = annotation_testbed_ask(t, EXPORT, NULL, 200);
    assert_non_null(strstr(t->head, "application/ld+json"));
    assert_string_equal(json_string_value(json_object_get(json, "id")), "urn:brusio:channel:films");
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 5);
    char *document = text_of(json);
    expect_counts(t, "POST /v1/annotations/import", document,
                  "5 items: 0 created, 0 replaced, 5 unchanged, 0 foreign");
    forget_all(t);
    expect_counts(t, "POST /v1/annotations/import?channel=films", document,
                  "5 items: 5 created, 0 replaced, 0 unchanged, 0 foreign");
    char *again = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    assert_string_equal(again, document);
    free(again);
    free(document);
}

static void test_annotation_documents__replace_what_is_older(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    annotation_testbed_say(t, "now", id);
    char *document = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    // Both times move; then the last change only backwards.
    char *newer = strdup(document);
    for (char *at = strstr(newer, "12:26:40.123"); at != NULL; at = strstr(at, "12:26:40.123"))
        memcpy(at, "12:26:41.123", 12);
    expect_counts(t, "POST /v1/annotations/import", newer,
                  "1 items: 0 created, 1 replaced, 0 unchanged, 0 foreign");
    expect_counts(t, "POST /v1/annotations/import", document,
                  "1 items: 0 created, 0 replaced, 1 unchanged, 0 foreign");
    char *back = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    assert_string_equal(back, newer);
    free(back);
    free(newer);
    free(document);
}

static void test_annotation_documents__leave_others_out_or_adopt_them(void **state)
{
    struct testbed *t = *state;
    char own[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    annotation_testbed_say(t, "own", own);
    annotation_testbed_store(t, "films", "other", other);
    char *document = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    forget_all(t);
    expect_counts(t, "POST /v1/annotations/import", document,
                  "2 items: 1 created, 0 replaced, 0 unchanged, 1 foreign");
    for (int i = 0; i < 2; i++)
        expect_counts(t, "POST /v1/annotations/import?as=own", document,
                      i == 0 ? "2 items: 1 created, 0 replaced, 1 unchanged, 0 foreign"
                             : "2 items: 0 created, 0 replaced, 2 unchanged, 0 foreign");
    json_t *json = annotation_testbed_ask(t, "GET /v1/annotations?q=other", NULL, 200);
    const json_t *adopted = json_array_get(json_object_get(json, "annotations"), 0);
    assert_memory_equal(json_string_value(json_object_get(adopted, "author")), own, 32);
    json_decref(json);
    free(document);
    // None of one's own: nothing is asked, nothing is written.
    forget_all(t);
    annotation_testbed_store(t, "films", "other", other);
    document = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    unsigned before = t->host.request_count;
    expect_counts(t, "POST /v1/annotations/import", document,
                  "1 items: 0 created, 0 replaced, 0 unchanged, 1 foreign");
    assert_int_equal(t->host.request_count, before);
    free(document);
}

static void test_annotation_documents__are_taken_whole_or_not_at_all(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 3; i++)
        annotation_testbed_say(t, "say", id);
    char *document = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    forget_all(t);
    // The last item's link is none.
    char *last = strstr(document, "http://a/b");
    for (char *at = last; at != NULL; at = strstr(at + 1, "http://a/b"))
        last = at;
    memcpy(last, "http://a b", 10);
    uint64_t before = t->host.sequence;
    annotation_testbed_refuse(t, "POST /v1/annotations/import", document, 400, "invalid",
                              "item 3: the target is no link");
    memcpy(last, "http://a/b", 10);
    annotation_testbed_refuse(t, "POST /v1/annotations/import?channel=links", document, 400,
                              "invalid", "item 1 is of the channel films");
    assert_true(t->host.sequence == before);
    free(document);
}

static void test_annotation_documents__refuse_what_is_none(void **state)
{
    struct testbed *t = *state;
    const char *post = "POST /v1/annotations/import";
    annotation_testbed_refuse(t, post, "", 400, "invalid", "body is empty");
    annotation_testbed_refuse(t, post, "[]", 400, "invalid", "not a JSON object");
    annotation_testbed_refuse(t, post, "{}", 400, "invalid", "");
    annotation_testbed_refuse(t, post, "{\"type\":\"Note\"}", 400, "invalid", "");
    annotation_testbed_refuse(t, post, "[[[[[[[[[[]]]]]]]]]]", 400, "invalid", "too deeply");
    annotation_testbed_refuse(t, "POST /v1/annotations/import?as=mine", "{}", 400, "invalid",
                              "own");
    annotation_testbed_refuse(t, "POST /v1/annotations/import?to=a", "{}", 400, "invalid",
                              "argument");
    annotation_testbed_refuse(t, "GET /v1/annotations/export", NULL, 400, "invalid",
                              "\\\"channel\\\" is missing");
    annotation_testbed_refuse(t, "GET /v1/annotations/export?channel=absent", NULL, 404,
                              "not_found", "no channel");
    annotation_testbed_refuse(t, EXPORT "&cursor=x", NULL, 400, "invalid", "cursor");
    annotation_testbed_refuse(t, EXPORT "&limit=1", NULL, 400, "invalid", "argument");
    const char *large = "POST /v1/annotations/import HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                        "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n";
    testbed_send(t, large, strlen(large));
    testbed_take(t, false);
    testbed_expect_error(t, 413, "too_large");
}

// A store that refuses in the midst: what was written stays, and the next try does the rest.
static void test_annotation_documents__can_be_sent_again(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 4; i++)
        annotation_testbed_say(t, "say", id);
    char *document = text_of(annotation_testbed_ask(t, EXPORT, NULL, 200));
    forget_all(t);
    t->host.error = ERR_FULL;
    t->host.fail_after = 4 + 2;
    testbed_ask(t, "POST /v1/annotations/import", "", document);
    testbed_expect_error(t, 507, "insufficient_storage");
    t->host.error = ERR_OK;
    expect_counts(t, "POST /v1/annotations/import", document,
                  "4 items: 2 created, 0 replaced, 2 unchanged, 0 foreign");
    free(document);
}

int main(void)
{
#define WITH_ANNOTATIONS(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, annotation_testbed_setup, testbed_teardown)
    const struct CMUnitTest tests[] = {
        WITH_ANNOTATIONS(test_annotation_documents__come_back),
        WITH_ANNOTATIONS(test_annotation_documents__replace_what_is_older),
        WITH_ANNOTATIONS(test_annotation_documents__leave_others_out_or_adopt_them),
        WITH_ANNOTATIONS(test_annotation_documents__are_taken_whole_or_not_at_all),
        WITH_ANNOTATIONS(test_annotation_documents__refuse_what_is_none),
        WITH_ANNOTATIONS(test_annotation_documents__can_be_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
