#include "front/http/annotation_scan.h"

#include "base/check.h"

#include <stdio.h>

// Some milliseconds, for which leases and other requests wait.
enum { KEYS_PER_TURN = 64 };

static void step(struct exchange *exchange);

static struct slice channel_of(const struct annotation_scan *scan)
{
    return slice_of_text(scan->channels.items[scan->at].name);
}

static void go_on_at(struct annotation_scan *scan, const struct list_cursor *cursor)
{
    scan->cursor.slot = cursor->slot;
    scan->cursor.key = slice_of(scan->cursor_key, cursor->key.length);
    CHECK(cursor->key.length <= sizeof scan->cursor_key);
    if (cursor->key.length > 0)
        memcpy(scan->cursor_key, cursor->key.bytes, cursor->key.length);
}

static void next_channel(struct annotation_scan *scan)
{
    scan->at++;
    scan->cursor = (struct list_cursor){0};
}

static void respond(struct exchange *exchange, const struct reply *reply)
{
    struct annotation_scan *scan = exchange->work;
    struct cursor in = cursor_of(reply->entries);
    struct scan_entry scanned;
    if (reply->error != ERR_OK && reply->error != ERR_NOT_FOUND) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    while (reply->error == ERR_OK && !scan->over && scan_entry_next(&in, &scanned))
        scan->over = !scan->visit(exchange, channel_of(scan), &scanned);
    if (reply->error == ERR_NOT_FOUND || reply->cursor.slot >= SLOTS)
        next_channel(scan);
    else
        go_on_at(scan, &reply->cursor);
    exchange_later(exchange, step);
}

static void step(struct exchange *exchange)
{
    struct annotation_scan *scan = exchange->work;
    if (scan->over || scan->at >= scan->channels.count) {
        scan->end(exchange);
        return;
    }
    struct request request = {.kind = REQUEST_SCAN,
                              .keyspace = scan->family,
                              .channel = channel_of(scan),
                              .prefix = slice_of(scan->prefix, scan->prefix_length),
                              .cursor = scan->cursor,
                              .limit = KEYS_PER_TURN};
    exchange_ask(exchange, &request, respond);
}

void annotation_scan_begin(struct exchange *exchange, uint32_t family, struct slice channel)
{
    struct annotation_scan *scan = exchange->work;
    scan->family = family;
    if (channel.length == 0) {
        annotation_channels_gather(exchange, family, &scan->channels);
    } else {
        scan->channels.items = memory_zeroed(1, sizeof *scan->channels.items);
        scan->channels.count = 1;
        snprintf(scan->channels.items[0].name, sizeof scan->channels.items[0].name, "%.*s",
                 (int)channel.length, (const char *)channel.bytes);
    }
    exchange_later(exchange, step);
}

void annotation_scan_release(struct annotation_scan *scan)
{
    annotation_channels_release(&scan->channels);
}
