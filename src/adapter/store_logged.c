#include "adapter/store_logged.h"

#include "adapter/hot_merge.h"
#include "adapter/log_syncer.h"
#include "adapter/store_lmdb.h"
#include "adapter/store_log.h"
#include "base/check.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

_Static_assert(LOG_FILES == LOG_SYNCER_FILES, "the syncer has all files");

// Where LMDB, in STORE_META, keeps the number of the last record that it has. Never shown.
static const uint8_t flushed_key[] = "\0brusio.log flushed";

struct store_logged {
    struct store_logged_config config;
    struct store_lmdb *lmdb;
    struct store base; // LMDB's port
    sem_t base_ended;
    struct store_log log;
    uint64_t sequence; // of the last record
    struct log_syncer *syncer;
    _Atomic bool flush_due;
    bool rolled_back;

    struct hot_table hot;
    size_t hot_bytes_max;
    size_t flush_bytes;
    uint64_t flush_batch; // the batch of LMDB that is under way, or 0
    uint64_t flush_sequence;
    bool replaying;   // what is flushed stays in the log
    enum err flushed; // how flushing went so far

    struct store_batch open_batch;
    uint64_t committed;
    uint64_t applied; // the last batch that ended well
    uint64_t reported;
    enum err failed; // the first error, for ever
    bool visiting;
};

static struct slice flushed_name(void)
{
    return slice_of(flushed_key, sizeof flushed_key - 1);
}

static void fail(struct store_logged *store, enum err error)
{
    if (store->failed == ERR_OK)
        store->failed = error;
}

// --- filling LMDB

// On LMDB's commit thread.
static void on_base_ended(void *context)
{
    struct store_logged *store = context;
    CHECK(sem_post(&store->base_ended) == 0);
    store->config.notify(store->config.context);
}

// Within store_lmdb_poll.
static void on_base_done(void *context, uint64_t batch, enum err error)
{
    struct store_logged *store = context;
    if (batch != store->flush_batch)
        return;
    store->flush_batch = 0;
    if (error == ERR_OK) {
        hot_table_drop(&store->hot, store->flush_sequence);
        if (!store->replaying)
            error = store_log_cut(&store->log);
    }
    if (store->flushed == ERR_OK)
        store->flushed = error;
    fail(store, error);
}

void store_logged_flush(struct store_logged *store)
{
    CHECK(!store->visiting);
    if (store->flush_batch > 0 || store->flushed != ERR_OK || store->hot.bytes == 0)
        return;
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        enum store_table table = (enum store_table)i;
        for (const struct hot_entry *entry = store->hot.first[i][0]; entry != NULL;
             entry = entry->next[0]) {
            if (entry->removed)
                store->base.ops->remove(store->base.self, table, hot_entry_key(entry));
            else
                store->base.ops->put(store->base.self, table, hot_entry_key(entry),
                                     hot_entry_value(entry));
        }
    }
    store->base.ops->put(store->base.self, STORE_META, flushed_name(),
                         slice_of(&store->sequence, sizeof store->sequence));
    store->flush_sequence = store->sequence;
    if (!store->replaying)
        store_log_turn(&store->log);
    store->flush_due = false;
    store->flush_batch = store->base.ops->commit(store->base.self);
}

static void drain(struct store_logged *store)
{
    while (sem_trywait(&store->base_ended) == 0)
        continue;
    store_lmdb_poll(store->lmdb);
}

static void wait_for_flush(struct store_logged *store)
{
    drain(store);
    while (store->flush_batch > 0) {
        while (sem_wait(&store->base_ended) != 0)
            CHECK(errno == EINTR);
        store_lmdb_poll(store->lmdb);
    }
}

// Fills LMDB with all that the hot table has.
static enum err flush_all(struct store_logged *store)
{
    wait_for_flush(store); // a flush under way lacks what came since
    store_logged_flush(store);
    wait_for_flush(store);
    return store->flushed;
}

// Waits until the hot table has room for `bytes`, or cannot get any.
static void make_room(struct store_logged *store, size_t bytes)
{
    while (store->failed == ERR_OK && store->hot.bytes > 0 &&
           store->hot.bytes + bytes > store->hot_bytes_max) {
        store_logged_flush(store);
        wait_for_flush(store);
    }
}

// --- the port

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct store_logged *store = self;
    CHECK(!store->visiting);
    CHECK(table != STORE_META || !slice_equal(key, flushed_name()));
    store_batch_put(&store->open_batch, table, key, value);
}

static void remove_key(void *self, enum store_table table, struct slice key)
{
    struct store_logged *store = self;
    CHECK(!store->visiting);
    CHECK(table != STORE_META || !slice_equal(key, flushed_name()));
    store_batch_remove(&store->open_batch, table, key);
}

static void apply(struct store_logged *store)
{
    struct slice ops = buf_slice(&store->open_batch.ops);
    if (ops.length > 0) {
        make_room(store, ops.length);
        if (store->failed == ERR_OK)
            fail(store, store_log_append(&store->log, store->sequence + 1, ops));
        if (store->failed != ERR_OK)
            return;
        store->sequence++;
        hot_table_add(&store->hot, &store->open_batch, store->sequence);
        log_syncer_touch(store->syncer);
    }
    store->applied = store->committed;
}

static uint64_t commit(void *self)
{
    struct store_logged *store = self;
    CHECK(!store->visiting);
    store->committed++;
    if (store->failed == ERR_OK)
        apply(store);
    store_batch_clear(&store->open_batch);
    if (store->hot.bytes >= store->flush_bytes)
        store_logged_flush(store);
    store->config.notify(store->config.context);
    return store->committed;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct store_logged *store = self;
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    *out = slice_of(NULL, 0);
    if (table == STORE_META && slice_equal(key, flushed_name()))
        return ERR_NOT_FOUND;
    const struct hot_entry *entry = hot_table_seek(&store->hot, table, key);
    if (entry == NULL || !slice_equal(hot_entry_key(entry), key))
        return store->base.ops->get(store->base.self, table, key, out);
    if (entry->removed)
        return ERR_NOT_FOUND;
    *out = hot_entry_value(entry);
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct store_logged *store = self;
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    struct hot_range range = {.table = table, .first = first, .end = end};
    if (table == STORE_META)
        range.hidden = flushed_name();
    store->visiting = true;
    enum err error = hot_merge_scan(&store->hot, &store->base, &range, visit, context);
    store->visiting = false;
    return error;
}

static const struct store_ops ops = {
    .put = put, .remove = remove_key, .commit = commit, .get = get, .scan = scan};

struct store store_logged_port(struct store_logged *store)
{
    return (struct store){.ops = &ops, .self = store};
}

// --- opening

// On the log's thread.
static void on_tick(void *context)
{
    struct store_logged *store = context;
    store->flush_due = true;
    store->config.notify(store->config.context);
}

static enum err replay_record(void *context, const struct log_record *record)
{
    struct store_logged *store = context;
    store_batch_clear(&store->open_batch);
    if (store_batch_load(&store->open_batch, record->ops) != ERR_OK)
        return ERR_CORRUPT;
    make_room(store, record->ops.length);
    store->sequence = record->sequence;
    hot_table_add(&store->hot, &store->open_batch, store->sequence);
    return store->flushed;
}

// Reads the number of the last record that LMDB has, or 0.
static enum err read_flushed(struct store_logged *store)
{
    struct slice found;
    enum err error = store->base.ops->get(store->base.self, STORE_META, flushed_name(), &found);
    if (error == ERR_OK && found.length != sizeof store->sequence)
        return ERR_CORRUPT;
    if (error == ERR_OK)
        memcpy(&store->sequence, found.bytes, sizeof store->sequence);
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

// Brings what the former log holds to LMDB. `*out_gap` as of log_replay.
static enum err replay(struct store_logged *store, bool *out_gap)
{
    enum err error = read_flushed(store);
    store->replaying = true;
    if (error == ERR_OK)
        error = store_log_replay(&store->log, store->sequence + 1, replay_record, store, out_gap);
    if (error == ERR_OK)
        error = flush_all(store);
    store->replaying = false;
    store_batch_clear(&store->open_batch);
    return error;
}

static enum err recover(struct store_logged *store, struct errmsg *detail)
{
    const char *path = store->config.directory;
    bool gap = false;
    enum err error = store_log_open(path, &store->log, detail);
    if (error != ERR_OK)
        return error;
    const struct log_mark *former = &store->log.former;
    store->rolled_back =
        store_lmdb_rolled_back(store->lmdb) || (former->present && !former->same_boot);
    error = replay(store, &gap);
    if (error == ERR_FULL)
        return errmsg_set(detail, error,
                          "%s has no room for what its log holds: start again with a greater size "
                          "limit, or more disk space",
                          path);
    // A restart of the machine may lose any part of what was not synced, the death of the process
    // only the record that was being written.
    if (error == ERR_CORRUPT || (error == ERR_OK && gap && former->same_boot))
        return errmsg_set(detail, ERR_CORRUPT,
                          "the log in %s is damaged after record %llu: restore the directory from "
                          "a copy",
                          path, (unsigned long long)store->sequence);
    return errmsg_set(error != ERR_OK ? detail : NULL, error, "cannot read the log in %s", path);
}

static enum err open_base(struct store_logged *store, struct errmsg *detail)
{
    const struct store_logged_config *config = &store->config;
    struct store_lmdb_config base = {.directory = config->directory,
                                     .size_bytes_max = config->size_bytes_max,
                                     .durability = DURABILITY_COMMIT,
                                     .notify = on_base_ended,
                                     .done = on_base_done,
                                     .context = store};
    enum err error = store_lmdb_open(&base, &store->lmdb, detail);
    if (error != ERR_OK)
        return error;
    store->base = store_lmdb_port(store->lmdb);
    return ERR_OK;
}

static struct store_logged *store_new(const struct store_logged_config *config)
{
    struct store_logged *store = memory_zeroed(1, sizeof *store);
    store->config = *config;
    for (int i = 0; i < LOG_FILES; i++)
        store->log.files[i].fd = -1;
    store->log.directory = (struct store_directory){.fd = -1, .lock_fd = -1};
    CHECK(sem_init(&store->base_ended, 0, 0) == 0);
    hot_table_init(&store->hot);
    store_batch_init(&store->open_batch);
    uint64_t share =
        (config->size_bytes_max > 0 ? config->size_bytes_max : STORE_LMDB_SIZE_BYTES_DEFAULT) /
        STORE_LOGGED_HOT_SHARE;
    store->hot_bytes_max =
        share < STORE_LOGGED_HOT_BYTES_MAX ? (size_t)share : STORE_LOGGED_HOT_BYTES_MAX;
    size_t part = store->hot_bytes_max / STORE_LOGGED_HOT_SHARE;
    store->flush_bytes = part < STORE_LOGGED_FLUSH_BYTES ? part : STORE_LOGGED_FLUSH_BYTES;
    return store;
}

enum err store_logged_open(const struct store_logged_config *config, struct store_logged **out,
                           struct errmsg *detail)
{
    CHECK(config->notify != NULL && config->done != NULL);
    struct store_logged *store = store_new(config);
    enum err error = open_base(store, detail);
    if (error == ERR_OK)
        error = recover(store, detail);
    if (error == ERR_OK)
        error = store_log_begin(&store->log, detail);
    struct log_syncer_config syncer = {.fds = {store->log.files[0].fd, store->log.files[1].fd},
                                       .tick_ms = STORE_LOGGED_FLUSH_INTERVAL_MS,
                                       .sync_ms = STORE_LOGGED_SYNC_INTERVAL_MS,
                                       .tick = on_tick,
                                       .context = store};
    if (error == ERR_OK)
        error = log_syncer_start(&syncer, &store->syncer, detail);
    if (error != ERR_OK) {
        store->flushed = error; // the log, if any, is for the next opening
        store_logged_close(store);
        return error;
    }
    *out = store;
    return ERR_OK;
}

// --- the life of an open store

void store_logged_poll(struct store_logged *store)
{
    CHECK(!store->visiting);
    drain(store);
    fail(store, log_syncer_error(store->syncer));
    if (store->flush_due)
        store_logged_flush(store);
    uint64_t reported = store->reported;
    uint64_t applied = store->applied;
    uint64_t committed = store->committed;
    store->reported = committed; // what `done` commits is for the next poll
    if (applied > reported)
        store->config.done(store->config.context, applied, ERR_OK);
    if (committed > applied && committed > reported)
        store->config.done(store->config.context, committed, store->failed);
}

size_t store_logged_backlog_bytes(const struct store_logged *store)
{
    return store->hot.bytes;
}

bool store_logged_rolled_back(const struct store_logged *store)
{
    return store->rolled_back;
}

void store_logged_close(struct store_logged *store)
{
    if (store == NULL)
        return;
    log_syncer_stop(store->syncer);
    if (store->flushed == ERR_OK && flush_all(store) == ERR_OK)
        store_log_remove(&store->log);
    store_lmdb_close(store->lmdb);
    store_log_close(&store->log);
    hot_table_release(&store->hot);
    store_batch_release(&store->open_batch);
    sem_destroy(&store->base_ended);
    free(store);
}
