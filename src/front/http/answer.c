#include "front/http/answer.h"

#include "base/utf8.h"
#include "front/http/entity_tag.h"
#include "front/http/json_text.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// What a client is asked to wait when a node cannot take its request now.
enum { RETRY_AFTER_S = 1 };

bool answer_add_headers(const struct answer *answer, struct MHD_Response *response)
{
    bool done = true;
    if (answer->content_type != NULL)
        done = done && MHD_add_response_header(response, "Content-Type", answer->content_type);
    if (!stamp_is_zero(answer->tag)) {
        char tag[ENTITY_TAG_BYTES];
        entity_tag_format(answer->tag, tag);
        done = done && MHD_add_response_header(response, "ETag", tag);
    }
    if (answer->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
        done = done && MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (answer->allow != NULL)
        done = done && MHD_add_response_header(response, "Allow", answer->allow);
    if (answer->authenticate)
        done = done &&
               MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"brusio\"");
    if (answer->local)
        done = done && MHD_add_response_header(response, "Brusio-Consistency", "local");
    if (answer->state != NULL) {
        char conflicts[16];
        snprintf(conflicts, sizeof conflicts, "%u", answer->conflicts);
        done = done && MHD_add_response_header(response, "Brusio-State", answer->state) &&
               MHD_add_response_header(response, "Brusio-Conflicts", conflicts);
    }
    if (answer->close)
        done = done && MHD_add_response_header(response, "Connection", "close");
    return done;
}

struct MHD_Response *answer_response(struct answer *answer)
{
    // The library frees the bytes once they are sent, so nothing is copied.
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.length, answer->body.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return NULL;
    buf_init(&answer->body, answer->body.max);
    if (answer_add_headers(answer, response))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

// The code and the advice for each error of the host; what is not here is a fault of this node's.
struct outcome {
    unsigned status;
    unsigned retry_after_s;
    const char *advice;
};

static const struct outcome OUTCOMES[ERR_COUNT] = {
    [ERR_INVALID] = {400, 0, "correct the request"},
    [ERR_TOO_LARGE] = {413, 0, "send less"},
    [ERR_NOT_FOUND] = {404, 0, "check the name"},
    [ERR_EXISTS] = {409, 0, "choose another name, or change what is there"},
    [ERR_MISMATCH] = {412, 0, "read the present version and decide again"},
    [ERR_ILLEGAL] = {409, 0, "look at /v1/nodes, then ask for another step"},
    [ERR_UNAVAILABLE] = {503, RETRY_AFTER_S, "ask again later; /v1/nodes shows who is missing"},
    [ERR_CUT_OFF] = {503, RETRY_AFTER_S,
                     "ask another node, or read with consistency=local; it heals by itself once "
                     "the nodes can talk"},
    [ERR_ROAMING] = {503, 0, "its /v1/nodes names the members; optimistic keyspaces are here"},
    [ERR_RETRY] = {503, RETRY_AFTER_S, "send the same request again"},
    [ERR_UNDECIDED] = {504, 0,
                       "read before you repeat it, or repeat it with the same Idempotency-Key"},
    [ERR_UNKNOWN] = {504, 0,
                     "read before you repeat it, or repeat it with the same Idempotency-Key"},
    [ERR_TIMEOUT] = {504, 0, "ask again, or ask another node"},
    [ERR_BUSY] = {503, RETRY_AFTER_S, "send fewer requests at once"},
    [ERR_FULL] = {507, 0,
                  "delete something, or give the node more room: a larger disk, or a larger "
                  "--store-bytes-max; reads and deletes go on"},
};

static struct outcome outcome_of(enum err error)
{
    struct outcome none = {500, 0, "look at this node's log"};
    return OUTCOMES[error].status == 0 ? none : OUTCOMES[error];
}

// HTTP has a name of its own for what the other parts call full.
static const char *name_of(enum err error)
{
    return error == ERR_FULL ? "insufficient_storage" : err_name(error);
}

static void append_error(struct buf *out, const char *name, const char *message)
{
    json_append_raw(out, "{\"error\":\"");
    buf_append_slice(out, slice_of_text(name));
    json_append_raw(out, "\",\"message\":");
    json_append_string(out, slice_of_text(message));
}

void exchange_fail(struct exchange *exchange, unsigned status, const char *name, const char *format,
                   ...)
{
    char message[ERRMSG_BYTES_MAX + 128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    utf8_mend(message); // it may quote what a client sent, cut anywhere
    struct buf *out = exchange_json(exchange, status, 256);
    append_error(out, name, message);
    json_append_raw(out, "}");
    exchange->answer.retry_after_s = status == 503 ? RETRY_AFTER_S : 0;
}

void exchange_fail_busy(struct exchange *exchange)
{
    buf_release(&exchange->answer.body);
    exchange->answer = (struct answer){.body = exchange->answer.body};
    exchange_fail(exchange, 503, err_name(ERR_BUSY),
                  "too much is under way at this node: ask again later, or ask another node");
}

// "2", "2 or 3", "2, 3 or 4".
static void append_nodes_text(struct buf *out, node_set nodes)
{
    unsigned left = node_set_count(nodes);
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id)) {
        left--;
        buf_append_format(out, "%u%s", id, left == 0 ? "" : left == 1 ? " or " : ", ");
    }
}

static void fail_awaiting(struct exchange *exchange, node_set awaited,
                          const struct outcome *outcome)
{
    struct buf message;
    buf_init(&message, ERRMSG_BYTES_MAX);
    buf_append_format(&message, "%s: ", err_sentence(ERR_UNAVAILABLE));
    if (awaited != 0) {
        buf_append_format(&message, "waiting for node ");
        append_nodes_text(&message, awaited);
        buf_append_format(&message, " to come back; ");
    }
    buf_append_format(&message, "%s%c", outcome->advice, 0);
    struct buf *out = exchange_json(exchange, outcome->status, 512);
    append_error(out, err_name(ERR_UNAVAILABLE), (const char *)message.bytes);
    buf_release(&message);
    json_append_raw(out, ",\"awaited\":[");
    for (node_id id = node_set_first(awaited); id != NODE_NONE; id = node_set_after(awaited, id))
        buf_append_format(out, "%s%u", id == node_set_first(awaited) ? "" : ",", id);
    json_append_raw(out, "]}");
}

void exchange_fail_reply(struct exchange *exchange, const struct reply *reply)
{
    enum err error = reply->error;
    struct outcome outcome = outcome_of(error);
    if (error == ERR_UNAVAILABLE)
        fail_awaiting(exchange, reply->awaited, &outcome);
    else
        exchange_fail(exchange, outcome.status, name_of(error), "%s: %s", err_sentence(error),
                      outcome.advice);
    exchange->answer.retry_after_s = outcome.retry_after_s;
    if (error == ERR_MISMATCH)
        exchange->answer.tag = reply->stamp;
}
