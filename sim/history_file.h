// Histories that clients of a real cluster recorded: one JSON object per line, one line per
// operation, in any order.
//
//   {"client": 3, "key": "a", "kind": "cas", "value": 17, "expected": "10000002a-1",
//    "start_ns": 100, "end_ns": 250, "outcome": "ok", "stamp": "10000002b-1", "existed": true}
//
//   client    a number, for people (may be left out)
//   key       text
//   kind      read, put, delete, or cas: a put with an expected stamp
//   value     of a put or cas: a number above 0, of its own among the key's puts; of a read that is
//             ok: what it saw
//   condition of a put or delete: absent, present, or stamp (then with `expected`, a stamp as
//             entity tags show it, without quotes)
//   start_ns  and end_ns, of one clock that never goes back; end_ns is null or left out when no
//             answer came
//   outcome   ok; absent (of a read or delete: nothing was there); mismatch (the condition did not
//             hold); refused (it has not taken effect and never will); unknown
//   stamp     of the version that was read or written; after a mismatch, of what was there, left
//             out when there was nothing
//   existed   whether there was a value before a put that is ok (may be left out)
//
// Promise: what history_file_read takes can be given to linear_begin and linear_end as it is; all
// else is refused with the line's number.
//
// Invariants
//  1. Operations are sorted by key; those of one key stand together, by start.
//  2. A start is not after its end, and no two puts of a key have one value.
//
// It does not judge: history_replay.h does.
#ifndef BRUSIO_SIM_HISTORY_FILE_H
#define BRUSIO_SIM_HISTORY_FILE_H

#include "base/err.h"
#include "sim/linear.h"

#define HISTORY_FILE_OPERATIONS_MAX (1u << 20)
#define HISTORY_FILE_LINE_BYTES_MAX 4096
#define HISTORY_FILE_NEVER UINT64_MAX

struct history_operation {
    char *key;
    struct linear_operation operation;
    struct linear_outcome outcome;
    uint64_t start_ns;
    uint64_t end_ns; // HISTORY_FILE_NEVER without an answer
};

struct history_file {
    struct history_operation *operations;
    uint32_t count;
    uint32_t capacity;
};

// Reads all of `in`. ERR_INVALID with the line and what is wrong with it, ERR_TOO_LARGE, ERR_IO. On
// any outcome the file is to be released.
WARN_UNUSED enum err history_file_read(struct history_file *file, FILE *in, struct errmsg *detail);
void history_file_release(struct history_file *file);

// How many operations from `first` on have the same key as that one; 0 at the end.
uint32_t history_file_run(const struct history_file *file, uint32_t first);

#endif
