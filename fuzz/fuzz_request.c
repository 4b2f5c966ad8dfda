// Any bytes decode to a request, a reply, a listing, a list of versions or a scan, or to an error;
// each of these has one encoding.
#include "base/check.h"
#include "model/request.h"

static void try_request(struct slice bytes, struct buf *again)
{
    struct request request;
    if (request_decode(bytes, &request) != ERR_OK)
        return;
    CHECK(request_check(&request) == ERR_OK);
    buf_clear(again);
    request_encode(again, &request);
    CHECK(slice_equal(buf_slice(again), bytes));
}

static void try_reply(struct slice bytes, struct buf *again)
{
    struct reply reply;
    if (reply_decode(bytes, &reply) != ERR_OK)
        return;
    buf_clear(again);
    reply_encode(again, &reply);
    CHECK(slice_equal(buf_slice(again), bytes));
}

static void try_entries(struct slice bytes, struct buf *again)
{
    struct cursor in = cursor_of(bytes);
    struct list_entry entry;
    buf_clear(again);
    while (list_entry_next(&in, &entry))
        list_entry_append(again, &entry);
    CHECK(in.failed || slice_equal(buf_slice(again), bytes));
}

static void try_versions(struct slice bytes, struct buf *again)
{
    struct cursor in = cursor_of(bytes);
    struct version_entry entry;
    buf_clear(again);
    while (version_entry_next(&in, &entry))
        version_entry_append(again, &entry);
    CHECK(in.failed || slice_equal(buf_slice(again), bytes));
}

static void try_scan(struct slice bytes, struct buf *again)
{
    struct cursor in = cursor_of(bytes);
    struct scan_entry entry;
    buf_clear(again);
    while (scan_entry_next(&in, &entry))
        scan_entry_append(again, &entry);
    CHECK(in.failed || slice_equal(buf_slice(again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct buf again;
    buf_init(&again, length + 1);
    try_request(slice_of(bytes, length), &again);
    try_reply(slice_of(bytes, length), &again);
    try_entries(slice_of(bytes, length), &again);
    try_versions(slice_of(bytes, length), &again);
    try_scan(slice_of(bytes, length), &again);
    buf_release(&again);
    return 0;
}
