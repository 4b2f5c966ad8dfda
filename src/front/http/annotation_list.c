// Lists of annotations: what a query selects of one channel, or of all that are kept here.
#include "app/annotations/annotation_selection.h"
#include "app/annotations/members.h"
#include "base/check.h"
#include "front/http/annotation_mutes.h"
#include "front/http/annotation_scan.h"
#include "front/http/handlers.h"

#include <stdlib.h>

struct work {
    struct annotation_scan scan;
    struct annotation_query query;
    struct annotation_selection selection;
};

static void end_work(void *context)
{
    struct work *work = context;
    annotation_scan_release(&work->scan);
    annotation_selection_release(&work->selection);
    annotation_query_release(&work->query);
    free(work);
}

static bool visit(struct exchange *exchange, struct slice channel, const struct scan_entry *scanned)
{
    struct work *work = exchange->work;
    annotation_selection_offer(&work->selection, channel, scanned);
    return true;
}

static void finish(struct exchange *exchange)
{
    struct work *work = exchange->work;
    json_t *json = json_object();
    json_t *selected = annotation_selection_to_json(&work->selection);
    CHECK(json != NULL);
    members_put(json, "status", json_string("success"));
    CHECK(json_object_update(json, selected) == 0);
    json_decref(selected);
    annotation_answer(exchange, 200, json);
}

static void begin_scan(struct exchange *exchange)
{
    struct work *work = exchange->work;
    struct slice channel = annotation_query_channel(&work->query);
    struct slice author = annotation_query_author(&work->query);
    uint32_t family;
    if (!annotation_take_family(exchange, channel, &family))
        return;
    work->scan.visit = visit;
    work->scan.end = finish;
    // Keys begin with their author.
    work->scan.prefix_length = author.length;
    if (author.length > 0)
        memcpy(work->scan.prefix, author.bytes, author.length);
    annotation_scan_begin(exchange, family, channel);
}

static void respond_mutes(struct exchange *exchange, const struct reply *reply)
{
    struct work *work = exchange->work;
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    annotation_mutes_take(&work->query, reply);
    begin_scan(exchange);
}

void handle_annotations(struct exchange *exchange)
{
    struct work *work = memory_zeroed(1, sizeof *work);
    annotation_query_init(&work->query);
    exchange->work = work;
    exchange->end_work = end_work;
    if (!annotation_take_query(exchange, &work->query))
        return;
    annotation_selection_init(&work->selection, &work->query);
    annotation_mutes_ask(exchange, slice_of(NULL, 0), respond_mutes);
}
