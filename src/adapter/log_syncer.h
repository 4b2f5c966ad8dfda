// The background thread of a write-ahead log: it syncs the files, and says when it is time to fill
// the store beneath.
//
// Promise
//  1. What was appended before log_syncer_touch is synced at most sync_ms + tick_ms, and the time
//     that syncing takes, later.
//  2. `tick` is called from the thread, which holds no lock then, once in tick_ms after a touch,
//     and after a failed sync.
//  3. While nothing is touched the thread sleeps.
//
// It reports the first error of syncing, and syncs nothing after it.
#ifndef BRUSIO_ADAPTER_LOG_SYNCER_H
#define BRUSIO_ADAPTER_LOG_SYNCER_H

#include "port/file.h"

#define LOG_SYNCER_FILES 2

struct log_syncer_config {
    struct files files;
    struct file *synced[LOG_SYNCER_FILES]; // borrowed until the stop
    uint64_t tick_ms;
    uint64_t sync_ms;
    void (*tick)(void *context);
    void *context;
};

struct log_syncer;

// Gives a running syncer, or ERR_IO when no thread can be started.
WARN_UNUSED enum err log_syncer_start(const struct log_syncer_config *config,
                                      struct log_syncer **out, struct errmsg *detail);

// Something was appended. Cheap when nothing slept.
void log_syncer_touch(struct log_syncer *syncer);

// ERR_OK, ERR_FULL or ERR_IO: how syncing went so far.
enum err log_syncer_error(const struct log_syncer *syncer);

// Ends the thread and frees the syncer; returns how syncing went. NULL is fine. What was appended
// last may not be synced.
enum err log_syncer_stop(struct log_syncer *syncer);

#endif
