// Finding one annotation by its id, in the channel that the request names or in any that is kept
// here; and writing it.
//
// Promise: what was found is given to `found` with its versions; when nothing is, the exchange is
// answered with a 404.
//
// It is the first member of an exchange's work.
#ifndef BRUSIO_FRONT_HTTP_ANNOTATION_FIND_H
#define BRUSIO_FRONT_HTTP_ANNOTATION_FIND_H

#include "front/http/annotation_target.h"

typedef void annotation_found(struct exchange *exchange, const struct annotation_entry *entry);

struct annotation_find {
    struct annotation_target target;
    struct annotation_channels channels; // where to look
    size_t at;
    annotation_found *found;
    struct buf value; // what is written
};

// Takes the id from `text` and the channel from the query. With `own` it must be of this node's
// user: else the answer is 403. Fills the work's target; false when it has answered.
bool annotation_find_target(struct exchange *exchange, struct slice text, bool own);

// Looks for the work's target.
void annotation_find_begin(struct exchange *exchange, annotation_found *found);

// The version that the If-Match header names, or else `shown`: what a change rests on.
bool annotation_find_base(struct exchange *exchange, struct stamp shown, struct stamp *out);

// Writes the annotation under its id, if the version that is shown still is `base` (zero: if there
// is none); then answers with it.
void annotation_find_write(struct exchange *exchange, const struct annotation *annotation,
                           struct stamp base);

// To be called by who ends the work.
void annotation_find_release(struct annotation_find *find);

#endif
