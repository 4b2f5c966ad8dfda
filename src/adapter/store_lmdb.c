#include "adapter/store_lmdb.h"

#include "adapter/file_os.h"
#include "adapter/store_sum.h"
#include "adapter/store_suspicion.h"
#include "adapter/store_writer.h"
#include "base/check.h"

#include <stdlib.h>
#include <unistd.h>

struct store_lmdb {
    struct store_directory directory;
    struct store_env env;
    struct store_steady steady;
    struct store_writer *writer;
    enum durability durability;
    uint64_t size_bytes_max;
    bool suspect;
    store_done *done;
    void *context;

    struct store_batch *open_batch;
    uint64_t committed; // the number of the last closed batch
    uint64_t reported;

    MDB_txn *reader;
    bool reader_live; // otherwise to be renewed before its next use
    MDB_cursor *cursors[STORE_TABLE_COUNT];
    bool visiting;
};

struct range {
    enum store_table table;
    struct slice first;
    struct slice end;
};

static MDB_val value_of(struct slice slice)
{
    return (MDB_val){.mv_size = slice.length, .mv_data = (void *)(uintptr_t)slice.bytes};
}

static int reader_renew(struct store_lmdb *store)
{
    if (store->reader_live)
        return MDB_SUCCESS;
    int result = mdb_txn_renew(store->reader);
    store->reader_live = result == MDB_SUCCESS;
    return result;
}

static void reader_reset(struct store_lmdb *store)
{
    if (store->reader_live)
        mdb_txn_reset(store->reader);
    store->reader_live = false;
}

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct store_lmdb *store = self;
    CHECK(!store->visiting);
    store_batch_put(store->open_batch, table, key, value);
}

static void remove_key(void *self, enum store_table table, struct slice key)
{
    struct store_lmdb *store = self;
    CHECK(!store->visiting);
    store_batch_remove(store->open_batch, table, key);
}

static uint64_t commit(void *self)
{
    struct store_lmdb *store = self;
    CHECK(!store->visiting);
    store->open_batch->number = ++store->committed;
    store->open_batch = store_writer_give(store->writer, store->open_batch);
    return store->committed;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct store_lmdb *store = self;
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    MDB_val wanted = value_of(key);
    MDB_val found = {0};
    int result = reader_renew(store);
    if (result == MDB_SUCCESS)
        result = mdb_get(store->reader, store->env.tables[table], &wanted, &found);
    *out = slice_of(NULL, 0);
    if (result != MDB_SUCCESS)
        return store_env_error(result);
    return store_sum_open(table, key, slice_of(found.mv_data, found.mv_size), out);
}

static enum err visit_range(MDB_cursor *cursor, const struct range *range, store_visit *visit,
                            void *context)
{
    struct slice first = range->first;
    struct slice end = range->end;
    MDB_val key = value_of(first);
    MDB_val sealed;
    int result =
        mdb_cursor_get(cursor, &key, &sealed, first.length > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (result == MDB_SUCCESS) {
        struct slice found = slice_of(key.mv_data, key.mv_size);
        struct slice value;
        if (end.length > 0 && slice_compare(found, end) >= 0)
            return ERR_OK;
        if (store_sum_open(range->table, found, slice_of(sealed.mv_data, sealed.mv_size), &value) !=
            ERR_OK)
            return ERR_CORRUPT;
        if (!visit(context, found, value))
            return ERR_OK;
        result = mdb_cursor_get(cursor, &key, &sealed, MDB_NEXT);
    }
    return result == MDB_NOTFOUND ? ERR_OK : store_env_error(result);
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct store_lmdb *store = self;
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    MDB_cursor **cursor = &store->cursors[table];
    int result = reader_renew(store);
    if (result == MDB_SUCCESS)
        result = *cursor != NULL ? mdb_cursor_renew(store->reader, *cursor)
                                 : mdb_cursor_open(store->reader, store->env.tables[table], cursor);
    if (result != MDB_SUCCESS)
        return store_env_error(result);
    struct range range = {.table = table, .first = first, .end = end};
    store->visiting = true;
    enum err error = visit_range(*cursor, &range, visit, context);
    store->visiting = false;
    return error;
}

struct store_space store_lmdb_space(const struct store_lmdb *store)
{
    return store_writer_room(store->writer).space;
}

static enum store_room room(void *self)
{
    struct store_lmdb *store = self;
    struct store_writer_room left = store_writer_room(store->writer);
    store_load_join(&left.waiting, &store->open_batch->load);
    return left.failed ? STORE_ROOM_NONE : store_space_room(&left.space, &left.waiting);
}

static const struct store_ops ops = {
    .put = put, .remove = remove_key, .commit = commit, .get = get, .scan = scan, .room = room};

struct store store_lmdb_port(struct store_lmdb *store)
{
    return (struct store){.ops = &ops, .self = store};
}

// Checks and rounds the size that was asked for.
static enum err choose_size(const struct store_lmdb_config *config, uint64_t *out,
                            struct errmsg *detail)
{
    uint64_t size =
        config->size_bytes_max > 0 ? config->size_bytes_max : STORE_LMDB_SIZE_BYTES_DEFAULT;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (size < STORE_LMDB_SIZE_BYTES_MIN || size > STORE_LMDB_SIZE_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID, "a store's size is from %llu to %llu bytes",
                          (unsigned long long)STORE_LMDB_SIZE_BYTES_MIN,
                          (unsigned long long)STORE_LMDB_SIZE_BYTES_MAX);
    *out = (size + page - 1) / page * page;
    return ERR_OK;
}

// A suspicion outlives the opening that found it.
static enum err note_suspicion(struct store_lmdb *store, bool rolled_back, struct errmsg *detail)
{
    struct file_os os = {.directory_fd = store->directory.fd};
    struct files files = file_os_port(&os);
    enum err error = store_suspicion_read(&files, &store->suspect);
    if (error == ERR_OK && rolled_back && !store->suspect) {
        store->suspect = true;
        error = store_suspicion_raise(&files);
    }
    return errmsg_set(error != ERR_OK ? detail : NULL, error, "cannot read or write %s/%s",
                      store->directory.path, STORE_SUSPICION_FILE);
}

// Locks, checks and opens what is on disk, so that from here on a loss of power is survived in
// either mode.
static enum err open_disk(struct store_lmdb *store, const struct store_lmdb_config *config,
                          struct errmsg *detail)
{
    bool present = false;
    bool rolled_back = false;
    enum err error = choose_size(config, &store->size_bytes_max, detail);
    if (error == ERR_OK)
        error = store_directory_open(config->directory, &store->directory, detail);
    if (error == ERR_OK)
        error = store_directory_check_format(&store->directory, &present, detail);
    if (error == ERR_OK)
        error = store_steady_recover(&store->directory, &rolled_back, detail);
    if (error == ERR_OK)
        error = note_suspicion(store, rolled_back, detail);
    size_t map_bytes = (size_t)(store->size_bytes_max + store->size_bytes_max / STORE_SLACK_SHARE);
    if (error == ERR_OK)
        error = store_env_open(&store->directory, !present, map_bytes, &store->env, detail);
    // Last, so that a first opening that was cut short is begun anew, not taken for a store that
    // lost its data.
    if (error == ERR_OK && !present)
        error = store_directory_write_format(&store->directory, detail);
    return error;
}

static enum err set_durability(struct store_lmdb *store, struct errmsg *detail)
{
    if (store->durability == DURABILITY_COMMIT)
        return store_steady_forget(&store->directory, detail);
    store_steady_init(&store->steady, &store->directory, store->env.lmdb);
    enum err error = store_steady_save(&store->steady, false, detail);
    if (error != ERR_OK)
        return error;
    int result = mdb_env_set_flags(store->env.lmdb, MDB_NOSYNC, 1);
    return errmsg_set(result != MDB_SUCCESS ? detail : NULL, store_env_error(result),
                      "cannot open %s without syncing: %s", store->directory.path,
                      mdb_strerror(result));
}

static enum err start_reader(struct store_lmdb *store, struct errmsg *detail)
{
    int result = mdb_txn_begin(store->env.lmdb, NULL, MDB_RDONLY, &store->reader);
    if (result != MDB_SUCCESS)
        return errmsg_set(detail, store_env_error(result), "cannot read %s: %s",
                          store->directory.path, mdb_strerror(result));
    mdb_txn_reset(store->reader);
    return ERR_OK;
}

static enum err start_writer(struct store_lmdb *store, const struct store_lmdb_config *config,
                             struct errmsg *detail)
{
    struct store_writer_config writer_config = {
        .env = &store->env,
        .size_bytes_max = store->size_bytes_max,
        .steady = store->durability == DURABILITY_INTERVAL ? &store->steady : NULL,
        .sync_interval_ms = STORE_LMDB_SYNC_INTERVAL_MS,
        .backlog_bytes_max = STORE_LMDB_BACKLOG_BYTES_MAX,
        .notify = config->notify,
        .context = config->context};
    return store_writer_start(&writer_config, &store->writer, detail);
}

enum err store_lmdb_open(const struct store_lmdb_config *config, struct store_lmdb **out,
                         struct errmsg *detail)
{
    CHECK(config->notify != NULL && config->done != NULL);
    struct store_lmdb *store = memory_zeroed(1, sizeof *store);
    store->directory = (struct store_directory){.fd = -1, .lock_fd = -1};
    store->durability = config->durability;
    store->done = config->done;
    store->context = config->context;
    enum err error = open_disk(store, config, detail);
    if (error == ERR_OK)
        error = set_durability(store, detail);
    if (error == ERR_OK)
        error = start_reader(store, detail);
    if (error == ERR_OK)
        error = start_writer(store, config, detail);
    if (error != ERR_OK) {
        store_lmdb_close(store);
        return error;
    }
    store->open_batch = memory_new(sizeof *store->open_batch);
    store_batch_init(store->open_batch);
    *out = store;
    return ERR_OK;
}

void store_lmdb_poll(struct store_lmdb *store)
{
    CHECK(!store->visiting);
    struct store_progress progress = store_writer_progress(store->writer);
    if (progress.ended == store->reported)
        return;
    uint64_t reported = store->reported;
    store->reported = progress.ended;
    reader_reset(store); // the next read sees what is now reported
    if (progress.durable > reported)
        store->done(store->context, progress.durable, ERR_OK);
    if (progress.ended > progress.durable)
        store->done(store->context, progress.ended, progress.error);
}

size_t store_lmdb_backlog_bytes(const struct store_lmdb *store)
{
    return store_writer_backlog_bytes(store->writer);
}

bool store_lmdb_suspect(const struct store_lmdb *store)
{
    return store->suspect;
}

enum err store_lmdb_trust(struct store_lmdb *store)
{
    struct file_os os = {.directory_fd = store->directory.fd};
    struct files files = file_os_port(&os);
    enum err error = store->suspect ? store_suspicion_drop(&files) : ERR_OK;
    if (error == ERR_OK)
        store->suspect = false;
    return error;
}

// Makes a clean end of a store that does not sync each batch. One that failed keeps its last steady
// state, and what was reported since is safe as long as the machine runs.
static void settle(struct store_lmdb *store, enum err failed)
{
    if (failed != ERR_OK || store->durability != DURABILITY_INTERVAL)
        return;
    if (mdb_env_sync(store->env.lmdb, 1) == MDB_SUCCESS)
        (void)!store_steady_save(&store->steady, true, NULL);
}

void store_lmdb_close(struct store_lmdb *store)
{
    if (store == NULL)
        return;
    if (store->writer != NULL)
        settle(store, store_writer_stop(store->writer));
    for (int i = 0; i < STORE_TABLE_COUNT; i++)
        if (store->cursors[i] != NULL)
            mdb_cursor_close(store->cursors[i]);
    if (store->reader != NULL)
        mdb_txn_abort(store->reader);
    store_steady_release(&store->steady);
    store_env_close(&store->env);
    store_directory_close(&store->directory);
    if (store->open_batch != NULL) {
        store_batch_release(store->open_batch);
        free(store->open_batch);
    }
    free(store);
}
