#include "adapter/store_log.h"

#include "base/check.h"

#include <stdlib.h>

static const char *const file_names[LOG_FILES] = {STORE_LOG_FILE_0, STORE_LOG_FILE_1};

enum err store_log_open(const struct files *files, const uint8_t *boot, struct store_log *out)
{
    *out = (struct store_log){.files = *files};
    memcpy(out->boot, boot, sizeof out->boot);
    enum err error = log_mark_read(files, boot, &out->former);
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++)
        error = log_file_open(files, file_names[i], &out->logs[i]);
    if (error == ERR_OK && !out->former.present && out->logs[0].length + out->logs[1].length > 0)
        error = ERR_CORRUPT;
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
        error = log_file_read(&log->logs[i], &bytes[i], &contents[i].length);
        contents[i].bytes = bytes[i];
    }
    if (error == ERR_OK)
        error = log_replay(contents, log->former.seed, first, visit, context, out_gap);
    for (int i = 0; i < LOG_FILES; i++)
        free(bytes[i]);
    return error;
}

enum err store_log_begin(struct store_log *log, uint64_t seed)
{
    enum err error = ERR_OK;
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++) {
        error = log_file_clear(&log->logs[i]);
        // What was dropped must not come back under numbers that are given anew.
        if (error == ERR_OK)
            error = log->files.ops->sync(log->files.self, log->logs[i].file);
    }
    log->seed = seed;
    return error == ERR_OK ? log_mark_write(&log->files, log->boot, seed) : error;
}

enum err store_log_append(struct store_log *log, uint64_t sequence, struct slice ops)
{
    return log_file_append(&log->logs[log->active], log->seed, sequence, ops);
}

void store_log_turn(struct store_log *log)
{
    log->active = (log->active + 1) % LOG_FILES;
    CHECK(log->logs[log->active].length == 0);
}

enum err store_log_cut(struct store_log *log)
{
    return log_file_clear(&log->logs[(log->active + 1) % LOG_FILES]);
}

// The mark last, and synced after the others: as long as there is a record, it tells how to read
// it.
void store_log_remove(struct store_log *log)
{
    enum err error = ERR_OK;
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++)
        error = log->files.ops->remove(log->files.self, file_names[i]);
    if (error == ERR_OK)
        error = log->files.ops->sync_names(log->files.self);
    if (error == ERR_OK)
        error = log->files.ops->remove(log->files.self, LOG_MARK_FILE);
    if (error == ERR_OK)
        (void)!log->files.ops->sync_names(log->files.self);
}

void store_log_close(struct store_log *log)
{
    for (int i = 0; i < LOG_FILES; i++)
        log_file_close(&log->logs[i]);
}
