// Listings: one page, from the cursor on, over the slots that this node serves without a gap.
//
// A page ends before a slot that this node does not serve, and before one with a record in flight;
// when it would begin at such a record, the request waits for that. So each key of a listing is as
// fresh as a read of it.

#include "base/check.h"
#include "core/strong/strong_parts.h"

enum { VISITS_MAX = 65536, PAGE_BYTES_MAX = 1u << 20 };

struct page {
    const struct request *request;
    struct buf entries;
    unsigned count;
    unsigned visits;
    bool full;
    uint16_t last_slot;
    struct buf last_key;
};

static bool has_prefix(struct slice key, struct slice prefix)
{
    return key.length >= prefix.length && slice_equal(slice_of(key.bytes, prefix.length), prefix);
}

static bool visit(void *context, struct slice name, struct slice value)
{
    struct page *page = context;
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    struct record record;
    if (!store_key_parse(name, &keyspace, &slot, &key) || record_decode(value, &record) != ERR_OK)
        return true;
    page->last_slot = slot;
    buf_clear(&page->last_key);
    buf_append_slice(&page->last_key, key);
    if (!record.dead && has_prefix(key, page->request->prefix)) {
        struct list_entry entry = {
            .key = key, .stamp = record.stamp, .value_bytes = record.value.length};
        list_entry_append(&page->entries, &entry);
        page->count++;
    }
    page->visits++;
    page->full = page->count >= page->request->limit || page->visits >= VISITS_MAX ||
                 page->entries.length >= PAGE_BYTES_MAX;
    return !page->full;
}

// A flight in the lowest slot from the cursor on that has one; NULL when there is none.
static struct flight *first_in_flight(const struct strong *strong, const struct request *request)
{
    struct flight *first = NULL;
    for (struct flight *flight = flights_next(&strong->flights, NULL); flight != NULL;
         flight = flights_next(&strong->flights, flight)) {
        bool concerned = flight->keyspace == request->keyspace &&
                         flight->slot >= request->cursor.slot && !flight->kept &&
                         has_prefix(flight_key(flight), request->prefix) &&
                         (flight->slot > request->cursor.slot ||
                          slice_compare(flight_key(flight), request->cursor.key) > 0);
        if (concerned && (first == NULL || flight->slot < first->slot))
            first = flight;
    }
    return first;
}

static unsigned first_not_served(const struct strong *strong, const struct request *request)
{
    unsigned slot = request->cursor.slot;
    while (slot < SLOTS && strong_serves(strong, request->keyspace, (uint16_t)slot))
        slot++;
    return slot;
}

static void scan_page(struct strong *strong, struct effects *effects, uint64_t handle,
                      struct page *page, unsigned end_slot)
{
    const struct request *request = page->request;
    struct store_key first;
    struct store_key end;
    store_key_make(&first, request->keyspace, request->cursor.slot, request->cursor.key);
    store_key_make(&end, request->keyspace, end_slot, slice_of(NULL, 0));
    if (request->cursor.key.length > 0)
        first.bytes[first.length++] = 0; // just after the key that was told last
    struct reply reply = {.error = strong->data->ops->scan(strong->data->self, STORE_RECORDS,
                                                           store_key_slice(&first),
                                                           store_key_slice(&end), visit, page)};
    reply.entries = buf_slice(&page->entries);
    reply.cursor.slot = page->full ? page->last_slot : (uint16_t)end_slot;
    if (page->full)
        reply.cursor.key = buf_slice(&page->last_key);
    strong->answer(strong->answer_context, effects, handle, &reply);
}

void listing_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request)
{
    unsigned end_slot = first_not_served(strong, request);
    if (end_slot == request->cursor.slot && end_slot < SLOTS) {
        strong->answer(strong->answer_context, effects, handle,
                       &(struct reply){.error = ERR_RETRY});
        return;
    }
    struct flight *flight = first_in_flight(strong, request);
    if (flight != NULL && flight->slot == request->cursor.slot) {
        struct pending *pending = pendings_add(&strong->pendings, handle, request, now_us);
        list_append(&flight->waiting, &pending->link);
        return;
    }
    if (flight != NULL && flight->slot < end_slot)
        end_slot = flight->slot;
    struct page page = {.request = request};
    buf_init(&page.entries, PAGE_BYTES_MAX + KEY_BYTES_MAX + RECORD_OVERHEAD_MAX);
    buf_init(&page.last_key, KEY_BYTES_MAX);
    scan_page(strong, effects, handle, &page, end_slot);
    buf_release(&page.entries);
    buf_release(&page.last_key);
}
