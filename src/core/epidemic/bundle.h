// Operations carried by hand, as the bytes of a file: the format, both ways (rule R14).
//
// Promise
//  1. A file that was cut, or altered anywhere, is refused as a whole: it ends in a sum over all of
//     its bytes, and a reader says that it is over only after the sum was found right.
//  2. Reading is total over any bytes, takes them in portions of any size, and keeps no more in
//     memory than one part and one portion.
//
// Invariants of a bundle (a reader takes nothing else)
//  1. It has one header, any number of operations of the header's space, one close, and the sum.
//  2. The horizon of the close is within what it claims to be known.
//  3. No part takes more than BUNDLE_PART_BYTES_MAX.
//
// Which operations belong into a bundle is the business of bundle_export.h, what they do to a
// space, of bundle_import.h. The sum guards against accidents: who makes a bundle can make its sum,
// and so each operation is verified like one that came by any other way.
#ifndef BRUSIO_CORE_EPIDEMIC_BUNDLE_H
#define BRUSIO_CORE_EPIDEMIC_BUNDLE_H

#include "core/epidemic/knowledge.h"
#include "core/epidemic/operation.h"
#include "model/keyspace.h"

#define BUNDLE_VERSION 1u
// Bytes that a reader is fed with at once.
#define BUNDLE_PORTION_BYTES_MAX (1u << 20)
#define BUNDLE_PART_BYTES_MAX (64u << 20)

struct bundle_header {
    uint64_t space;
    char keyspace[KEYSPACE_NAME_BYTES_MAX + 1]; // for people; valid
    char channel[KEYSPACE_NAME_BYTES_MAX + 1];  // for people; may be empty; no control characters
    uint64_t exporter;                          // its store id
    uint64_t created_ms;                        // UTC
    struct knowledge since; // what whoever it is for was said to know; empty: nothing
};

struct bundle_close {
    struct knowledge known;
    struct knowledge horizon;
    struct slice stability; // the newest record that the exporter had, as it came; may be empty
};

// --- writing

struct bundle_writer {
    struct sha256 sum; // of all that was written
};

// Each appends to `out`: ERR_TOO_LARGE when that overflows, or past BUNDLE_PART_BYTES_MAX; then the
// bundle is spoilt. Header first, close last; the sum follows the close.
//
// ERR_INVALID for names that people could not read.
WARN_UNUSED enum err bundle_write_header(struct bundle_writer *writer,
                                         const struct bundle_header *header, struct buf *out);
// As operation_encode: the operation must be good, and `form` suit it (checked).
WARN_UNUSED enum err bundle_write_operation(struct bundle_writer *writer,
                                            const struct operation *operation,
                                            enum operation_form form, struct buf *out);
// The horizon must be within what is known (checked).
WARN_UNUSED enum err bundle_write_close(struct bundle_writer *writer,
                                        const struct bundle_close *close, struct buf *out);

// --- reading

enum bundle_part {
    BUNDLE_MORE, // the next part is not here as a whole: feed
    BUNDLE_HEADER,
    BUNDLE_OPERATION,
    BUNDLE_CLOSE,
    BUNDLE_OVER // the sum was right; nothing may follow
};

struct bundle_reader {
    struct buf pending; // bytes that were fed; the first `taken` were read
    size_t taken;
    uint64_t position;     // in the file, of the first byte that was not read
    enum bundle_part last; // what was read last; BUNDLE_MORE: nothing yet
    bool begun;            // the preamble was read
    enum err error;        // why no more is read; ERR_OK
    struct sha256 sum;     // of all that was read
    struct bundle_header header;
    struct operation operation; // the last one; its slices borrow until the next call
    enum operation_form form;
    struct bundle_close close; // to be believed only once the bundle is over
    struct buf stability;      // what close.stability borrows from
};

void bundle_reader_init(struct bundle_reader *reader);
void bundle_reader_release(struct bundle_reader *reader);
// Back to the file's beginning, whatever was read.
void bundle_reader_rewind(struct bundle_reader *reader);

// The next bytes of the file, at most BUNDLE_PORTION_BYTES_MAX (checked), once all that was fed
// before has been read, up to BUNDLE_MORE or BUNDLE_OVER (checked as far as memory is at stake).
void bundle_feed(struct bundle_reader *reader, struct slice portion);

// Reads the next part into header, operation and form, or close. ERR_VERSION: a newer program wrote
// it. ERR_CORRUPT: cut, altered, or no bundle; `position` is where the part begins that is wrong.
// After an error, the same one for ever.
WARN_UNUSED enum err bundle_read_next(struct bundle_reader *reader, enum bundle_part *out);

// To be asked once the whole file was fed and read: ERR_CORRUPT when it is not over.
WARN_UNUSED enum err bundle_read_end(struct bundle_reader *reader);

#endif
