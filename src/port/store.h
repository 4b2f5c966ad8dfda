// An ordered map of bytes with atomic batches: what a node keeps on disk.
//
// Promise
//  1. A batch is applied whole or not at all, and batches in the order in which they were given.
//  2. When `durable` is reported for batch n, batches 1 to n survive whatever the store's
//     durability names: `commit`, the loss of power; `interval`, the death of the process (and of
//     power, after the next sync).
//  3. get and scan see every batch that was reported, and may see later ones.
//  4. After a failed batch nothing more is applied: the store stays failed until it is opened
//     again.
//  5. A value is returned as it was put, or as ERR_CORRUPT.
//  6. While `room` says STORE_ROOM_PLENTY or STORE_ROOM_LOW no batch fails with ERR_FULL, as long
//     as nobody else fills the file system in a moment and a batch is small beside the store.
//
// All functions are called from one thread, the event loop's. The store never calls back from
// inside one of these functions; completions are handed to the `store_done` of its maker from that
// same thread, later.
#ifndef BRUSIO_PORT_STORE_H
#define BRUSIO_PORT_STORE_H

#include "base/err.h"
#include "base/slice.h"

// Tables are separate ordered maps in one store; a batch may touch several.
enum store_table {
    STORE_RECORDS, // what users stored
    STORE_MARKS,   // which of these are in flight
    STORE_META,    // what the node must remember of itself
    // Of optimistic keyspaces:
    STORE_OPERATIONS, // headers and values, by origin and number
    STORE_VERSIONS,   // which operations are stored of a key
    STORE_SPACES,     // knowledge, digests, clocks
    STORE_TABLE_COUNT
};

#define STORE_KEY_BYTES_MAX 500
#define STORE_VALUE_BYTES_MAX ((8u << 20) + 4096)
#define STORE_ROOM_STALE_MS 1000

enum durability { DURABILITY_COMMIT, DURABILITY_INTERVAL };

// What is left of the store's own size limit and of the file system, whichever is less, after
// everything that was put so far has found its place.
enum store_room {
    STORE_ROOM_PLENTY, // anything is taken
    // Only the reserve is left. Refuse what users add (ERR_FULL); deletes, marks, meta, and writes
    // that were admitted elsewhere go on.
    STORE_ROOM_LOW,
    // The reserve is nearly gone, so that the next batch may fail, or the store has failed, even if
    // no batch was there to tell it. Serve no more.
    STORE_ROOM_NONE
};

// Called for each pair of a scan, in byte order of keys; borrowed bytes, valid during the call
// only. Returning false ends the scan.
typedef bool store_visit(void *context, struct slice key, struct slice value);

// Reports batches: every batch up to and including number `batch` has ended with `error` (ERR_OK,
// ERR_FULL, ERR_IO, ERR_CORRUPT). Numbers are those that `commit` gave.
typedef void store_done(void *context, uint64_t batch, enum err error);

struct store_ops {
    // Adds to the open batch. Bytes are copied. Key 1 to STORE_KEY_BYTES_MAX bytes. Deleting an
    // absent key is fine.
    void (*put)(void *store, enum store_table table, struct slice key, struct slice value);
    void (*remove)(void *store, enum store_table table, struct slice key);

    // Closes the open batch and hands it over; returns its number (1, 2, ...), which `store_done`
    // will name. An empty batch gets a number too.
    uint64_t (*commit)(void *store);

    // ERR_NOT_FOUND when absent, ERR_CORRUPT when its bytes are damaged. `out` is borrowed: valid
    // until control returns to the event loop, or the next call of get, scan or commit, whichever
    // is first.
    enum err (*get)(void *store, enum store_table table, struct slice key, struct slice *out);

    // Visits the pairs with first <= key < end (an empty `end` means to the table's end).
    // Nothing else of this store may be called from inside `visit`. ERR_CORRUPT at a damaged pair,
    // which is not visited.
    enum err (*scan)(void *store, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context);

    // For admission: cheap enough to be asked for each write, for it makes no system call. What
    // others do to the file system shows within about STORE_ROOM_STALE_MS.
    enum store_room (*room)(void *store);
};

struct store {
    const struct store_ops *ops;
    void *self;
};

#endif
