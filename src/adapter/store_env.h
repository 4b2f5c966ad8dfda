// The LMDB environment of a store: opened, checked, with its tables.
//
// Promise
//  1. What is handed out has all tables, and a file as long as its pages need, so that reading a
//     page cannot run past the end of the file. A file that lost a page in use is refused.
//  2. A directory that had a store and lost its data file, or a table that every format had, is
//     refused, never taken for new. The later tables are made where they are missing.
//
// It holds no transaction open. Locking the directory is store_directory's business.
#ifndef BRUSIO_ADAPTER_STORE_ENV_H
#define BRUSIO_ADAPTER_STORE_ENV_H

#include "adapter/store_directory.h"
#include "adapter/store_space.h"
#include "port/store.h"

#include <lmdb.h>

#define STORE_DATA_FILE "data.mdb"

struct store_env {
    MDB_env *lmdb;
    MDB_dbi tables[STORE_TABLE_COUNT];
};

// Opens the environment in `directory`; `fresh` says that no store was ever completed there.
// Everything that the file holds is synced on return. `map_bytes` is what the file may take at
// most. ERR_CORRUPT (also: made by another version of LMDB), ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_env_open(const struct store_directory *directory, bool fresh,
                                    size_t map_bytes, struct store_env *out, struct errmsg *detail);
void store_env_close(struct store_env *env);

// Counts the pages that are in use as `txn` sees them; a result of LMDB.
int store_env_measure(const struct store_env *env, MDB_txn *txn, struct store_space *space);

// Asks the file system what is left of it, which takes as long as it takes. ERR_IO.
WARN_UNUSED enum err store_env_measure_disk(const struct store_env *env, struct store_space *space);

// What a result of LMDB means to the port's users: ERR_OK, ERR_NOT_FOUND, ERR_FULL, ERR_CORRUPT or
// ERR_IO.
enum err store_env_error(int result);

#endif
