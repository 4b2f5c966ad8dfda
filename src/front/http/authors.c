// Muting authors.
#include "base/check.h"
#include "front/http/annotation_mutes.h"
#include "front/http/annotation_target.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"

#define MUTE_PREFIX "mute/"

enum { PREFIX_BYTES = sizeof MUTE_PREFIX - 1, DIGITS = 2 * ANNOTATION_AUTHOR_BYTES };

void annotation_mutes_ask(struct exchange *exchange, struct slice author_digits,
                          exchange_respond *respond)
{
    struct buf prefix;
    buf_init(&prefix, PREFIX_BYTES + DIGITS);
    buf_append_slice(&prefix, slice_of_text(MUTE_PREFIX));
    buf_append_slice(&prefix, author_digits);
    CHECK(!prefix.overflown);
    struct request request = {
        .kind = REQUEST_KEPT, .prefix = buf_slice(&prefix), .limit = ANNOTATION_MUTES_MAX};
    exchange_ask(exchange, &request, respond);
    buf_release(&prefix);
}

// The author's digits in a key that is kept; no bytes when it is none.
static struct slice digits_of(const struct scan_entry *kept)
{
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    if (kept->key.length != PREFIX_BYTES + DIGITS)
        return slice_of(NULL, 0);
    struct slice digits = slice_of(kept->key.bytes + PREFIX_BYTES, DIGITS);
    return annotation_author_parse(digits, author) == ERR_OK ? digits : slice_of(NULL, 0);
}

void annotation_mutes_take(struct annotation_query *query, const struct reply *reply)
{
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    struct scan_entry kept;
    struct cursor in = cursor_of(reply->entries);
    while (scan_entry_next(&in, &kept)) {
        struct slice digits = digits_of(&kept);
        if (digits.length > 0 && annotation_author_parse(digits, author) == ERR_OK)
            annotation_query_mute(query, author);
    }
}

static void respond_muted(struct exchange *exchange, const struct reply *reply)
{
    struct scan_entry kept;
    struct cursor in = cursor_of(reply->entries);
    const char *comma = "";
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 64 + reply->entries.length);
    json_append_raw(out, "{\"status\":\"success\",\"authors\":[");
    while (scan_entry_next(&in, &kept)) {
        struct slice digits = digits_of(&kept);
        if (digits.length == 0)
            continue;
        buf_append_slice(out, slice_of_text(comma));
        json_append_string(out, digits);
        comma = ",";
    }
    json_append_raw(out, "]}");
}

void handle_muted(struct exchange *exchange)
{
    if (annotation_arguments_only(exchange, NULL, 0))
        annotation_mutes_ask(exchange, slice_of(NULL, 0), respond_muted);
}

// The author whom the path names, as digits to exchange->key.
static bool take_author(struct exchange *exchange)
{
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    struct slice digits = exchange->rest;
    if (annotation_author_parse(digits, author) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid",
                      "the author must be 32 hexadecimal digits in lower case");
        return false;
    }
    memcpy(exchange->key_bytes, digits.bytes, digits.length);
    exchange->key = slice_of(exchange->key_bytes, digits.length);
    return annotation_arguments_only(exchange, NULL, 0);
}

static void respond_kept(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 96);
    json_append_raw(out, "{\"status\":\"success\",\"author\":");
    json_append_string(out, exchange->key);
    buf_append_format(out, ",\"muted\":%s}", exchange->method == METHOD_PUT ? "true" : "false");
}

// An empty value keeps nothing.
static void keep(struct exchange *exchange, const char *value)
{
    struct buf key;
    buf_init(&key, PREFIX_BYTES + DIGITS);
    buf_append_slice(&key, slice_of_text(MUTE_PREFIX));
    buf_append_slice(&key, exchange->key);
    struct request request = {
        .kind = REQUEST_KEEP, .key = buf_slice(&key), .value = slice_of_text(value)};
    exchange_ask(exchange, &request, respond_kept);
    buf_release(&key);
}

static void respond_room(struct exchange *exchange, const struct reply *reply)
{
    struct scan_entry kept;
    struct cursor in = cursor_of(reply->entries);
    unsigned others = 0;
    while (scan_entry_next(&in, &kept))
        others += !slice_equal(digits_of(&kept), exchange->key);
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else if (others >= ANNOTATION_MUTES_MAX)
        exchange_fail(exchange, 409, "full", "%u authors are muted, which is the most: unmute one",
                      ANNOTATION_MUTES_MAX);
    else
        keep(exchange, "1");
}

void handle_mute(struct exchange *exchange)
{
    if (take_author(exchange))
        annotation_mutes_ask(exchange, slice_of(NULL, 0), respond_room);
}

void handle_unmute(struct exchange *exchange)
{
    if (take_author(exchange))
        keep(exchange, "");
}
