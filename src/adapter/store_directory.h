// The data directory of a store on disk: its lock, its format number, and small files replaced as a
// whole.
//
// Promise
//  1. While a store_directory is open, no other process (nor another opening in this one) can open
//     it.
//  2. A small file is, at every moment and after a loss of power, its old content or its new one.
//  3. A directory whose format is not this program's is refused and left as it is.
//
// It knows nothing of what the database beside these files holds.
#ifndef BRUSIO_ADAPTER_STORE_DIRECTORY_H
#define BRUSIO_ADAPTER_STORE_DIRECTORY_H

#include "base/buf.h"

// Raised when what is written changes its form. 2: each value carries a checksum.
#define STORE_FORMAT 2u

// What to do about a damaged directory, to end a sentence with.
#define STORE_REMEDY                                                                               \
    "start `brusiod --rebuild` to fetch its data from the other nodes, or restore it from a copy"

#define STORE_LOCK_FILE "brusio.lock"
#define STORE_FORMAT_FILE "brusio.format"

struct store_directory {
    char *path; // owned
    int fd;
    int lock_fd;
};

// Makes the directory when it is missing (its parent must exist) and locks it. ERR_LOCKED, with the
// holder's process id when that can be read, or ERR_IO. `detail` may be NULL, here and below.
WARN_UNUSED enum err store_directory_open(const char *path, struct store_directory *out,
                                          struct errmsg *detail);

// Unlocks.
void store_directory_close(struct store_directory *directory);

// Whether the format file is there (`*out_present`) and one that this program reads: otherwise
// ERR_VERSION (newer or older), ERR_CORRUPT (unreadable) or ERR_IO.
WARN_UNUSED enum err store_directory_check_format(const struct store_directory *directory,
                                                  bool *out_present, struct errmsg *detail);
WARN_UNUSED enum err store_directory_write_format(const struct store_directory *directory,
                                                  struct errmsg *detail);

// As file_note_read, file_note_replace and file_note_remove.
WARN_UNUSED enum err store_directory_read(const struct store_directory *directory, const char *name,
                                          struct buf *out, struct errmsg *detail);
WARN_UNUSED enum err store_directory_replace(const struct store_directory *directory,
                                             const char *name, struct slice content,
                                             struct errmsg *detail);
WARN_UNUSED enum err store_directory_delete(const struct store_directory *directory,
                                            const char *name, struct errmsg *detail);

#endif
