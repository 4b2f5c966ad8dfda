// The live feed: annotations as they are made, changed and deleted, here or elsewhere, as
// Server-Sent Events (WHATWG HTML, section 9.2).
//
//     event: annotation   data: the annotation, as in lists
//     event: deleted      data: {"id": "...", "channel": "..."}
//     event: lagged       data: {}: something was missed: read the lists again
//
// Ids are "<node>.<run>-<number>": a reader that comes back with one in Last-Event-ID, as browsers
// do, is told what it missed, or that it lagged: because this node was started again, or because
// more changed meanwhile than the node remembers.
#include "app/annotations/annotation_query.h"
#include "app/annotations/members.h"
#include "base/check.h"
#include "front/http/annotation_mutes.h"
#include "front/http/annotation_target.h"
#include "front/http/handlers.h"
#include "front/http/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANGES_PER_TURN = 64, EVENT_ID_BYTES_MAX = 64 };

struct work {
    struct annotation_query query;
    uint64_t store_id; // of this node
    uint64_t run;      // its incarnation
    uint64_t told;     // the last change that was told of, or is in hand
    bool lagged;       // something was missed
    uint32_t family;   // of the change in hand
    struct annotation_channel channel;
    struct annotation_id id;
};

static void end_work(void *context)
{
    struct work *work = context;
    annotation_query_release(&work->query);
    free(work);
}

static const struct feed *feed_of(const struct exchange *exchange)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    return epidemic != NULL ? &epidemic->feed : NULL;
}

// --- events

static void append_id(struct exchange *exchange)
{
    const struct work *work = exchange->work;
    buf_append_format(stream_out(exchange), "id: %" PRIx64 ".%" PRIx64 "-%" PRIu64 "\n",
                      work->store_id, work->run, work->told);
}

// Takes `json`.
static void append_event(struct exchange *exchange, const char *name, json_t *json)
{
    struct buf *out = stream_out(exchange);
    append_id(exchange);
    buf_append_format(out, "event: %s\ndata: ", name);
    annotation_append_json(out, json);
    buf_append_slice(out, slice_of_text("\n\n"));
}

static void tell_deleted(struct exchange *exchange)
{
    const struct work *work = exchange->work;
    json_t *json = json_object();
    CHECK(json != NULL);
    members_put(json, "id", members_id_string("", &work->id));
    members_put(json, "channel", members_string("", slice_of_text(work->channel.name)));
    append_event(exchange, "deleted", json);
}

static void respond_read(struct exchange *exchange, const struct reply *reply)
{
    const struct work *work = exchange->work;
    struct annotation_entry entry;
    struct version_entry winner = {
        .stamp = reply->stamp, .is_stable = reply->is_stable, .value = reply->value};
    if (reply->error == ERR_NOT_FOUND)
        tell_deleted(exchange);
    else if (reply->error == ERR_OK &&
             annotation_entry_read(slice_of_text(work->channel.name), &work->id, &winner,
                                   reply->versions, &entry) == ERR_OK &&
             annotation_query_matches(&work->query, &entry.annotation))
        append_event(exchange, "annotation", annotation_entry_to_json(&entry));
}

static void ask_change(struct exchange *exchange)
{
    const struct work *work = exchange->work;
    struct buf key;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, &work->id);
    struct request request = {.kind = REQUEST_READ,
                              .keyspace = work->family,
                              .channel = slice_of_text(work->channel.name),
                              .key = buf_slice(&key)};
    exchange_ask(exchange, &request, respond_read);
    buf_release(&key);
}

static void respond_muted(struct exchange *exchange, const struct reply *reply)
{
    if (reply->entries.length == 0)
        ask_change(exchange);
}

// --- changes

// Whether the change is one of an annotation that the reader wants to hear of; it is in hand then.
static bool take_change(struct exchange *exchange, const struct feed_change *change)
{
    struct work *work = exchange->work;
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    const struct replica *replica = epidemic_replica(epidemic, change->space);
    const struct cluster_map *map = host_map(exchange->gateway->host);
    const struct optimistic *family =
        map == NULL ? NULL : cluster_map_optimistic_named(map, slice_of_text(ANNOTATION_FAMILY));
    struct slice author = annotation_query_author(&work->query);
    struct slice channel = annotation_query_channel(&work->query);
    work->told = change->number;
    if (replica == NULL || family == NULL || replica->keyspace != family->id ||
        annotation_key_decode(change->key, &work->id) != ERR_OK)
        return false;
    work->family = family->id;
    memcpy(work->channel.name, replica->channel, sizeof work->channel.name);
    return (channel.length == 0 || slice_equal(channel, slice_of_text(work->channel.name))) &&
           (author.length == 0 ||
            slice_equal(author, slice_of(work->id.author, sizeof work->id.author)));
}

static void ask_muted(struct exchange *exchange)
{
    const struct work *work = exchange->work;
    struct buf text;
    buf_init(&text, ANNOTATION_ID_TEXT_BYTES);
    annotation_id_append(&text, &work->id);
    annotation_mutes_ask(exchange, slice_of(text.bytes, 2 * ANNOTATION_AUTHOR_BYTES),
                         respond_muted);
    buf_release(&text);
}

static void tell_lagged(struct exchange *exchange, uint64_t last)
{
    struct work *work = exchange->work;
    work->lagged = false;
    work->told = last;
    append_event(exchange, "lagged", json_object());
}

static void fill(struct exchange *exchange)
{
    struct work *work = exchange->work;
    const struct feed *feed = feed_of(exchange);
    struct feed_change change;
    if (work->lagged)
        tell_lagged(exchange, feed->last);
    for (unsigned i = 0; i < CHANGES_PER_TURN && exchange->asked == 0 &&
                         stream_out(exchange)->length < STREAM_BYTES;
         i++) {
        enum err error = feed_after(feed, work->told, &change);
        if (error == ERR_TOO_LARGE)
            tell_lagged(exchange, feed->last);
        if (error != ERR_OK)
            return;
        if (!take_change(exchange, &change))
            continue;
        if (work->query.shows_muted)
            ask_change(exchange);
        else
            ask_muted(exchange);
    }
}

static bool is_ready(const struct exchange *exchange)
{
    const struct work *work = exchange->work;
    const struct feed *feed = feed_of(exchange);
    return feed != NULL && (work->lagged || work->told < feed->last);
}

// --- the beginning

// Takes up where the reader was, as far as that is known.
static void take_up(struct exchange *exchange, struct work *work)
{
    struct slice text = exchange_header(exchange, "Last-Event-ID");
    char expected[EVENT_ID_BYTES_MAX];
    const struct feed *feed = feed_of(exchange);
    work->told = feed->last;
    if (text.length == 0)
        return;
    snprintf(expected, sizeof expected, "%" PRIx64 ".%" PRIx64 "-", work->store_id, work->run);
    size_t skipped = strlen(expected);
    uint64_t number = 0;
    work->lagged = true;
    if (text.length <= skipped || text.length > skipped + 19 ||
        memcmp(text.bytes, expected, skipped) != 0)
        return;
    for (size_t i = skipped; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return;
        number = number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    work->lagged = number > feed->last;
    work->told = work->lagged ? feed->last : number;
}

void handle_annotation_feed(struct exchange *exchange)
{
    static const struct stream_source source = {
        .content_type = "text/event-stream", .beat = ":\n\n", .is_ready = is_ready, .fill = fill};
    struct work *work = memory_zeroed(1, sizeof *work);
    struct host *host = exchange->gateway->host;
    annotation_query_init(&work->query);
    exchange->work = work;
    exchange->end_work = end_work;
    if (!annotation_take_query(exchange, &work->query))
        return;
    if (!annotation_query_is_filter(&work->query)) {
        exchange_fail(exchange, 400, "invalid",
                      "the feed takes channel, link, author, q and muted: it has its own order");
        return;
    }
    host_follow(host);
    if (feed_of(exchange) == NULL) {
        exchange_fail(exchange, 503, "unavailable", "this node has not begun: ask again later");
        return;
    }
    work->store_id = host_status(host).store_id;
    work->run = host_status(host).incarnation;
    take_up(exchange, work);
    if (!stream_begin(exchange, &source))
        return;
    // Without data an event is none, but its id counts.
    append_id(exchange);
    buf_append_slice(stream_out(exchange), slice_of_text("\n"));
}
