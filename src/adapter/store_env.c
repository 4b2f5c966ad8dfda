#include "adapter/store_env.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// How much shorter than its highest page number says the data file may be: LMDB never writes a page
// that one transaction both took from the file's end and gave back. These pages are free, so zeros
// may stand for them.
#define UNWRITTEN_BYTES_MAX ((off_t)1 << 20)

static const char *const table_names[STORE_TABLE_COUNT] = {
    [STORE_RECORDS] = "records", [STORE_MARKS] = "marks", [STORE_META] = "meta"};

enum err store_env_error(int result)
{
    switch (result) {
    case MDB_SUCCESS:
        return ERR_OK;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return ERR_CORRUPT;
    default:
        return ERR_IO;
    }
}

static enum err failure(const struct store_directory *directory, int result, struct errmsg *detail)
{
    if (result == MDB_VERSION_MISMATCH)
        return errmsg_set(detail, ERR_VERSION, "%s/%s was written by another version of LMDB",
                          directory->path, STORE_DATA_FILE);
    enum err error = store_env_error(result);
    if (error == ERR_CORRUPT)
        return errmsg_set(detail, error, "%s/%s is damaged (%s): restore the directory from a copy",
                          directory->path, STORE_DATA_FILE, mdb_strerror(result));
    return errmsg_set(detail, error, "cannot open %s/%s: %s", directory->path, STORE_DATA_FILE,
                      mdb_strerror(result));
}

// LMDB takes a missing or empty file for a new environment; after a first use that is a loss.
static enum err check_present(const struct store_directory *directory, bool fresh,
                              struct errmsg *detail)
{
    struct stat status;
    bool present = fstatat(directory->fd, STORE_DATA_FILE, &status, 0) == 0 && status.st_size > 0;
    if (present || fresh)
        return ERR_OK;
    return errmsg_set(
        detail, ERR_CORRUPT,
        "%s/%s is missing or empty, but there was a store here: restore the directory "
        "from a copy, or remove it whole",
        directory->path, STORE_DATA_FILE);
}

// A page past the file's end would end the process when it is read through the memory map.
static enum err check_length(const struct store_directory *directory, MDB_env *lmdb,
                             struct errmsg *detail)
{
    MDB_envinfo info;
    MDB_stat pages;
    mdb_filehandle_t fd;
    struct stat status;
    int result = mdb_env_info(lmdb, &info);
    if (result == MDB_SUCCESS)
        result = mdb_env_stat(lmdb, &pages);
    if (result == MDB_SUCCESS)
        result = mdb_env_get_fd(lmdb, &fd);
    if (result == MDB_SUCCESS && fstat(fd, &status) != 0)
        result = errno;
    if (result != MDB_SUCCESS)
        return failure(directory, result, detail);
    if (info.me_last_pgno >= info.me_mapsize / pages.ms_psize)
        return failure(directory, MDB_CORRUPTED, detail);
    off_t needed = (off_t)(info.me_last_pgno + 1) * (off_t)pages.ms_psize;
    if (status.st_size < needed - UNWRITTEN_BYTES_MAX)
        return errmsg_set(
            detail, ERR_CORRUPT,
            "%s/%s is cut short (%lld of %lld bytes): restore the directory from a copy",
            directory->path, STORE_DATA_FILE, (long long)status.st_size, (long long)needed);
    if (status.st_size < needed && ftruncate(fd, needed) != 0)
        return failure(directory, errno, detail);
    return ERR_OK;
}

// LMDB's result; `flags` is 0 or MDB_CREATE, which writes. `out_pairs` counts what the tables hold.
static int open_tables(struct store_env *env, unsigned flags, size_t *out_pairs)
{
    MDB_txn *txn = NULL;
    *out_pairs = 0;
    int result = mdb_txn_begin(env->lmdb, NULL, flags == 0 ? MDB_RDONLY : 0, &txn);
    for (int i = 0; i < STORE_TABLE_COUNT && result == MDB_SUCCESS; i++) {
        MDB_stat stat = {0};
        result = mdb_dbi_open(txn, table_names[i], flags, &env->tables[i]);
        if (result == MDB_SUCCESS)
            result = mdb_stat(txn, env->tables[i], &stat);
        *out_pairs += stat.ms_entries;
    }
    if (result == MDB_SUCCESS)
        return mdb_txn_commit(txn); // which also keeps the handles of the tables
    if (txn != NULL)
        mdb_txn_abort(txn);
    return result;
}

static enum err check_tables(const struct store_directory *directory, bool fresh,
                             struct store_env *env, struct errmsg *detail)
{
    size_t pairs = 0;
    int result = open_tables(env, 0, &pairs);
    if (result == MDB_NOTFOUND && fresh)
        result = open_tables(env, MDB_CREATE, &pairs);
    if (result == MDB_NOTFOUND)
        result = MDB_CORRUPTED;
    if (result != MDB_SUCCESS)
        return failure(directory, result, detail);
    if (fresh && pairs > 0)
        return errmsg_set(
            detail, ERR_CORRUPT,
            "%s/%s is missing beside a store that holds data: restore the directory from "
            "a copy",
            directory->path, STORE_FORMAT_FILE);
    return ERR_OK;
}

enum err store_env_open(const struct store_directory *directory, bool fresh, size_t size_bytes_max,
                        struct store_env *out, struct errmsg *detail)
{
    *out = (struct store_env){0};
    enum err error = check_present(directory, fresh, detail);
    if (error != ERR_OK)
        return error;
    int result = mdb_env_create(&out->lmdb);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_mapsize(out->lmdb, size_bytes_max);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_maxdbs(out->lmdb, STORE_TABLE_COUNT);
    // Readers belong to transactions, not threads: the commit thread pins one, the loop's thread
    // has another. Read-ahead fetches neighbours that random reads do not want once the data
    // outgrow memory.
    if (result == MDB_SUCCESS)
        result = mdb_env_open(out->lmdb, directory->path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    error = result == MDB_SUCCESS ? check_length(directory, out->lmdb, detail)
                                  : failure(directory, result, detail);
    // A run without syncing may have left pages that only the kernel holds.
    if (error == ERR_OK && (result = mdb_env_sync(out->lmdb, 1)) != MDB_SUCCESS)
        error = failure(directory, result, detail);
    if (error == ERR_OK)
        error = check_tables(directory, fresh, out, detail);
    if (error != ERR_OK)
        store_env_close(out);
    return error;
}

void store_env_close(struct store_env *env)
{
    if (env->lmdb != NULL)
        mdb_env_close(env->lmdb);
    env->lmdb = NULL;
}
