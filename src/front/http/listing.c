// The keys of a keyspace, some at a time.
#include "front/http/base64.h"
#include "front/http/entity_tag.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/percent.h"
#include "front/http/target.h"

#include <inttypes.h>

enum { CURSOR_BYTES_MAX = 2 + KEY_BYTES_MAX };

// A cursor is the slot in two bytes, then the key, as base64 for URLs. `bytes` holds the key.
static bool take_cursor(struct exchange *exchange, uint8_t bytes[CURSOR_BYTES_MAX],
                        struct list_cursor *out)
{
    struct slice text = exchange_argument(exchange, "cursor");
    *out = (struct list_cursor){0};
    if (text.bytes == NULL)
        return true;
    size_t length = 0;
    if (base64url_decode(text, bytes, CURSOR_BYTES_MAX, &length) == ERR_OK && length >= 2) {
        out->slot = (uint16_t)(bytes[0] << 8 | bytes[1]);
        out->key = slice_of(bytes + 2, length - 2);
        if (out->slot < SLOTS)
            return true;
    }
    exchange_fail(exchange, 400, "invalid", "the cursor must be one that an earlier listing gave");
    return false;
}

static bool take_prefix(struct exchange *exchange, struct slice *out)
{
    struct slice text = exchange_argument(exchange, "prefix");
    size_t length = 0;
    if (text.bytes != NULL &&
        percent_decode(text, exchange->key_bytes, KEY_BYTES_MAX, &length) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid",
                      "the prefix must be percent-encoded, at most %d bytes", KEY_BYTES_MAX);
        return false;
    }
    *out = slice_of(exchange->key_bytes, length);
    return true;
}

static void append_entry(struct buf *out, const struct list_entry *entry)
{
    char tag[ENTITY_TAG_BYTES];
    entity_tag_format(entry->stamp, tag);
    json_append_raw(out, "{");
    json_append_bytes(out, "key", entry->key);
    json_append_raw(out, ",\"etag\":");
    json_append_string(out, slice_of_text(tag));
    buf_append_format(out, ",\"size\":%" PRIu64 "}", entry->value_bytes);
}

static void append_cursor(struct buf *out, const struct list_cursor *cursor)
{
    if (cursor->slot >= SLOTS) {
        json_append_raw(out, "null");
        return;
    }
    uint8_t bytes[CURSOR_BYTES_MAX] = {(uint8_t)(cursor->slot >> 8), (uint8_t)cursor->slot};
    size_t key_bytes = cursor->key.length < KEY_BYTES_MAX ? cursor->key.length : KEY_BYTES_MAX;
    if (key_bytes > 0)
        memcpy(bytes + 2, cursor->key.bytes, key_bytes);
    json_append_raw(out, "\"");
    base64url_append(out, slice_of(bytes, 2 + key_bytes));
    json_append_raw(out, "\"");
}

static void respond_list(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 64 + reply->entries.length * 3);
    json_append_raw(out, "{\"status\":\"success\",\"keys\":[");
    struct cursor in = cursor_of(reply->entries);
    struct list_entry entry;
    for (bool first = true; list_entry_next(&in, &entry); first = false) {
        if (!first)
            json_append_raw(out, ",");
        append_entry(out, &entry);
    }
    json_append_raw(out, "],\"cursor\":");
    append_cursor(out, &reply->cursor);
    json_append_raw(out, "}");
    if (in.failed)
        exchange_fail(exchange, 500, "corrupt",
                      "the node that answered sent a damaged listing: ask again");
}

// What a listing of an optimistic keyspace has not.
static bool refuse_arguments(struct exchange *exchange)
{
    if (exchange_argument(exchange, "consistency").bytes == NULL &&
        exchange_argument(exchange, "view").bytes == NULL)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "an optimistic keyspace is listed as this node has it: leave out consistency and "
                  "view");
    return false;
}

void handle_kv_list(struct exchange *exchange)
{
    struct request request = {.kind = REQUEST_LIST};
    uint8_t cursor_bytes[CURSOR_BYTES_MAX];
    struct named named;
    if (!target_limit(exchange, &request.limit) || !take_prefix(exchange, &request.prefix) ||
        !take_cursor(exchange, cursor_bytes, &request.cursor) ||
        !target_holder(exchange, exchange->rest, &named))
        return;
    if (named.strong != NULL) {
        request.keyspace = named.strong->keyspace.id;
    } else {
        if (!refuse_arguments(exchange) || target_replica(exchange, &named) == NULL)
            return;
        request.keyspace = named.optimistic->id;
        request.channel = named.channel;
    }
    exchange_ask(exchange, &request, respond_list);
}
