#include "adapter/log_syncer.h"

#include "base/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct log_syncer {
    struct log_syncer_config config;
    pthread_t thread;

    // The thread's own.
    bool unsynced;        // something may have been appended since the last sync
    uint64_t sync_due_ms; // when the next sync begins, if unsynced

    _Atomic bool touched;
    _Atomic int error; // an enum err

    pthread_mutex_t mutex; // guards `stopping`, and that no touch is slept over
    pthread_cond_t wake;
    bool stopping;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_until(struct log_syncer *syncer, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    while (!syncer->stopping && now_ms() < until_ms)
        pthread_cond_timedwait(&syncer->wake, &syncer->mutex, &until);
}

static void sync_files(struct log_syncer *syncer)
{
    syncer->unsynced = false;
    for (int i = 0; i < LOG_SYNCER_FILES && syncer->error == ERR_OK; i++)
        syncer->error =
            syncer->config.files.ops->sync(syncer->config.files.self, syncer->config.synced[i]);
}

// One turn after a touch, without the lock.
static void work(struct log_syncer *syncer, uint64_t touched_ms)
{
    bool touched = atomic_exchange(&syncer->touched, false);
    if (touched && !syncer->unsynced) {
        syncer->unsynced = true;
        syncer->sync_due_ms = touched_ms + syncer->config.sync_ms;
    }
    if (touched)
        syncer->config.tick(syncer->config.context);
    if (!syncer->unsynced || now_ms() < syncer->sync_due_ms)
        return;
    sync_files(syncer);
    if (syncer->error != ERR_OK)
        syncer->config.tick(syncer->config.context);
}

static void *run(void *argument)
{
    struct log_syncer *syncer = argument;
    pthread_mutex_lock(&syncer->mutex);
    while (!syncer->stopping) {
        while (!syncer->touched && !syncer->unsynced && !syncer->stopping)
            pthread_cond_wait(&syncer->wake, &syncer->mutex);
        uint64_t begun_ms = now_ms();
        sleep_until(syncer, begun_ms + syncer->config.tick_ms);
        if (syncer->stopping)
            break;
        pthread_mutex_unlock(&syncer->mutex);
        work(syncer, begun_ms);
        pthread_mutex_lock(&syncer->mutex);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return NULL;
}

static void free_syncer(struct log_syncer *syncer)
{
    pthread_cond_destroy(&syncer->wake);
    pthread_mutex_destroy(&syncer->mutex);
    free(syncer);
}

enum err log_syncer_start(const struct log_syncer_config *config, struct log_syncer **out,
                          struct errmsg *detail)
{
    struct log_syncer *syncer = memory_zeroed(1, sizeof *syncer);
    syncer->config = *config;
    pthread_condattr_t attributes;
    CHECK(pthread_mutex_init(&syncer->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&syncer->wake, &attributes) == 0);
    pthread_condattr_destroy(&attributes);

    // Signals are for the loop's thread.
    sigset_t all;
    sigset_t former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int result = pthread_create(&syncer->thread, NULL, run, syncer);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (result != 0) {
        free_syncer(syncer);
        return errmsg_set(detail, ERR_IO, "cannot start the log's thread: %s", strerror(result));
    }
    *out = syncer;
    return ERR_OK;
}

void log_syncer_touch(struct log_syncer *syncer)
{
    if (atomic_exchange(&syncer->touched, true))
        return;
    pthread_mutex_lock(&syncer->mutex);
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->mutex);
}

enum err log_syncer_error(const struct log_syncer *syncer)
{
    return (enum err)syncer->error;
}

enum err log_syncer_stop(struct log_syncer *syncer)
{
    if (syncer == NULL)
        return ERR_OK;
    pthread_mutex_lock(&syncer->mutex);
    syncer->stopping = true;
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->mutex);
    CHECK(pthread_join(syncer->thread, NULL) == 0);
    enum err error = log_syncer_error(syncer);
    free_syncer(syncer);
    return error;
}
