// A channel's annotations as a document of the Web Annotation Data Model.
//
// What fits goes into one collection; more comes page by page, each of which names the next. The
// pages of one export are those of one moment only if nothing changes meanwhile.
#include "app/annotations/annotation_collection.h"
#include "app/annotations/members.h"
#include "base/check.h"
#include "front/http/annotation_scan.h"
#include "front/http/base64.h"
#include "front/http/handlers.h"

#include <stdlib.h>

enum {
    // A document can be imported again: it is small enough for that. What is around a value takes
    // less than this much, and a character of its texts at most two.
    PAGE_BYTES = 900 << 10,
    ITEM_BYTES = 1 << 10,
    PLACE_BYTES = 8 + 2 + ANNOTATION_KEY_BYTES,
    PATH_BYTES_MAX = 512,
};

// Where a page begins.
struct place {
    uint64_t start; // so many came before
    uint16_t slot;  // goes on behind `key` in the slot; without a key, at the slot's beginning
    size_t key_length;
    uint8_t key[ANNOTATION_KEY_BYTES];
};

struct work {
    struct annotation_scan scan;
    struct annotation_target target;
    struct place from;
    struct place next;
    json_t *collection; // while it may be the whole
    uint64_t count;     // that are in it
    uint64_t total;     // that were seen behind `from`
    size_t bytes;
    bool full;
};

static void end_work(void *context)
{
    struct work *work = context;
    annotation_scan_release(&work->scan);
    json_decref(work->collection);
    free(work);
}

// The name of the whole, with a closing NUL.
static void append_whole(struct buf *out, const struct work *work)
{
    buf_append_slice(out, slice_of_text("urn:brusio:channel:"));
    buf_append(out, work->target.channel, work->target.channel_length);
    buf_append_u8(out, 0);
    CHECK(!out->overflown);
}

// The path of the page that begins there, with a closing NUL.
static void append_path(struct buf *out, const struct work *work, const struct place *place)
{
    struct buf bytes;
    buf_append_slice(out, slice_of_text("/v1/annotations/export?channel="));
    buf_append(out, work->target.channel, work->target.channel_length);
    if (place->start > 0) {
        buf_init(&bytes, PLACE_BYTES);
        buf_append_u64_be(&bytes, place->start);
        buf_append_u16_be(&bytes, place->slot);
        buf_append(&bytes, place->key, place->key_length);
        buf_append_slice(out, slice_of_text("&cursor="));
        base64url_append(out, buf_slice(&bytes));
        buf_release(&bytes);
    }
    buf_append_u8(out, 0);
    CHECK(!out->overflown);
}

static bool visit(struct exchange *exchange, struct slice channel, const struct scan_entry *scanned)
{
    struct work *work = exchange->work;
    struct annotation_entry entry;
    if (annotation_entry_of_scan(channel, scanned, &entry) != ERR_OK)
        return true;
    work->total++;
    work->full |= work->count >= ANNOTATION_ITEMS_MAX || work->bytes >= PAGE_BYTES;
    if (work->full)
        return true;
    CHECK(annotation_collection_add(work->collection, &entry.annotation) == ERR_OK);
    work->count++;
    work->bytes += entry.value.length * 2 + ITEM_BYTES;
    work->next.start = work->from.start + work->count;
    work->next.slot = slot_of_key(scanned->key);
    work->next.key_length = ANNOTATION_KEY_BYTES;
    memcpy(work->next.key, scanned->key.bytes, ANNOTATION_KEY_BYTES);
    return true;
}

// The page that holds the items, taken from the collection.
static json_t *make_page(const struct work *work)
{
    struct buf id;
    struct buf whole;
    struct buf next;
    buf_init(&id, PATH_BYTES_MAX);
    buf_init(&whole, PATH_BYTES_MAX);
    buf_init(&next, PATH_BYTES_MAX);
    append_path(&id, work, &work->from);
    append_whole(&whole, work);
    append_path(&next, work, &work->next);
    struct annotation_page page = {.id = (const char *)id.bytes,
                                   .collection = (const char *)whole.bytes,
                                   .total = work->from.start + work->total,
                                   .start = work->from.start,
                                   .next = work->full ? (const char *)next.bytes : NULL};
    json_t *json = annotation_page_new(&page);
    json_t *first = json_object_get(work->collection, "first");
    CHECK(json_object_set(json, "items", json_object_get(first, "items")) == 0);
    buf_release(&id);
    buf_release(&whole);
    buf_release(&next);
    return json;
}

static void finish(struct exchange *exchange)
{
    struct work *work = exchange->work;
    bool whole = work->from.start == 0 && !work->full;
    json_t *json = whole ? json_incref(work->collection) : make_page(work);
    annotation_answer(exchange, 200, json);
    exchange->answer.content_type =
        "application/ld+json; profile=\"http://www.w3.org/ns/anno.jsonld\"";
}

static bool take_cursor(struct exchange *exchange, struct place *out)
{
    uint8_t bytes[PLACE_BYTES];
    size_t length = 0;
    struct slice text = exchange_argument(exchange, "cursor");
    if (text.bytes == NULL)
        return true;
    if (base64url_decode(text, bytes, sizeof bytes, &length) == ERR_OK && length == PLACE_BYTES) {
        struct cursor in = cursor_of(slice_of(bytes, length));
        out->start = cursor_u64_be(&in);
        out->slot = cursor_u16_be(&in);
        out->key_length = ANNOTATION_KEY_BYTES;
        memcpy(out->key, in.next, ANNOTATION_KEY_BYTES);
        if (out->start > 0 && out->slot < SLOTS)
            return true;
    }
    exchange_fail(exchange, 400, "invalid", "the cursor must be one that an earlier page gave");
    return false;
}

static bool take_arguments(struct exchange *exchange, struct work *work)
{
    static const char *const names[] = {"channel", "cursor"};
    if (!annotation_arguments_only(exchange, names, 2) ||
        !annotation_take_channel(exchange, &work->target) || !take_cursor(exchange, &work->from))
        return false;
    if (work->target.channel_length == 0) {
        exchange_fail(exchange, 400, "invalid", "the argument \"channel\" is missing");
        return false;
    }
    return annotation_take_family(exchange,
                                  slice_of(work->target.channel, work->target.channel_length),
                                  &work->target.family);
}

void handle_annotation_export(struct exchange *exchange)
{
    struct buf id;
    struct work *work = memory_zeroed(1, sizeof *work);
    exchange->work = work;
    exchange->end_work = end_work;
    if (!take_arguments(exchange, work))
        return;
    buf_init(&id, PATH_BYTES_MAX);
    append_whole(&id, work);
    work->collection = annotation_collection_new((const char *)id.bytes);
    buf_release(&id);
    work->scan.visit = visit;
    work->scan.end = finish;
    work->scan.cursor.slot = work->from.slot;
    memcpy(work->scan.cursor_key, work->from.key, work->from.key_length);
    work->scan.cursor.key = slice_of(work->scan.cursor_key, work->from.key_length);
    annotation_scan_begin(exchange, work->target.family,
                          slice_of(work->target.channel, work->target.channel_length));
}
