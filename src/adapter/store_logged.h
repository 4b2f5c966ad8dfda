// A store on disk for DURABILITY_INTERVAL: a write-ahead log and a table in memory (hot_store)
// before LMDB.
//
// A batch is appended to the log with one system call, on the loop's thread; no other thread has to
// run before it is reported. One more thread syncs the log, and LMDB's commit thread fills LMDB
// behind.
//
// Promise: what port/store.h promises, and
//  1. Completions come from store_logged_poll alone, called on the loop's thread after `notify`.
//  2. What was reported survives the death of the process. A loss of power goes back to the state
//     after some batch, at most STORE_LOGGED_SYNC_INTERVAL_MS, and the time that syncing takes,
//     before, and is known afterwards (store_logged_suspect).
//  3. One process at a time: a second one is refused, with the first one's process id.
//  4. A store that was closed without an error is an LMDB store and nothing else.
//
//  5. What is logged finds its place in LMDB: a store that became full opens again as it is.
//
// Invariants: those of hot_store.
//
// It neither retries nor repairs: after an error, of a sync too, the store stays failed (reads go
// on) until it is opened again.
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
    uint64_t size_bytes_max; // as in store_lmdb_config

    // Called from any thread, also from inside `commit`: arrange that store_logged_poll is called
    // soon on the loop's thread.
    void (*notify)(void *context);

    store_done *done; // called by store_logged_poll
    void *context;    // given to both
};

struct store_logged;

// Gives a store, to be ended by store_logged_close; what a log holds is in LMDB then. Errors as of
// store_lmdb_open; ERR_CORRUPT also when the log is damaged before its end, ERR_FULL also when LMDB
// has no room for what it holds (a limit lower than before, or a full disk). `detail` (may be NULL)
// is for people.
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

// As store_lmdb_suspect and store_lmdb_trust.
bool store_logged_suspect(const struct store_logged *store);
WARN_UNUSED enum err store_logged_trust(struct store_logged *store);

// Fills LMDB (reporting nothing more), removes the log, drops the open batch, unlocks the
// directory. After an error the log stays for the next opening. NULL is fine.
void store_logged_close(struct store_logged *store);

#endif
