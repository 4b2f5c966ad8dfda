// Reading a write-ahead log back, from the two files that it alternates between.
//
// Promise: records are visited in the order of their numbers, each once, without a gap, from the
// first one that the store beneath does not have. A torn record at the end is passed over.
//
// It does not judge a gap: whoever knows whether the machine was restarted does.
#ifndef BRUSIO_ADAPTER_LOG_REPLAY_H
#define BRUSIO_ADAPTER_LOG_REPLAY_H

#include "adapter/log_record.h"
#include "base/err.h"

#define LOG_FILES 2

// Anything but ERR_OK ends the reading.
typedef enum err log_visit(void *context, const struct log_record *record);

// Visits the records of `logs` from number `first` on. `*out_gap`: records that come later were
// found behind one that is missing or damaged; they were not visited. Returns what `visit` did.
WARN_UNUSED enum err log_replay(const struct slice logs[LOG_FILES], uint64_t seed, uint64_t first,
                                log_visit *visit, void *context, bool *out_gap);

#endif
