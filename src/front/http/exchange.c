#include "front/http/exchange.h"

#include "base/check.h"
#include "front/http/answer.h"
#include "front/http/stream.h"

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
    list_init(&exchange->turn);
    buf_init(&exchange->body, SIZE_MAX / 2);
    buf_init(&exchange->answer.body, SIZE_MAX / 2);
    return exchange;
}

static void release(struct exchange *exchange)
{
    if (exchange->work != NULL)
        exchange->end_work(exchange->work);
    free(exchange);
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
    if (exchange->asked > 0)
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
    list_remove(&exchange->turn);
    stream_free(exchange->stream);
    exchange->stream = NULL;
    exchange->connection = NULL;
    if (exchange->asked > 0)
        list_append(&exchange->gateway->orphans, &exchange->waiting);
    else
        release(exchange);
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

struct visiting {
    exchange_visit *visit;
    void *context;
};

static enum MHD_Result visit_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_bytes, const char *value, size_t value_bytes)
{
    const struct visiting *visiting = context;
    (void)kind;
    struct slice text = value == NULL ? slice_of_text("") : slice_of(value, value_bytes);
    return visiting->visit(visiting->context, slice_of(name, name_bytes), text) ? MHD_YES : MHD_NO;
}

void exchange_arguments(const struct exchange *exchange, exchange_visit *visit, void *context)
{
    struct visiting visiting = {.visit = visit, .context = context};
    MHD_get_connection_values_n(exchange->connection, MHD_GET_ARGUMENT_KIND, visit_argument,
                                &visiting);
}

enum err exchange_hold(struct exchange *exchange, size_t bytes)
{
    if (!gateway_has_room(exchange->gateway, exchange->held_bytes, bytes,
                          exchange->gateway->intake_bytes_max))
        return ERR_BUSY;
    hold(exchange, bytes);
    return ERR_OK;
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
    list_remove(&exchange->turn);
    exchange->gateway->resumed = true;
    MHD_resume_connection(exchange->connection);
}

static bool is_under_way(const struct exchange *exchange)
{
    return exchange->asked > 0 || !list_empty(&exchange->turn);
}

// A piece of the work is done.
static void go_on(struct exchange *exchange)
{
    CHECK(exchange_is_answered(exchange) || is_under_way(exchange));
    if (exchange_is_answered(exchange) && exchange->suspended)
        wake(exchange);
}

static void drop_owed(struct exchange *exchange)
{
    if (exchange->gateway != NULL)
        let_go(exchange, exchange->owed_bytes);
    exchange->owed_bytes = 0;
}

static void on_reply(void *context, const struct reply *reply)
{
    struct exchange *exchange = context;
    CHECK(exchange->asked > 0);
    if (--exchange->asked == 0)
        drop_owed(exchange);
    if (exchange->connection == NULL) {
        if (exchange->asked > 0)
            return;
        list_remove(&exchange->waiting);
        release(exchange);
    } else if (exchange->stream != NULL) {
        exchange->respond(exchange, reply);
        stream_send(exchange);
    } else if (!exchange_is_answered(exchange)) {
        exchange->respond(exchange, reply);
        // Otherwise whoever asks goes on.
        if (!exchange->asking)
            go_on(exchange);
    }
}

void exchange_ask(struct exchange *exchange, const struct request *request,
                  exchange_respond *respond)
{
    CHECK(exchange->asked < EXCHANGE_ASKED_MAX);
    CHECK(!exchange_is_answered(exchange) || exchange->stream != NULL);
    exchange->asked++;
    exchange->respond = respond;
    exchange->patience = request->kind == REQUEST_CHANGE ? PATIENCE_CHANGE : PATIENCE_RECORD;
    bool within = exchange->asking;
    exchange->asking = true;
    host_request(exchange->gateway->host, request, on_reply, exchange);
    exchange->asking = within;
}

void exchange_later(struct exchange *exchange, exchange_step *step)
{
    CHECK(!exchange_is_answered(exchange) && list_empty(&exchange->turn));
    struct list *turns = &exchange->gateway->turns;
    exchange->step = step;
    list_append(exchange->has_begun ? turns->next : turns, &exchange->turn);
}

void exchange_run_turn(struct gateway *gateway)
{
    struct list *first = list_take_first(&gateway->turns);
    if (first == NULL)
        return;
    struct exchange *exchange = LIST_ITEM(first, struct exchange, turn);
    exchange->has_begun = true;
    exchange->step(exchange);
    go_on(exchange);
}

void exchange_give_up(struct exchange *exchange, const char *why)
{
    CHECK(exchange->suspended && is_under_way(exchange));
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
    CHECK(is_under_way(exchange) && !exchange_is_answered(exchange));
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
    struct MHD_Response *response =
        exchange->stream != NULL ? stream_response(exchange) : answer_response(&exchange->answer);
    if (response == NULL)
        return false;
    enum MHD_Result queued =
        MHD_queue_response(exchange->connection, exchange->answer.status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}
