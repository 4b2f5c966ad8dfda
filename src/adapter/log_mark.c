#include "adapter/log_mark.h"

#include "adapter/boot_id.h"
#include "base/check.h"
#include "base/hash.h"

#include <sys/random.h>

#define MAGIC "brusio log 1\n"

enum { FILE_BYTES_MAX = 256 };

static enum err parse(struct slice bytes, struct log_mark *out)
{
    if (bytes.length < sizeof(uint64_t))
        return ERR_CORRUPT;
    struct slice summed = slice_of(bytes.bytes, bytes.length - sizeof(uint64_t));
    struct cursor sum = cursor_of(slice_of(bytes.bytes + summed.length, sizeof(uint64_t)));
    struct cursor cursor = cursor_of(summed);
    struct slice magic = cursor_bytes(&cursor, strlen(MAGIC));
    struct slice boot = cursor_bytes(&cursor, BOOT_ID_BYTES);
    out->seed = cursor_u64_be(&cursor);
    if (cursor_finish(&cursor) != ERR_OK || !slice_equal(magic, slice_of_text(MAGIC)) ||
        cursor_u64_be(&sum) != hash64(summed, 0))
        return ERR_CORRUPT;
    out->present = true;
    out->same_boot = boot_id_is_present(boot);
    return ERR_OK;
}

enum err log_mark_read(const struct store_directory *directory, struct log_mark *out,
                       struct errmsg *detail)
{
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    *out = (struct log_mark){0};
    enum err error = store_directory_read(directory, LOG_MARK_FILE, &bytes, detail);
    if (error == ERR_NOT_FOUND)
        error = ERR_OK;
    else if (error == ERR_TOO_LARGE || (error == ERR_OK && parse(buf_slice(&bytes), out) != ERR_OK))
        error =
            errmsg_set(detail, ERR_CORRUPT, "%s/%s is damaged: restore the directory from a copy",
                       directory->path, LOG_MARK_FILE);
    buf_release(&bytes);
    return error;
}

enum err log_mark_write(const struct store_directory *directory, uint64_t *out_seed,
                        struct errmsg *detail)
{
    uint8_t boot[BOOT_ID_BYTES];
    struct buf bytes;
    (void)boot_id_read(boot);
    if (getrandom(out_seed, sizeof *out_seed, 0) != (ssize_t)sizeof *out_seed)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes");
    buf_init(&bytes, FILE_BYTES_MAX);
    buf_append_slice(&bytes, slice_of_text(MAGIC));
    buf_append(&bytes, boot, sizeof boot);
    buf_append_u64_be(&bytes, *out_seed);
    buf_append_u64_be(&bytes, hash64(buf_slice(&bytes), 0));
    CHECK(!bytes.overflown);
    enum err error = store_directory_replace(directory, LOG_MARK_FILE, buf_slice(&bytes), detail);
    buf_release(&bytes);
    return error;
}
