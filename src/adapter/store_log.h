// The write-ahead log of a store: two files that it alternates between, and the mark that says how
// to read them.
//
// Promise
//  1. A record is in the log, in the kernel's hands, when store_log_append has returned well.
//  2. Records never change; a file is emptied as a whole, when the store beneath has all of it.
//
// Invariants
//  1. While records are appended the mark is there, synced, with this log's seed.
//  2. The numbers of the records of one file follow one another, and those of the file that takes
//     records come after those of the other one.
//
// It syncs nothing of what is appended, and knows nothing of the store beneath.
#ifndef BRUSIO_ADAPTER_STORE_LOG_H
#define BRUSIO_ADAPTER_STORE_LOG_H

#include "adapter/log_file.h"
#include "adapter/log_mark.h"
#include "adapter/log_replay.h"

#define STORE_LOG_FILE_0 "brusio.log.0"
#define STORE_LOG_FILE_1 "brusio.log.1"

struct store_log {
    struct files files;
    uint8_t boot[LOG_MARK_BOOT_BYTES];
    struct log_mark former; // what was found when the log was opened
    struct log_file logs[LOG_FILES];
    unsigned active; // the file that takes records
    uint64_t seed;
};

// Opens what a former log left, in a directory that nobody else uses; ended by store_log_close,
// also after an error. `boot` as for log_mark_read. ERR_CORRUPT (the mark is damaged, or missing
// beside a log), ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_log_open(const struct files *files, const uint8_t *boot,
                                    struct store_log *out);

// Visits what the former log has from record `first` on, as log_replay. Also ERR_CORRUPT (a file
// too long to be a log) or ERR_IO.
WARN_UNUSED enum err store_log_replay(const struct store_log *log, uint64_t first, log_visit *visit,
                                      void *context, bool *out_gap);

// Drops all records, for good, and begins a new log. `seed` is random. ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_log_begin(struct store_log *log, uint64_t seed);

// As log_file_append.
WARN_UNUSED enum err store_log_append(struct store_log *log, uint64_t sequence, struct slice ops);

// From now on the other file, which is empty, takes the records.
void store_log_turn(struct store_log *log);

// Empties the file that took records before the last turn. ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_log_cut(struct store_log *log);

// Removes the files, as far as it can; what is left reads as what it is.
void store_log_remove(struct store_log *log);

// Safe on zeros.
void store_log_close(struct store_log *log);

#endif
