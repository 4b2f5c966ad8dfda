// One HTTP request and its answer.
//
// The server makes it, a handler fills it. A handler either answers at once (exchange_fail,
// exchange_json, exchange_empty, exchange_bytes) or asks the host, whose reply comes to the
// function that it named, during the call or later; that one answers, or asks once more. Work that
// would take long is done a piece at a time (exchange_later), so that nobody else waits for all of
// it.
//
// Invariants
//  1. It is answered at most once; what the host says after that is dropped, but for that of an
//     answer that goes on (stream.h).
//  2. It lives while the connection or the host may still name it: `connection` is not NULL, or
//     `asked` is not 0.
//  3. It stands in a gateway's line exactly when its connection is suspended, and among its orphans
//     when the connection has ended while the host owes a reply.
//  4. Handlers see requests whose token was right and whose body is complete and within its limit.
//  5. Until it is answered the host owes it a reply, or it stands in the line of the gateway's
//     turns.
#ifndef BRUSIO_FRONT_HTTP_EXCHANGE_H
#define BRUSIO_FRONT_HTTP_EXCHANGE_H

#include "front/http/gateway.h"

// Replies that the host owes an exchange at once.
#define EXCHANGE_ASKED_MAX 64u

// Of a channel with its family before it, as in "annotations/linux".
#define KEYSPACE_PATH_BYTES_MAX (2 * KEYSPACE_NAME_BYTES_MAX + 1)

struct MHD_Connection;
struct exchange;
struct route;
struct stream;

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
    // of the value, in an optimistic keyspace; static text, NULL: not said
    const char *state;
    unsigned conflicts; // versions that are in conflict with it; said with `state`
    bool authenticate;
    bool close; // the connection ends with this answer
};

typedef void exchange_respond(struct exchange *exchange, const struct reply *reply);
typedef void exchange_step(struct exchange *exchange);

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
    unsigned asked; // replies that the host owes
    bool asking;    // a reply that comes now comes within exchange_ask
    exchange_step *step;
    struct list turn;      // among the gateway's turns, until `step` is called
    bool has_begun;        // it had a turn
    bool suspended;        // the connection waits for `respond` or `step`
    struct stream *stream; // owned; NULL unless the answer goes on
    enum patience patience;
    struct list waiting;
    uint64_t deadline_us;

    // What the handler keeps until the reply.
    struct slice key; // in key_bytes
    uint8_t key_bytes[KEY_BYTES_MAX];
    char keyspace_path[KEYSPACE_PATH_BYTES_MAX + 1]; // the name of the keyspace, decoded
    struct slice if_none_match;                      // borrowed from the connection
    bool only_stable;                                // what is stable was asked for
    struct change change;
    struct change change_next; // to be asked when `change` is done; CHANGE_NONE for no more
    void *work;                // the handler's own, ended with the exchange by end_work; or NULL
    void (*end_work)(void *work);
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

// Visits all arguments of the query, in order and repeated ones too, until `visit` returns false.
typedef bool exchange_visit(void *context, struct slice name, struct slice value);
void exchange_arguments(const struct exchange *exchange, exchange_visit *visit, void *context);

// Counts memory of the handler's own, until the exchange ends. ERR_BUSY when all exchanges together
// hold too much.
WARN_UNUSED enum err exchange_hold(struct exchange *exchange, size_t bytes);

// Adds to the body, which must not pass `bytes_max`. ERR_BUSY when all exchanges together hold too
// much.
WARN_UNUSED enum err exchange_body_append(struct exchange *exchange, struct slice bytes,
                                          size_t bytes_max);

// Frees what was taken of the body; what the host works on stays counted until it replies.
void exchange_body_drop(struct exchange *exchange);

// Asks the host; the slices of `request` are free to go when this returns, and so is the exchange's
// body. May be called again before the reply came, for at most EXCHANGE_ASKED_MAX in all, by a
// handler that can tell the replies apart.
void exchange_ask(struct exchange *exchange, const struct request *request,
                  exchange_respond *respond);

// Goes on with `step` when the server runs next. Work that was begun is done before other work
// begins, so that only one exchange gathers at a time.
void exchange_later(struct exchange *exchange, exchange_step *step);

// Lets the first exchange in the gateway's line of turns go on.
void exchange_run_turn(struct gateway *gateway);

// Answers with an error: `name` short and stable, the sentence says what is wrong and what to do.
// Characters outside ASCII become `?`.
void exchange_fail(struct exchange *exchange, unsigned status, const char *name, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

// Answers that this node has too much to do: it drops what was an answer so far.
void exchange_fail_busy(struct exchange *exchange);

// Answers with what the host said, which is not ERR_OK.
void exchange_fail_reply(struct exchange *exchange, const struct reply *reply);

// Answers in place of a host that owes a reply, or of work that takes too long: a read or listing
// failed, the outcome of all else is unknown.
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
