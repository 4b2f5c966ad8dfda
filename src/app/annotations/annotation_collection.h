// Many annotations in one document: an AnnotationCollection or an AnnotationPage of the W3C Web
// Annotation Data Model (section 5), for export and import.
//
//     {"@context": "http://www.w3.org/ns/anno.jsonld", "id": "<id>",
//      "type": "AnnotationCollection", "total": 2,
//      "first": {"id": "<id>#1", "type": "AnnotationPage", "startIndex": 0, "items": [...]}}
//
// Promise: what was added comes out in the same order, each item as annotation_from_jsonld reads
// it. A document holds at most ANNOTATION_ITEMS_MAX; what is more goes into further pages.
//
// Read strictly, as the annotations are. It does not follow "next" or "first" to other documents.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_COLLECTION_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_COLLECTION_H

#include "app/annotations/annotation.h"

#include <jansson.h>

#define ANNOTATION_ITEMS_MAX 10000

// What is written of a page beside its items. Ids are URLs or URNs, in UTF-8; all are borrowed.
struct annotation_page {
    const char *id;
    const char *collection; // of which it is a part
    uint64_t total;         // of the collection
    uint64_t start;         // the place of the first item in the collection, from 0
    const char *next;       // the id of the next page, or NULL
};

// Give a document without items; its one page is in it.
json_t *annotation_collection_new(const char *id);
json_t *annotation_page_new(const struct annotation_page *page);

// Adds an item to either, and counts it in the collection's total. The annotation is one that
// annotation_check accepts. ERR_FULL when ANNOTATION_ITEMS_MAX are there.
WARN_UNUSED enum err annotation_collection_add(json_t *document,
                                               const struct annotation *annotation);

// The items of a document: a collection with its one page in it, a page, or a single annotation.
struct annotation_items {
    const json_t *document; // borrowed
    const json_t *array;    // NULL when the document is the one item
    size_t count;           // at most ANNOTATION_ITEMS_MAX
};

// The document's own fields are checked, the items are not. ERR_INVALID or ERR_TOO_LARGE with
// `problem`.
WARN_UNUSED enum err annotation_items_of(const json_t *document, struct annotation_items *out,
                                         struct errmsg *problem);

// Reads item `index`, below the count; in `problem` it is named by its number from 1. `out` borrows
// from the document.
WARN_UNUSED enum err annotation_items_read(const struct annotation_items *items, size_t index,
                                           struct annotation *out, struct errmsg *problem);

#endif
