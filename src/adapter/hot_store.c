#include "adapter/hot_store.h"

#include "adapter/hot_merge.h"
#include "adapter/store_directory.h"
#include "adapter/store_suspicion.h"
#include "base/check.h"

#include <stdlib.h>

// Where the base, in STORE_META, keeps the number of the last record that it has. Never shown.
static const uint8_t flushed_key[] = "\0brusio.log flushed";

struct hot_store {
    struct hot_store_config config;
    struct store base;
    struct store_log log;
    uint64_t sequence; // of the last record
    bool suspect;
    struct store_space space; // of the base, as of its last report

    struct hot_table hot;
    uint64_t flush_batch; // the batch of the base that is under way, or 0
    uint64_t flush_sequence;
    bool replaying; // what is flushed stays in the log

    struct store_batch open_batch;
    uint64_t committed;
    uint64_t applied; // the last batch that ended well
    uint64_t reported;
    enum err failed; // the first error, for ever
    bool sync_failed;
    bool visiting;
};

static struct slice flushed_name(void)
{
    return slice_of(flushed_key, sizeof flushed_key - 1);
}

static void fail(struct hot_store *store, enum err error)
{
    if (store->failed == ERR_OK)
        store->failed = error;
}

static struct store_space space_of(const struct hot_store *store)
{
    return store->config.base_space != NULL ? store->config.base_space(store->config.context)
                                            : store_space_endless();
}

// --- filling the base

void hot_store_base_done(struct hot_store *store, uint64_t batch, enum err error)
{
    if (store->flush_batch == 0 || (error == ERR_OK && batch < store->flush_batch))
        return;
    store->flush_batch = 0;
    store->space = space_of(store);
    if (error == ERR_OK) {
        hot_table_drop(&store->hot, store->flush_sequence);
        if (!store->replaying)
            error = store_log_cut(&store->log);
    }
    fail(store, error);
}

static void put_all(struct hot_store *store)
{
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
}

void hot_store_flush(struct hot_store *store)
{
    CHECK(!store->visiting);
    if (store->flush_batch > 0 || store->failed != ERR_OK || store->hot.bytes == 0)
        return;
    put_all(store);
    store->base.ops->put(store->base.self, STORE_META, flushed_name(),
                         slice_of(&store->sequence, sizeof store->sequence));
    store->flush_sequence = store->sequence;
    if (!store->replaying)
        store_log_turn(&store->log);
    store->flush_batch = store->base.ops->commit(store->base.self);
}

static void wait_for_flush(struct hot_store *store)
{
    while (store->flush_batch > 0)
        store->config.base_wait(store->config.context);
}

// Fills the base with all that the hot table has.
static enum err flush_all(struct hot_store *store)
{
    wait_for_flush(store); // a flush under way lacks what came since
    hot_store_flush(store);
    wait_for_flush(store);
    return store->failed;
}

// What the base may need for what the hot table has, and for `batch`.
static uint64_t need_with(const struct hot_store *store, const struct store_batch *batch)
{
    struct store_load load = store->hot.load;
    store_load_join(&load, &batch->load);
    return store_space_need(&store->space, &load);
}

// Whether that is at most one part in `share` of its free pages.
static bool fits(const struct hot_store *store, const struct store_batch *batch, uint64_t share)
{
    return need_with(store, batch) <= store_space_free(&store->space) / share;
}

// Waits until the hot table has room for the open batch, or cannot get any.
static void make_room(struct hot_store *store)
{
    const struct store_batch *batch = &store->open_batch;
    while (store->failed == ERR_OK && store->hot.bytes > 0 &&
           (store->hot.bytes + batch->ops.length > store->config.hot_bytes_max ||
            !fits(store, batch, HOT_FREE_SHARE))) {
        hot_store_flush(store);
        wait_for_flush(store);
    }
}

// --- the port

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct hot_store *store = self;
    CHECK(!store->visiting);
    CHECK(table != STORE_META || !slice_equal(key, flushed_name()));
    store_batch_put(&store->open_batch, table, key, value);
}

static void remove_key(void *self, enum store_table table, struct slice key)
{
    struct hot_store *store = self;
    CHECK(!store->visiting);
    CHECK(table != STORE_META || !slice_equal(key, flushed_name()));
    store_batch_remove(&store->open_batch, table, key);
}

static void apply(struct hot_store *store)
{
    struct slice ops = buf_slice(&store->open_batch.ops);
    if (ops.length > 0) {
        make_room(store);
        if (store->failed == ERR_OK &&
            need_with(store, &store->open_batch) > store_space_left(&store->space))
            fail(store, ERR_FULL);
        if (store->failed == ERR_OK)
            fail(store, store_log_append(&store->log, store->sequence + 1, ops));
        if (store->failed != ERR_OK)
            return;
        store->sequence++;
        hot_table_add(&store->hot, &store->open_batch, store->sequence);
    }
    store->applied = store->committed;
}

static uint64_t commit(void *self)
{
    struct hot_store *store = self;
    CHECK(!store->visiting);
    store->committed++;
    if (store->failed == ERR_OK)
        apply(store);
    store_batch_clear(&store->open_batch);
    if (store->hot.bytes >= store->config.flush_bytes ||
        !fits(store, &store->open_batch, HOT_FLUSH_SHARE))
        hot_store_flush(store);
    return store->committed;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct hot_store *store = self;
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
    struct hot_store *store = self;
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

static enum store_room room(void *self)
{
    struct hot_store *store = self;
    struct store_space space = space_of(store);
    struct store_load load = store->hot.load;
    store_load_join(&load, &store->open_batch.load);
    return store->failed != ERR_OK ? STORE_ROOM_NONE : store_space_room(&space, &load);
}

static const struct store_ops ops = {
    .put = put, .remove = remove_key, .commit = commit, .get = get, .scan = scan, .room = room};

struct store hot_store_port(struct hot_store *store)
{
    return (struct store){.ops = &ops, .self = store};
}

// --- opening

static enum err replay_record(void *context, const struct log_record *record)
{
    struct hot_store *store = context;
    store_batch_clear(&store->open_batch);
    if (store_batch_load(&store->open_batch, record->ops) != ERR_OK)
        return ERR_CORRUPT;
    make_room(store);
    store->sequence = record->sequence;
    hot_table_add(&store->hot, &store->open_batch, store->sequence);
    return store->failed;
}

// Reads the number of the last record that the base has, or 0.
static enum err read_flushed(struct hot_store *store)
{
    struct slice found;
    enum err error = store->base.ops->get(store->base.self, STORE_META, flushed_name(), &found);
    if (error == ERR_OK && found.length != sizeof store->sequence)
        return ERR_CORRUPT;
    if (error == ERR_OK)
        memcpy(&store->sequence, found.bytes, sizeof store->sequence);
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

// Brings what the former log holds to the base. `*out_gap` as of log_replay.
static enum err replay(struct hot_store *store, bool *out_gap)
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

// A log of another run of the machine was not closed: what it had not synced may be lost. Noted
// before the mark that tells it is replaced.
static enum err note_suspicion(struct hot_store *store)
{
    const struct log_mark *former = &store->log.former;
    enum err error = store_suspicion_read(&store->config.files, &store->suspect);
    if (error != ERR_OK || store->suspect || !former->present || former->same_boot)
        return error;
    store->suspect = true;
    return store_suspicion_raise(&store->config.files);
}

static enum err damaged(const struct hot_store *store, const char *where, struct errmsg *detail)
{
    return errmsg_set(detail, ERR_CORRUPT,
                      "the log in %s is damaged after record %llu: " STORE_REMEDY, where,
                      (unsigned long long)store->sequence);
}

enum err hot_store_recover(struct hot_store *store, const char *where, struct errmsg *detail)
{
    bool gap = false;
    enum err error = store_log_open(&store->config.files, store->config.boot, &store->log);
    if (error == ERR_CORRUPT)
        error =
            errmsg_set(detail, error, "%s/%s is missing beside a log, or damaged: " STORE_REMEDY,
                       where, LOG_MARK_FILE);
    else if (error != ERR_OK)
        error =
            errmsg_set(detail, error, "cannot open the log in %s: %s", where, err_sentence(error));
    if (error != ERR_OK)
        goto done;
    error = note_suspicion(store);
    if (error == ERR_OK)
        error = replay(store, &gap);
    // A restart of the machine may lose any part of what was not synced, the death of the process
    // only the record that was being written.
    if (error == ERR_CORRUPT || (error == ERR_OK && gap && store->log.former.same_boot)) {
        error = damaged(store, where, detail);
        goto done;
    }
    if (error == ERR_OK)
        error = store_log_begin(&store->log, store->config.seed);
    if (error != ERR_OK)
        error = errmsg_set(detail, error, "cannot bring the log in %s to its store: %s", where,
                           err_sentence(error));
done:
    fail(store, error);
    return error;
}

struct hot_store *hot_store_new(const struct hot_store_config *config)
{
    CHECK(config->done != NULL && config->base_wait != NULL);
    struct hot_store *store = memory_zeroed(1, sizeof *store);
    store->config = *config;
    store->base = config->base;
    store->space = space_of(store);
    hot_table_init(&store->hot);
    store_batch_init(&store->open_batch);
    return store;
}

// --- the life of an open store

void hot_store_sync_failed(struct hot_store *store, enum err error)
{
    if (store->sync_failed)
        return;
    store->sync_failed = true;
    fail(store, error);
    if (store->applied > store->reported)
        store->applied = store->reported;
    (void)!store_suspicion_raise(&store->config.files);
}

void hot_store_poll(struct hot_store *store)
{
    CHECK(!store->visiting);
    uint64_t reported = store->reported;
    uint64_t applied = store->applied;
    uint64_t committed = store->committed;
    store->reported = committed; // what `done` commits is for the next poll
    if (applied > reported)
        store->config.done(store->config.context, applied, ERR_OK);
    if (committed > applied && committed > reported)
        store->config.done(store->config.context, committed, store->failed);
}

void hot_store_log_files(const struct hot_store *store, struct file *out[LOG_FILES])
{
    for (int i = 0; i < LOG_FILES; i++)
        out[i] = store->log.logs[i].file;
}

size_t hot_store_bytes(const struct hot_store *store)
{
    return store->hot.bytes;
}

bool hot_store_suspect(const struct hot_store *store)
{
    return store->suspect;
}

enum err hot_store_trust(struct hot_store *store)
{
    enum err error = store->suspect ? store_suspicion_drop(&store->config.files) : ERR_OK;
    if (error == ERR_OK)
        store->suspect = false;
    return error;
}

enum err hot_store_settle(struct hot_store *store)
{
    enum err error = store->failed == ERR_OK ? flush_all(store) : store->failed;
    if (error == ERR_OK)
        store_log_remove(&store->log);
    return error;
}

void hot_store_free(struct hot_store *store)
{
    if (store == NULL)
        return;
    store_log_close(&store->log);
    hot_table_release(&store->hot);
    store_batch_release(&store->open_batch);
    free(store);
}
