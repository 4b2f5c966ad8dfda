#include "author_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

static enum err io_error(const char *what, const char *path, struct errmsg *detail)
{
    return errmsg_set(detail, ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

static enum err read_key(int fd, const char *path, struct signing_secret *out,
                         struct errmsg *detail)
{
    uint8_t bytes[SIGNING_SECRET_BYTES + 1];
    ssize_t length = read(fd, bytes, sizeof bytes);
    if (length < 0)
        return io_error("read", path, detail);
    if (length != SIGNING_SECRET_BYTES)
        return errmsg_set(detail, ERR_CORRUPT,
                          "%s is no key of %u bytes: restore it, or move it away to become "
                          "another author",
                          path, SIGNING_SECRET_BYTES);
    memcpy(out->bytes, bytes, SIGNING_SECRET_BYTES);
    return ERR_OK;
}

// Written under another name first, so that there is never a part of a key.
static enum err make_key(const char *directory, const char *path, struct signing_secret *out,
                         struct errmsg *detail)
{
    char draft[PATH_BYTES_MAX + 8];
    enum err error = ERR_OK;
    snprintf(draft, sizeof draft, "%s.new", path);
    if (getrandom(out->bytes, sizeof out->bytes, 0) != (ssize_t)sizeof out->bytes)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes: %s", strerror(errno));
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error("make", draft, detail);
    if (write(fd, out->bytes, sizeof out->bytes) != (ssize_t)sizeof out->bytes || fsync(fd) != 0)
        error = io_error("write", draft, detail);
    close(fd);
    if (error == ERR_OK && rename(draft, path) != 0)
        error = io_error("make", path, detail);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (error == ERR_OK && (parent < 0 || fsync(parent) != 0))
        error = io_error("sync", directory, detail);
    if (parent >= 0)
        close(parent);
    return error;
}

enum err author_key_open(const char *directory, struct signing_secret *out, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/author.key", directory) >= sizeof path)
        return errmsg_set(detail, ERR_TOO_LARGE, "the path of %s is too long", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return io_error("open", path, detail);
    if (fd < 0)
        return make_key(directory, path, out, detail);
    enum err error = read_key(fd, path, out, detail);
    close(fd);
    return error;
}
