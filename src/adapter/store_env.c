#include "adapter/store_env.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// How much shorter than its highest page number says the data file may be: LMDB never writes a page
// that one transaction both took from the file's end and gave back. These pages are free, so zeros
// may stand for them.
#define UNWRITTEN_BYTES_MAX ((off_t)1 << 20)

// LMDB's own tables.
#define FREE_LIST ((MDB_dbi)0)
#define TABLE_LIST ((MDB_dbi)1)
#define ROOT_PAGES 2u

struct lengths {
    off_t present;
    off_t needed;
    off_t page;
};

static const char *const table_names[STORE_TABLE_COUNT] = {
    [STORE_RECORDS] = "records",       [STORE_MARKS] = "marks",       [STORE_META] = "meta",
    [STORE_OPERATIONS] = "operations", [STORE_VERSIONS] = "versions", [STORE_SPACES] = "spaces"};

// The tables that every format had; a store of an older brusio gets the others when it is opened.
enum { TABLES_FIRST = STORE_OPERATIONS };

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
    case EFBIG:
        return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_CURSOR_FULL: // a tree deeper than any
    case MDB_PAGE_FULL:
        return ERR_CORRUPT;
    default:
        return ERR_IO;
    }
}

static enum err failure(const struct store_directory *directory, int result, struct errmsg *detail)
{
    enum err error = store_env_error(result);
    if (error == ERR_CORRUPT)
        return errmsg_set(detail, error, "%s/%s is damaged (%s): " STORE_REMEDY, directory->path,
                          STORE_DATA_FILE, mdb_strerror(result));
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
    return errmsg_set(detail, ERR_CORRUPT,
                      "%s/%s is missing or empty, but there was a store here: " STORE_REMEDY,
                      directory->path, STORE_DATA_FILE);
}

// How many pages from `first` on are in LMDB's free list, whose records are a count and as many
// page numbers.
static int count_free(MDB_env *lmdb, size_t first, size_t *out)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val list;
    *out = 0;
    int result = mdb_txn_begin(lmdb, NULL, MDB_RDONLY, &txn);
    if (result == MDB_SUCCESS)
        result = mdb_cursor_open(txn, FREE_LIST, &cursor);
    while (result == MDB_SUCCESS &&
           (result = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == MDB_SUCCESS) {
        for (size_t at = sizeof(size_t); at + sizeof(size_t) <= list.mv_size;
             at += sizeof(size_t)) {
            size_t page;
            memcpy(&page, (const uint8_t *)list.mv_data + at, sizeof page);
            *out += page >= first;
        }
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (txn != NULL)
        mdb_txn_abort(txn);
    return result == MDB_NOTFOUND ? MDB_SUCCESS : result;
}

static enum err cut_short(const struct store_directory *directory, off_t length, off_t needed,
                          struct errmsg *detail)
{
    return errmsg_set(detail, ERR_CORRUPT, "%s/%s is cut short (%lld of %lld bytes): " STORE_REMEDY,
                      directory->path, STORE_DATA_FILE, (long long)length, (long long)needed);
}

// Gives the file the pages that it lacks, if they are all free, and leaves it as it is otherwise.
static enum err lengthen(const struct store_directory *directory, MDB_env *lmdb, int fd,
                         const struct lengths *lengths, struct errmsg *detail)
{
    if (ftruncate(fd, lengths->needed) != 0)
        return failure(directory, errno, detail);
    size_t first = (size_t)(lengths->present / lengths->page);
    size_t missing = (size_t)(lengths->needed / lengths->page) - first;
    size_t unused = 0;
    int result = count_free(lmdb, first, &unused);
    if (result == MDB_SUCCESS && unused >= missing)
        return ERR_OK;
    if (ftruncate(fd, lengths->present) != 0)
        return failure(directory, errno, detail);
    return cut_short(directory, lengths->present, lengths->needed, detail);
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
    struct lengths lengths = {.present = status.st_size,
                              .needed = (off_t)(info.me_last_pgno + 1) * (off_t)pages.ms_psize,
                              .page = (off_t)pages.ms_psize};
    if (lengths.present < lengths.needed - UNWRITTEN_BYTES_MAX)
        return cut_short(directory, lengths.present, lengths.needed, detail);
    return lengths.present < lengths.needed ? lengthen(directory, lmdb, fd, &lengths, detail)
                                            : ERR_OK;
}

// LMDB's result. Tables from number `created` on are made when they are missing, which writes.
// `out_pairs` counts what the tables hold.
static int open_tables(struct store_env *env, int created, size_t *out_pairs)
{
    MDB_txn *txn = NULL;
    *out_pairs = 0;
    unsigned access = created == STORE_TABLE_COUNT ? MDB_RDONLY : 0;
    int result = mdb_txn_begin(env->lmdb, NULL, access, &txn);
    for (int i = 0; i < STORE_TABLE_COUNT && result == MDB_SUCCESS; i++) {
        MDB_stat stat = {0};
        result = mdb_dbi_open(txn, table_names[i], i < created ? 0 : MDB_CREATE, &env->tables[i]);
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
    int result = open_tables(env, STORE_TABLE_COUNT, &pairs);
    if (result == MDB_NOTFOUND)
        result = open_tables(env, fresh ? 0 : TABLES_FIRST, &pairs);
    if (result == MDB_NOTFOUND)
        result = MDB_CORRUPTED;
    if (result != MDB_SUCCESS)
        return failure(directory, result, detail);
    if (fresh && pairs > 0)
        return errmsg_set(detail, ERR_CORRUPT,
                          "%s/%s is missing beside a store that holds data: " STORE_REMEDY,
                          directory->path, STORE_FORMAT_FILE);
    return ERR_OK;
}

enum err store_env_open(const struct store_directory *directory, bool fresh, size_t map_bytes,
                        struct store_env *out, struct errmsg *detail)
{
    *out = (struct store_env){0};
    enum err error = check_present(directory, fresh, detail);
    if (error != ERR_OK)
        return error;
    int result = mdb_env_create(&out->lmdb);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_mapsize(out->lmdb, map_bytes);
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

static int add_pages(MDB_txn *txn, MDB_dbi table, struct store_space *space)
{
    MDB_stat stat;
    int result = mdb_stat(txn, table, &stat);
    if (result != MDB_SUCCESS)
        return result;
    space->page_bytes = stat.ms_psize;
    space->leaf_pages += stat.ms_leaf_pages;
    space->used_bytes +=
        (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * space->page_bytes;
    return MDB_SUCCESS;
}

int store_env_measure(const struct store_env *env, MDB_txn *txn, struct store_space *space)
{
    space->used_bytes = 0;
    space->leaf_pages = 0;
    int result = add_pages(txn, FREE_LIST, space);
    if (result == MDB_SUCCESS)
        result = add_pages(txn, TABLE_LIST, space);
    for (int i = 0; i < STORE_TABLE_COUNT && result == MDB_SUCCESS; i++)
        result = add_pages(txn, env->tables[i], space);
    space->used_bytes += ROOT_PAGES * space->page_bytes;
    return result;
}

enum err store_env_measure_disk(const struct store_env *env, struct store_space *space)
{
    mdb_filehandle_t fd;
    struct statvfs disk;
    if (mdb_env_get_fd(env->lmdb, &fd) != MDB_SUCCESS || fstatvfs(fd, &disk) != 0)
        return ERR_IO;
    space->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    return ERR_OK;
}

void store_env_close(struct store_env *env)
{
    if (env->lmdb != NULL)
        mdb_env_close(env->lmdb);
    env->lmdb = NULL;
}
