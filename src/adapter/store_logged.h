// A store on disk for DURABILITY_INTERVAL: a write-ahead log and a table in memory before LMDB.
//
// A batch is appended to the log with one system call, on the loop's thread, and then stands in the
// hot table; no other thread has to run before it is reported. LMDB is filled behind, with what
// gathered meanwhile as one large sorted batch in which a key stands once, and the log is cut when
// LMDB has synced that.
//
// Promise: what port/store.h promises, and
//  1. Completions come from store_logged_poll alone, called on the loop's thread after `notify`.
//  2. What was reported survives the death of the process. A loss of power goes back to the state
//     after some batch, at most STORE_LOGGED_SYNC_INTERVAL_MS, and the time that syncing takes,
//     before.
//  3. One process at a time: a second one is refused, with the first one's process id.
//  4. A store that was closed without an error is an LMDB store and nothing else.
//
// Invariants
//  1. Every batch is in LMDB (flushed), or in a log and in the hot table. LMDB names, in the same
//     transaction, the last batch that it has, so that no batch is applied twice or left out.
//  2. At most one flush is under way; while it is, one log file has what it covers, and the other
//     what came since.
//  3. The hot table has at most STORE_LOGGED_HOT_BYTES_MAX, or one batch: `commit` waits.
//
// It neither retries nor repairs: after an error the store stays failed (reads go on) until it is
// opened again. LMDB's size limit shows when LMDB is filled: batches that were reported just before
// stay in the log, and the store must be opened again with a greater limit.
#ifndef BRUSIO_ADAPTER_STORE_LOGGED_H
#define BRUSIO_ADAPTER_STORE_LOGGED_H

#include "port/store.h"

#define STORE_LOGGED_SYNC_INTERVAL_MS 1000

// LMDB is filled this long after the first batch that it lacks, or when so much has gathered.
#define STORE_LOGGED_FLUSH_INTERVAL_MS 100
#define STORE_LOGGED_FLUSH_BYTES ((size_t)8 << 20)

// Less in a store with a small size limit: one part in STORE_LOGGED_HOT_SHARE of it.
#define STORE_LOGGED_HOT_BYTES_MAX ((size_t)64 << 20)
#define STORE_LOGGED_HOT_SHARE 8u

struct store_logged_config {
    const char *directory;   // made if missing; its parent must exist. Borrowed for the call
    uint64_t size_bytes_max; // of LMDB, as in store_lmdb_config

    // Called from any thread, also from inside `commit`: arrange that store_logged_poll is called
    // soon on the loop's thread.
    void (*notify)(void *context);

    store_done *done; // called by store_logged_poll
    void *context;    // given to both
};

struct store_logged;

// Gives a store, to be ended by store_logged_close; what a log holds is in LMDB then. Errors as of
// store_lmdb_open; ERR_CORRUPT also when the log is damaged before its end, ERR_FULL also when LMDB
// has no room for what it holds. `detail` (may be NULL) is for people.
WARN_UNUSED enum err store_logged_open(const struct store_logged_config *config,
                                       struct store_logged **out, struct errmsg *detail);

// The port; it lives as long as the store.
struct store store_logged_port(struct store_logged *store);

// Reports, through `done`, the batches that ended since the last poll, and begins a flush when one
// is due. `done` may use the store, but not close it.
void store_logged_poll(struct store_logged *store);

// Begins to fill LMDB with what it lacks, unless that is under way.
void store_logged_flush(struct store_logged *store);

// The bytes of the hot table: what LMDB lacks, or has not yet synced.
size_t store_logged_backlog_bytes(const struct store_logged *store);

// The machine lost power, or was reset, while the store was open: batches that were reported in the
// last moments before may be gone.
bool store_logged_rolled_back(const struct store_logged *store);

// Fills LMDB (reporting nothing more), removes the log, drops the open batch, unlocks the
// directory. After an error the log stays for the next opening. NULL is fine.
void store_logged_close(struct store_logged *store);

#endif
