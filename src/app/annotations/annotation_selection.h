// The page of annotations that answers a query, found by offering everything there is.
//
// Promise: once all was offered, in any order, it holds those that match, behind the query's
// cursor, from the first on without a gap: at most the query's limit, and not many more bytes than
// ANNOTATION_SELECTION_BYTES_MAX, whatever was offered.
//
// Invariants
//  1. The items are in the query's order.
//  2. What was dropped for lack of room comes behind all of them, and nothing that comes behind
//     what was dropped is taken any more.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_SELECTION_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_SELECTION_H

#include "app/annotations/annotation_entry.h"
#include "app/annotations/annotation_query.h"

#define ANNOTATION_SELECTION_BYTES_MAX (4u << 20)

struct annotation_selection {
    const struct annotation_query *query; // borrowed
    struct selected **items;              // owned
    size_t count;
    size_t bytes;
    bool dropped; // something had to go: there are more pages
    struct annotation_place bound;
    uint64_t total;      // all that match, on whichever page
    uint64_t muted;      // that match but for their muted authors
    uint64_t unreadable; // what is stored as annotations and is none
};

void annotation_selection_init(struct annotation_selection *selection,
                               const struct annotation_query *query);
void annotation_selection_release(struct annotation_selection *selection);

// One key of a scan of a channel; copied if it is taken.
void annotation_selection_offer(struct annotation_selection *selection, struct slice channel,
                                const struct scan_entry *scanned);

// Gives {"annotations": [...], "total": ..., "muted": ..., "unreadable": ..., "cursor": "..."},
// with null for a cursor on the last page.
json_t *annotation_selection_to_json(const struct annotation_selection *selection);

#endif
