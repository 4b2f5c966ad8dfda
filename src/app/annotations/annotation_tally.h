// What is in a channel, in numbers.
//
// Promise: of what was added, each key counts once: as an annotation, or as unreadable.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_TALLY_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_TALLY_H

#include "app/annotations/annotation_entry.h"

struct annotation_tally {
    uint64_t annotations;
    uint64_t conflicts;   // annotations with versions in conflict
    uint64_t modified_ms; // the newest change; 0 without annotations
    uint64_t unreadable;
};

void annotation_tally_add(struct annotation_tally *tally, struct slice channel,
                          const struct scan_entry *scanned);

// Gives {"name": "<channel>", "annotations": ..., "conflicts": ..., "unreadable": ...,
// "modified": "<time>"}, with null for a time when there are none.
json_t *annotation_tally_to_json(const struct annotation_tally *tally, struct slice channel);

#endif
