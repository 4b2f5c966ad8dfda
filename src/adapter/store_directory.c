#include "adapter/store_directory.h"

#include "adapter/file_note.h"
#include "adapter/file_os.h"
#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_PREFIX "brusio store format "

enum { FORMAT_BYTES_MAX = 64, LOCK_BYTES_MAX = 32 };

static enum err failure(const struct store_directory *directory, const char *doing,
                        const char *name, struct errmsg *detail)
{
    return errmsg_set(detail, file_os_error(errno), "cannot %s %s/%s: %s", doing, directory->path,
                      name, strerror(errno));
}

// The process id that the lock's holder wrote, or 0.
static long holder_of(int lock_fd)
{
    char text[LOCK_BYTES_MAX + 1] = {0};
    ssize_t length = pread(lock_fd, text, LOCK_BYTES_MAX, 0);
    return length > 0 ? strtol(text, NULL, 10) : 0;
}

static enum err lock_is_held(const struct store_directory *directory, struct errmsg *detail)
{
    long holder = holder_of(directory->lock_fd);
    if (holder > 0)
        return errmsg_set(
            detail, ERR_LOCKED,
            "the data directory %s is in use by process %ld: stop it, or name another "
            "directory",
            directory->path, holder);
    return errmsg_set(
        detail, ERR_LOCKED,
        "the data directory %s is in use by another process: stop it, or name another "
        "directory",
        directory->path);
}

static enum err take_lock(struct store_directory *directory, struct errmsg *detail)
{
    directory->lock_fd = openat(directory->fd, STORE_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (directory->lock_fd < 0)
        return failure(directory, "open", STORE_LOCK_FILE, detail);
    if (flock(directory->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? lock_is_held(directory, detail)
                                    : failure(directory, "lock", STORE_LOCK_FILE, detail);
    // The process id is a courtesy to people: the lock holds even where it cannot be written.
    char text[LOCK_BYTES_MAX];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(directory->lock_fd, 0) == 0 && length > 0)
        (void)!pwrite(directory->lock_fd, text, (size_t)length, 0);
    return ERR_OK;
}

// So that a directory just made outlives a loss of power.
static enum err sync_parent(const struct store_directory *directory, struct errmsg *detail)
{
    int fd = openat(directory->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failure(directory, "open", "..", detail);
    enum err error = fsync(fd) == 0 ? ERR_OK : failure(directory, "sync", "..", detail);
    close(fd);
    return error;
}

enum err store_directory_open(const char *path, struct store_directory *out, struct errmsg *detail)
{
    *out = (struct store_directory){.fd = -1, .lock_fd = -1};
    enum err error = ERR_OK;
    out->path = memory_copy(path, strlen(path) + 1);
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        error = errmsg_set(detail, ERR_IO, "cannot make the data directory %s: %s", path,
                           strerror(errno));
        goto done;
    }
    out->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd < 0) {
        error = errmsg_set(detail, ERR_IO, "cannot open the data directory %s: %s", path,
                           strerror(errno));
        goto done;
    }
    if (made)
        error = sync_parent(out, detail);
    if (error == ERR_OK)
        error = take_lock(out, detail);
done:
    if (error != ERR_OK)
        store_directory_close(out);
    return error;
}

void store_directory_close(struct store_directory *directory)
{
    if (directory->lock_fd >= 0)
        close(directory->lock_fd);
    if (directory->fd >= 0)
        close(directory->fd);
    free(directory->path);
    *directory = (struct store_directory){.fd = -1, .lock_fd = -1};
}

// ERR_INVALID unless the text is exactly what store_directory_write_format writes for some number.
static enum err parse_format(struct slice text, uint64_t *out)
{
    size_t prefix_length = strlen(FORMAT_PREFIX);
    if (text.length < prefix_length + 2 || memcmp(text.bytes, FORMAT_PREFIX, prefix_length) != 0 ||
        text.bytes[text.length - 1] != '\n')
        return ERR_INVALID;
    uint64_t number = 0;
    for (size_t i = prefix_length; i < text.length - 1; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || number > UINT32_MAX)
            return ERR_INVALID;
        number = number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out = number;
    return number > 0 ? ERR_OK : ERR_INVALID;
}

enum err store_directory_check_format(const struct store_directory *directory, bool *out_present,
                                      struct errmsg *detail)
{
    struct buf text;
    buf_init(&text, FORMAT_BYTES_MAX);
    uint64_t format = 0;
    *out_present = false;
    enum err error = store_directory_read(directory, STORE_FORMAT_FILE, &text, detail);
    if (error == ERR_NOT_FOUND) {
        error = ERR_OK;
        goto done;
    }
    if (error == ERR_IO || error == ERR_FULL)
        goto done;
    *out_present = true;
    if (error != ERR_OK || parse_format(buf_slice(&text), &format) != ERR_OK)
        error = errmsg_set(detail, ERR_CORRUPT, "%s/%s is damaged: " STORE_REMEDY, directory->path,
                           STORE_FORMAT_FILE);
    else if (format > STORE_FORMAT)
        error = errmsg_set(detail, ERR_VERSION,
                           "the data in %s has format %" PRIu64
                           ", and this program reads up to format %u: start a newer brusio",
                           directory->path, format, STORE_FORMAT);
    else if (format < STORE_FORMAT)
        error = errmsg_set(detail, ERR_VERSION,
                           "the data in %s has format %" PRIu64
                           ", and this program reads format %u only: start the brusio that wrote "
                           "it, or make the directory anew with `brusiod --rebuild`",
                           directory->path, format, STORE_FORMAT);
done:
    buf_release(&text);
    return error;
}

enum err store_directory_write_format(const struct store_directory *directory,
                                      struct errmsg *detail)
{
    char text[FORMAT_BYTES_MAX];
    int length = snprintf(text, sizeof text, FORMAT_PREFIX "%u\n", STORE_FORMAT);
    CHECK(length > 0 && (size_t)length < sizeof text);
    return store_directory_replace(directory, STORE_FORMAT_FILE, slice_of(text, (size_t)length),
                                   detail);
}

// `error`, with `detail` when it is the system's.
static enum err note_result(const struct store_directory *directory, enum err error,
                            const char *doing, const char *name, struct errmsg *detail)
{
    if (error == ERR_OK || error == ERR_NOT_FOUND)
        return error;
    return errmsg_set(detail, error, "cannot %s %s/%s: %s", doing, directory->path, name,
                      err_sentence(error));
}

enum err store_directory_read(const struct store_directory *directory, const char *name,
                              struct buf *out, struct errmsg *detail)
{
    struct file_os os = {.directory_fd = directory->fd};
    struct files files = file_os_port(&os);
    return note_result(directory, file_note_read(&files, name, out), "read", name, detail);
}

enum err store_directory_replace(const struct store_directory *directory, const char *name,
                                 struct slice content, struct errmsg *detail)
{
    struct file_os os = {.directory_fd = directory->fd};
    struct files files = file_os_port(&os);
    return note_result(directory, file_note_replace(&files, name, content), "write", name, detail);
}

enum err store_directory_delete(const struct store_directory *directory, const char *name,
                                struct errmsg *detail)
{
    struct file_os os = {.directory_fd = directory->fd};
    struct files files = file_os_port(&os);
    return note_result(directory, file_note_remove(&files, name), "remove", name, detail);
}
