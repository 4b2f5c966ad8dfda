#include "front/http/stream.h"

#include "base/check.h"
#include "front/http/answer.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    // What the library asks for at once.
    BLOCK_BYTES = 16 << 10,
    OUT_BYTES_MAX = 4 << 20,
};

struct stream {
    struct list in_line; // of the gateway's streams
    struct exchange *exchange;
    const struct stream_source *source;
    struct buf out;
    uint64_t beat_us; // when it has to say something
    bool suspended;   // the connection waits for something to send
    bool ends;        // with what is in `out`
};

static struct stream *stream_at(struct list *node)
{
    return LIST_ITEM(node, struct stream, in_line);
}

static void resume(struct stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    stream->exchange->gateway->resumed = true;
    MHD_resume_connection(stream->exchange->connection);
}

// A connection that is suspended is not looked at, so nobody has noticed yet if it was closed.
static bool is_closed(const struct stream *stream)
{
    uint8_t byte;
    ssize_t count = recv(stream->exchange->caller->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

// How many stream; those that nobody reads any more are ended.
static unsigned count_open(struct gateway *gateway)
{
    unsigned count = 0;
    for (struct list *at = gateway->streams.next; at != &gateway->streams; at = at->next) {
        struct stream *stream = stream_at(at);
        stream->ends |= stream->suspended && is_closed(stream);
        if (stream->ends)
            resume(stream);
        else
            count++;
    }
    return count;
}

bool stream_begin(struct exchange *exchange, const struct stream_source *source)
{
    struct gateway *gateway = exchange->gateway;
    unsigned half = gateway->callers.max / 2;
    if (count_open(gateway) >= (half < STREAMS_MAX ? half : STREAMS_MAX)) {
        exchange_fail(exchange, 503, "busy",
                      "too many follow this node: ask again later, or ask another node");
        return false;
    }
    struct stream *stream = memory_zeroed(1, sizeof *stream);
    stream->exchange = exchange;
    stream->source = source;
    stream->beat_us = gateway_now_us(gateway) + STREAM_BEAT_MS * UINT64_C(1000);
    buf_init(&stream->out, OUT_BYTES_MAX);
    list_init(&stream->in_line);
    list_append(&gateway->streams, &stream->in_line);
    exchange->stream = stream;
    exchange->answer.status = 200;
    exchange->answer.content_type = source->content_type;
    return true;
}

struct buf *stream_out(struct exchange *exchange)
{
    return &exchange->stream->out;
}

void stream_send(struct exchange *exchange)
{
    struct stream *stream = exchange->stream;
    if (stream->out.length == 0)
        return;
    // Something that is larger than all that can be is a mistake of who appends it.
    CHECK(!stream->out.overflown);
    stream->beat_us = gateway_now_us(exchange->gateway) + STREAM_BEAT_MS * UINT64_C(1000);
    resume(stream);
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    list_remove(&stream->in_line);
    buf_release(&stream->out);
    free(stream);
}

// The library calls this whenever the connection can take more.
static ssize_t give(void *context, uint64_t position, char *bytes, size_t most)
{
    struct stream *stream = context;
    (void)position;
    if (stream->out.length == 0 && stream->ends)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (stream->out.length == 0) {
        stream->suspended = true;
        caller_enter(stream->exchange->caller, CALLER_WORKING);
        MHD_suspend_connection(stream->exchange->connection);
        return 0;
    }
    size_t length = stream->out.length < most ? stream->out.length : most;
    if (stream->exchange->caller->state == CALLER_WORKING)
        caller_enter(stream->exchange->caller, CALLER_SENDING);
    memcpy(bytes, stream->out.bytes, length);
    buf_consume(&stream->out, length);
    return (ssize_t)length;
}

struct MHD_Response *stream_response(struct exchange *exchange)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES,
                                                                      give, exchange->stream, NULL);
    if (response == NULL)
        return NULL;
    if (answer_add_headers(&exchange->answer, response) &&
        MHD_add_response_header(response, "Cache-Control", "no-store"))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

// Nothing is to be sent, and nothing is asked: it may be filled.
static bool is_idle(const struct stream *stream)
{
    return stream->out.length == 0 && stream->exchange->asked == 0 && !stream->ends;
}

static bool is_ready(const struct stream *stream)
{
    return is_idle(stream) && stream->source->is_ready(stream->exchange);
}

static void run(struct stream *stream, uint64_t now)
{
    if (is_ready(stream))
        stream->source->fill(stream->exchange);
    if (is_idle(stream) && now >= stream->beat_us)
        buf_append_slice(&stream->out, slice_of_text(stream->source->beat));
    stream_send(stream->exchange);
}

void stream_run_all(struct gateway *gateway)
{
    if (list_empty(&gateway->streams))
        return;
    uint64_t now = gateway_now_us(gateway);
    for (struct list *at = gateway->streams.next; at != &gateway->streams; at = at->next)
        run(stream_at(at), now);
}

bool stream_any_is_ready(const struct gateway *gateway)
{
    for (struct list *at = gateway->streams.next; at != &gateway->streams; at = at->next) {
        if (is_ready(stream_at(at)))
            return true;
    }
    return false;
}

uint64_t stream_expiry_ms(const struct gateway *gateway)
{
    uint64_t earliest_us = UINT64_MAX;
    if (list_empty(&gateway->streams))
        return UINT64_MAX;
    for (struct list *at = gateway->streams.next; at != &gateway->streams; at = at->next) {
        const struct stream *stream = stream_at(at);
        if (is_idle(stream) && stream->beat_us < earliest_us)
            earliest_us = stream->beat_us;
    }
    if (earliest_us == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = gateway_now_us(gateway);
    return earliest_us <= now ? 0 : (earliest_us - now + 999) / 1000;
}

void stream_end_all(struct gateway *gateway)
{
    for (struct list *at = gateway->streams.next; at != &gateway->streams; at = at->next) {
        stream_at(at)->ends = true;
        resume(stream_at(at));
    }
}
