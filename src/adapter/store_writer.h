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

// Nor when it may need more than one part in so many of the free pages: what it frees can be used
// two transactions later.
#define STORE_GROUP_FREE_SHARE 4u

struct store_writer_config {
    const struct store_env *env;
    uint64_t size_bytes_max; // of pages in use

    // With a first save behind it; NULL: each group is synced before it ends.
    struct store_steady *steady;

    // With `steady`: how long after the first unsynced group a sync begins.
    uint64_t sync_interval_ms;

    size_t backlog_bytes_max;
    void (*notify)(void *context);
    void *context;
};

// What is left, and what waits to take of it.
struct store_writer_room {
    struct store_space space;
    struct store_load waiting; // of the batches given and not ended
    bool failed;
};

// Every batch up to number `durable` ended well; those after it, up to number `ended`, with
// `error`.
struct store_progress {
    uint64_t durable;
    uint64_t ended;
    enum err error;
};

struct store_writer;

// Borrows what `config` points to. Gives a running writer; ERR_IO when no thread can be started, or
// an error of measuring what is left.
WARN_UNUSED enum err store_writer_start(const struct store_writer_config *config,
                                        struct store_writer **out, struct errmsg *detail);

// Takes `batch`, whose number is set, and gives an empty one in return. Waits while too much is
// waiting.
struct store_batch *store_writer_give(struct store_writer *writer, struct store_batch *batch);

struct store_progress store_writer_progress(struct store_writer *writer);

// The bytes of the batches given and not ended.
size_t store_writer_backlog_bytes(struct store_writer *writer);

// As of the last transaction; the file system as of at most STORE_ROOM_STALE_MS before it, or
// before now while room is not plenty.
struct store_writer_room store_writer_room(struct store_writer *writer);

// Ends what was given and then the thread, and frees the writer; returns the error that stopped
// writing, if any.
enum err store_writer_stop(struct store_writer *writer);

#endif
