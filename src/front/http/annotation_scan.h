// A walk over all annotations of one channel, or of all that are kept here, a page in each turn of
// the server.
//
// Promise: unless the visitor ends it, every key that is there all the time is visited once; other
// requests are answered in between. A channel that goes meanwhile is passed over.
//
// It is the first member of an exchange's work, which holds what the visitor gathers.
#ifndef BRUSIO_FRONT_HTTP_ANNOTATION_SCAN_H
#define BRUSIO_FRONT_HTTP_ANNOTATION_SCAN_H

#include "front/http/annotation_target.h"

// One key with its versions, borrowed for the visit. False ends the walk.
typedef bool annotation_visit(struct exchange *exchange, struct slice channel,
                              const struct scan_entry *scanned);

struct annotation_scan {
    uint32_t family;
    struct annotation_channels channels;
    size_t at;                 // the channel in hand
    struct list_cursor cursor; // where it goes on in that
    uint8_t cursor_key[KEY_BYTES_MAX];
    size_t prefix_length; // of the keys that are visited
    uint8_t prefix[ANNOTATION_KEY_BYTES];
    annotation_visit *visit;
    exchange_step *end; // called when it has ended
    bool over;
};

// Begins at the channel that is named, or (no bytes) goes through all, in an exchange whose work
// is `scan`, with prefix, cursor (of the first channel), visit and end set.
void annotation_scan_begin(struct exchange *exchange, uint32_t family, struct slice channel);
void annotation_scan_release(struct annotation_scan *scan);

#endif
