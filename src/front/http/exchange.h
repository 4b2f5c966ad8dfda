// One HTTP request and its answer.
//
// The server makes it, a handler fills it. A handler either answers at once (exchange_fail,
// exchange_json, exchange_empty, exchange_bytes) or asks the host, whose reply comes to the
// function that it named, during the call or later; that one answers, or asks once more.
//
// Invariants
//  1. It is answered at most once; what the host says after that is dropped.
//  2. It lives while the connection or the host may still name it: `connection` is not NULL, or
//     `asked`.
//  3. It stands in a gateway's line exactly when its connection is suspended, and among its orphans
//     when the connection has ended while the host owes a reply.
//  4. Handlers see requests whose token was right and whose body is complete and within its limit.
#ifndef BRUSIO_FRONT_HTTP_EXCHANGE_H
#define BRUSIO_FRONT_HTTP_EXCHANGE_H

#include "front/http/gateway.h"

struct MHD_Connection;
struct exchange;
struct route;

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_PUT,
    METHOD_POST,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_COUNT
};

struct answer {
    unsigned status; // 0: none yet
    struct buf body;
    const char *content_type; // static text
    const char *allow;        // static text or NULL
    struct stamp tag;         // zero: no ETag
    unsigned retry_after_s;   // 0: not said
    bool local;               // the value was read without asking whether it is the newest
    bool authenticate;
    bool close; // the connection ends with this answer
};

typedef void exchange_respond(struct exchange *exchange, const struct reply *reply);

struct exchange {
    struct gateway *gateway;           // borrowed; NULL once it ended before the host's reply
    struct caller *caller;             // borrowed; as long as the connection
    struct MHD_Connection *connection; // borrowed; NULL once it has ended
    const struct route *route;         // NULL when no path fits
    enum http_method method;           // METHOD_COUNT: one that no route has
    struct slice rest; // what follows the route's prefix, still percent-encoded; borrowed
    struct buf body;
    size_t drained_bytes; // of a body that is read but not kept
    size_t held_bytes;    // its part of the gateway's
    size_t owed_bytes;    // of these, what the host works on
    bool answer_is_held;
    struct answer answer;

    exchange_respond *respond;
    bool asked;     // the host owes a reply
    bool suspended; // the connection waits for exchange_respond
    enum patience patience;
    struct list waiting;
    uint64_t deadline_us;

    // What the handler keeps until the reply.
    struct slice key; // in key_bytes
    uint8_t key_bytes[KEY_BYTES_MAX];
    struct slice if_none_match; // borrowed from the connection
    struct change change;
    struct change change_next; // to be asked when `change` is done; CHANGE_NONE for no more
};

// Gives an exchange that ends by itself once exchange_end was called and the host owes nothing.
struct exchange *exchange_new(struct gateway *gateway, struct caller *caller,
                              struct MHD_Connection *connection);
void exchange_end(struct exchange *exchange);

static inline bool exchange_is_answered(const struct exchange *exchange)
{
    return exchange->answer.status != 0;
}

// A header's value, or an argument of the query (`+` made a space, still percent-encoded); `bytes`
// is NULL when it is absent. Borrowed until the exchange ends.
struct slice exchange_header(const struct exchange *exchange, const char *name);
struct slice exchange_argument(const struct exchange *exchange, const char *name);

// Adds to the body, which must not pass `bytes_max`. ERR_BUSY when all exchanges together hold too
// much.
WARN_UNUSED enum err exchange_body_append(struct exchange *exchange, struct slice bytes,
                                          size_t bytes_max);

// Frees what was taken of the body; what the host works on stays counted until it replies.
void exchange_body_drop(struct exchange *exchange);

// Asks the host; the slices of `request` are free to go when this returns, and so is the exchange's
// body.
void exchange_ask(struct exchange *exchange, const struct request *request,
                  exchange_respond *respond);

// Answers with an error: `name` short and stable, the sentence says what is wrong and what to do.
// Characters outside ASCII become `?`.
void exchange_fail(struct exchange *exchange, unsigned status, const char *name, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

// Answers that this node has too much to do: it drops what was an answer so far.
void exchange_fail_busy(struct exchange *exchange);

// Answers with what the host said, which is not ERR_OK.
void exchange_fail_reply(struct exchange *exchange, const struct reply *reply);

// Answers in place of a host that owes a reply: a read or listing failed, the outcome of all else
// is unknown.
void exchange_give_up(struct exchange *exchange, const char *why);

// Answers with JSON, to be appended to the buffer that this returns before the handler returns.
// `bytes` is a guess of its size.
struct buf *exchange_json(struct exchange *exchange, unsigned status, size_t bytes);

// Answers with bytes (copied), or with nothing.
void exchange_bytes(struct exchange *exchange, unsigned status, const char *content_type,
                    struct slice bytes);
void exchange_empty(struct exchange *exchange, unsigned status);

// Waits for the answer with the connection suspended.
void exchange_suspend(struct exchange *exchange);

// Hands the answer to the connection. False when the connection cannot go on.
WARN_UNUSED bool exchange_send(struct exchange *exchange);

#endif
