// The commit thread of a store on disk: group commit.
//
// While the thread writes some batches in one LMDB transaction, the next ones gather; it then takes
// all that wait at once (up to the maxima below), so that the cost of a sync is shared by however
// many came meanwhile.
//
// Promise
//  1. Batches are written in the order given, each wholly in one transaction.
//  2. After the first error nothing more is written: all later batches end with the same error.
//  3. `notify` is called after every advance of the progress, from the thread, which holds no lock
//     then.
//
// Invariants
//  1. durable <= ended <= given; once durable < ended, durable never moves again.
//  2. The bytes of batches given and not ended stay within backlog_bytes_max, or are one batch:
//     store_writer_give waits.
//
// It reports nothing itself: the loop's thread reads the progress.
#ifndef BRUSIO_ADAPTER_STORE_WRITER_H
#define BRUSIO_ADAPTER_STORE_WRITER_H

#include "adapter/store_batch.h"
#include "adapter/store_env.h"
#include "adapter/store_steady.h"

// One transaction takes no further batch once it has this much; what is larger is one batch.
#define STORE_GROUP_BYTES_MAX ((size_t)64 << 20)

struct store_writer_config {
    const struct store_env *env;

    // With a first save behind it; NULL: each group is synced before it ends.
    struct store_steady *steady;

    // With `steady`: how long after the first unsynced group a sync begins.
    uint64_t sync_interval_ms;

    size_t backlog_bytes_max;
    void (*notify)(void *context);
    void *context;
};

// Every batch up to number `durable` ended well; those after it, up to number `ended`, with
// `error`.
struct store_progress {
    uint64_t durable;
    uint64_t ended;
    enum err error;
};

struct store_writer;

// Borrows what `config` points to. Gives a running writer, or ERR_IO when no thread can be started.
WARN_UNUSED enum err store_writer_start(const struct store_writer_config *config,
                                        struct store_writer **out, struct errmsg *detail);

// Takes `batch`, whose number is set, and gives an empty one in return. Waits while too much is
// waiting.
struct store_batch *store_writer_give(struct store_writer *writer, struct store_batch *batch);

struct store_progress store_writer_progress(struct store_writer *writer);

// The bytes of the batches given and not ended.
size_t store_writer_backlog_bytes(struct store_writer *writer);

// Ends what was given and then the thread, and frees the writer; returns the error that stopped
// writing, if any.
enum err store_writer_stop(struct store_writer *writer);

#endif
