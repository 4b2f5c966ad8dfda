// Whole small files: read, written atomically, and the tail of a log.
//
// Promise: a file is replaced whole or not at all (written beside itself, synced, renamed); what is
// read is bounded. It does not lock.
#ifndef BRUSIO_PROG_CLI_FILE_H
#define BRUSIO_PROG_CLI_FILE_H

#include "base/buf.h"

#include <sys/types.h>

enum { FILE_PATH_BYTES_MAX = 4096, SECRET_BYTES_MAX = 4096 };

// Appends the whole file to `out`. ERR_NOT_FOUND, ERR_TOO_LARGE (past the buffer's maximum),
// ERR_IO.
WARN_UNUSED enum err file_read(struct buf *out, const char *path, struct errmsg *detail);

// Appends all of an open descriptor, such as standard input; `name` is for the message.
WARN_UNUSED enum err file_read_descriptor(struct buf *out, int descriptor, const char *name,
                                          struct errmsg *detail);

// `mode` as chmod takes it. ERR_IO.
WARN_UNUSED enum err file_write(const char *path, struct slice bytes, mode_t mode,
                                struct errmsg *detail);

// The single line of a file that holds a secret, without the line's end. ERR_INVALID when it is
// empty.
WARN_UNUSED enum err file_read_secret(char secret[SECRET_BYTES_MAX], const char *path,
                                      struct errmsg *detail);

// The last lines (at most `lines`) that were written to the file after `offset`. Empty when it
// cannot be read.
void file_tail(struct buf *out, const char *path, off_t offset, size_t lines);

// Size in bytes, 0 when there is no such file.
off_t file_size(const char *path);

// Formats a path into `path`. ERR_TOO_LARGE when it does not fit.
WARN_UNUSED enum err file_path(char path[FILE_PATH_BYTES_MAX], struct errmsg *detail,
                               const char *format, ...) __attribute__((format(printf, 3, 4)));

// `bytes` random bytes of the operating system as lower-case hexadecimal digits: 2 * `bytes` + 1
// with the NUL.
WARN_UNUSED enum err file_random_hex(char *hex, size_t bytes, struct errmsg *detail);

// Removes a directory and all that is in it; what is not there is fine.
WARN_UNUSED enum err file_remove_tree(const char *path, struct errmsg *detail);

#endif
