#include "adapter/store_writer.h"

#include "adapter/store_group.h"
#include "adapter/store_sum.h"
#include "base/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

// Emptied batches that are kept for the next turns, so that steady work allocates nothing.
enum { SPARE_COUNT_MAX = 4, SPARE_BYTES_MAX = 1 << 20 };

struct store_writer {
    struct store_writer_config config;
    pthread_t thread;

    // The thread's own.
    struct store_group group;
    enum err failed;      // the first error, for ever
    bool unsynced;        // something was written since the last sync
    uint64_t sync_due_ms; // when the next sync begins, if unsynced
    struct store_space space;
    uint64_t disk_due_ms;       // when the file system is asked again,
    uint64_t disk_due_in_bytes; // or after so much more was written

    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t work;   // something waits, or `stopping`
    pthread_cond_t room;   // the backlog shrank
    struct list waiting;
    struct list spares;
    size_t spare_count;
    size_t backlog_bytes;
    struct store_writer_room room_left;
    struct store_progress progress;
    bool stopping;
};

static struct store_batch *batch_of(struct list *link)
{
    return LIST_ITEM(link, struct store_batch, link);
}

// What a batch weighs in the backlog; an empty one too, for it takes memory.
static size_t weight_of(const struct store_batch *batch)
{
    return sizeof *batch + batch->ops.length;
}

static void free_batch(struct store_batch *batch)
{
    store_batch_release(batch);
    free(batch);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int apply_op(MDB_cursor *cursor, const struct store_group_op *op)
{
    MDB_val key = {.mv_size = op->key_length, .mv_data = (void *)(uintptr_t)op->key};
    if (op->removes) {
        int result = mdb_cursor_get(cursor, &key, NULL, MDB_SET);
        return result == MDB_SUCCESS ? mdb_cursor_del(cursor, 0) : result;
    }
    MDB_val sealed = {.mv_size = op->value_length + STORE_SUM_BYTES};
    int result = mdb_cursor_put(cursor, &key, &sealed, MDB_RESERVE);
    if (result == MDB_SUCCESS)
        store_sum_seal((enum store_table)op->table, slice_of(op->key, op->key_length),
                       slice_of(op->key + op->key_length, op->value_length), sealed.mv_data);
    return result;
}

// One cursor for each table: in sorted order the next key is often in the page where the cursor
// stands.
static int apply_ops(MDB_txn *txn, const struct store_env *env, const struct store_group *group)
{
    MDB_cursor *cursors[STORE_TABLE_COUNT] = {0};
    for (size_t i = 0; i < group->count; i++) {
        const struct store_group_op *op = &group->ops[i];
        MDB_cursor **cursor = &cursors[op->table];
        int result =
            *cursor != NULL ? MDB_SUCCESS : mdb_cursor_open(txn, env->tables[op->table], cursor);
        if (result == MDB_SUCCESS)
            result = apply_op(*cursor, op);
        if (result != MDB_SUCCESS && !(op->removes && result == MDB_NOTFOUND))
            return result;
    }
    return MDB_SUCCESS; // the cursors end with the transaction
}

static enum err write_group(struct store_writer *writer)
{
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(writer->config.env->lmdb, NULL, 0, &txn);
    if (result == MDB_SUCCESS)
        result = apply_ops(txn, writer->config.env, &writer->group);
    if (result == MDB_SUCCESS)
        result = store_env_measure(writer->config.env, txn, &writer->space);
    if (result == MDB_SUCCESS)
        return store_env_error(mdb_txn_commit(txn));
    if (txn != NULL)
        mdb_txn_abort(txn);
    return store_env_error(result == MDB_NOTFOUND ? MDB_CORRUPTED : result);
}

static void apply(struct store_writer *writer, const struct list *batches)
{
    store_group_clear(&writer->group);
    for (struct list *link = batches->next; link != batches; link = link->next)
        store_group_add(&writer->group, batch_of(link));
    store_group_settle(&writer->group);
    if (writer->failed != ERR_OK || writer->group.count == 0)
        return;
    writer->failed = write_group(writer);
    if (writer->failed == ERR_OK && writer->config.steady != NULL && !writer->unsynced) {
        writer->unsynced = true;
        writer->sync_due_ms = now_ms() + writer->config.sync_interval_ms;
    }
}

static void sync_if_due(struct store_writer *writer)
{
    if (!writer->unsynced || writer->failed != ERR_OK || now_ms() < writer->sync_due_ms)
        return;
    writer->failed = store_env_error(mdb_env_sync(writer->config.env->lmdb, 1));
    if (writer->failed == ERR_OK)
        writer->failed = store_steady_save(writer->config.steady, false, NULL);
    writer->unsynced = false;
}

// Moves waiting batches to `group` until it has its maximum; returns their bytes.
static size_t take_waiting(struct store_writer *writer, struct list *group)
{
    uint64_t share = store_space_free(&writer->space) / STORE_GROUP_FREE_SHARE;
    struct store_load load = {0};
    size_t bytes = 0;
    while (bytes < STORE_GROUP_BYTES_MAX && !list_empty(&writer->waiting)) {
        struct list *link = writer->waiting.next;
        store_load_join(&load, &batch_of(link)->load);
        if (bytes > 0 && store_space_need(&writer->space, &load) > share)
            break;
        bytes += weight_of(batch_of(link));
        list_remove(link);
        list_append(group, link);
    }
    return bytes;
}

// A disk that cannot be asked is as it was: writing will tell.
static void measure_disk(struct store_writer *writer)
{
    (void)!store_env_measure_disk(writer->config.env, &writer->space);
    writer->disk_due_ms = now_ms() + STORE_ROOM_STALE_MS;
    writer->disk_due_in_bytes = STORE_RESERVE_DISK_BYTES_MAX / STORE_GROUP_FREE_SHARE;
}

static void measure_disk_if_due(struct store_writer *writer, size_t written)
{
    writer->disk_due_in_bytes -=
        written < writer->disk_due_in_bytes ? written : writer->disk_due_in_bytes;
    if (writer->disk_due_in_bytes == 0 || now_ms() >= writer->disk_due_ms)
        measure_disk(writer);
}

// Whether the file system has to be asked again although nothing is written.
static bool lacks_room(const struct store_writer *writer)
{
    struct store_load nothing = {0};
    return writer->failed == ERR_OK &&
           store_space_room(&writer->space, &nothing) != STORE_ROOM_PLENTY;
}

static void spare(struct store_writer *writer, struct store_batch *batch)
{
    if (writer->spare_count == SPARE_COUNT_MAX || batch->ops.capacity > SPARE_BYTES_MAX) {
        free_batch(batch);
        return;
    }
    store_batch_clear(batch);
    list_append(&writer->spares, &batch->link);
    writer->spare_count++;
}

static void end_group(struct store_writer *writer, struct list *group)
{
    writer->room_left.failed = writer->failed != ERR_OK;
    writer->room_left.space = writer->space;
    while (!list_empty(group)) {
        struct store_batch *batch = batch_of(list_take_first(group));
        CHECK(batch->number > writer->progress.ended);
        writer->progress.ended = batch->number;
        writer->backlog_bytes -= weight_of(batch);
        store_load_part(&writer->room_left.waiting, &batch->load);
        spare(writer, batch);
    }
    writer->progress.error = writer->failed;
    if (writer->failed == ERR_OK)
        writer->progress.durable = writer->progress.ended;
    pthread_cond_broadcast(&writer->room);
}

static void wait_for_work(struct store_writer *writer)
{
    bool unsynced = writer->unsynced && writer->failed == ERR_OK;
    bool lacking = lacks_room(writer);
    if (!unsynced && !lacking) {
        pthread_cond_wait(&writer->work, &writer->mutex);
        return;
    }
    uint64_t until_ms = unsynced ? writer->sync_due_ms : writer->disk_due_ms;
    if (lacking && writer->disk_due_ms < until_ms)
        until_ms = writer->disk_due_ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&writer->work, &writer->mutex, &until);
}

static void *run(void *argument)
{
    struct store_writer *writer = argument;
    struct list group;
    list_init(&group);
    pthread_mutex_lock(&writer->mutex);
    while (!writer->stopping || !list_empty(&writer->waiting)) {
        if (list_empty(&writer->waiting))
            wait_for_work(writer);
        size_t bytes = take_waiting(writer, &group);
        pthread_mutex_unlock(&writer->mutex);
        apply(writer, &group);
        measure_disk_if_due(writer, bytes);
        bool advanced = !list_empty(&group);
        pthread_mutex_lock(&writer->mutex);
        end_group(writer, &group);
        pthread_mutex_unlock(&writer->mutex);
        if (advanced)
            writer->config.notify(writer->config.context);
        sync_if_due(writer);
        pthread_mutex_lock(&writer->mutex);
    }
    pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

static void init_synchronisation(struct store_writer *writer)
{
    pthread_condattr_t attributes;
    CHECK(pthread_mutex_init(&writer->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&writer->work, &attributes) == 0);
    CHECK(pthread_cond_init(&writer->room, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

static void free_writer(struct store_writer *writer)
{
    CHECK(list_empty(&writer->waiting));
    while (!list_empty(&writer->spares))
        free_batch(batch_of(list_take_first(&writer->spares)));
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->room);
    pthread_mutex_destroy(&writer->mutex);
    store_group_release(&writer->group);
    free(writer);
}

static enum err measure_first(struct store_writer *writer, struct errmsg *detail)
{
    MDB_txn *txn = NULL;
    writer->space = store_space_endless();
    writer->space.size_bytes_max = writer->config.size_bytes_max;
    int result = mdb_txn_begin(writer->config.env->lmdb, NULL, MDB_RDONLY, &txn);
    if (result == MDB_SUCCESS)
        result = store_env_measure(writer->config.env, txn, &writer->space);
    if (txn != NULL)
        mdb_txn_abort(txn);
    measure_disk(writer);
    writer->room_left.space = writer->space;
    return errmsg_set(result != MDB_SUCCESS ? detail : NULL, store_env_error(result),
                      "cannot measure the store: %s", mdb_strerror(result));
}

enum err store_writer_start(const struct store_writer_config *config, struct store_writer **out,
                            struct errmsg *detail)
{
    struct store_writer *writer = memory_zeroed(1, sizeof *writer);
    writer->config = *config;
    store_group_init(&writer->group);
    list_init(&writer->waiting);
    list_init(&writer->spares);
    init_synchronisation(writer);
    enum err error = measure_first(writer, detail);
    if (error != ERR_OK) {
        free_writer(writer);
        return error;
    }

    // Signals are for the loop's thread.
    sigset_t all;
    sigset_t former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int result = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (result != 0) {
        free_writer(writer);
        return errmsg_set(detail, ERR_IO, "cannot start the store's commit thread: %s",
                          strerror(result));
    }
    *out = writer;
    return ERR_OK;
}

static struct store_batch *take_spare(struct store_writer *writer)
{
    struct list *link = list_take_first(&writer->spares);
    if (link == NULL)
        return NULL;
    writer->spare_count--;
    return batch_of(link);
}

struct store_batch *store_writer_give(struct store_writer *writer, struct store_batch *batch)
{
    CHECK(batch->number > 0);
    size_t weight = weight_of(batch);
    pthread_mutex_lock(&writer->mutex);
    while (writer->backlog_bytes > 0 &&
           writer->backlog_bytes + weight > writer->config.backlog_bytes_max)
        pthread_cond_wait(&writer->room, &writer->mutex);
    writer->backlog_bytes += weight;
    store_load_join(&writer->room_left.waiting, &batch->load);
    list_append(&writer->waiting, &batch->link);
    struct store_batch *empty = take_spare(writer);
    pthread_mutex_unlock(&writer->mutex);
    // After the unlock: a thread that wakes up only to wait for the mutex costs two switches more.
    pthread_cond_signal(&writer->work);
    if (empty == NULL) {
        empty = memory_new(sizeof *empty);
        store_batch_init(empty);
    }
    return empty;
}

struct store_progress store_writer_progress(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    struct store_progress progress = writer->progress;
    pthread_mutex_unlock(&writer->mutex);
    return progress;
}

size_t store_writer_backlog_bytes(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    size_t bytes = writer->backlog_bytes;
    pthread_mutex_unlock(&writer->mutex);
    return bytes;
}

struct store_writer_room store_writer_room(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    struct store_writer_room room = writer->room_left;
    pthread_mutex_unlock(&writer->mutex);
    return room;
}

enum err store_writer_stop(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    CHECK(pthread_join(writer->thread, NULL) == 0);
    enum err failed = writer->failed;
    free_writer(writer);
    return failed;
}
