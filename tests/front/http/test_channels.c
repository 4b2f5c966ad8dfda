// Channels, the lists of what is in them, and whom they leave out.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotation_testbed.h"

#include <stdio.h>

static void expect_channel(const json_t *json, const char *name, int annotations, bool subscribed)
{
    const json_t *channels = json_object_get(json, "channels");
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const json_t *channel = json_array_get(channels, i);
        if (strcmp(json_string_value(json_object_get(channel, "name")), name) != 0)
            continue;
        assert_int_equal(json_integer_value(json_object_get(channel, "annotations")), annotations);
        assert_int_equal(json_is_true(json_object_get(channel, "subscribed")), subscribed);
        assert_int_equal(json_is_null(json_object_get(channel, "modified")), annotations == 0);
        return;
    }
    fail_msg("no channel %s", name);
}

static void test_channels__are_listed(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 5; i++)
        annotation_testbed_say(t, "a", id);
    json_t *json = annotation_testbed_ask(t, "GET /v1/channels", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "channels")), 2);
    expect_channel(json, "films", 5, false);
    expect_channel(json, "links", 0, false);
    assert_memory_equal(json_string_value(json_object_get(json, "author")), id, 32);
    json_decref(json);
    annotation_testbed_refuse(t, "GET /v1/channels?a=b", NULL, 400, "invalid", "argument");
}

static void test_channels__are_subscribed_to(void **state)
{
    struct testbed *t = *state;
    json_decref(annotation_testbed_ask(t, "POST /v1/channels", "{\"name\":\"music\"}", 201));
    json_decref(annotation_testbed_ask(t, "POST /v1/channels", "{\"name\":\"films\"}", 200));
    json_t *json = annotation_testbed_ask(t, "GET /v1/channels", NULL, 200);
    expect_channel(json, "music", 0, true);
    expect_channel(json, "films", 0, true);
    expect_channel(json, "links", 0, false);
    json_decref(json);
    static const struct {
        const char *body;
        const char *words;
    } cases[] = {
        {"{}", "\\\"name\\\" is missing"},        {"{\"name\":\"\"}", "must not be empty"},
        {"{\"name\":\"A\"}", "channel is wrong"}, {"{\"name\":\"a/b\"}", "channel is wrong"},
        {"{\"name\":\"-a\"}", "begin and end"},   {"{\"name\":\"a.\"}", "begin and end"},
        {"{\"name\":1}", "must be a string"},     {"{\"name\":\"a\",\"b\":1}", "no field"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        annotation_testbed_refuse(t, "POST /v1/channels", cases[i].body, 400, "invalid",
                                  cases[i].words);
}

static void test_channels__stay_at_a_member_and_go_from_a_roaming_peer(void **state)
{
    struct testbed *t = *state;
    json_decref(annotation_testbed_ask(t, "POST /v1/channels", "{\"name\":\"films\"}", 200));
    json_t *json = annotation_testbed_ask(t, "DELETE /v1/channels/films", NULL, 200);
    assert_true(json_is_true(json_object_get(json, "kept")));
    assert_true(json_is_false(json_object_get(json, "subscribed")));
    assert_int_equal(t->host.last.kind, REQUEST_KEEP);
    json_decref(json);
    json = annotation_testbed_ask(t, "GET /v1/channels", NULL, 200);
    expect_channel(json, "films", 0, false);
    json_decref(json);
    t->host.status.roams = true;
    unsigned before = t->host.request_count;
    json_decref(annotation_testbed_ask(t, "DELETE /v1/channels/f%69lms", NULL, 200));
    assert_int_equal(t->host.request_count, before + 2);
    t->host.error = ERR_RETRY;
    annotation_testbed_refuse(t, "DELETE /v1/channels/films", NULL, 409, "retry",
                              "not reached another peer");
    t->host.error = ERR_OK;
    annotation_testbed_refuse(t, "DELETE /v1/channels/absent", NULL, 404, "not_found", "channel");
    annotation_testbed_refuse(t, "DELETE /v1/channels/A", NULL, 400, "invalid", "channel is wrong");
    annotation_testbed_refuse(t, "DELETE /v1/channels/%zz", NULL, 400, "invalid", "percent");
    annotation_testbed_refuse(t, "DELETE /v1/channels/", NULL, 400, "invalid", "missing");
}

// Before there is a family of channels.
static void test_channels__come_with_their_family(void **state)
{
    struct testbed *t = *state;
    testbed_close(t);
    testbed_open(t);
    json_t *json = annotation_testbed_ask(t, "GET /v1/channels", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "channels")), 0);
    json_decref(json);
    json = annotation_testbed_ask(t, "GET /v1/annotations", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "annotations")), 0);
    json_decref(json);
    annotation_testbed_refuse(t, "GET /v1/annotations?channel=films", NULL, 404, "not_found",
                              "no channel");
    t->host.error = ERR_ROAMING;
    testbed_ask(t, "POST /v1/channels", "", "{\"name\":\"films\"}");
    testbed_expect_error(t, 503, "roaming");
    t->host.error = ERR_OK;
    json_decref(annotation_testbed_ask(t, "POST /v1/channels", "{\"name\":\"films\"}", 201));
    const struct optimistic *family =
        cluster_map_optimistic_named(&t->host.map, slice_of_text("annotations"));
    assert_non_null(family);
    json = annotation_testbed_ask(t, "GET /v1/channels", NULL, 200);
    expect_channel(json, "films", 0, true);
    json_decref(json);
}

static void test_channels__make_a_signed_family(void **state)
{
    struct testbed *t = *state;
    testbed_close(t);
    testbed_open(t);
    t->host.error = ERR_BUSY;
    testbed_ask(t, "POST /v1/annotations", "",
                "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\"}");
    testbed_expect_error(t, 503, "busy");
    const struct change *change = &t->host.last.change;
    assert_int_equal(t->host.last.kind, REQUEST_CHANGE);
    assert_int_equal(change->kind, CHANGE_OPTIMISTIC_CREATE);
    assert_string_equal(change->optimistic.name, "annotations");
    assert_true(change->optimistic.is_family && change->optimistic.is_signed);
    assert_true(change->optimistic.secret != 0);
    // Somebody else was faster.
    t->host.error = ERR_EXISTS;
    t->host.fail_after = 0;
    testbed_ask(t, "POST /v1/annotations", "",
                "{\"channel\":\"films\",\"link\":\"http://a\",\"text\":\"a\"}");
    testbed_expect_error(t, 503, "retry");
}

static void test_channels__refuse_another_keyspace_of_the_name(void **state)
{
    struct testbed *t = *state;
    for (unsigned i = 0; i < t->host.map.optimistic_count; i++)
        if (t->host.map.optimistic[i].id == FAKE_ANNOTATIONS)
            t->host.map.optimistic[i].is_signed = false;
    static const char *const targets[] = {"GET /v1/channels", "GET /v1/annotations",
                                          "GET /v1/annotations/export?channel=films"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        annotation_testbed_refuse(t, targets[i], NULL, 409, "exists", "no signed family");
    annotation_testbed_refuse(t, "POST /v1/channels", "{\"name\":\"a\"}", 409, "exists", "family");
}

// --- lists

static size_t count_of(struct testbed *t, const char *target)
{
    json_t *json = annotation_testbed_ask(t, target, NULL, 200);
    size_t count = json_array_size(json_object_get(json, "annotations"));
    json_decref(json);
    return count;
}

static void test_channels__list_what_is_asked_for(void **state)
{
    struct testbed *t = *state;
    char own[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char target[256];
    for (int i = 0; i < 3; i++)
        annotation_testbed_say(t, "own", own);
    annotation_testbed_store(t, "links", "Others say", other);
    assert_int_equal(count_of(t, "GET /v1/annotations"), 4);
    assert_int_equal(count_of(t, "GET /v1/annotations?channel=films"), 3);
    assert_int_equal(count_of(t, "GET /v1/annotations?channel=links"), 1);
    // The same link, written otherwise.
    assert_int_equal(count_of(t, "GET /v1/annotations?link=http%3A%2F%2Fa%3A80%2Fb%23d"), 4);
    assert_int_equal(count_of(t, "GET /v1/annotations?link=http%3A%2F%2Fa%2Fc"), 0);
    assert_int_equal(count_of(t, "GET /v1/annotations?q=OTHERS+s"), 1);
    assert_int_equal(count_of(t, "GET /v1/annotations?q=say&channel=films"), 0);
    snprintf(target, sizeof target, "GET /v1/annotations?author=%.32s", other);
    assert_int_equal(count_of(t, target), 1);
    snprintf(target, sizeof target, "GET /v1/annotations?author=%.32s&channel=films", own);
    assert_int_equal(count_of(t, target), 3);
    // The newest first.
    json_t *json = annotation_testbed_ask(t, "GET /v1/annotations?limit=1", NULL, 200);
    const json_t *first = json_array_get(json_object_get(json, "annotations"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "text")), "Others say");
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 4);
    snprintf(target, sizeof target, "GET /v1/annotations?limit=3&cursor=%s",
             json_string_value(json_object_get(json, "cursor")));
    json_decref(json);
    json = annotation_testbed_ask(t, target, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "annotations")), 3);
    assert_true(json_is_null(json_object_get(json, "cursor")));
    json_decref(json);
}

static void test_channels__refuse_other_lists(void **state)
{
    struct testbed *t = *state;
    static const struct {
        const char *query;
        const char *words;
    } cases[] = {
        {"chanel=a", "no such argument"},
        {"channel=A", "channel is wrong"},
        {"channel=films&channel=links", "given twice"},
        {"link=http%3A%2F%2Fa%20b", "link is wrong at byte 8"},
        {"link=%zz", "percent-encoded"},
        {"author=x", "author must be"},
        {"q=", "q is empty"},
        {"q=%00", "q is wrong at byte 0"},
        {"sort=size", "sort must be"},
        {"order=up", "order must be"},
        {"limit=0", "limit must be"},
        {"cursor=x", "cursor must be"},
        {"muted=yes", "muted must be"},
    };
    char target[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(target, sizeof target, "GET /v1/annotations?%s", cases[i].query);
        annotation_testbed_refuse(t, target, NULL, 400, "invalid", cases[i].words);
    }
    annotation_testbed_refuse(t, "GET /v1/annotations?channel=music", NULL, 404, "not_found",
                              "no channel");
    assert_int_equal(t->host.request_count, 1);
}

static void test_channels__leave_muted_authors_out(void **state)
{
    struct testbed *t = *state;
    char own[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char target[256];
    annotation_testbed_say(t, "own", own);
    annotation_testbed_store(t, "links", "other", other);
    snprintf(target, sizeof target, "PUT /v1/authors/%.32s/mute", other);
    for (int i = 0; i < 2; i++)
        json_decref(annotation_testbed_ask(t, target, "", 200));
    json_t *json = annotation_testbed_ask(t, "GET /v1/authors/muted", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "authors")), 1);
    json_decref(json);
    json = annotation_testbed_ask(t, "GET /v1/annotations", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json, "annotations")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "muted")), 1);
    json_decref(json);
    assert_int_equal(count_of(t, "GET /v1/annotations?muted=show"), 2);
    snprintf(target, sizeof target, "DELETE /v1/authors/%.32s/mute", other);
    for (int i = 0; i < 2; i++)
        json_decref(annotation_testbed_ask(t, target, NULL, 200));
    assert_int_equal(count_of(t, "GET /v1/annotations"), 2);
    annotation_testbed_refuse(t, "PUT /v1/authors/x/mute", "", 400, "invalid", "author must be");
    annotation_testbed_refuse(t, "PUT /v1/authors/x", "", 404, "not_found", "no such path");
    annotation_testbed_refuse(t, "GET /v1/authors/muted?a=1", NULL, 400, "invalid", "argument");
}

// A list goes through many pages of the store, one each time the server runs.
static void test_channels__list_a_page_in_each_turn(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 9; i++)
        annotation_testbed_say(t, "a", id);
    unsigned before = t->host.request_count;
    const char *text = "GET /v1/annotations HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n";
    testbed_send(t, text, strlen(text));
    unsigned most = 0;
    for (int i = 0; i < 100 && t->host.request_count < before + 7; i++) {
        unsigned count = t->host.request_count;
        http_server_run(t->server);
        most = t->host.request_count - count > most ? t->host.request_count - count : most;
    }
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
    // Whom to leave out; five pages of films, one of links.
    assert_int_equal(t->host.request_count, before + 7);
    assert_int_equal(most, 1);
}

// A caller who goes away, or a server that ends, leaves nothing behind.
static void test_channels__forget_lists_that_nobody_waits_for(void **state)
{
    struct testbed *t = *state;
    char id[ANNOTATION_TEXT];
    for (int i = 0; i < 9; i++)
        annotation_testbed_say(t, "a", id);
    unsigned before = t->host.request_count;
    const char *text = "GET /v1/annotations HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n";
    testbed_send(t, text, strlen(text));
    for (int i = 0; i < 100 && t->host.request_count < before + 3; i++)
        http_server_run(t->server);
    t->host.now_us += 1000 * 1000;
    testbed_take(t, false);
    testbed_expect_error(t, 504, "timeout");
    unsigned after = t->host.request_count;
    testbed_settle(t);
    assert_int_equal(t->host.request_count, after);
    testbed_send(t, text, strlen(text));
    for (int i = 0; i < 100 && t->host.request_count < after + 3; i++)
        http_server_run(t->server);
}

int main(void)
{
#define WITH_ANNOTATIONS(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, annotation_testbed_setup, testbed_teardown)
    const struct CMUnitTest tests[] = {
        WITH_ANNOTATIONS(test_channels__are_listed),
        WITH_ANNOTATIONS(test_channels__are_subscribed_to),
        WITH_ANNOTATIONS(test_channels__stay_at_a_member_and_go_from_a_roaming_peer),
        WITH_ANNOTATIONS(test_channels__come_with_their_family),
        WITH_ANNOTATIONS(test_channels__make_a_signed_family),
        WITH_ANNOTATIONS(test_channels__refuse_another_keyspace_of_the_name),
        WITH_ANNOTATIONS(test_channels__list_what_is_asked_for),
        WITH_ANNOTATIONS(test_channels__refuse_other_lists),
        WITH_ANNOTATIONS(test_channels__leave_muted_authors_out),
        WITH_ANNOTATIONS(test_channels__list_a_page_in_each_turn),
        WITH_ANNOTATIONS(test_channels__forget_lists_that_nobody_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
