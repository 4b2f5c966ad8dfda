// An answer that goes on while the connection is open: news, as they come, to whoever follows.
//
//     ready <--> filling --> sending --> idle --> ready ...
//
// Promise
//  1. What is appended goes out in order; while nothing is to be sent the connection is suspended
//     and costs nothing.
//  2. A stream is filled only when all that it had was handed to the connection: it keeps no queue
//     of its own, and a reader who is slow falls behind in what it is filled from.
//  3. One that says nothing for STREAM_BEAT_MS says so, so that both sides notice a dead
//     connection.
//
// Invariants
//  1. At most STREAMS_MAX, and half of the connections that a server has, stream at once.
//  2. A stream ends with its exchange, which holds it.
//
// A reader that takes nothing while something is to be sent is cut, as any other (callers.h).
#ifndef BRUSIO_FRONT_HTTP_STREAM_H
#define BRUSIO_FRONT_HTTP_STREAM_H

#include "front/http/exchange.h"

#define STREAMS_MAX 16u
#define STREAM_BEAT_MS 15000u
// A stream that has so much to send takes no more for now.
#define STREAM_BYTES (64u << 10)

struct MHD_Response;

// What a stream is filled by.
struct stream_source {
    const char *content_type;                          // static text
    const char *beat;                                  // what is said when there is nothing to say
    bool (*is_ready)(const struct exchange *exchange); // whether `fill` would have something to do
    void (*fill)(struct exchange *exchange);           // appends to stream_out, or asks the host
};

// Makes the exchange's answer a stream; borrows `source`. False when it has answered with a 503:
// there are too many.
bool stream_begin(struct exchange *exchange, const struct stream_source *source);

// What is to be sent: to be appended to at the beginning, in `fill`, and when the host replies.
struct buf *stream_out(struct exchange *exchange);

// For the exchange. The response is NULL when there is no memory; NULL is fine to free.
struct MHD_Response *stream_response(struct exchange *exchange);
void stream_send(struct exchange *exchange); // what has been appended
void stream_free(struct stream *stream);

// For the server. Fills all streams that are ready.
void stream_run_all(struct gateway *gateway);
bool stream_any_is_ready(const struct gateway *gateway);
// Milliseconds until a stream has to say something; UINT64_MAX for never.
uint64_t stream_expiry_ms(const struct gateway *gateway);
// Ends all streams, because the server ends.
void stream_end_all(struct gateway *gateway);

#endif
