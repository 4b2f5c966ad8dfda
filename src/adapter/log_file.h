// One file of a write-ahead log.
//
// Promise: after log_file_append failed the file has at most a torn record at its end, and the next
// append would write over it.
//
// Invariants
//  1. `length` counts whole records only.
//
// It does not sync: whoever needs that has the file.
#ifndef BRUSIO_ADAPTER_LOG_FILE_H
#define BRUSIO_ADAPTER_LOG_FILE_H

#include "port/file.h"

// What is read back at most; a longer file is no log of ours.
#define LOG_FILE_BYTES_MAX ((size_t)4 << 30)

struct log_file {
    struct files files;
    struct file *file; // NULL: not open
    uint64_t length;
};

// Opens the file `name`, and makes it, empty, when it is missing. ERR_FULL or ERR_IO, as below.
WARN_UNUSED enum err log_file_open(const struct files *files, const char *name,
                                   struct log_file *out);
void log_file_close(struct log_file *log);

// Gives all bytes of the file in `*out`, to be freed, with their number in `*out_length`. Also
// ERR_CORRUPT (too long).
WARN_UNUSED enum err log_file_read(const struct log_file *log, uint8_t **out, size_t *out_length);

WARN_UNUSED enum err log_file_append(struct log_file *log, uint64_t seed, uint64_t sequence,
                                     struct slice ops);

// Empties the file.
WARN_UNUSED enum err log_file_clear(struct log_file *log);

#endif
