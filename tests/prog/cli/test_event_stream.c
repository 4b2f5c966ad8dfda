// Server-Sent Events, however the bytes are cut.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/event_stream.h"

#include <stdio.h>
#include <string.h>

// What was told, as "name=data;".
static void write_down(void *context, const char *name, struct slice data)
{
    buf_append_format(context, "%s=%.*s;", name, (int)data.length, (const char *)data.bytes);
}

static void expect_told(const char *text, const char *told, const char *id)
{
    size_t length = strlen(text);
    // All at once, and in pieces of every size.
    for (size_t size = 1; size <= length; size++) {
        struct event_stream stream;
        struct buf seen;
        buf_init(&seen, 1 << 16);
        event_stream_init(&stream, write_down, &seen);
        for (size_t at = 0; at < length; at += size)
            event_stream_take(&stream,
                              slice_of(text + at, length - at < size ? length - at : size));
        if (!slice_equal(buf_slice(&seen), slice_of_text(told)))
            fail_msg("%zu: %.*s", size, (int)seen.length, (const char *)seen.bytes);
        assert_string_equal(stream.id, id);
        event_stream_release(&stream);
        buf_release(&seen);
    }
}

static void test_event_stream__tells_events(void **state)
{
    (void)state;
    expect_told("id: 1\nevent: a\ndata: {}\n\n", "a={};", "1");
    expect_told("event:a\r\ndata:{}\r\nid:7.x-3\r\n\r\n", "a={};", "7.x-3");
    expect_told("data: one\ndata: two\n\n", "message=one\ntwo;", "");
    expect_told("data:  two blanks\n\n", "message= two blanks;", "");
    expect_told("id: 1\ndata: a\n\ndata: b\n\n", "message=a;message=b;", "1");
    expect_told("event: a\ndata: 1\n\ndata: 2\n\n", "a=1;message=2;", "");
}

static void test_event_stream__passes_over_the_rest(void **state)
{
    (void)state;
    expect_told(":\n\n: comment\nretry: 5\nunknown\n:data: x\n\n", "", "");
    // Without data it is no event, but its id counts.
    expect_told("id: 3\nevent: a\n\n", "", "3");
    // What is not ended is not told, and its id does not count.
    expect_told("id: 1\ndata: a\n\nid: 2\ndata: b\n", "message=a;", "1");
    expect_told("data\n\n", "message=;", "");
}

static void test_event_stream__drops_what_is_cut(void **state)
{
    (void)state;
    struct event_stream stream;
    struct buf seen;
    buf_init(&seen, 1 << 10);
    event_stream_init(&stream, write_down, &seen);
    event_stream_take(&stream, slice_of_text("id: 1\ndata: a\n\nid: 2\nevent: b\ndata: c\nda"));
    event_stream_cut(&stream);
    assert_string_equal(stream.id, "1");
    event_stream_take(&stream, slice_of_text("data: d\n\n"));
    assert_true(slice_equal(buf_slice(&seen), slice_of_text("message=a;message=d;")));
    assert_string_equal(stream.id, "1");
    event_stream_release(&stream);
    buf_release(&seen);
}

static void test_event_stream__is_bounded(void **state)
{
    (void)state;
    static char line[1 << 16];
    struct event_stream stream;
    struct buf seen;
    buf_init(&seen, 1 << 10);
    event_stream_init(&stream, write_down, &seen);
    memset(line, 'x', sizeof line);
    event_stream_take(&stream, slice_of_text("data: "));
    for (size_t i = 0; i <= EVENT_LINE_BYTES_MAX / sizeof line; i++)
        event_stream_take(&stream, slice_of(line, sizeof line));
    event_stream_take(&stream, slice_of_text("\n\ndata: a\n\n"));
    assert_true(slice_equal(buf_slice(&seen), slice_of_text("message=a;")));
    // Names and ids that are too long are as if they were not there.
    memcpy(line, "id: ", 4);
    line[EVENT_ID_BYTES_MAX + 10] = '\n';
    event_stream_take(&stream, slice_of(line, EVENT_ID_BYTES_MAX + 11));
    event_stream_take(&stream, slice_of_text("data: b\n\n"));
    assert_string_equal(stream.id, "");
    event_stream_release(&stream);
    buf_release(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_stream__tells_events),
        cmocka_unit_test(test_event_stream__passes_over_the_rest),
        cmocka_unit_test(test_event_stream__drops_what_is_cut),
        cmocka_unit_test(test_event_stream__is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
