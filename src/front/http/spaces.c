// An optimistic keyspace, or channel, as this node keeps it: how far it is known to be stable,
// whether it is kept at all, and exchanges of it.
#include "core/epidemic/epidemic.h"
#include "front/http/fields.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

#include <inttypes.h>

enum { STABILITY_BYTES_GUESS = 768 };

// `{"status":"success",` and so on, as far as all answers here begin alike.
static void begin_answer(struct buf *out, const struct exchange *exchange)
{
    json_append_raw(out, "{\"status\":\"success\",\"name\":");
    json_append_string(out, slice_of_text(exchange->keyspace_path));
}

// --- stability

static void append_primary(struct buf *out, const struct optimistic *optimistic,
                           struct stamp number)
{
    if (optimistic->primary == NODE_NONE)
        json_append_raw(out, ",\"primary\":null");
    else
        buf_append_format(out, ",\"primary\":%u", optimistic->primary);
    buf_append_format(out, ",\"primary_epoch\":%" PRIu64 ",\"number\":", optimistic->primary_epoch);
    if (stamp_is_zero(number))
        json_append_raw(out, "null");
    else
        buf_append_format(out, "{\"epoch\":%" PRIu64 ",\"sequence\":%" PRIu64 "}", number.counter,
                          number.id);
}

static void append_operations(struct buf *out, const struct space *space)
{
    struct knowledge tentative;
    knowledge_init(&tentative);
    knowledge_missing(&space->known, &space->stable, &tentative);
    buf_append_format(out,
                      ",\"operations\":{\"known\":%" PRIu64 ",\"stable\":%" PRIu64
                      ",\"tentative\":%" PRIu64 ",\"horizon\":%" PRIu64 ",\"origins\":%" PRIu32 "}",
                      knowledge_dots(&space->known), knowledge_dots(&space->stable),
                      knowledge_dots(&tentative), knowledge_dots(&space->horizon),
                      space->known.count);
    knowledge_release(&tentative);
}

void handle_stability(struct exchange *exchange)
{
    struct named named;
    if (!target_space(exchange, exchange->rest, &named))
        return;
    const struct replica *replica = target_replica(exchange, &named);
    if (replica == NULL)
        return;
    const struct space *space = &replica->space;
    struct buf *out = exchange_json(exchange, 200, STABILITY_BYTES_GUESS);
    begin_answer(out, exchange);
    append_primary(out, named.optimistic, replica->stability_number);
    append_operations(out, space);
    buf_append_format(out,
                      ",\"versions\":{\"live\":%" PRIu64 ",\"certificates\":%" PRIu64
                      ",\"covered\":%" PRIu64 "},\"hot\":%zu,\"damaged\":%s,\"bad\":%" PRIu64
                      ",\"unfit\":%" PRIu64 ",\"twins\":%" PRIu64 ",\"reissued\":%" PRIu64 "}",
                      space->digests.total.count, space->certificates, space->covered,
                      rumor_count(&replica->rumor), space->damaged ? "true" : "false", space->bad,
                      space->unfit, space->twins, space->reissued);
}

// --- subscriptions

static void succeed(struct exchange *exchange, unsigned status, const char *message)
{
    struct buf *out = exchange_json(exchange, status, 256);
    begin_answer(out, exchange);
    buf_append_format(out, ",\"message\":\"%s\"}", message);
}

static void ask(struct exchange *exchange, enum request_kind kind, const struct named *named,
                uint64_t since, exchange_respond *respond)
{
    struct request request = {
        .kind = kind, .keyspace = named->optimistic->id, .channel = named->channel, .since = since};
    exchange_ask(exchange, &request, respond);
}

static void respond_subscribe(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_OK)
        succeed(exchange, 200, "this node keeps a copy; it fills with the next exchanges");
    else if (reply->error == ERR_FULL)
        exchange_fail(
            exchange, 507, "insufficient_storage",
            "this node keeps %u channels and keyspaces, and no more fit: unsubscribe from "
            "others",
            EPIDEMIC_REPLICAS_MAX);
    else if (reply->error == ERR_BUSY)
        exchange_fail(exchange, 503, "busy",
                      "this node still removes the copy that it had: ask again in a moment");
    else
        exchange_fail_reply(exchange, reply);
}

void handle_subscribe(struct exchange *exchange)
{
    struct named named;
    if (target_space(exchange, exchange->rest, &named))
        ask(exchange, REQUEST_SUBSCRIBE, &named, 0, respond_subscribe);
}

static void respond_unsubscribe(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_OK)
        succeed(exchange, 200, "this node keeps no copy any more");
    else if (reply->error == ERR_RETRY)
        exchange_fail(exchange, 409, "retry",
                      "what was written here has not reached another peer yet: let it exchange, or "
                      "carry a bundle, then ask again");
    else if (reply->error == ERR_ILLEGAL)
        exchange_fail(
            exchange, 409, "illegal",
            "a member of the cluster keeps every optimistic keyspace: ask a roaming peer");
    else
        exchange_fail_reply(exchange, reply);
}

void handle_unsubscribe(struct exchange *exchange)
{
    struct named named;
    if (target_space(exchange, exchange->rest, &named) && target_replica(exchange, &named) != NULL)
        ask(exchange, REQUEST_UNSUBSCRIBE, &named, 0, respond_unsubscribe);
}

// --- exchanges

static void respond_exchange(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_OK || reply->error == ERR_EXISTS)
        succeed(exchange, 202, "the exchange has begun");
    else if (reply->error == ERR_UNAVAILABLE)
        exchange_fail(exchange, 503, "unavailable",
                      "there is nobody to exchange with, or an exchange is under way: see "
                      "/v1/peers, and ask again later");
    else
        exchange_fail_reply(exchange, reply);
}

// The peer that the body names; 0 without one.
static bool take_peer(struct exchange *exchange, uint64_t *out)
{
    static const char *const names[] = {"peer"};
    struct errmsg problem;
    struct slice text;
    struct fields *fields = NULL;
    bool good = false;
    *out = 0;
    if (exchange->body.length == 0)
        return true;
    if (fields_parse(buf_slice(&exchange->body), &fields, &problem) != ERR_OK ||
        fields_only(fields, names, 1, &problem) != ERR_OK ||
        (fields_have(fields, "peer") && fields_text(fields, "peer", &text, &problem) != ERR_OK))
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
    else
        good =
            !fields_have(fields, "peer") || target_peer(exchange, "the field \"peer\"", text, out);
    fields_free(fields);
    return good;
}

static bool knows_peer(struct exchange *exchange, uint64_t peer)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    if (peer == 0 || peers_find(&epidemic->peers, peer) != NULL)
        return true;
    exchange_fail(exchange, 404, "not_found", "this node knows no such peer: see /v1/peers");
    return false;
}

void handle_exchange(struct exchange *exchange)
{
    struct named named;
    uint64_t peer = 0;
    if (target_space(exchange, exchange->rest, &named) && take_peer(exchange, &peer) &&
        target_replica(exchange, &named) != NULL && knows_peer(exchange, peer))
        ask(exchange, REQUEST_EXCHANGE, &named, peer, respond_exchange);
}
