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
static bool name_record(struct exchange *exchange, struct request *request)
{
    struct slice name;
    struct slice key;
    if (!split(exchange->rest, &name, &key)) {
        exchange_fail(exchange, 405, "method_not_allowed",
                      "a keyspace can only be listed here: name a key as /v1/kv/<keyspace>/<key>");
        exchange->answer.allow = "GET, HEAD";
        return false;
    }
    if (!target_key(exchange, key, false))
        return false;
    const struct map_keyspace *keyspace = target_keyspace_encoded(exchange, name);
    if (keyspace == NULL)
        return false;
    request->keyspace = keyspace->keyspace.id;
    request->key = exchange->key;
    return true;
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

void handle_kv_get(struct exchange *exchange)
{
    struct slice rest = exchange->rest;
    if (rest.length == 0 || memchr(rest.bytes, '/', rest.length) == NULL) {
        handle_kv_list(exchange);
        return;
    }
    struct request request = {.kind = REQUEST_READ};
    if (!take_consistency(exchange, &request.consistency) || !name_record(exchange, &request))
        return;
    exchange->if_none_match = exchange_header(exchange, "If-None-Match");
    bool local = request.consistency == CONSISTENCY_LOCAL;
    exchange_ask(exchange, &request, local ? respond_get_local : respond_get);
}

// Sets the request's condition and operation id from the headers.
static bool take_terms(struct exchange *exchange, struct request *request)
{
    if (entity_tag_condition(exchange_header(exchange, "If-Match"),
                             exchange_header(exchange, "If-None-Match"), &request->condition,
                             &request->expected) != ERR_OK) {
        exchange_fail(
            exchange, 400, "invalid",
            "one condition is taken: If-Match: *, If-Match: \"<etag>\" or If-None-Match: *");
        return false;
    }
    return target_operation(exchange, &request->operation);
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
    if (name_record(exchange, &request) && take_terms(exchange, &request))
        exchange_ask(exchange, &request, respond_put);
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
    if (name_record(exchange, &request) && take_terms(exchange, &request))
        exchange_ask(exchange, &request, respond_delete);
}
