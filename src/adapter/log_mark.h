// The small file that says that a write-ahead log is in use: in which run of the machine it is
// written, and the seed of its records.
//
// Promise: it is there, synced, before the first record, and goes when the store beneath has all of
// them.
//
// It does not tell whether the log holds anything.
#ifndef BRUSIO_ADAPTER_LOG_MARK_H
#define BRUSIO_ADAPTER_LOG_MARK_H

#include "port/file.h"

#define LOG_MARK_FILE "brusio.log"

// Where the boot's id stands in the file, and its length.
#define LOG_MARK_BOOT_OFFSET 13u
#define LOG_MARK_BOOT_BYTES 36u

struct log_mark {
    bool present;
    bool same_boot; // the log was written in this run of the machine
    uint64_t seed;
};

// No file gives OK and not `present`. `boot` is this run's id, or zeros when it is not known, which
// no run's id equals: LOG_MARK_BOOT_BYTES. ERR_CORRUPT, ERR_FULL or ERR_IO.
WARN_UNUSED enum err log_mark_read(const struct files *files, const uint8_t *boot,
                                   struct log_mark *out);

// Writes the file for this run of the machine. ERR_FULL or ERR_IO.
WARN_UNUSED enum err log_mark_write(const struct files *files, const uint8_t *boot, uint64_t seed);

#endif
