#include "adapter/store_settle.h"

#include "adapter/log_mark.h"
#include "adapter/store_logged.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

static void ignore_notice(void *context)
{
    (void)context;
}

static void ignore_report(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    (void)error;
}

enum err store_settle(const char *directory, uint64_t size_bytes_max, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, LOG_MARK_FILE) >= sizeof path)
        return errmsg_set(detail, ERR_TOO_LARGE, "the path of %s is too long", directory);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ERR_OK;
    struct store_logged_config config = {.directory = directory,
                                         .size_bytes_max = size_bytes_max,
                                         .notify = ignore_notice,
                                         .done = ignore_report};
    struct store_logged *store = NULL;
    enum err error = store_logged_open(&config, &store, detail);
    if (error != ERR_OK)
        return error;
    store_logged_close(store); // opening has brought the log to LMDB
    return ERR_OK;
}
