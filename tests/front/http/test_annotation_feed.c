// The live feed: events as they come, what a reader missed, and the bounds of streams.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotation_testbed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// A reader of a stream: what has come, without the chunks' lengths.
struct reader {
    struct testbed client;
    struct buf text;
};

static void begin_reading(struct testbed *t, struct reader *reader, const char *target,
                          const char *headers)
{
    char request[512];
    testbed_open_others(t, &reader->client, 1);
    buf_init(&reader->text, 4 << 20);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "%s\r\n",
             target, headers);
    testbed_send(&reader->client, request, strlen(request));
    testbed_take(&reader->client, true);
}

static void end_reading(struct testbed *t, struct reader *reader)
{
    testbed_close_others(t, &reader->client, 1);
    buf_release(&reader->text);
}

// Takes the chunks that have come off the connection's bytes.
static void take_chunks(struct reader *reader)
{
    struct buf *in = &reader->client.in;
    for (;;) {
        const uint8_t *end = in->length > 0 ? memmem(in->bytes, in->length, "\r\n", 2) : NULL;
        if (end == NULL)
            return;
        size_t length = strtoul((const char *)in->bytes, NULL, 16);
        size_t head = (size_t)(end - in->bytes) + 2;
        if (length == 0 || in->length < head + length + 2)
            return;
        buf_append(&reader->text, in->bytes + head, length);
        buf_consume(in, head + length + 2);
    }
}

// Runs the server, and takes what it sends; then what has come, as text.
static const char *read_on(struct testbed *t, struct reader *reader)
{
    uint8_t bytes[65536];
    http_server_run(t->server);
    testbed_settle(t);
    for (;;) {
        ssize_t count = read(reader->client.fd, bytes, sizeof bytes);
        if (count <= 0)
            break;
        buf_append(&reader->client.in, bytes, (size_t)count);
        testbed_settle(t);
    }
    take_chunks(reader);
    buf_append_u8(&reader->text, 0);
    reader->text.length--;
    return (const char *)reader->text.bytes;
}

static void forget(struct reader *reader)
{
    buf_clear(&reader->text);
}

static void change(struct testbed *t, const char *id, const char *channel)
{
    struct annotation_id parsed;
    struct buf key;
    assert_int_equal(annotation_id_parse(slice_of_text(id), &parsed), ERR_OK);
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, &parsed);
    uint64_t space = fake_host_space(&t->host, FAKE_ANNOTATIONS, channel);
    feed_add(&t->host.epidemic.feed, space, buf_slice(&key));
    buf_release(&key);
}

static unsigned count(const char *text, const char *words)
{
    unsigned found = 0;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
        found++;
    return found;
}

static void test_annotation_feed__tells_what_changes(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char id[ANNOTATION_TEXT];
    char path[256];
    assert_false(t->host.epidemic.is_followed);
    begin_reading(t, &reader, "/v1/annotations/feed", "");
    assert_int_equal(reader.client.status, 200);
    assert_non_null(strstr(reader.client.head, "Content-Type: text/event-stream"));
    assert_true(t->host.epidemic.is_followed);
    assert_string_equal(read_on(t, &reader), "id: 0.0-0\n\n");
    forget(&reader);
    annotation_testbed_say(t, "new", id);
    change(t, id, "films");
    const char *text = read_on(t, &reader);
    assert_memory_equal(text, "id: 0.0-1\nevent: annotation\ndata: {\"id\":\"", 41);
    assert_int_equal(count(text, "\"text\":\"new\""), 1);
    assert_int_equal(count(text, "\n\n"), 1);
    forget(&reader);
    snprintf(path, sizeof path, "DELETE /v1/annotations/%s", id);
    assert_int_equal(testbed_ask(t, path, "", NULL), 204);
    change(t, id, "films");
    snprintf(path, sizeof path,
             "id: 0.0-2\nevent: deleted\ndata: {\"id\":\"%s\",\"channel\":\"films\"}\n\n", id);
    assert_string_equal(read_on(t, &reader), path);
    end_reading(t, &reader);
}

static void test_annotation_feed__tells_only_what_is_asked_for(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char own[ANNOTATION_TEXT];
    char other[ANNOTATION_TEXT];
    char target[256];
    annotation_testbed_say(t, "own", own);
    annotation_testbed_store(t, "links", "other", other);
    static const struct {
        const char *query;
        bool own;
        bool other;
    } cases[] = {{"", true, true},
                 {"?channel=links", false, true},
                 {"?q=OWN", true, false},
                 {"?link=http%3A%2F%2Fa%2Fb", true, true},
                 {"?link=http%3A%2F%2Fa%2Fc", false, false},
                 {"?author=ab000000000000000000000000000000", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(target, sizeof target, "/v1/annotations/feed%s", cases[i].query);
        begin_reading(t, &reader, target, "");
        change(t, own, "films");
        change(t, other, "links");
        // Of another keyspace, and of no annotation.
        feed_add(&t->host.epidemic.feed, fake_host_space(&t->host, FAKE_DIARY, ""),
                 slice_of_text("key"));
        feed_add(&t->host.epidemic.feed, 77, slice_of_text("key"));
        const char *text = read_on(t, &reader);
        assert_int_equal(count(text, "event: annotation"), cases[i].own + cases[i].other);
        assert_int_equal(count(text, "\"text\":\"own\""), cases[i].own);
        end_reading(t, &reader);
    }
    annotation_testbed_refuse(t, "GET /v1/annotations/feed?limit=1", NULL, 400, "invalid",
                              "own order");
    annotation_testbed_refuse(t, "GET /v1/annotations/feed?chanel=1", NULL, 400, "invalid",
                              "no such argument");
}

static void test_annotation_feed__leaves_muted_authors_out(void **state)
{
    struct testbed *t = *state;
    struct reader hiding;
    struct reader showing;
    char other[ANNOTATION_TEXT];
    char target[128];
    annotation_testbed_store(t, "films", "other", other);
    begin_reading(t, &hiding, "/v1/annotations/feed", "");
    begin_reading(t, &showing, "/v1/annotations/feed?muted=show", "");
    snprintf(target, sizeof target, "PUT /v1/authors/%.32s/mute", other);
    json_decref(annotation_testbed_ask(t, target, "", 200));
    change(t, other, "films");
    assert_int_equal(count(read_on(t, &hiding), "event: annotation"), 0);
    assert_int_equal(count(read_on(t, &showing), "event: annotation"), 1);
    // From the moment on that it is seen again.
    snprintf(target, sizeof target, "DELETE /v1/authors/%.32s/mute", other);
    json_decref(annotation_testbed_ask(t, target, NULL, 200));
    change(t, other, "films");
    assert_int_equal(count(read_on(t, &hiding), "event: annotation"), 1);
    end_reading(t, &hiding);
    end_reading(t, &showing);
}

static void test_annotation_feed__goes_on_where_the_reader_was(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char id[ANNOTATION_TEXT];
    annotation_testbed_say(t, "a", id);
    for (int i = 0; i < 5; i++)
        change(t, id, "films");
    begin_reading(t, &reader, "/v1/annotations/feed", "Last-Event-ID: 0.0-3\r\n");
    const char *text = read_on(t, &reader);
    assert_memory_equal(text, "id: 0.0-3\n\n", 11);
    assert_int_equal(count(text, "event: annotation"), 2);
    assert_int_equal(count(text, "id: 0.0-5\nevent"), 1);
    end_reading(t, &reader);
    // Of another run, another node, the future, or no id at all.
    static const char *const lost[] = {
        "0.1-3", "1.0-3", "0.0-6", "0.0-", "0.0-x", "3", "0.0-99999999999999999999"};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        char header[64];
        snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", lost[i]);
        begin_reading(t, &reader, "/v1/annotations/feed", header);
        text = read_on(t, &reader);
        assert_int_equal(count(text, "id: 0.0-5\nevent: lagged\ndata: {}\n\n"), 1);
        assert_int_equal(count(text, "event: annotation"), 0);
        end_reading(t, &reader);
    }
}

static void test_annotation_feed__says_when_it_lags(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char id[ANNOTATION_TEXT];
    annotation_testbed_say(t, "a", id);
    begin_reading(t, &reader, "/v1/annotations/feed", "");
    read_on(t, &reader);
    for (unsigned i = 0; i <= FEED_CHANGES_MAX; i++)
        change(t, id, "films");
    const char *text = read_on(t, &reader);
    assert_int_equal(count(text, "event: lagged"), 1);
    assert_int_equal(count(text, "event: annotation"), 0);
    forget(&reader);
    change(t, id, "films");
    assert_int_equal(count(read_on(t, &reader), "event: annotation"), 1);
    end_reading(t, &reader);
}

// A reader that does not read is cut, and what waits for it is bounded.
static void test_annotation_feed__keeps_no_queue_for_a_slow_reader(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char id[ANNOTATION_TEXT];
    annotation_testbed_say(t, "a", id);
    begin_reading(t, &reader, "/v1/annotations/feed", "");
    unsigned before = t->host.request_count;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < FEED_CHANGES_MAX / 2; i++)
            change(t, id, "films");
        testbed_settle(t);
    }
    // The sockets hold some of it; all else was never read from the store.
    assert_true(t->host.request_count - before < 20 * FEED_CHANGES_MAX);
    for (int i = 0; i < 3; i++) {
        t->host.now_us += 6 * 1000 * 1000;
        testbed_settle(t);
    }
    const char *text = read_on(t, &reader);
    assert_true(count(text, "event: annotation") < 20 * FEED_CHANGES_MAX / 2);
    end_reading(t, &reader);
}

static void test_annotation_feed__beats_when_nothing_happens(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    begin_reading(t, &reader, "/v1/annotations/feed", "");
    read_on(t, &reader);
    forget(&reader);
    assert_true(http_server_timeout_ms(t->server) <= 15000);
    t->host.now_us += 14999 * UINT64_C(1000);
    assert_string_equal(read_on(t, &reader), "");
    t->host.now_us += 1000;
    assert_string_equal(read_on(t, &reader), ":\n\n");
    t->host.now_us += 15000 * UINT64_C(1000);
    assert_string_equal(read_on(t, &reader), ":\n\n:\n\n");
    end_reading(t, &reader);
}

// Half of the connections may follow; who has gone makes room.
static void test_annotation_feed__is_bounded(void **state)
{
    struct testbed *t = *state;
    struct reader readers[TESTBED_CONNECTIONS_MAX / 2 + 1];
    enum { MOST = TESTBED_CONNECTIONS_MAX / 2 };
    for (int i = 0; i <= MOST; i++) {
        begin_reading(t, &readers[i], "/v1/annotations/feed", "");
        assert_int_equal(readers[i].client.status, i < MOST ? 200 : 503);
        if (i < MOST)
            read_on(t, &readers[i]);
    }
    end_reading(t, &readers[MOST]);
    close(readers[0].client.fd);
    readers[0].client.fd = -1;
    begin_reading(t, &readers[MOST], "/v1/annotations/feed", "");
    assert_int_equal(readers[MOST].client.status, 200);
    for (int i = 0; i <= MOST; i++)
        end_reading(t, &readers[i]);
}

static void test_annotation_feed__waits_for_a_host_that_is_slow(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    char id[ANNOTATION_TEXT];
    annotation_testbed_say(t, "a", id);
    begin_reading(t, &reader, "/v1/annotations/feed?muted=show", "");
    read_on(t, &reader);
    t->host.holds = true;
    change(t, id, "films");
    change(t, id, "films");
    testbed_settle(t);
    assert_int_equal(t->host.held_count, 1);
    t->host.holds = false;
    fake_host_release(&t->host, &(struct reply){.error = ERR_NOT_FOUND});
    const char *text = read_on(t, &reader);
    assert_int_equal(count(text, "event: deleted"), 1);
    assert_int_equal(count(text, "event: annotation"), 1);
    // A reader that goes while the host owes a reply.
    t->host.holds = true;
    change(t, id, "films");
    testbed_settle(t);
    end_reading(t, &reader);
    t->host.now_us += 20 * 1000 * 1000;
    testbed_settle(t);
    fake_host_release(&t->host, &(struct reply){.error = ERR_NOT_FOUND});
    testbed_settle(t);
}

static void test_annotation_feed__ends_with_the_server(void **state)
{
    struct testbed *t = *state;
    struct reader reader;
    begin_reading(t, &reader, "/v1/annotations/feed", "");
    read_on(t, &reader);
    // The teardown closes the server first.
    close(reader.client.fd);
    buf_release(&reader.client.in);
    free(reader.client.body);
    buf_release(&reader.text);
}

int main(void)
{
#define WITH_ANNOTATIONS(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, annotation_testbed_setup, testbed_teardown)
    const struct CMUnitTest tests[] = {
        WITH_ANNOTATIONS(test_annotation_feed__tells_what_changes),
        WITH_ANNOTATIONS(test_annotation_feed__tells_only_what_is_asked_for),
        WITH_ANNOTATIONS(test_annotation_feed__leaves_muted_authors_out),
        WITH_ANNOTATIONS(test_annotation_feed__goes_on_where_the_reader_was),
        WITH_ANNOTATIONS(test_annotation_feed__says_when_it_lags),
        WITH_ANNOTATIONS(test_annotation_feed__keeps_no_queue_for_a_slow_reader),
        WITH_ANNOTATIONS(test_annotation_feed__beats_when_nothing_happens),
        WITH_ANNOTATIONS(test_annotation_feed__is_bounded),
        WITH_ANNOTATIONS(test_annotation_feed__waits_for_a_host_that_is_slow),
        WITH_ANNOTATIONS(test_annotation_feed__ends_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
