// The form of a write-ahead log: records, one for each batch, one behind the other.
//
// A record is a head (checksum, sequence number, length; each eight bytes in the machine's order,
// as in LMDB's own file) and the operations of the batch as store_batch has them.
//
// Promise: any bytes give whole records, as they were made, or none. The checksum covers the
// sequence number and the operations, and is keyed with the log's seed: neither what a former log
// left in the file nor what a user put into a value passes for a record.
//
// It reads and writes no file.
#ifndef BRUSIO_ADAPTER_LOG_RECORD_H
#define BRUSIO_ADAPTER_LOG_RECORD_H

#include "base/slice.h"

struct log_head {
    uint64_t sum;
    uint64_t sequence;
    uint64_t length; // of the operations
};

struct log_record {
    uint64_t sequence;
    struct slice ops; // borrows the log
};

// The head that stands before `ops`.
struct log_head log_head_of(uint64_t seed, uint64_t sequence, struct slice ops);

// Finds the first record at or behind `*position` of `log` whose number is at least `sequence`, and
// moves behind it; false when there is none. Bytes that are no record are passed over.
bool log_record_find(struct slice log, uint64_t seed, uint64_t sequence, size_t *position,
                     struct log_record *out);

#endif
