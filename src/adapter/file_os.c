#include "adapter/file_os.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct file {
    int fd;
};

enum err file_os_error(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? ERR_FULL : ERR_IO;
}

static enum err result_of(int result)
{
    return result == 0 ? ERR_OK : file_os_error(errno);
}

static int fd_of(void *self)
{
    return ((struct file_os *)self)->directory_fd;
}

static enum err file_open(void *self, const char *name, bool create, struct file **out)
{
    int fd = openat(fd_of(self), name, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0)
        return errno == ENOENT && !create ? ERR_NOT_FOUND : file_os_error(errno);
    *out = memory_new(sizeof **out);
    (*out)->fd = fd;
    return ERR_OK;
}

static void file_close(void *self, struct file *file)
{
    (void)self;
    close(file->fd); // what must last was synced before
    free(file);
}

static enum err file_length(void *self, struct file *file, uint64_t *out)
{
    struct stat status;
    (void)self;
    enum err error = result_of(fstat(file->fd, &status));
    *out = error == ERR_OK ? (uint64_t)status.st_size : 0;
    return error;
}

static enum err file_read(void *self, struct file *file, uint64_t offset, uint8_t *out,
                          size_t length)
{
    (void)self;
    for (size_t taken = 0; taken < length;) {
        ssize_t got = pread(file->fd, out + taken, length - taken, (off_t)(offset + taken));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        taken += (size_t)got;
    }
    return ERR_OK;
}

static struct iovec part_of(struct slice slice, size_t skipped)
{
    size_t start = skipped < slice.length ? skipped : slice.length;
    return (struct iovec){.iov_base =
                              slice.length > 0 ? (void *)(uintptr_t)(slice.bytes + start) : NULL,
                          .iov_len = slice.length - start};
}

static enum err file_write(void *self, struct file *file, uint64_t offset, struct slice head,
                           struct slice body)
{
    size_t total = head.length + body.length;
    (void)self;
    for (size_t written = 0; written < total;) {
        size_t body_written = written > head.length ? written - head.length : 0;
        struct iovec parts[] = {part_of(head, written), part_of(body, body_written)};
        ssize_t length = pwritev(file->fd, parts, 2, (off_t)(offset + written));
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            return length < 0 ? file_os_error(errno) : ERR_IO;
        written += (size_t)length;
    }
    return ERR_OK;
}

static enum err file_cut(void *self, struct file *file, uint64_t length)
{
    int result;
    (void)self;
    do
        result = ftruncate(file->fd, (off_t)length);
    while (result != 0 && errno == EINTR);
    return result_of(result);
}

static enum err file_sync(void *self, struct file *file)
{
    (void)self;
    return result_of(fsync(file->fd)); // its length too, when that shrank
}

static enum err file_rename(void *self, const char *from, const char *to)
{
    return result_of(renameat(fd_of(self), from, fd_of(self), to));
}

static enum err file_remove(void *self, const char *name)
{
    enum err error = result_of(unlinkat(fd_of(self), name, 0));
    return error != ERR_OK && errno == ENOENT ? ERR_OK : error;
}

static enum err file_sync_names(void *self)
{
    return result_of(fsync(fd_of(self)));
}

static const struct files_ops ops = {.open = file_open,
                                     .close = file_close,
                                     .length = file_length,
                                     .read = file_read,
                                     .write = file_write,
                                     .cut = file_cut,
                                     .sync = file_sync,
                                     .rename = file_rename,
                                     .remove = file_remove,
                                     .sync_names = file_sync_names};

struct files file_os_port(struct file_os *directory)
{
    return (struct files){.ops = &ops, .self = directory};
}
