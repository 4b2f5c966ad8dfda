// Keys and values of optimistic keyspaces: read and written at this node, at once, with the
// versions that are in conflict.
#include "app/annotations/utc_time.h"
#include "front/http/entity_tag.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"

#include <strings.h>

// --- reading

static const char *state_name(bool is_stable)
{
    return is_stable ? "stable" : "tentative";
}

static void fail_read(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found",
                      exchange->only_stable
                          ? "no version of this key is stable here yet: read it without view=stable"
                          : "there is no such key: put it first");
    else if (reply->error == ERR_UNAVAILABLE && exchange->only_stable)
        exchange_fail(exchange, 503, "unavailable",
                      "the stable version of this key had been replaced before this node had it: "
                      "ask the keyspace's primary, or read without view=stable");
    else
        exchange_fail_reply(exchange, reply);
}

// How many versions are shown beside the one that was read. False, and answered, when none was, or
// when the bytes are bad.
static bool count_conflicts(struct exchange *exchange, const struct reply *reply, unsigned *out)
{
    struct cursor in = cursor_of(reply->versions);
    struct version_entry entry;
    *out = 0;
    if (reply->error != ERR_OK) {
        fail_read(exchange, reply);
        return false;
    }
    while (version_entry_next(&in, &entry))
        *out += 1;
    if (!in.failed)
        return true;
    exchange_fail(exchange, 500, "corrupt", "this node read damaged versions: look at its log");
    return false;
}

// What the headers say of the version that was read.
static void say_version(struct exchange *exchange, const struct reply *reply, unsigned conflicts)
{
    exchange->answer.tag = reply->stamp;
    exchange->answer.state = state_name(reply->is_stable);
    exchange->answer.conflicts = conflicts;
}

static void respond_bytes(struct exchange *exchange, const struct reply *reply)
{
    unsigned conflicts;
    if (!count_conflicts(exchange, reply, &conflicts))
        return;
    if (entity_tag_list_has(exchange->if_none_match, reply->stamp))
        exchange_empty(exchange, 304);
    else
        exchange_bytes(exchange, 200, "application/octet-stream", reply->value);
    say_version(exchange, reply, conflicts);
}

// The fields of a version, without braces.
static void append_version(struct buf *out, const struct version_entry *version)
{
    char stamp[STAMP_TEXT_BYTES];
    stamp_format(version->stamp, stamp);
    json_append_bytes(out, "value", version->value);
    buf_append_format(out, ",\"version\":\"%s\",\"state\":\"%s\"", stamp,
                      state_name(version->is_stable));
    if (version->expiry_ms == 0)
        return;
    bool is_far = version->expiry_ms > UTC_TIME_MS_MAX;
    json_append_raw(out, ",\"expires\":\"");
    utc_time_append(out, is_far ? UTC_TIME_MS_MAX : version->expiry_ms);
    json_append_raw(out, "\"");
}

// Never a 304: the same version may have other conflicts by now.
static void respond_json(struct exchange *exchange, const struct reply *reply)
{
    unsigned conflicts;
    if (!count_conflicts(exchange, reply, &conflicts))
        return;
    struct version_entry version = {.stamp = reply->stamp,
                                    .is_stable = reply->is_stable,
                                    .expiry_ms = reply->expiry_ms,
                                    .value = reply->value};
    struct buf *out = exchange_json(
        exchange, 200, 256 + exchange->key.length + reply->value.length + reply->versions.length);
    json_append_raw(out, "{\"status\":\"success\",");
    json_append_bytes(out, "key", exchange->key);
    json_append_raw(out, ",");
    append_version(out, &version);
    json_append_raw(out, ",\"conflicts\":[");
    struct cursor in = cursor_of(reply->versions);
    for (bool first = true; version_entry_next(&in, &version); first = false) {
        buf_append_format(out, first ? "{" : ",{");
        append_version(out, &version);
        json_append_raw(out, "}");
    }
    json_append_raw(out, "]}");
    say_version(exchange, reply, conflicts);
}

// Whether a header Accept names JSON itself, with or without parameters.
static bool accepts_json(struct slice accept)
{
    static const char json[] = "application/json";
    const size_t length = sizeof json - 1;
    for (size_t i = 0; i + length <= accept.length; i++) {
        bool begins = i == 0 || accept.bytes[i - 1] == ',' || accept.bytes[i - 1] == ' ';
        bool ends = i + length == accept.length || accept.bytes[i + length] == ',' ||
                    accept.bytes[i + length] == ';' || accept.bytes[i + length] == ' ';
        if (begins && ends && strncasecmp((const char *)accept.bytes + i, json, length) == 0)
            return true;
    }
    return false;
}

static bool take_format(struct exchange *exchange, bool *json)
{
    struct slice text = exchange_argument(exchange, "format");
    *json = text.bytes != NULL || accepts_json(exchange_header(exchange, "Accept"));
    if (text.bytes == NULL || slice_equal(text, slice_of_text("json")))
        return true;
    exchange_fail(exchange, 400, "invalid", "the format must be json; without it, the bytes come");
    return false;
}

static bool take_view(struct exchange *exchange, bool *only_stable)
{
    struct slice text = exchange_argument(exchange, "view");
    *only_stable = slice_equal(text, slice_of_text("stable"));
    if (text.bytes == NULL || *only_stable || slice_equal(text, slice_of_text("latest")))
        return true;
    exchange_fail(exchange, 400, "invalid", "the view must be latest or stable");
    return false;
}

static bool refuse_consistency(struct exchange *exchange)
{
    if (exchange_argument(exchange, "consistency").bytes == NULL)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "consistency is for strong keyspaces, and this one is optimistic: choose "
                  "view=latest or view=stable");
    return false;
}

void ask_optimistic_get(struct exchange *exchange, struct request *request)
{
    bool json = false;
    if (!refuse_consistency(exchange) || !take_view(exchange, &request->only_stable) ||
        !take_format(exchange, &json))
        return;
    exchange->only_stable = request->only_stable;
    exchange_ask(exchange, request, json ? respond_json : respond_bytes);
}

// --- writing

static void fail_write(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_DENIED)
        exchange_fail(exchange, 403, "denied",
                      "this keyspace is signed: this node writes only keys that begin with the "
                      "fingerprint of the author that it signs for");
    else if (reply->error == ERR_INVALID)
        exchange_fail(exchange, 400, "invalid", "this keyspace does not hold such keys or values");
    else if (reply->error == ERR_TOO_LARGE)
        exchange_fail(exchange, 413, "too_large",
                      "the value is too large, or replaces too many versions at once");
    else
        exchange_fail_reply(exchange, reply);
}

static void respond_put(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        fail_write(exchange, reply);
        return;
    }
    exchange_empty(exchange, reply->existed ? 204 : 201);
    exchange->answer.tag = reply->stamp;
}

static void respond_delete(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found", "there is no such key: nothing was deleted");
    else if (reply->error != ERR_OK)
        fail_write(exchange, reply);
    else
        exchange_empty(exchange, 204);
}

// Seconds, as digits; 0 for what is none, or too long a time.
static uint64_t read_ttl(struct slice text)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return 0;
        seconds = seconds * 10 + (uint64_t)(text.bytes[i] - '0');
        if (seconds > REQUEST_TTL_S_MAX)
            return 0;
    }
    return seconds;
}

// When what is put expires: reckoned here, once, from the time at which it was asked.
static bool take_ttl(struct exchange *exchange, struct request *request)
{
    struct slice text = exchange_argument(exchange, "ttl");
    if (text.bytes == NULL)
        return true;
    if (request->kind != REQUEST_PUT) {
        exchange_fail(exchange, 400, "invalid",
                      "ttl is for a put, and this is a delete: leave it out");
        return false;
    }
    uint64_t seconds = read_ttl(text);
    if (seconds == 0) {
        exchange_fail(exchange, 400, "invalid",
                      "the ttl must be an integer from 1 to %u, in seconds; leave it out for what "
                      "is to stay",
                      REQUEST_TTL_S_MAX);
        return false;
    }
    request->expiry_ms = request->now_ms + seconds * 1000;
    return true;
}

void ask_optimistic_write(struct exchange *exchange, struct request *request)
{
    // It could not be kept: this node alone takes the write, and remembers no ids.
    if (exchange_header(exchange, "Idempotency-Key").bytes != NULL) {
        exchange_fail(exchange, 400, "invalid",
                      "an optimistic keyspace takes no Idempotency-Key: use If-Match or "
                      "If-None-Match");
        return;
    }
    if (!take_ttl(exchange, request))
        return;
    exchange_ask(exchange, request, request->kind == REQUEST_PUT ? respond_put : respond_delete);
}
