// Server-Sent Events, taken apart (WHATWG HTML, section 9.2).
//
// Promise: total over any bytes, however they are cut into pieces. Comments, unknown fields and
// events without data tell nothing. A line over EVENT_LINE_BYTES_MAX is dropped, with its event.
#ifndef BRUSIO_PROG_CLI_EVENT_STREAM_H
#define BRUSIO_PROG_CLI_EVENT_STREAM_H

#include "base/buf.h"

enum {
    EVENT_LINE_BYTES_MAX = 4 * 1024 * 1024,
    EVENT_NAME_BYTES_MAX = 64,
    EVENT_ID_BYTES_MAX = 128
};

// One event: its name ("message" when it has none), and its data. Borrowed for the call.
typedef void event_told(void *context, const char *name, struct slice data);

struct event_stream {
    event_told *told;
    void *context;
    struct buf line;
    struct buf data;
    char name[EVENT_NAME_BYTES_MAX];
    char next_id[EVENT_ID_BYTES_MAX];
    char id[EVENT_ID_BYTES_MAX]; // of the last event; "" before the first
};

void event_stream_init(struct event_stream *stream, event_told *told, void *context);
void event_stream_release(struct event_stream *stream);

void event_stream_take(struct event_stream *stream, struct slice piece);

// The connection ended: what was not complete is dropped; the id stays.
void event_stream_cut(struct event_stream *stream);

#endif
