// The LMDB environment of a store: opened, checked, with its tables.
//
// Promise
//  1. What is handed out has all tables, and a file as long as its pages need, so that reading a
//     page cannot run past the end of the file.
//  2. A directory that had a store and lost its data file, or its tables, is refused, never taken
//     for new.
//
// It holds no transaction open. Locking the directory is store_directory's business.
#ifndef BRUSIO_ADAPTER_STORE_ENV_H
#define BRUSIO_ADAPTER_STORE_ENV_H

#include "adapter/store_directory.h"
#include "port/store.h"

#include <lmdb.h>

#define STORE_DATA_FILE "data.mdb"

struct store_env {
    MDB_env *lmdb;
    MDB_dbi tables[STORE_TABLE_COUNT];
};

// Opens the environment in `directory`; `fresh` says that no store was ever completed there.
// Everything that the file holds is synced on return. `size_bytes_max` as in store_lmdb_config,
// already checked. ERR_CORRUPT, ERR_VERSION (made by another version of LMDB), ERR_FULL or ERR_IO.
WARN_UNUSED enum err store_env_open(const struct store_directory *directory, bool fresh,
                                    size_t size_bytes_max, struct store_env *out,
                                    struct errmsg *detail);
void store_env_close(struct store_env *env);

// What a result of LMDB means to the port's users: ERR_OK, ERR_NOT_FOUND, ERR_FULL, ERR_CORRUPT or
// ERR_IO.
enum err store_env_error(int result);

#endif
