// The last synced state of a store that does not sync each batch, kept so that a loss of power goes
// back to it.
//
// LMDB without syncing survives the death of the process, but not of the machine: its two root
// pages may reach the disk before the pages that they name. So after each sync the root pages are
// copied to a small file, and a read transaction pins what they name, which LMDB then does not
// overwrite, until the next copy is safe on disk. An opening after a restart of the machine puts
// the copied roots back. (libmdbx calls such roots steady.)
//
// Promise
//  1. Whatever the kernel had written when power was lost, store_steady_recover leaves the whole
//     state of the last store_steady_save. After the death of the process alone it changes nothing.
//
// Invariants
//  1. From the first save on, `pin` holds the state that the file names, or an older one than the
//     file's.
//  2. The file exists only while the store is opened without syncing, or was last closed so.
//
// It does not sync the environment: the caller does, before each save, and writes nothing in
// between.
#ifndef BRUSIO_ADAPTER_STORE_STEADY_H
#define BRUSIO_ADAPTER_STORE_STEADY_H

#include "adapter/store_directory.h"

#include <lmdb.h>

#define STORE_STEADY_FILE "brusio.steady"

// Where the boot's id stands in the file, and its length.
#define STORE_STEADY_BOOT_OFFSET 16u
#define STORE_STEADY_BOOT_BYTES 36u

struct store_steady {
    const struct store_directory *directory;
    MDB_env *lmdb;
    MDB_txn *pin;
};

// Before the environment is opened: goes back to the steady state if the machine was restarted
// since the store was last open. `*out_rolled_back`: batches that were reported may be lost, for it
// was not closed. ERR_CORRUPT, ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_steady_recover(const struct store_directory *directory,
                                          bool *out_rolled_back, struct errmsg *detail);

// Borrows both. Nothing is pinned until the first save.
void store_steady_init(struct store_steady *steady, const struct store_directory *directory,
                       MDB_env *lmdb);

// Makes the environment's newest state, which the caller has synced, the steady one. `clean`:
// nothing more will be written, the store is being closed. ERR_FULL, ERR_CORRUPT or ERR_IO: the
// former one stays.
WARN_UNUSED enum err store_steady_save(struct store_steady *steady, bool clean,
                                       struct errmsg *detail);

// Lets go of the pin, keeps the file.
void store_steady_release(struct store_steady *steady);

// Removes the file, for a store that syncs each batch. ERR_IO.
WARN_UNUSED enum err store_steady_forget(const struct store_directory *directory,
                                         struct errmsg *detail);

#endif
