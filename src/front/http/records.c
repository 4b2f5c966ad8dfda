// Keys and values as JSON, in keyspace `default`.
#include "front/http/fields.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

static const struct map_keyspace *default_keyspace(struct exchange *exchange)
{
    return target_keyspace(exchange, slice_of_text(KEYSPACE_DEFAULT));
}

static void succeed(struct exchange *exchange, const char *message)
{
    struct buf *out = exchange_json(exchange, 200, 64 + exchange->key.length);
    json_append_raw(out, "{\"status\":\"success\",\"message\":\"");
    buf_append_slice(out, slice_of_text(message));
    json_append_raw(out, "\",\"key\":");
    json_append_string(out, exchange->key);
    json_append_raw(out, "}");
}

static void respond_write(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        succeed(exchange, reply->existed ? "the value is replaced" : "the value is stored");
}

// Takes the key to the exchange and borrows the value from `fields`; false when it has answered.
static bool take_record(struct exchange *exchange, const struct fields *fields, struct slice *value)
{
    struct errmsg problem;
    struct slice key;
    if (fields_text(fields, "key", &key, &problem) != ERR_OK ||
        fields_text(fields, "value", value, &problem) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
        return false;
    }
    if (!target_key_set(exchange, key))
        return false;
    if (value->length > exchange->gateway->value_bytes_max) {
        exchange_fail(exchange, 413, "too_large", "the value is too large: at most %zu bytes",
                      exchange->gateway->value_bytes_max);
        return false;
    }
    return true;
}

void handle_write(struct exchange *exchange)
{
    struct errmsg problem;
    struct fields *fields = NULL;
    struct request request = {.kind = REQUEST_PUT};
    if (fields_parse(buf_slice(&exchange->body), &fields, &problem) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
        goto done;
    }
    if (!take_record(exchange, fields, &request.value) ||
        !target_operation(exchange, &request.operation))
        goto done;
    const struct map_keyspace *keyspace = default_keyspace(exchange);
    if (keyspace == NULL)
        goto done;
    request.keyspace = keyspace->keyspace.id;
    request.key = exchange->key;
    exchange_ask(exchange, &request, respond_write);
done:
    fields_free(fields);
}

static void respond_read(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND) {
        exchange_fail(exchange, 404, "not_found", "there is no such key: write it first");
        return;
    }
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 96 + exchange->key.length + reply->value.length);
    json_append_raw(out, "{\"status\":\"success\",\"key\":");
    json_append_string(out, exchange->key);
    json_append_raw(out, ",");
    json_append_bytes(out, "value", reply->value);
    json_append_raw(out, ",\"message\":\"the key is found\"}");
}

void handle_read(struct exchange *exchange)
{
    if (!target_key(exchange, exchange->rest, true))
        return;
    const struct map_keyspace *keyspace = default_keyspace(exchange);
    if (keyspace == NULL)
        return;
    struct request request = {
        .kind = REQUEST_READ, .keyspace = keyspace->keyspace.id, .key = exchange->key};
    exchange_ask(exchange, &request, respond_read);
}

static void respond_delete(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND || (reply->error == ERR_OK && !reply->existed))
        exchange_fail(exchange, 404, "not_found", "there is no such key: nothing was deleted");
    else if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        succeed(exchange, "the key is deleted");
}

void handle_delete(struct exchange *exchange)
{
    struct request request = {.kind = REQUEST_DELETE};
    if (!target_key(exchange, exchange->rest, true) ||
        !target_operation(exchange, &request.operation))
        return;
    const struct map_keyspace *keyspace = default_keyspace(exchange);
    if (keyspace == NULL)
        return;
    request.keyspace = keyspace->keyspace.id;
    request.key = exchange->key;
    exchange_ask(exchange, &request, respond_delete);
}
