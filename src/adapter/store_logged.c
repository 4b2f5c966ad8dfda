#include "adapter/store_logged.h"

#include "adapter/boot_id.h"
#include "adapter/file_os.h"
#include "adapter/hot_store.h"
#include "adapter/log_syncer.h"
#include "adapter/store_lmdb.h"
#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

_Static_assert(LOG_FILES == LOG_SYNCER_FILES, "the syncer has all files");
_Static_assert(LOG_MARK_BOOT_BYTES == BOOT_ID_BYTES, "the mark holds a boot's id");

struct store_logged {
    struct store_logged_config config;
    struct store_lmdb *lmdb;
    sem_t base_ended;
    struct file_os directory;
    struct hot_store *hot;
    struct log_syncer *syncer;
    _Atomic bool flush_due;
};

// --- LMDB, behind

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
    hot_store_base_done(store->hot, batch, error);
}

// Within hot_store_poll.
static void on_hot_done(void *context, uint64_t batch, enum err error)
{
    struct store_logged *store = context;
    store->config.done(store->config.context, batch, error);
}

static void drain(struct store_logged *store)
{
    while (sem_trywait(&store->base_ended) == 0)
        continue;
    store_lmdb_poll(store->lmdb);
}

static void wait_for_base(void *context)
{
    struct store_logged *store = context;
    while (sem_wait(&store->base_ended) != 0)
        CHECK(errno == EINTR);
    store_lmdb_poll(store->lmdb);
}

static struct store_space space_of_base(void *context)
{
    struct store_logged *store = context;
    return store_lmdb_space(store->lmdb);
}

// --- the port: the hot store's, with the threads told

static struct store hot_of(void *self)
{
    return hot_store_port(((struct store_logged *)self)->hot);
}

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct store hot = hot_of(self);
    hot.ops->put(hot.self, table, key, value);
}

static void remove_key(void *self, enum store_table table, struct slice key)
{
    struct store hot = hot_of(self);
    hot.ops->remove(hot.self, table, key);
}

static uint64_t commit(void *self)
{
    struct store_logged *store = self;
    struct store hot = hot_of(self);
    uint64_t batch = hot.ops->commit(hot.self);
    if (hot_store_bytes(store->hot) > 0)
        log_syncer_touch(store->syncer);
    store->config.notify(store->config.context);
    return batch;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct store hot = hot_of(self);
    return hot.ops->get(hot.self, table, key, out);
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct store hot = hot_of(self);
    return hot.ops->scan(hot.self, table, first, end, visit, context);
}

static enum store_room room(void *self)
{
    struct store hot = hot_of(self);
    return hot.ops->room(hot.self);
}

static const struct store_ops ops = {
    .put = put, .remove = remove_key, .commit = commit, .get = get, .scan = scan, .room = room};

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

static enum err open_base(struct store_logged *store, struct errmsg *detail)
{
    const struct store_logged_config *config = &store->config;
    struct store_lmdb_config base = {.directory = config->directory,
                                     .size_bytes_max = config->size_bytes_max,
                                     .durability = DURABILITY_COMMIT,
                                     .notify = on_base_ended,
                                     .done = on_base_done,
                                     .context = store};
    return store_lmdb_open(&base, &store->lmdb, detail);
}

static void choose_sizes(const struct store_logged_config *config, struct hot_store_config *out)
{
    uint64_t limit =
        config->size_bytes_max > 0 ? config->size_bytes_max : STORE_LMDB_SIZE_BYTES_DEFAULT;
    uint64_t share = limit / STORE_LOGGED_HOT_SHARE;
    out->hot_bytes_max =
        share < STORE_LOGGED_HOT_BYTES_MAX ? (size_t)share : STORE_LOGGED_HOT_BYTES_MAX;
    size_t part = out->hot_bytes_max / STORE_LOGGED_HOT_SHARE;
    out->flush_bytes = part < STORE_LOGGED_FLUSH_BYTES ? part : STORE_LOGGED_FLUSH_BYTES;
}

static enum err open_hot(struct store_logged *store, struct errmsg *detail)
{
    const char *path = store->config.directory;
    struct hot_store_config config = {.files = file_os_port(&store->directory),
                                      .base = store_lmdb_port(store->lmdb),
                                      .base_wait = wait_for_base,
                                      .base_space = space_of_base,
                                      .done = on_hot_done,
                                      .context = store};
    choose_sizes(&store->config, &config);
    (void)boot_id_read(config.boot); // zeros when it cannot be read
    store->directory.directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory.directory_fd < 0)
        return errmsg_set(detail, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    if (getrandom(&config.seed, sizeof config.seed, 0) != (ssize_t)sizeof config.seed)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes");
    store->hot = hot_store_new(&config);
    return hot_store_recover(store->hot, path, detail);
}

static enum err start_syncer(struct store_logged *store, struct errmsg *detail)
{
    struct log_syncer_config config = {.files = file_os_port(&store->directory),
                                       .tick_ms = STORE_LOGGED_FLUSH_INTERVAL_MS,
                                       .sync_ms = STORE_LOGGED_SYNC_INTERVAL_MS,
                                       .tick = on_tick,
                                       .context = store};
    hot_store_log_files(store->hot, config.synced);
    return log_syncer_start(&config, &store->syncer, detail);
}

enum err store_logged_open(const struct store_logged_config *config, struct store_logged **out,
                           struct errmsg *detail)
{
    CHECK(config->notify != NULL && config->done != NULL);
    struct store_logged *store = memory_zeroed(1, sizeof *store);
    store->config = *config;
    store->directory.directory_fd = -1;
    CHECK(sem_init(&store->base_ended, 0, 0) == 0);
    enum err error = open_base(store, detail);
    if (error == ERR_OK)
        error = open_hot(store, detail);
    if (error == ERR_OK)
        error = start_syncer(store, detail);
    if (error != ERR_OK) {
        store_logged_close(store);
        return error;
    }
    *out = store;
    return ERR_OK;
}

// --- the life of an open store

void store_logged_flush(struct store_logged *store)
{
    store->flush_due = false;
    hot_store_flush(store->hot);
}

void store_logged_poll(struct store_logged *store)
{
    drain(store);
    enum err synced = log_syncer_error(store->syncer);
    if (synced != ERR_OK)
        hot_store_sync_failed(store->hot, synced);
    if (store->flush_due)
        store_logged_flush(store);
    hot_store_poll(store->hot);
}

size_t store_logged_backlog_bytes(const struct store_logged *store)
{
    return hot_store_bytes(store->hot);
}

bool store_logged_suspect(const struct store_logged *store)
{
    return hot_store_suspect(store->hot);
}

enum err store_logged_trust(struct store_logged *store)
{
    return hot_store_trust(store->hot);
}

void store_logged_close(struct store_logged *store)
{
    if (store == NULL)
        return;
    enum err synced = log_syncer_stop(store->syncer);
    if (synced != ERR_OK)
        hot_store_sync_failed(store->hot, synced);
    if (store->hot != NULL)
        (void)!hot_store_settle(store->hot); // after an error the log stays
    store_lmdb_close(store->lmdb);
    hot_store_free(store->hot);
    if (store->directory.directory_fd >= 0)
        close(store->directory.directory_fd);
    sem_destroy(&store->base_ended);
    free(store);
}
