// A store on disk: one LMDB environment in a directory of its own, with a commit thread that does
// group commit.
//
// Promise: what port/store.h promises, and
//  1. Completions come from store_lmdb_poll alone, called on the loop's thread after `notify`.
//  2. A loss of power never damages the store. With DURABILITY_COMMIT nothing reported is lost;
//     with DURABILITY_INTERVAL it goes back to a state that it had at most
//     STORE_LMDB_SYNC_INTERVAL_MS, and the time that syncing takes, before.
//  3. One process at a time: a second one is refused, with the first one's process id.
//
// Invariants
//  1. The open batch belongs to the loop's thread, closed ones to the commit thread until they have
//     ended.
//  2. reported <= batches ended <= committed.
//  3. The read transaction is never older than the last poll that reported something.
//
// It neither retries nor repairs: after an error, of a sync too, the store stays failed (reads go
// on) until it is opened again. Each value has a checksum, and damage shows when it is read; damage
// to a key may hide it from get, and shows in a scan.
#ifndef BRUSIO_ADAPTER_STORE_LMDB_H
#define BRUSIO_ADAPTER_STORE_LMDB_H

#include "adapter/store_space.h"
#include "port/store.h"

#define STORE_LMDB_SIZE_BYTES_DEFAULT (UINT64_C(64) << 30)
#define STORE_LMDB_SIZE_BYTES_MIN (UINT64_C(1) << 20)
#define STORE_LMDB_SIZE_BYTES_MAX ((uint64_t)SIZE_MAX / 4)

// Committed batches that wait for the disk.
#define STORE_LMDB_BACKLOG_BYTES_MAX ((size_t)256 << 20)

// With DURABILITY_INTERVAL, how long after the first unsynced batch a sync begins.
#define STORE_LMDB_SYNC_INTERVAL_MS 1000

struct store_lmdb_config {
    const char *directory; // made if missing; its parent must exist. Borrowed for the call

    // What the pages in use may take; 0: the default. From STORE_LMDB_SIZE_BYTES_MIN to
    // STORE_LMDB_SIZE_BYTES_MAX; rounded up to whole pages. The file may get larger by one part in
    // STORE_SLACK_SHARE, and users should be refused from three quarters on (`room` of the port).
    uint64_t size_bytes_max;

    enum durability durability;

    // Called from the commit thread: arrange that store_lmdb_poll is called soon on the loop's
    // thread.
    void (*notify)(void *context);

    store_done *done; // called by store_lmdb_poll
    void *context;    // given to both
};

struct store_lmdb;

// Gives a store, to be ended by store_lmdb_close. ERR_LOCKED, ERR_VERSION, ERR_CORRUPT, ERR_FULL,
// ERR_IO or ERR_INVALID (the size), with `detail` (may be NULL) for people.
WARN_UNUSED enum err store_lmdb_open(const struct store_lmdb_config *config,
                                     struct store_lmdb **out, struct errmsg *detail);

// The port; it lives as long as the store.
struct store store_lmdb_port(struct store_lmdb *store);

// Reports, through `done`, the batches that ended since the last poll. `done` may use the store,
// but not close it.
void store_lmdb_poll(struct store_lmdb *store);

// The bytes of committed batches that have not ended. Past STORE_LMDB_BACKLOG_BYTES_MAX `commit`
// waits for the disk, so the host refuses work well before that.
size_t store_lmdb_backlog_bytes(const struct store_lmdb *store);

// The machine lost power, or was reset, while the store was open for durability `interval` (here,
// or behind a log): batches that were reported in the last moments before may be gone. It stays so,
// over openings too, until store_lmdb_trust.
bool store_lmdb_suspect(const struct store_lmdb *store);

// Ends the suspicion, synced: the store was brought in sync with others. ERR_FULL or ERR_IO: it
// stays.
WARN_UNUSED enum err store_lmdb_trust(struct store_lmdb *store);

// What is left of the store, as of the last transaction, with nothing taken off for what waits.
struct store_space store_lmdb_space(const struct store_lmdb *store);

// Finishes and syncs what was committed (reporting nothing more), drops the open batch, unlocks the
// directory. NULL is fine.
void store_lmdb_close(struct store_lmdb *store);

#endif
