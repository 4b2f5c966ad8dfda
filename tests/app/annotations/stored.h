// One key of a channel "films" as a scan gives it, put together version by version.
#ifndef BRUSIO_TESTS_APP_ANNOTATIONS_STORED_H
#define BRUSIO_TESTS_APP_ANNOTATIONS_STORED_H

#include "app/annotations/annotation_entry.h"

struct stored {
    struct annotation_id id;
    struct buf key;
    struct buf versions;
};

void stored_init(struct stored *stored);
void stored_release(struct stored *stored);

// Adds a version of stamp (counter, 1): of an annotation, of one with this text, or of any bytes.
void stored_add(struct stored *stored, uint64_t counter, const struct annotation *annotation,
                bool is_stable);
void stored_say(struct stored *stored, uint64_t counter, const char *text, bool is_stable);
void stored_put(struct stored *stored, uint64_t counter, struct slice value, bool is_stable);

// Borrows from `stored`.
struct scan_entry stored_scan(struct stored *stored);

#endif
