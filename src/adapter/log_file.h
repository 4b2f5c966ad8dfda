// One file of a write-ahead log.
//
// Promise: after log_file_append failed the file has at most a torn record at its end, and the next
// append would write over it.
//
// Invariants
//  1. `length` counts whole records only.
//
// It does not sync: whoever needs that has the descriptor.
#ifndef BRUSIO_ADAPTER_LOG_FILE_H
#define BRUSIO_ADAPTER_LOG_FILE_H

#include "adapter/store_directory.h"

// What is read back at most; a longer file is no log of ours.
#define LOG_FILE_BYTES_MAX ((size_t)4 << 30)

struct log_file {
    int fd; // -1: not open
    uint64_t length;
};

// Opens the file `name`, and makes it, empty, when it is missing. ERR_FULL or ERR_IO. `detail` may
// be NULL, here and below.
WARN_UNUSED enum err log_file_open(const struct store_directory *directory, const char *name,
                                   struct log_file *out, struct errmsg *detail);
void log_file_close(struct log_file *log);

// Gives all bytes of the file in `*out`, to be freed, with their number in `*out_length`.
// ERR_CORRUPT (too long) or ERR_IO.
WARN_UNUSED enum err log_file_read(const struct log_file *log, uint8_t **out, size_t *out_length);

// Appends a record with one system call, unless the kernel takes less. ERR_FULL (also past the
// greatest size that the process may write) or ERR_IO.
WARN_UNUSED enum err log_file_append(struct log_file *log, uint64_t seed, uint64_t sequence,
                                     struct slice ops);

// Empties the file. ERR_IO.
WARN_UNUSED enum err log_file_clear(struct log_file *log);

#endif
