// The small file that says that a write-ahead log is in use: in which run of the machine it is
// written, and the seed of its records.
//
// Promise: it is there, synced, before the first record, and goes when the store beneath has all of
// them.
//
// It does not tell whether the log holds anything.
#ifndef BRUSIO_ADAPTER_LOG_MARK_H
#define BRUSIO_ADAPTER_LOG_MARK_H

#include "adapter/store_directory.h"

#define LOG_MARK_FILE "brusio.log"

struct log_mark {
    bool present;
    bool same_boot; // the log was written in this run of the machine
    uint64_t seed;
};

// No file gives OK and not `present`. ERR_CORRUPT or ERR_IO.
WARN_UNUSED enum err log_mark_read(const struct store_directory *directory, struct log_mark *out,
                                   struct errmsg *detail);

// Chooses a new seed, writes the file for this run of the machine, and gives the seed. ERR_FULL or
// ERR_IO.
WARN_UNUSED enum err log_mark_write(const struct store_directory *directory, uint64_t *out_seed,
                                    struct errmsg *detail);

#endif
