#include "adapter/store_log.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const file_names[LOG_FILES] = {STORE_LOG_FILE_0, STORE_LOG_FILE_1};

enum err store_log_open(const char *path, struct store_log *out, struct errmsg *detail)
{
    *out = (struct store_log){.directory = {.fd = -1, .lock_fd = -1}};
    for (int i = 0; i < LOG_FILES; i++)
        out->files[i].fd = -1;
    out->directory.path = memory_copy(path, strlen(path) + 1);
    out->directory.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->directory.fd < 0)
        return errmsg_set(detail, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    enum err error = log_mark_read(&out->directory, &out->former, detail);
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++)
        error = log_file_open(&out->directory, file_names[i], &out->files[i], detail);
    if (error == ERR_OK && !out->former.present && out->files[0].length + out->files[1].length > 0)
        error = errmsg_set(detail, ERR_CORRUPT,
                           "%s/%s is missing beside a log: restore the directory from a copy", path,
                           LOG_MARK_FILE);
    return error;
}

enum err store_log_replay(const struct store_log *log, uint64_t first, log_visit *visit,
                          void *context, bool *out_gap)
{
    uint8_t *bytes[LOG_FILES] = {0};
    struct slice contents[LOG_FILES] = {{0}};
    enum err error = ERR_OK;
    *out_gap = false;
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++) {
        error = log_file_read(&log->files[i], &bytes[i], &contents[i].length);
        contents[i].bytes = bytes[i];
    }
    if (error == ERR_OK)
        error = log_replay(contents, log->former.seed, first, visit, context, out_gap);
    for (int i = 0; i < LOG_FILES; i++)
        free(bytes[i]);
    return error;
}

enum err store_log_begin(struct store_log *log, struct errmsg *detail)
{
    for (int i = 0; i < LOG_FILES; i++) {
        enum err error = log_file_clear(&log->files[i]);
        // What was dropped must not come back under numbers that are given anew.
        if (error == ERR_OK && fsync(log->files[i].fd) != 0)
            error = ERR_IO;
        if (error != ERR_OK)
            return errmsg_set(detail, error, "cannot empty %s/%s", log->directory.path,
                              file_names[i]);
    }
    return log_mark_write(&log->directory, &log->seed, detail);
}

enum err store_log_append(struct store_log *log, uint64_t sequence, struct slice ops)
{
    return log_file_append(&log->files[log->active], log->seed, sequence, ops);
}

void store_log_turn(struct store_log *log)
{
    log->active = (log->active + 1) % LOG_FILES;
    CHECK(log->files[log->active].length == 0);
}

enum err store_log_cut(struct store_log *log)
{
    return log_file_clear(&log->files[(log->active + 1) % LOG_FILES]);
}

// The mark last: as long as there is a record, it tells how to read it.
void store_log_remove(struct store_log *log)
{
    enum err error = ERR_OK;
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++)
        error = store_directory_delete(&log->directory, file_names[i], NULL);
    if (error == ERR_OK)
        (void)!store_directory_delete(&log->directory, LOG_MARK_FILE, NULL);
}

void store_log_close(struct store_log *log)
{
    for (int i = 0; i < LOG_FILES; i++)
        log_file_close(&log->files[i]);
    store_directory_close(&log->directory);
}
