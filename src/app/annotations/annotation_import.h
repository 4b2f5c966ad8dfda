// What becomes of the annotations of a document that an author brings in.
//
// Promise: an author's own annotations come back under their ids, so that bringing a document in
// twice changes nothing the second time; those of others are left out, for nobody can sign for
// another, or, with `as_own`, become the author's own: under ids that follow from the author and
// the original, with the times and all else as they were.
//
// It does not write, and does not keep who the original author was.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_IMPORT_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_IMPORT_H

#include "app/annotations/annotation_collection.h"

struct annotation_import {
    struct annotation_items items; // borrows from the document
    struct signing_key author;     // who brings them in
    struct slice channel;          // all must be of this one; borrowed; no bytes: of any
    bool as_own;
};

// Item `index`, below the count, as it is to be written; `*ours` is false when it is another's, and
// left out. `out` borrows from the document. ERR_INVALID or ERR_TOO_LARGE with `problem`, which
// names the item.
WARN_UNUSED enum err annotation_import_read(const struct annotation_import *import, size_t index,
                                            struct annotation *out, bool *ours,
                                            struct errmsg *problem);

// Whether it is newer than what is stored under its id.
bool annotation_import_is_news(const struct annotation *annotation,
                               const struct annotation *stored);

#endif
