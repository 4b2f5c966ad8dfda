#include "cli/event_stream.h"

#include <stdio.h>
#include <string.h>

void event_stream_init(struct event_stream *stream, event_told *told, void *context)
{
    *stream = (struct event_stream){.told = told, .context = context};
    buf_init(&stream->line, EVENT_LINE_BYTES_MAX);
    buf_init(&stream->data, EVENT_LINE_BYTES_MAX);
}

void event_stream_release(struct event_stream *stream)
{
    buf_release(&stream->line);
    buf_release(&stream->data);
}

void event_stream_cut(struct event_stream *stream)
{
    buf_clear(&stream->line);
    buf_clear(&stream->data);
    stream->name[0] = '\0';
    memcpy(stream->next_id, stream->id, sizeof stream->id);
}

static void set_text(char *out, size_t out_bytes_max, struct slice value)
{
    if (value.length >= out_bytes_max || (value.length > 0 && memchr(value.bytes, 0, value.length)))
        return;
    if (value.length > 0)
        memcpy(out, value.bytes, value.length);
    out[value.length] = '\0';
}

// An empty line ends an event.
static void dispatch(struct event_stream *stream)
{
    memcpy(stream->id, stream->next_id, sizeof stream->id);
    if (stream->data.length > 0 && !stream->data.overflown)
        stream->told(stream->context, stream->name[0] != '\0' ? stream->name : "message",
                     slice_of(stream->data.bytes, stream->data.length - 1));
    buf_clear(&stream->data);
    stream->name[0] = '\0';
}

static bool is_field(struct slice name, const char *text)
{
    return slice_equal(name, slice_of_text(text));
}

static void take_line(struct event_stream *stream, struct slice line)
{
    if (line.length == 0) {
        dispatch(stream);
        return;
    }
    const uint8_t *colon = memchr(line.bytes, ':', line.length);
    size_t name_bytes = colon != NULL ? (size_t)(colon - line.bytes) : line.length;
    size_t skipped = colon != NULL ? name_bytes + 1 : line.length;
    if (skipped < line.length && line.bytes[skipped] == ' ')
        skipped++;
    struct slice name = slice_of(line.bytes, name_bytes);
    struct slice value = slice_of(line.bytes + skipped, line.length - skipped);
    if (is_field(name, "event"))
        set_text(stream->name, sizeof stream->name, value);
    else if (is_field(name, "id"))
        set_text(stream->next_id, sizeof stream->next_id, value);
    else if (is_field(name, "data")) {
        buf_append_slice(&stream->data, value);
        buf_append_u8(&stream->data, '\n');
    }
}

void event_stream_take(struct event_stream *stream, struct slice piece)
{
    while (piece.length > 0) {
        const uint8_t *end = memchr(piece.bytes, '\n', piece.length);
        size_t length = end != NULL ? (size_t)(end - piece.bytes) : piece.length;
        buf_append(&stream->line, piece.bytes, length);
        size_t taken = end != NULL ? length + 1 : length;
        piece = slice_of(piece.bytes + taken, piece.length - taken);
        if (end == NULL)
            return;
        struct slice line = buf_slice(&stream->line);
        if (line.length > 0 && line.bytes[line.length - 1] == '\r')
            line.length--;
        if (stream->line.overflown)
            stream->data.overflown = true;
        else
            take_line(stream, line);
        buf_clear(&stream->line);
    }
}
