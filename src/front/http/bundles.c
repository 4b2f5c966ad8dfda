// The operations of an optimistic keyspace, or channel, as bytes that can be carried as a file.
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

#include <inttypes.h>

// --- export

static void respond_export(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_OK)
        exchange_bytes(exchange, 200, "application/octet-stream", reply->value);
    else if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found",
                      "this node does not know what that peer has: see /v1/peers, or ask for "
                      "since=all");
    else if (reply->error == ERR_TOO_LARGE)
        exchange_fail(exchange, 413, "too_large",
                      "the bundle would be too large: name the peer that it is for with since=");
    else
        exchange_fail_reply(exchange, reply);
}

// The peer that the bundle is for, 0 for anybody.
static bool take_since(struct exchange *exchange, uint64_t *out)
{
    struct slice text = exchange_argument(exchange, "since");
    *out = 0;
    return text.bytes == NULL || slice_equal(text, slice_of_text("all")) ||
           target_peer(exchange, "since, unless it is all,", text, out);
}

void handle_bundle_export(struct exchange *exchange)
{
    struct named named;
    struct clock clock = exchange->gateway->clock;
    struct request request = {.kind = REQUEST_EXPORT, .now_ms = clock.ops->wall_ms(clock.self)};
    if (!target_space(exchange, exchange->rest, &named) || !take_since(exchange, &request.since) ||
        target_replica(exchange, &named) == NULL)
        return;
    request.keyspace = named.optimistic->id;
    request.channel = named.channel;
    exchange_ask(exchange, &request, respond_export);
}

// --- import

static void fail_import(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_CORRUPT || reply->error == ERR_INVALID)
        exchange_fail(exchange, 400, "corrupt",
                      "these bytes are no bundle, or were damaged on the way: export it again");
    else if (reply->error == ERR_VERSION)
        exchange_fail(exchange, 400, "version",
                      "a newer version wrote this bundle: bring this node up to date first");
    else if (reply->error == ERR_FOREIGN)
        exchange_fail(exchange, 409, "foreign",
                      "this bundle is of another keyspace or another cluster: name the one that it "
                      "was exported from");
    else
        exchange_fail_reply(exchange, reply);
}

static void respond_import(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        fail_import(exchange, reply);
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 256);
    json_append_raw(out, "{\"status\":\"success\",\"name\":");
    json_append_string(out, slice_of_text(exchange->keyspace_path));
    const struct bundle_counts *counts = &reply->bundle;
    buf_append_format(
        out, ",\"message\":\"%s\",\"operations\":%" PRIu64 ",\"news\":%" PRIu64 ",\"closed\":%s}",
        counts->closed ? "this node knows now all that the bundle speaks of"
                       : "what the bundle brought is taken in, but something is "
                         "missing that it rests on, or was refused: exchange, or "
                         "import an older bundle too",
        counts->operations, counts->news, counts->closed ? "true" : "false");
}

void handle_bundle_import(struct exchange *exchange)
{
    struct named named;
    struct request request = {.kind = REQUEST_IMPORT, .value = buf_slice(&exchange->body)};
    if (!target_space(exchange, exchange->rest, &named) || target_replica(exchange, &named) == NULL)
        return;
    if (request.value.length == 0) {
        exchange_fail(exchange, 400, "invalid", "the body is empty: send a bundle's bytes");
        return;
    }
    request.keyspace = named.optimistic->id;
    request.channel = named.channel;
    exchange_ask(exchange, &request, respond_import);
}
