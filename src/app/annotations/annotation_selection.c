#include "app/annotations/annotation_selection.h"

#include "app/annotations/members.h"
#include "base/check.h"

#include <stdlib.h>

struct selected {
    struct annotation_place place;
    size_t length;
    uint8_t versions[];
};

void annotation_selection_init(struct annotation_selection *selection,
                               const struct annotation_query *query)
{
    *selection = (struct annotation_selection){.query = query};
    // One more than the limit, for what is taken before the last one goes.
    selection->items = memory_zeroed(query->limit + 1, sizeof *selection->items);
}

void annotation_selection_release(struct annotation_selection *selection)
{
    for (size_t i = 0; i < selection->count; i++)
        free(selection->items[i]);
    free(selection->items);
    *selection = (struct annotation_selection){.query = NULL};
}

// Whether the place can be on this page.
static bool is_wanted(const struct annotation_selection *selection,
                      const struct annotation_place *place)
{
    const struct annotation_query *query = selection->query;
    if (annotation_query_goes_on(query) &&
        annotation_query_compare(query, place, &query->after) <= 0)
        return false;
    return !selection->dropped || annotation_query_compare(query, place, &selection->bound) < 0;
}

// How many items come before the place.
static size_t find(const struct annotation_selection *selection,
                   const struct annotation_place *place)
{
    size_t low = 0;
    size_t high = selection->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (annotation_query_compare(selection->query, &selection->items[middle]->place, place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct annotation_selection *selection, const struct annotation_place *place,
                   struct slice versions)
{
    struct selected *item = memory_new(sizeof *item + versions.length);
    size_t at = find(selection, place);
    struct selected **slot = &selection->items[at];
    item->place = *place;
    item->length = versions.length;
    memcpy(item->versions, versions.bytes, versions.length);
    memmove(slot + 1, slot, (selection->count - at) * sizeof *slot);
    *slot = item;
    selection->count++;
    selection->bytes += item->length;
}

static void drop_last(struct annotation_selection *selection)
{
    struct selected *last = selection->items[--selection->count];
    selection->bytes -= last->length;
    selection->bound = last->place;
    selection->dropped = true;
    free(last);
}

void annotation_selection_offer(struct annotation_selection *selection, struct slice channel,
                                const struct scan_entry *scanned)
{
    struct annotation_entry entry;
    if (annotation_entry_of_scan(channel, scanned, &entry) != ERR_OK) {
        selection->unreadable++;
        return;
    }
    if (!annotation_query_matches(selection->query, &entry.annotation))
        return;
    if (annotation_query_is_muted(selection->query, entry.annotation.id.author)) {
        selection->muted++;
        return;
    }
    selection->total++;
    struct annotation_place place = annotation_query_place(selection->query, &entry.annotation);
    if (!is_wanted(selection, &place))
        return;
    insert(selection, &place, scanned->versions);
    while (selection->count > selection->query->limit ||
           (selection->count > 1 && selection->bytes > ANNOTATION_SELECTION_BYTES_MAX))
        drop_last(selection);
}

static json_t *item_to_json(const struct selected *item)
{
    struct annotation_entry entry;
    struct buf key;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, &item->place.id);
    struct scan_entry scanned = {.key = buf_slice(&key),
                                 .versions = slice_of(item->versions, item->length)};
    struct slice channel = slice_of(item->place.channel, item->place.channel_length);
    CHECK(annotation_entry_of_scan(channel, &scanned, &entry) == ERR_OK);
    json_t *json = annotation_entry_to_json(&entry);
    buf_release(&key);
    return json;
}

static json_t *cursor_to_json(const struct annotation_selection *selection)
{
    struct buf cursor;
    if (!selection->dropped)
        return json_null();
    buf_init(&cursor, ANNOTATION_CURSOR_BYTES_MAX);
    annotation_query_append_cursor(selection->query, &selection->items[selection->count - 1]->place,
                                   &cursor);
    json_t *json = members_string("", buf_slice(&cursor));
    buf_release(&cursor);
    return json;
}

json_t *annotation_selection_to_json(const struct annotation_selection *selection)
{
    json_t *object = json_object();
    json_t *items = json_array();
    CHECK(object != NULL);
    members_put(object, "annotations", items);
    for (size_t i = 0; i < selection->count; i++)
        members_append(items, item_to_json(selection->items[i]));
    members_put(object, "total", json_integer((json_int_t)selection->total));
    members_put(object, "muted", json_integer((json_int_t)selection->muted));
    members_put(object, "unreadable", json_integer((json_int_t)selection->unreadable));
    members_put(object, "cursor", cursor_to_json(selection));
    return object;
}
