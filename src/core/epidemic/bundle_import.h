// What a bundle does to a space (rule R14).
//
// Promise
//  1. Nothing is applied of a bundle that is damaged, or of another space: the whole is read once
//     to check it, and once more to apply it.
//  2. Each operation is applied like one that a session brought. What the exporter knew is taken
//     over only when all of the bundle was applied, and all that it builds on is known here by
//     then: what the exporter left out because the receiver was said to know it, and what was
//     dropped under its horizon.
//  3. Importing a bundle again, or an old one, changes nothing.
//
// The stability record is the caller's to judge, whatever became of the close. It does not pace
// itself: the caller feeds no more while the space's overlay has much that is not durable.
#ifndef BRUSIO_CORE_EPIDEMIC_BUNDLE_IMPORT_H
#define BRUSIO_CORE_EPIDEMIC_BUNDLE_IMPORT_H

#include "core/epidemic/bundle.h"
#include "core/epidemic/space.h"

enum bundle_verdict {
    BUNDLE_APPLIED,
    BUNDLE_REFUSED, // an operation was not taken: no room, past a limit, or bad
    BUNDLE_GAP,     // this peer lacks some of `since`: of what it was said to know
    BUNDLE_BEHIND,  // this peer lacks some of the exporter's horizon
    BUNDLE_VERDICT_COUNT
};

struct bundle_import {
    struct space *space; // borrowed
    struct bundle_reader reader;
    struct sha256 checked; // the sum of the bytes that were checked
    bool is_checked;
    uint64_t outcomes[SPACE_OUTCOME_COUNT]; // of its operations
    uint64_t operations;                    // in it, once checked
};

void bundle_import_init(struct bundle_import *import, struct space *space);
void bundle_import_release(struct bundle_import *import);

// First all of the file, in portions of at most BUNDLE_PORTION_BYTES_MAX. ERR_CORRUPT, ERR_VERSION
// as bundle_read_next, `reader.position` says where; ERR_FOREIGN: a bundle of another space.
WARN_UNUSED enum err bundle_import_check(struct bundle_import *import, struct slice portion);
// Ends the check. ERR_CORRUPT when the file was cut.
WARN_UNUSED enum err bundle_import_checked(struct bundle_import *import);

// Called for operations that were news. NULL: nobody wants to know.
typedef void bundle_news(void *context, struct space *space, struct dot dot);

// Then, once more from its beginning, all of the file. Errors as above: the file is another one by
// now; what was applied stays, and nothing is claimed.
WARN_UNUSED enum err bundle_import_apply(struct bundle_import *import, struct effects *effects,
                                         struct slice portion, bundle_news *news, void *context);
// Applies the close, if it may be. ERR_CORRUPT when there was less than was checked, ERR_TOO_LARGE
// past the bounds of knowledge. From then on, until the release, `reader.header` and `reader.close`
// are those of a whole bundle.
WARN_UNUSED enum err bundle_import_close(struct bundle_import *import, struct effects *effects,
                                         enum bundle_verdict *out);

#endif
