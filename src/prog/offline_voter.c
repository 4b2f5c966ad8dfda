#include "offline_voter.h"

#include "adapter/store_lmdb.h"
#include "base/check.h"
#include "core/map/voter_store.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

struct offline_voter {
    char path[PATH_BYTES_MAX];
    struct store_lmdb *lmdb;
    struct store store;
    struct buf accepted; // outlives what the store lends
    sem_t ended;         // posted when batches may have ended
    uint64_t batch_ended;
    enum err outcome;
};

// On the store's thread.
static void notify(void *context)
{
    struct offline_voter *voter = context;
    sem_post(&voter->ended);
}

static void on_done(void *context, uint64_t batch, enum err error)
{
    struct offline_voter *voter = context;
    voter->batch_ended = batch;
    voter->outcome = error;
}

static enum err find_store(struct offline_voter *voter, const char *data_directory,
                           struct errmsg *detail)
{
    char file[PATH_BYTES_MAX + sizeof "/data.mdb"];
    if ((size_t)snprintf(voter->path, PATH_BYTES_MAX, "%s/voter", data_directory) >= PATH_BYTES_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "the path of %.200s is too long", data_directory);
    snprintf(file, sizeof file, "%s/data.mdb", voter->path);
    if (access(file, F_OK) == 0)
        return ERR_OK;
    return errmsg_set(detail, ERR_NOT_FOUND, "%.300s is no node's data directory: %s", voter->path,
                      errno == ENOENT ? "there is no voter store" : strerror(errno));
}

enum err offline_voter_open(const char *data_directory, struct offline_voter **out,
                            struct errmsg *detail)
{
    struct offline_voter *voter = memory_zeroed(1, sizeof *voter);
    buf_init(&voter->accepted, CLUSTER_MAP_BYTES_MAX);
    CHECK(sem_init(&voter->ended, 0, 0) == 0);
    enum err error = find_store(voter, data_directory, detail);
    if (error == ERR_OK) {
        struct store_lmdb_config config = {.directory = voter->path,
                                           .durability = DURABILITY_COMMIT,
                                           .notify = notify,
                                           .done = on_done,
                                           .context = voter};
        error = store_lmdb_open(&config, &voter->lmdb, detail);
    }
    if (error != ERR_OK) {
        offline_voter_close(voter);
        return error;
    }
    voter->store = store_lmdb_port(voter->lmdb);
    *out = voter;
    return ERR_OK;
}

static enum err unreadable(const struct offline_voter *voter, const char *what, enum err error,
                           struct errmsg *detail)
{
    return errmsg_set(detail, error, "%s in %.300s cannot be read: %s", what, voter->path,
                      err_sentence(error));
}

enum err offline_voter_identity(struct offline_voter *voter, struct identity *out,
                                struct errmsg *detail)
{
    enum err error = voter_store_identity(&voter->store, out);
    return error == ERR_OK ? ERR_OK : unreadable(voter, "the node's identity", error, detail);
}

enum err offline_voter_read(struct offline_voter *voter, struct recovery_survivor *out,
                            struct errmsg *detail)
{
    enum err error = offline_voter_identity(voter, &out->identity, detail);
    if (error != ERR_OK)
        return error;
    error = voter_store_map(&voter->store, &out->map);
    if (error != ERR_OK)
        return unreadable(voter, "the cluster map", error, detail);
    error = voter_store_acceptor(&voter->store, &out->acceptor);
    if (error == ERR_NOT_FOUND) {
        out->acceptor = (struct acceptor_state){0};
        return ERR_OK;
    }
    if (error != ERR_OK)
        return unreadable(voter, "what the node has accepted", error, detail);
    buf_clear(&voter->accepted);
    buf_append_slice(&voter->accepted, out->acceptor.accepted_map);
    out->acceptor.accepted_map = buf_slice(&voter->accepted);
    return ERR_OK;
}

static void wait_for_sync(struct offline_voter *voter, uint64_t batch)
{
    while (voter->batch_ended < batch) {
        if (sem_wait(&voter->ended) == 0)
            store_lmdb_poll(voter->lmdb);
        else
            CHECK(errno == EINTR);
    }
}

enum err offline_voter_write(struct offline_voter *voter, const struct cluster_map *map,
                             struct errmsg *detail)
{
    struct effects effects;
    effects_init(&effects);
    voter_store_put_map(&effects, map);
    voter_store_put_acceptor(&effects, &(struct acceptor_state){.base_epoch = map->epoch});
    for (size_t i = 0; i < effects.write_count; i++) {
        const struct effect_write *write = &effects.writes[i];
        voter->store.ops->put(voter->store.self, write->table, effects_bytes(&effects, write->key),
                              effects_bytes(&effects, write->value));
    }
    effects_release(&effects);
    wait_for_sync(voter, voter->store.ops->commit(voter->store.self));
    if (voter->outcome == ERR_OK)
        return ERR_OK;
    return errmsg_set(detail, voter->outcome, "the map cannot be written to %.300s: %s",
                      voter->path, err_sentence(voter->outcome));
}

void offline_voter_close(struct offline_voter *voter)
{
    if (voter == NULL)
        return;
    store_lmdb_close(voter->lmdb);
    buf_release(&voter->accepted);
    sem_destroy(&voter->ended);
    free(voter);
}
