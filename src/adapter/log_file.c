#include "adapter/log_file.h"

#include "adapter/log_record.h"
#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static enum err error_of(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? ERR_FULL : ERR_IO;
}

enum err log_file_open(const struct store_directory *directory, const char *name,
                       struct log_file *out, struct errmsg *detail)
{
    *out = (struct log_file){.fd = -1};
    struct stat status;
    int fd = openat(directory->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &status) != 0) {
        enum err error = errmsg_set(detail, error_of(errno), "cannot open %s/%s: %s",
                                    directory->path, name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return error;
    }
    *out = (struct log_file){.fd = fd, .length = (uint64_t)status.st_size};
    return ERR_OK;
}

void log_file_close(struct log_file *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

enum err log_file_read(const struct log_file *log, uint8_t **out, size_t *out_length)
{
    *out = NULL;
    *out_length = 0;
    if (log->length > LOG_FILE_BYTES_MAX)
        return ERR_CORRUPT;
    size_t length = (size_t)log->length;
    size_t taken = 0;
    uint8_t *bytes = memory_new(length);
    while (taken < length) {
        ssize_t got = pread(log->fd, bytes + taken, length - taken, (off_t)taken);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            free(bytes);
            return ERR_IO;
        }
        taken += (size_t)got;
    }
    *out = bytes;
    *out_length = length;
    return ERR_OK;
}

enum err log_file_append(struct log_file *log, uint64_t seed, uint64_t sequence, struct slice ops)
{
    struct log_head head = log_head_of(seed, sequence, ops);
    size_t total = sizeof head + ops.length;
    for (size_t written = 0; written < total;) {
        size_t head_written = written < sizeof head ? written : sizeof head;
        size_t ops_written = written - head_written;
        struct iovec parts[] = {
            {.iov_base = (uint8_t *)&head + head_written, .iov_len = sizeof head - head_written},
            {.iov_base = (void *)(uintptr_t)(ops.length > 0 ? ops.bytes + ops_written : NULL),
             .iov_len = ops.length - ops_written}};
        ssize_t length = pwritev(log->fd, parts, 2, (off_t)(log->length + written));
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            return length < 0 ? error_of(errno) : ERR_IO;
        written += (size_t)length;
    }
    log->length += total;
    return ERR_OK;
}

enum err log_file_clear(struct log_file *log)
{
    if (log->length == 0)
        return ERR_OK;
    if (ftruncate(log->fd, 0) != 0)
        return error_of(errno);
    log->length = 0;
    return ERR_OK;
}
