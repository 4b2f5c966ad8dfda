#include "adapter/store_steady.h"

#include "adapter/boot_id.h"
#include "adapter/store_env.h"
#include "base/check.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAGIC "brusio steady 1\n"

enum {
    MAGIC_BYTES = sizeof MAGIC - 1,
    PAGE_BYTES_MAX = 1 << 16, // over LMDB's greatest
    ROOT_PAGES = 2,           // LMDB writes its roots in turn to pages 0 and 1
    FILE_BYTES_MAX = 256 + ROOT_PAGES * PAGE_BYTES_MAX,
};

_Static_assert(STORE_STEADY_BOOT_BYTES == BOOT_ID_BYTES, "the file holds a boot's id");
_Static_assert(MAGIC_BYTES == STORE_STEADY_BOOT_OFFSET, "the boot's id follows the magic");

// What the file holds; the slices borrow its bytes.
struct content {
    struct slice boot;
    bool clean;
    struct slice roots;
};

static enum err parse(struct slice bytes, struct content *out)
{
    if (bytes.length < sizeof(uint64_t))
        return ERR_CORRUPT;
    struct slice summed = slice_of(bytes.bytes, bytes.length - sizeof(uint64_t));
    struct cursor sum = cursor_of(slice_of(bytes.bytes + summed.length, sizeof(uint64_t)));
    if (cursor_u64_be(&sum) != hash64(summed, 0))
        return ERR_CORRUPT;
    struct cursor cursor = cursor_of(summed);
    struct slice magic = cursor_bytes(&cursor, MAGIC_BYTES);
    out->boot = cursor_bytes(&cursor, STORE_STEADY_BOOT_BYTES);
    out->clean = cursor_u8(&cursor) != 0;
    out->roots = cursor_counted(&cursor);
    if (cursor_finish(&cursor) != ERR_OK || !slice_equal(magic, slice_of_text(MAGIC)) ||
        out->roots.length == 0)
        return ERR_CORRUPT;
    return ERR_OK;
}

static enum err restore(const struct store_directory *directory, struct slice roots,
                        struct errmsg *detail)
{
    int fd = openat(directory->fd, STORE_DATA_FILE, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_OK; // store_env_open says what that means
    ssize_t written = fd < 0 ? -1 : pwrite(fd, roots.bytes, roots.length, 0);
    if (written >= 0 && written != (ssize_t)roots.length)
        errno = EIO;
    enum err error = ERR_OK;
    if (written != (ssize_t)roots.length || fsync(fd) != 0)
        error = errmsg_set(detail, store_env_error(errno),
                           "cannot restore the last synced state of %s/%s: %s", directory->path,
                           STORE_DATA_FILE, strerror(errno));
    if (fd >= 0)
        close(fd);
    return error;
}

enum err store_steady_recover(const struct store_directory *directory, bool *out_rolled_back,
                              struct errmsg *detail)
{
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    struct content content;
    *out_rolled_back = false;
    enum err error = store_directory_read(directory, STORE_STEADY_FILE, &bytes, detail);
    if (error == ERR_NOT_FOUND)
        error = ERR_OK;
    else if (error == ERR_TOO_LARGE ||
             (error == ERR_OK && parse(buf_slice(&bytes), &content) != ERR_OK))
        error = errmsg_set(detail, ERR_CORRUPT, "%s/%s is damaged: " STORE_REMEDY, directory->path,
                           STORE_STEADY_FILE);
    else if (error == ERR_OK && !boot_id_is_present(content.boot)) {
        error = restore(directory, content.roots, detail);
        *out_rolled_back = !content.clean;
    }
    buf_release(&bytes);
    return error;
}

void store_steady_init(struct store_steady *steady, const struct store_directory *directory,
                       MDB_env *lmdb)
{
    *steady = (struct store_steady){.directory = directory, .lmdb = lmdb};
}

static enum err read_roots(MDB_env *lmdb, struct buf *out)
{
    MDB_stat stat;
    mdb_filehandle_t fd;
    int result = mdb_env_stat(lmdb, &stat);
    if (result == MDB_SUCCESS)
        result = mdb_env_get_fd(lmdb, &fd);
    if (result != MDB_SUCCESS)
        return store_env_error(result);
    size_t length = (size_t)stat.ms_psize * ROOT_PAGES;
    CHECK(stat.ms_psize <= PAGE_BYTES_MAX);
    uint8_t *roots = buf_extend(out, length);
    return pread(fd, roots, length, 0) == (ssize_t)length ? ERR_OK : ERR_IO;
}

enum err store_steady_save(struct store_steady *steady, bool clean, struct errmsg *detail)
{
    MDB_txn *pin = NULL;
    struct buf roots;
    struct buf bytes;
    buf_init(&roots, FILE_BYTES_MAX);
    buf_init(&bytes, FILE_BYTES_MAX);
    uint8_t boot[STORE_STEADY_BOOT_BYTES];
    (void)boot_id_read(boot);
    enum err error = store_env_error(mdb_txn_begin(steady->lmdb, NULL, MDB_RDONLY, &pin));
    if (error == ERR_OK)
        error = read_roots(steady->lmdb, &roots);
    if (error != ERR_OK) {
        error = errmsg_set(detail, error, "cannot read the roots of %s/%s", steady->directory->path,
                           STORE_DATA_FILE);
        goto done;
    }
    buf_append(&bytes, MAGIC, MAGIC_BYTES);
    buf_append(&bytes, boot, sizeof boot);
    buf_append_u8(&bytes, clean);
    buf_append_counted(&bytes, buf_slice(&roots));
    buf_append_u64_be(&bytes, hash64(buf_slice(&bytes), 0));
    CHECK(!bytes.overflown);
    error =
        store_directory_replace(steady->directory, STORE_STEADY_FILE, buf_slice(&bytes), detail);
    if (error == ERR_OK) {
        store_steady_release(steady);
        steady->pin = pin;
        pin = NULL;
    }
done:
    if (pin != NULL)
        mdb_txn_abort(pin);
    buf_release(&bytes);
    buf_release(&roots);
    return error;
}

void store_steady_release(struct store_steady *steady)
{
    if (steady->pin != NULL)
        mdb_txn_abort(steady->pin);
    steady->pin = NULL;
}

enum err store_steady_forget(const struct store_directory *directory, struct errmsg *detail)
{
    return store_directory_delete(directory, STORE_STEADY_FILE, detail);
}
