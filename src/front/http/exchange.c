#include "front/http/exchange.h"

#include "base/check.h"
#include "front/http/answer.h"

#include <microhttpd.h>
#include <stdlib.h>

struct exchange *exchange_new(struct gateway *gateway, struct caller *caller,
                              struct MHD_Connection *connection)
{
    struct exchange *exchange = memory_zeroed(1, sizeof *exchange);
    exchange->gateway = gateway;
    exchange->caller = caller;
    exchange->connection = connection;
    list_init(&exchange->waiting);
    buf_init(&exchange->body, SIZE_MAX / 2);
    buf_init(&exchange->answer.body, SIZE_MAX / 2);
    return exchange;
}

static void hold(struct exchange *exchange, size_t bytes)
{
    exchange->held_bytes += bytes;
    exchange->gateway->held_bytes += bytes;
}

static void let_go(struct exchange *exchange, size_t bytes)
{
    CHECK(bytes <= exchange->held_bytes && bytes <= exchange->gateway->held_bytes);
    exchange->held_bytes -= bytes;
    exchange->gateway->held_bytes -= bytes;
}

void exchange_body_drop(struct exchange *exchange)
{
    if (exchange->asked)
        exchange->owed_bytes += exchange->body.length;
    else
        let_go(exchange, exchange->body.length);
    buf_release(&exchange->body);
}

void exchange_end(struct exchange *exchange)
{
    exchange_body_drop(exchange);
    let_go(exchange, exchange->held_bytes - exchange->owed_bytes);
    buf_release(&exchange->answer.body);
    list_remove(&exchange->waiting);
    exchange->connection = NULL;
    if (exchange->asked)
        list_append(&exchange->gateway->orphans, &exchange->waiting);
    else
        free(exchange);
}

static struct slice lookup(const struct exchange *exchange, enum MHD_ValueKind kind,
                           const char *name)
{
    const char *value = NULL;
    size_t length = 0;
    if (MHD_lookup_connection_value_n(exchange->connection, kind, name, strlen(name), &value,
                                      &length) == MHD_NO)
        return slice_of(NULL, 0);
    return value == NULL ? slice_of_text("") : slice_of(value, length);
}

struct slice exchange_header(const struct exchange *exchange, const char *name)
{
    return lookup(exchange, MHD_HEADER_KIND, name);
}

struct slice exchange_argument(const struct exchange *exchange, const char *name)
{
    return lookup(exchange, MHD_GET_ARGUMENT_KIND, name);
}

enum err exchange_body_append(struct exchange *exchange, struct slice bytes, size_t bytes_max)
{
    CHECK(bytes.length <= bytes_max && exchange->body.length <= bytes_max - bytes.length);
    if (!gateway_has_room(exchange->gateway, exchange->held_bytes, bytes.length,
                          exchange->gateway->intake_bytes_max))
        return ERR_BUSY;
    hold(exchange, bytes.length);
    buf_append_slice(&exchange->body, bytes);
    return ERR_OK;
}

// Counts the answer from when it is made. One that there is no room for, and that can be asked for
// again without harm, is dropped.
static void hold_answer(struct exchange *exchange)
{
    bool can_drop = exchange->method == METHOD_GET || exchange->method == METHOD_HEAD;
    if (exchange->answer_is_held)
        return;
    if (can_drop &&
        !gateway_has_room(exchange->gateway, exchange->held_bytes, exchange->answer.body.length,
                          exchange->gateway->held_bytes_max))
        exchange_fail_busy(exchange);
    hold(exchange, exchange->answer.body.length);
    exchange->answer_is_held = true;
}

static void wake(struct exchange *exchange)
{
    hold_answer(exchange);
    exchange->suspended = false;
    list_remove(&exchange->waiting);
    exchange->gateway->resumed = true;
    MHD_resume_connection(exchange->connection);
}

static void on_reply(void *context, const struct reply *reply)
{
    struct exchange *exchange = context;
    CHECK(exchange->asked);
    exchange->asked = false;
    if (exchange->gateway != NULL)
        let_go(exchange, exchange->owed_bytes);
    exchange->owed_bytes = 0;
    if (exchange->connection == NULL) {
        list_remove(&exchange->waiting);
        free(exchange);
        return;
    }
    if (exchange_is_answered(exchange))
        return;
    exchange->respond(exchange, reply);
    CHECK(exchange_is_answered(exchange) || exchange->asked);
    if (exchange_is_answered(exchange) && exchange->suspended)
        wake(exchange);
}

void exchange_ask(struct exchange *exchange, const struct request *request,
                  exchange_respond *respond)
{
    CHECK(!exchange->asked && !exchange_is_answered(exchange));
    exchange->asked = true;
    exchange->respond = respond;
    exchange->patience = request->kind == REQUEST_CHANGE ? PATIENCE_CHANGE : PATIENCE_RECORD;
    host_request(exchange->gateway->host, request, on_reply, exchange);
}

void exchange_give_up(struct exchange *exchange, const char *why)
{
    CHECK(exchange->suspended && exchange->asked);
    if (exchange->method == METHOD_GET || exchange->method == METHOD_HEAD)
        exchange_fail(exchange, 504, "timeout", "%s: ask again, or ask another node", why);
    else
        exchange_fail(exchange, 504, "outcome_unknown",
                      "%s: it may or may not have taken effect; read before you repeat it", why);
    wake(exchange);
}

struct buf *exchange_json(struct exchange *exchange, unsigned status, size_t bytes)
{
    exchange->answer.status = status;
    exchange->answer.content_type = "application/json";
    struct buf *body = &exchange->answer.body;
    // Room for all of it at once, then written from the start.
    (void)buf_extend(body, bytes);
    buf_clear(body);
    return body;
}

void exchange_bytes(struct exchange *exchange, unsigned status, const char *content_type,
                    struct slice bytes)
{
    exchange->answer.status = status;
    exchange->answer.content_type = content_type;
    buf_clear(&exchange->answer.body);
    buf_append_slice(&exchange->answer.body, bytes);
}

void exchange_empty(struct exchange *exchange, unsigned status)
{
    exchange_bytes(exchange, status, NULL, slice_of(NULL, 0));
}

void exchange_suspend(struct exchange *exchange)
{
    CHECK(exchange->asked && !exchange_is_answered(exchange));
    exchange_body_drop(exchange);
    exchange->suspended = true;
    caller_enter(exchange->caller, CALLER_WORKING);
    MHD_suspend_connection(exchange->connection);
    gateway_add(exchange->gateway, exchange);
}

bool exchange_send(struct exchange *exchange)
{
    CHECK(exchange_is_answered(exchange));
    exchange_body_drop(exchange);
    hold_answer(exchange);
    caller_enter(exchange->caller, CALLER_SENDING);
    struct MHD_Response *response = answer_response(&exchange->answer);
    if (response == NULL)
        return false;
    enum MHD_Result queued =
        MHD_queue_response(exchange->connection, exchange->answer.status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}
