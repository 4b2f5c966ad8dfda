#include "cli/file.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, TAIL_BYTES_MAX = 4096, RANDOM_BYTES_MAX = 64, DESCRIPTORS_MAX = 16 };

enum err file_read_descriptor(struct buf *out, int descriptor, const char *name,
                              struct errmsg *detail)
{
    char *chunk = memory_new(READ_BYTES);
    enum err e = ERR_OK;
    for (;;) {
        ssize_t count = read(descriptor, chunk, READ_BYTES);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            e = errmsg_set(detail, ERR_IO, "cannot read %s: %s", name, strerror(errno));
        if (count <= 0)
            break;
        buf_append(out, chunk, (size_t)count);
        if (out->overflown) {
            e = errmsg_set(detail, ERR_TOO_LARGE, "%s is larger than %zu bytes", name, out->max);
            break;
        }
    }
    free(chunk);
    return e;
}

enum err file_read(struct buf *out, const char *path, struct errmsg *detail)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errmsg_set(detail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s",
                          path, strerror(errno));
    enum err e = file_read_descriptor(out, descriptor, path, detail);
    close(descriptor);
    return e;
}

static bool write_all(int descriptor, struct slice bytes)
{
    for (size_t done = 0; done < bytes.length;) {
        ssize_t count = write(descriptor, bytes.bytes + done, bytes.length - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

enum err file_write(const char *path, struct slice bytes, mode_t mode, struct errmsg *detail)
{
    char beside[FILE_PATH_BYTES_MAX];
    enum err e = file_path(beside, detail, "%s.new", path);
    if (e != ERR_OK)
        return e;
    // A file left behind by a crash may have other permissions: it goes first.
    unlink(beside);
    int descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0)
        return errmsg_set(detail, ERR_IO, "cannot create %s: %s", beside, strerror(errno));
    bool written = write_all(descriptor, bytes) && fsync(descriptor) == 0;
    written = close(descriptor) == 0 && written;
    if (!written || rename(beside, path) != 0) {
        e = errmsg_set(detail, ERR_IO, "cannot write %s: %s", path, strerror(errno));
        unlink(beside);
    }
    return e;
}

enum err file_read_secret(char secret[SECRET_BYTES_MAX], const char *path, struct errmsg *detail)
{
    struct buf bytes;
    buf_init(&bytes, SECRET_BYTES_MAX - 1);
    enum err e = file_read(&bytes, path, detail);
    if (e != ERR_OK)
        goto done;
    size_t length = bytes.length;
    while (length > 0 && (bytes.bytes[length - 1] == '\n' || bytes.bytes[length - 1] == '\r'))
        length--;
    if (length == 0) {
        e = errmsg_set(detail, ERR_INVALID, "%s is empty", path);
        goto done;
    }
    memcpy(secret, bytes.bytes, length);
    secret[length] = '\0';
done:
    buf_release(&bytes);
    return e;
}

off_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

void file_tail(struct buf *out, const char *path, off_t offset, size_t lines)
{
    char text[TAIL_BYTES_MAX];
    off_t end = file_size(path);
    off_t start = end - offset > TAIL_BYTES_MAX ? end - TAIL_BYTES_MAX : offset;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ssize_t count = pread(descriptor, text, sizeof text, start);
    close(descriptor);
    size_t length = count > 0 ? (size_t)count : 0;
    while (length > 0 && text[length - 1] == '\n')
        length--;
    size_t first = length;
    for (size_t found = 0; first > 0; first--) {
        found += text[first - 1] == '\n';
        if (found == lines)
            break;
    }
    buf_append(out, text + first, length - first);
}

enum err file_path(char path[FILE_PATH_BYTES_MAX], struct errmsg *detail, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, FILE_PATH_BYTES_MAX, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= FILE_PATH_BYTES_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "a path is longer than %d bytes",
                          FILE_PATH_BYTES_MAX - 1);
    return ERR_OK;
}

enum err file_random_hex(char *hex, size_t bytes, struct errmsg *detail)
{
    uint8_t random[RANDOM_BYTES_MAX];
    CHECK(bytes <= sizeof random);
    if (getrandom(random, bytes, 0) != (ssize_t)bytes)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", random[i]);
    return ERR_OK;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

enum err file_remove_tree(const char *path, struct errmsg *detail)
{
    if (nftw(path, remove_entry, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return ERR_OK;
    return errmsg_set(detail, ERR_IO, "cannot remove %s: %s", path, strerror(errno));
}
