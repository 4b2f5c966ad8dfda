// Small files that are written, read and removed as a whole.
//
// Promise: at every moment, and after a loss of power, a note is its old content or its new one.
//
// It neither checks nor understands what a note says.
#ifndef BRUSIO_ADAPTER_FILE_NOTE_H
#define BRUSIO_ADAPTER_FILE_NOTE_H

#include "base/buf.h"
#include "port/file.h"

// Appends the note's bytes to `out`. ERR_NOT_FOUND, ERR_TOO_LARGE (past the maximum of `out`),
// ERR_FULL or ERR_IO.
WARN_UNUSED enum err file_note_read(const struct files *files, const char *name, struct buf *out);

// Replaces the note, and syncs it and its name. ERR_FULL or ERR_IO: it has its old content, or the
// new one not yet synced. `name` leaves room for an ending of four bytes.
WARN_UNUSED enum err file_note_replace(const struct files *files, const char *name,
                                       struct slice content);

// Removes the note, if it is there, and syncs that. ERR_FULL or ERR_IO.
WARN_UNUSED enum err file_note_remove(const struct files *files, const char *name);

#endif
