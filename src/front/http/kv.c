// Keys and values as raw bytes, in every keyspace.
#include "front/http/entity_tag.h"
#include "front/http/handlers.h"
#include "front/http/target.h"

// Splits `<keyspace>/<key>` at the first slash; false without one.
static bool split(struct slice rest, struct slice *keyspace, struct slice *key)
{
    const uint8_t *slash = rest.length == 0 ? NULL : memchr(rest.bytes, '/', rest.length);
    if (slash == NULL)
        return false;
    *keyspace = slice_of(rest.bytes, (size_t)(slash - rest.bytes));
    *key = slice_of(slash + 1, rest.length - keyspace->length - 1);
    return true;
}

// Sets the request's keyspace and key from the path.
static bool name_record(struct exchange *exchange, struct request *request, struct named *named)
{
    struct slice name;
    struct slice key;
    if (!split(exchange->rest, &name, &key)) {
        exchange_fail(exchange, 405, "method_not_allowed",
                      "a keyspace can only be listed here: name a key as /v1/kv/<keyspace>/<key>");
        exchange->answer.allow = "GET, HEAD";
        return false;
    }
    if (!target_key(exchange, key, false) || !target_holder(exchange, name, named))
        return false;
    struct clock clock = exchange->gateway->clock;
    request->now_ms = clock.ops->wall_ms(clock.self);
    request->key = exchange->key;
    request->channel = named->channel;
    request->keyspace = named->strong != NULL ? named->strong->keyspace.id : named->optimistic->id;
    // A channel comes to be by the first put.
    return named->strong != NULL || request->kind == REQUEST_PUT ||
           target_replica(exchange, named) != NULL;
}

static void respond_get(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found", "there is no such key: put it first");
    else if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else if (entity_tag_list_has(exchange->if_none_match, reply->stamp))
        exchange_empty(exchange, 304);
    else
        exchange_bytes(exchange, 200, "application/octet-stream", reply->value);
    if (reply->error == ERR_OK)
        exchange->answer.tag = reply->stamp;
}

static void respond_get_local(struct exchange *exchange, const struct reply *reply)
{
    respond_get(exchange, reply);
    exchange->answer.local = true;
}

static bool take_consistency(struct exchange *exchange, enum consistency *out)
{
    struct slice text = exchange_argument(exchange, "consistency");
    *out = CONSISTENCY_STRONG;
    if (text.bytes == NULL || slice_equal(text, slice_of_text("strong")))
        return true;
    *out = CONSISTENCY_LOCAL;
    if (slice_equal(text, slice_of_text("local")))
        return true;
    exchange_fail(exchange, 400, "invalid", "the consistency must be strong or local");
    return false;
}

// What only an optimistic keyspace takes.
static bool refuse_view(struct exchange *exchange)
{
    if (exchange_argument(exchange, "view").bytes == NULL &&
        exchange_argument(exchange, "format").bytes == NULL)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "view and format are for optimistic keyspaces, and this one is strong: leave "
                  "them out");
    return false;
}

void handle_kv_get(struct exchange *exchange)
{
    struct slice rest = exchange->rest;
    if (rest.length == 0 || memchr(rest.bytes, '/', rest.length) == NULL) {
        handle_kv_list(exchange);
        return;
    }
    struct named named;
    struct request request = {.kind = REQUEST_READ};
    if (!name_record(exchange, &request, &named))
        return;
    exchange->if_none_match = exchange_header(exchange, "If-None-Match");
    if (named.optimistic != NULL) {
        ask_optimistic_get(exchange, &request);
        return;
    }
    if (!refuse_view(exchange) || !take_consistency(exchange, &request.consistency))
        return;
    bool local = request.consistency == CONSISTENCY_LOCAL;
    exchange_ask(exchange, &request, local ? respond_get_local : respond_get);
}

// Sets the request's condition from the headers.
static bool take_condition(struct exchange *exchange, struct request *request)
{
    if (entity_tag_condition(exchange_header(exchange, "If-Match"),
                             exchange_header(exchange, "If-None-Match"), &request->condition,
                             &request->expected) == ERR_OK)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "one condition is taken: If-Match: *, If-Match: \"<etag>\" or If-None-Match: *");
    return false;
}

// In a strong keyspace nothing expires.
static bool refuse_ttl(struct exchange *exchange)
{
    if (exchange_argument(exchange, "ttl").bytes == NULL)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "ttl is for optimistic keyspaces, and this one is strong: leave it out, and "
                  "delete the key when its time has come");
    return false;
}

static void ask_write(struct exchange *exchange, struct request *request, exchange_respond *respond)
{
    struct named named;
    if (!name_record(exchange, request, &named) || !take_condition(exchange, request))
        return;
    if (named.optimistic != NULL)
        ask_optimistic_write(exchange, request);
    else if (refuse_ttl(exchange) && target_operation(exchange, &request->operation))
        exchange_ask(exchange, request, respond);
}

static void respond_put(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    exchange_empty(exchange, reply->existed ? 204 : 201);
    exchange->answer.tag = reply->stamp;
}

void handle_kv_put(struct exchange *exchange)
{
    struct request request = {.kind = REQUEST_PUT, .value = buf_slice(&exchange->body)};
    ask_write(exchange, &request, respond_put);
}

static void respond_delete(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND || (reply->error == ERR_OK && !reply->existed))
        exchange_fail(exchange, 404, "not_found", "there is no such key: nothing was deleted");
    else if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        exchange_empty(exchange, 204);
}

void handle_kv_delete(struct exchange *exchange)
{
    struct request request = {.kind = REQUEST_DELETE};
    ask_write(exchange, &request, respond_delete);
}
