#include "adapter/log_mark.h"

#include "adapter/file_note.h"
#include "base/check.h"
#include "base/hash.h"

#define MAGIC "brusio log 1\n"

enum { FILE_BYTES_MAX = 256 };

_Static_assert(sizeof MAGIC - 1 == LOG_MARK_BOOT_OFFSET, "the boot's id follows the magic");

static enum err parse(struct slice bytes, const uint8_t *boot, struct log_mark *out)
{
    static const uint8_t unknown[LOG_MARK_BOOT_BYTES];
    if (bytes.length < sizeof(uint64_t))
        return ERR_CORRUPT;
    struct slice summed = slice_of(bytes.bytes, bytes.length - sizeof(uint64_t));
    struct cursor sum = cursor_of(slice_of(bytes.bytes + summed.length, sizeof(uint64_t)));
    struct cursor cursor = cursor_of(summed);
    struct slice magic = cursor_bytes(&cursor, strlen(MAGIC));
    struct slice found = cursor_bytes(&cursor, LOG_MARK_BOOT_BYTES);
    out->seed = cursor_u64_be(&cursor);
    if (cursor_finish(&cursor) != ERR_OK || !slice_equal(magic, slice_of_text(MAGIC)) ||
        cursor_u64_be(&sum) != hash64(summed, 0))
        return ERR_CORRUPT;
    out->present = true;
    out->same_boot = slice_equal(found, slice_of(boot, LOG_MARK_BOOT_BYTES)) &&
                     !slice_equal(found, slice_of(unknown, sizeof unknown));
    return ERR_OK;
}

enum err log_mark_read(const struct files *files, const uint8_t *boot, struct log_mark *out)
{
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    *out = (struct log_mark){0};
    enum err error = file_note_read(files, LOG_MARK_FILE, &bytes);
    if (error == ERR_OK)
        error = parse(buf_slice(&bytes), boot, out);
    else if (error == ERR_NOT_FOUND)
        error = ERR_OK;
    else if (error == ERR_TOO_LARGE)
        error = ERR_CORRUPT;
    buf_release(&bytes);
    return error;
}

enum err log_mark_write(const struct files *files, const uint8_t *boot, uint64_t seed)
{
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    buf_append_slice(&bytes, slice_of_text(MAGIC));
    buf_append(&bytes, boot, LOG_MARK_BOOT_BYTES);
    buf_append_u64_be(&bytes, seed);
    buf_append_u64_be(&bytes, hash64(buf_slice(&bytes), 0));
    CHECK(!bytes.overflown);
    enum err error = file_note_replace(files, LOG_MARK_FILE, buf_slice(&bytes));
    buf_release(&bytes);
    return error;
}
