// Which operations go into a bundle: all that a peer has and whoever it is for was not said to
// know.
//
// Promise
//  1. The close claims nothing that the bundle does not carry (rule R11, for a session without an
//     answer): each header that stood in the space when the close was written, and that `since` has
//     not, is in the bundle. So a bundle is written in portions, while the space lives on.
//  2. A space that was damaged meanwhile gives what it has, and claims nothing (rule R17): nor does
//     one to which an audit gave back what had been walked past.
//
// Memory is by what is known, not by what is carried. It does not wait until operations are durable
// here: who needs that, asks for the bundle when they are.
#ifndef BRUSIO_CORE_EPIDEMIC_BUNDLE_EXPORT_H
#define BRUSIO_CORE_EPIDEMIC_BUNDLE_EXPORT_H

#include "core/epidemic/bundle.h"
#include "core/epidemic/space.h"

struct bundle_export {
    struct space *space; // borrowed
    struct bundle_writer writer;
    struct knowledge done;   // `since`, and what was walked of what is known here
    struct knowledge strays; // what was walked of bare headers that are not known here
    struct knowledge plan;   // the walk under way
    bool plan_is_stray;
    struct dot next;     // where it goes on
    uint64_t operations; // written so far
    bool over;
    // Something may be missing of what was walked: the close claims nothing. Set here while the
    // space is damaged, and to be set by the caller when an audit gave anything back meanwhile.
    bool is_unsure;
};

// Appends the header, which must name the space (checked), to `out`. Errors as bundle_write_header;
// then nothing is to be released.
WARN_UNUSED enum err bundle_export_begin(struct bundle_export *export, struct space *space,
                                         const struct bundle_header *header, struct buf *out);
void bundle_export_release(struct bundle_export *export);

// Appends operations to `out` until it has `budget_bytes` (at least 1) more, or an operation past
// that; after the last one the close, with `stability`, the bytes of the newest record that is here
// (or none). Then the bundle is over. `out` needs room for the budget, for BUNDLE_PART_BYTES_MAX
// and for the sum. ERR_TOO_LARGE: for `out`, or past the bounds of knowledge; ERR_CORRUPT, ERR_IO
// of the store: after any error, there is no bundle.
WARN_UNUSED enum err bundle_export_next(struct bundle_export *export, size_t budget_bytes,
                                        struct slice stability, struct buf *out);

#endif
