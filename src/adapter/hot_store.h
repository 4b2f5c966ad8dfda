// A write-ahead log and a table in memory before another store, without threads and clocks: what
// store_logged is made of.
//
// A batch is appended to the log by one write, and then stands in the hot table. The base is filled
// behind, with what gathered meanwhile as one large sorted batch in which a key stands once, and
// the log is cut when the base has reported that.
//
// Promise: what port/store.h promises, and
//  1. Completions come from hot_store_poll alone.
//  2. What was reported survives the death of the process. A loss of power goes back to the state
//     after some batch, not before the last one whose log was synced: at most to what the base has.
//     The loss is known afterwards (`suspect`).
//  3. What is logged finds its place in the base, also when the log is read back: a batch for which
//     the base may lack the room fails before it is logged.
//  4. After an error, of a sync of the log too, nothing more is logged, put into the base or
//     reported as good, and the log stays for the next opening.
//
// Invariants
//  1. Every batch is in the base (flushed), or in a log and in the hot table. The base names, in
//     the same batch, the last record that it has, so that none is applied twice or left out.
//  2. At most one flush is under way; while it is, one log file has what it covers, and the other
//     what came since.
//  3. The hot table has at most hot_bytes_max, and may need at most one part in HOT_FREE_SHARE of
//     the base's free pages, or has one batch: `commit` waits.
//
// It syncs nothing by itself while it runs: whoever owns it syncs the log's files, on a thread of
// its own or between two calls, and tells a failure.
#ifndef BRUSIO_ADAPTER_HOT_STORE_H
#define BRUSIO_ADAPTER_HOT_STORE_H

#include "adapter/store_log.h"
#include "adapter/store_space.h"

// A flush is due when the hot table may need more than one part in HOT_FLUSH_SHARE of the base's
// free pages.
#define HOT_FLUSH_SHARE 4u
#define HOT_FREE_SHARE 2u

struct hot_store_config {
    struct files files;
    uint8_t boot[LOG_MARK_BOOT_BYTES]; // as for log_mark_read
    uint64_t seed;                     // random: of the log's records
    size_t hot_bytes_max;
    size_t flush_bytes; // a flush is due when so much has gathered

    // The base reports its batches before their loss is possible, and its reports go to
    // hot_store_base_done, from inside `base_wait` or between two calls.
    struct store base;
    void (*base_wait)(void *context); // returns after the base may have reported something
    struct store_space (*base_space)(void *context); // as of its last batch; NULL: endless

    store_done *done; // called by hot_store_poll
    void *context;    // given to all three
};

struct hot_store;

// Gives a store, to be recovered first, and ended by hot_store_free.
struct hot_store *hot_store_new(const struct hot_store_config *config);

// Reads back what a former log holds, puts it into the base, and begins a new log. `where` names
// the directory for people. ERR_CORRUPT (the log is damaged before its end), ERR_FULL or ERR_IO.
WARN_UNUSED enum err hot_store_recover(struct hot_store *store, const char *where,
                                       struct errmsg *detail);

// The port; it lives as long as the store.
struct store hot_store_port(struct hot_store *store);

// Takes a report of the base.
void hot_store_base_done(struct hot_store *store, uint64_t batch, enum err error);

// A sync of the log failed: nothing that was not reported yet will be reported as good. The next
// opening is suspect, if the disk takes the note.
void hot_store_sync_failed(struct hot_store *store, enum err error);

// Reports what ended since the last poll. `done` may use the store, but not free it.
void hot_store_poll(struct hot_store *store);

// Begins to fill the base with what it lacks, unless that is under way or the store has failed.
void hot_store_flush(struct hot_store *store);

// The log's files, to be synced; they stay the same until the end.
void hot_store_log_files(const struct hot_store *store, struct file *out[LOG_FILES]);

// The bytes of the hot table: what the base lacks, or has not yet reported.
size_t hot_store_bytes(const struct hot_store *store);

// Batches that were reported in a former run may be lost. It stays so, over openings too, until
// hot_store_trust.
bool hot_store_suspect(const struct hot_store *store);

// Ends the suspicion, synced. ERR_FULL or ERR_IO: it stays.
WARN_UNUSED enum err hot_store_trust(struct hot_store *store);

// Fills the base (reporting nothing more) and removes the log. ERR_OK: the base has everything, and
// there is no log. After an error the log stays as it is.
WARN_UNUSED enum err hot_store_settle(struct hot_store *store);

// Ends the store as the death of the process would, unless it was settled. NULL is fine.
void hot_store_free(struct hot_store *store);

#endif
