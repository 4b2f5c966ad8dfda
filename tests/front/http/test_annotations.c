// One annotation: made, shown, changed, restored, deleted; and everything that is refused.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotation_testbed.h"

#include <stdio.h>

#define PATH_BYTES 256

static const char *path_of(char path[PATH_BYTES], const char *method, const char *id,
                           const char *rest)
{
    snprintf(path, PATH_BYTES, "%s /v1/annotations/%s%s", method, id, rest);
    return path;
}

static const char *text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json_object_get(json, "annotation"), name));
}

static void test_annotations__are_made(void **state)
{
    struct testbed *t = *state;
    json_t *json = annotation_testbed_ask(
        t, "POST /v1/annotations",
        "{\"channel\":\"films\",\"text\":\"Bello \xe2\x98\xba\",\"rating\":4,"
        "\"tags\":[\"noir\",\" x \"],"
        "\"replies_to\":\"00000000000000000000000000000000-0000000000000001\","
        "\"link\":\"ed2k://|file|a%20b.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|/\"}",
        201);
    const json_t *link = json_object_get(json_object_get(json, "annotation"), "link");
    assert_string_equal(text_of(json, "text"), "Bello \xe2\x98\xba");
    assert_string_equal(text_of(json, "created"), "2020-09-13T12:26:40.123Z");
    assert_string_equal(text_of(json, "modified"), "2020-09-13T12:26:40.123Z");
    assert_string_equal(text_of(json, "state"), "tentative");
    assert_string_equal(text_of(json, "replies_to"),
                        "00000000000000000000000000000000-0000000000000001");
    assert_string_equal(json_string_value(json_object_get(link, "name")), "a b.avi");
    assert_string_equal(json_string_value(json_object_get(link, "identity")),
                        "ed2k:31d6cfe0d16ae931b73c59d7e0c089c0:700");
    assert_memory_equal(text_of(json, "id"), text_of(json, "author"), 32);
    assert_non_null(strstr(t->head, "ETag: \""));
    assert_int_equal(t->host.last.kind, REQUEST_PUT);
    assert_int_equal(t->host.last.keyspace, FAKE_ANNOTATIONS);
    assert_int_equal(t->host.last.condition, CONDITION_ABSENT);
    assert_string_equal(t->host.last_channel, "films");
    json_decref(json);
}

static void test_annotations__are_refused_with_the_reason(void **state)
{
    struct testbed *t = *state;
    static const struct {
        const char *body;
        const char *words;
    } cases[] = {
        {"", "body is empty"},
        {"[]", "not a JSON object"},
        {"{", "not valid JSON"},
        {"{}", "\\\"channel\\\" is missing"},
        {"{\"channel\":\"films\"}", "\\\"link\\\" is missing"},
        {"{\"channel\":\"films\",\"link\":\"http://a\"}", "says nothing"},
        {"{\"channel\":\"Films\",\"link\":\"http://a\",\"text\":\"a\"}", "channel is wrong"},
        {"{\"channel\":\"films-\",\"link\":\"http://a\",\"text\":\"a\"}", "begin and end"},
        {"{\"channel\":\"films/a\",\"link\":\"http://a\",\"text\":\"a\"}", "channel is wrong"},
        {"{\"channel\":1,\"link\":\"http://a\",\"text\":\"a\"}", "must be a string"},
        {"{\"channel\":\"films\",\"link\":\"a\",\"text\":\"a\"}", "link is wrong at byte"},
        {"{\"channel\":\"films\",\"link\":\"http://a b\",\"text\":\"a\"}", "at byte 8: a space"},
        {"{\"channel\":\"films\",\"link\":\"ed2k://|file|a|1|xyz|/\",\"text\":\"a\"}", "at byte"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\\u0000\"}", "text is wrong"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"\\u001b[2J\"}", "text is wrong"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":5}", "\\\"text\\\" must be"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"rating\":6}", "rating"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"rating\":-1}", "rating"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"rating\":2.5}", "rating"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"rating\":\"5\"}", "rating"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"tags\":\"a\"}", "\\\"tags\\\" must be"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"tags\":[\"a\",\"a\"]}", "tag 2"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"tags\":[\"a\\nb\"]}", "tag 1"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\",\"replies_to\":\"1\"}",
         "\\\"replies_to\\\" must be an id"},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\",\"id\":\"1\"}",
         "no field \\\"id\\\""},
        {"{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\",\"text\":\"b\"}",
         "not valid JSON"},
    };
    unsigned before = t->host.request_count;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        annotation_testbed_refuse(t, "POST /v1/annotations", cases[i].body, 400, "invalid",
                                  cases[i].words);
    annotation_testbed_refuse(t, "POST /v1/annotations?channel=a", "{}", 400, "invalid",
                              "argument");
    static char body[ANNOTATION_TEXT_BYTES_MAX + 100];
    int head =
        snprintf(body, sizeof body, "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"");
    memset(body + head, 'a', ANNOTATION_TEXT_BYTES_MAX + 1);
    memcpy(body + head + ANNOTATION_TEXT_BYTES_MAX + 1, "\"}", 3);
    annotation_testbed_refuse(t, "POST /v1/annotations", body, 413, "too_large", "text has");
    assert_int_equal(t->host.request_count, before);
}

static void test_annotations__are_shown(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    annotation_testbed_say(t, "one", id);
    annotation_testbed_store(t, "links", "two", other);
    const char *const good[] = {"", "?channel=films", "?channel=f%69lms"};
    for (size_t i = 0; i < 3; i++) {
        json_t *json = annotation_testbed_ask(t, path_of(path, "GET", id, good[i]), NULL, 200);
        assert_string_equal(text_of(json, "text"), "one");
        json_decref(json);
    }
    // In whichever channel it is.
    json_t *json = annotation_testbed_ask(t, path_of(path, "GET", other, ""), NULL, 200);
    assert_string_equal(text_of(json, "channel"), "links");
    json_decref(json);
    annotation_testbed_refuse(t, path_of(path, "GET", id, "?channel=links"), NULL, 404, "not_found",
                              "no such annotation");
    annotation_testbed_refuse(t, path_of(path, "GET", id, "?channel=a%2Fb"), NULL, 400, "invalid",
                              "channel is wrong");
    annotation_testbed_refuse(t, path_of(path, "GET", id, "?channel="), NULL, 400, "invalid",
                              "channel is missing");
    annotation_testbed_refuse(t, path_of(path, "GET", id, "?chanel=a"), NULL, 400, "invalid",
                              "argument");
    annotation_testbed_refuse(t, path_of(path, "GET", "x", ""), NULL, 400, "invalid", "id must be");
    annotation_testbed_refuse(t, path_of(path, "GET", "", ""), NULL, 400, "invalid", "id must be");
    annotation_testbed_refuse(
        t, path_of(path, "GET", "00000000000000000000000000000001-0000000000000001", ""), NULL, 404,
        "not_found", "no such annotation");
}

static void test_annotations__are_changed_by_their_author(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    annotation_testbed_say(t, "one", id);
    annotation_testbed_store(t, "films", "two", other);
    const char *const patch = path_of(path, "PATCH", id, "");
    json_t *json = annotation_testbed_ask(t, patch, "{\"text\":\"changed\",\"rating\":null}", 200);
    assert_string_equal(text_of(json, "text"), "changed");
    assert_true(json_is_null(json_object_get(json_object_get(json, "annotation"), "rating")));
    assert_string_equal(text_of(json, "id"), id);
    assert_int_equal(t->host.last.condition, CONDITION_STAMP);
    json_decref(json);
    uint64_t puts = t->host.sequence;
    annotation_testbed_refuse(t, patch, "{}", 400, "invalid", "nothing to change");
    annotation_testbed_refuse(t, patch, "{\"channel\":\"b\"}", 400, "invalid", "no field");
    annotation_testbed_refuse(t, patch, "{\"text\":\"\"}", 400, "invalid", "says nothing");
    annotation_testbed_refuse(t, patch, "", 400, "invalid", "body is empty");
    annotation_testbed_refuse(t, path_of(path, "PATCH", other, ""), "{\"text\":\"mine\"}", 403,
                              "denied", "another author");
    annotation_testbed_refuse(t, path_of(path, "PATCH", "x", ""), "{\"text\":\"a\"}", 400,
                              "invalid", "id must be");
    assert_int_equal(t->host.sequence, puts);
}

static void test_annotations__are_changed_if_they_match(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    char header[128];
    annotation_testbed_say(t, "one", id);
    json_t *json = annotation_testbed_ask(t, path_of(path, "GET", id, ""), NULL, 200);
    snprintf(header, sizeof header, "If-Match: \"%s\"\r\n", text_of(json, "version"));
    json_decref(json);
    path_of(path, "PATCH", id, "");
    assert_int_equal(testbed_ask(t, path, header, "{\"text\":\"two\"}"), 200);
    testbed_ask(t, path, header, "{\"text\":\"three\"}");
    testbed_expect_error(t, 412, "mismatch");
    static const char *const bad[] = {"If-Match: x\r\n", "If-None-Match: *\r\n",
                                      "If-Match: \"1-1\", \"2-1\"\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        testbed_ask(t, path, bad[i], "{\"text\":\"three\"}");
        testbed_expect_error(t, 400, "invalid");
    }
    assert_int_equal(testbed_ask(t, path, "If-Match: *\r\n", "{\"text\":\"three\"}"), 200);
    path_of(path, "DELETE", id, "");
    testbed_ask(t, path, header, NULL);
    testbed_expect_error(t, 412, "mismatch");
}

static void test_annotations__are_deleted(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    annotation_testbed_say(t, "one", id);
    annotation_testbed_store(t, "films", "two", other);
    assert_int_equal(testbed_ask(t, path_of(path, "DELETE", id, "?channel=films"), "", NULL), 204);
    annotation_testbed_refuse(t, path, NULL, 404, "not_found", "no such annotation");
    annotation_testbed_refuse(t, path_of(path, "GET", id, ""), NULL, 404, "not_found", "no such");
    annotation_testbed_refuse(t, path_of(path, "DELETE", other, ""), NULL, 403, "denied",
                              "another author");
}

// The annotation `id` gets a version in conflict, of stamp 7-5: what it says now.
static void make_conflict(struct testbed *t)
{
    const struct fake_record *record = NULL;
    for (int i = 0; i < FAKE_RECORDS_MAX && record == NULL; i++)
        if (t->host.records[i].present && t->host.records[i].keyspace == FAKE_ANNOTATIONS)
            record = &t->host.records[i];
    assert_non_null(record);
    struct version_entry version = {.stamp = {.counter = 7, .id = 5},
                                    .is_stable = true,
                                    .value = slice_of(record->value, record->value_bytes)};
    version_entry_append(&t->host.conflicts, &version);
}

static void test_annotations__restore_a_version(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    annotation_testbed_say(t, "lost", id);
    make_conflict(t);
    json_t *json =
        annotation_testbed_ask(t, path_of(path, "PATCH", id, ""), "{\"text\":\"won\"}", 200);
    json_decref(json);
    json = annotation_testbed_ask(t, path_of(path, "GET", id, ""), NULL, 200);
    const json_t *conflicts = json_object_get(json_object_get(json, "annotation"), "conflicts");
    assert_int_equal(json_array_size(conflicts), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(conflicts, 0), "text")),
                        "lost");
    json_decref(json);
    path_of(path, "POST", id, "/restore");
    json = annotation_testbed_ask(t, path, "{\"version\":\"7-5\"}", 200);
    assert_string_equal(text_of(json, "text"), "lost");
    assert_int_equal(t->host.last.kind, REQUEST_PUT);
    assert_int_equal(t->host.last.condition, CONDITION_STAMP);
    json_decref(json);
    uint64_t puts = t->host.sequence;
    annotation_testbed_refuse(t, path, "{\"version\":\"7-6\"}", 404, "not_found",
                              "no such version");
    annotation_testbed_refuse(t, path, "{\"version\":\"x\"}", 400, "invalid", "version");
    annotation_testbed_refuse(t, path, "{\"version\":7}", 400, "invalid", "version");
    annotation_testbed_refuse(t, path, "{}", 400, "invalid", "version");
    annotation_testbed_refuse(t, path, "{\"version\":\"7-5\",\"a\":1}", 400, "invalid", "no field");
    // What is shown, and in conflict with nothing, stays as it is.
    buf_clear(&t->host.conflicts);
    json = annotation_testbed_ask(t, path_of(path, "GET", id, ""), NULL, 200);
    char body[128];
    snprintf(body, sizeof body, "{\"version\":\"%s\"}", text_of(json, "version"));
    json_decref(json);
    json_decref(annotation_testbed_ask(t, path_of(path, "POST", id, "/restore"), body, 200));
    assert_int_equal(t->host.sequence, puts);
}

static void test_annotations__tell_when_a_value_is_none(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    char path[PATH_BYTES];
    annotation_testbed_say(t, "one", id);
    for (int i = 0; i < FAKE_RECORDS_MAX; i++)
        if (t->host.records[i].present)
            t->host.records[i].value[0] = 0xff;
    annotation_testbed_refuse(t, path_of(path, "GET", id, ""), NULL, 409, "version",
                              "cannot be read");
}

static void test_annotations__pass_on_what_the_host_says(void **state)
{
    struct testbed *t = *state;
    static const struct {
        enum err error;
        unsigned status;
        const char *name;
    } cases[] = {{ERR_FULL, 507, "insufficient_storage"},
                 {ERR_BUSY, 503, "busy"},
                 {ERR_DENIED, 403, "denied"},
                 {ERR_MISMATCH, 412, "mismatch"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t->host.error = cases[i].error;
        testbed_ask(t, "POST /v1/annotations", "",
                    "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\"}");
        testbed_expect_error(t, cases[i].status, cases[i].name);
    }
    t->host.error = ERR_OK;
    t->host.has_epidemic = false;
    testbed_ask(t, "POST /v1/annotations", "",
                "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\"}");
    testbed_expect_error(t, 503, "unavailable");
}

static void test_annotations__know_no_other_paths(void **state)
{
    struct testbed *t = *state;
    annotation_testbed_refuse(t, "POST /v1/annotations/x", "{}", 404, "not_found", "no such path");
    annotation_testbed_refuse(t, "PUT /v1/annotations/x", "{}", 405, "method_not_allowed", "GET");
    annotation_testbed_refuse(t, "DELETE /v1/annotations", NULL, 405, "method_not_allowed", "GET");
}

int main(void)
{
#define WITH_ANNOTATIONS(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, annotation_testbed_setup, testbed_teardown)
    const struct CMUnitTest tests[] = {
        WITH_ANNOTATIONS(test_annotations__are_made),
        WITH_ANNOTATIONS(test_annotations__are_refused_with_the_reason),
        WITH_ANNOTATIONS(test_annotations__are_shown),
        WITH_ANNOTATIONS(test_annotations__are_changed_by_their_author),
        WITH_ANNOTATIONS(test_annotations__are_changed_if_they_match),
        WITH_ANNOTATIONS(test_annotations__are_deleted),
        WITH_ANNOTATIONS(test_annotations__restore_a_version),
        WITH_ANNOTATIONS(test_annotations__tell_when_a_value_is_none),
        WITH_ANNOTATIONS(test_annotations__pass_on_what_the_host_says),
        WITH_ANNOTATIONS(test_annotations__know_no_other_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
