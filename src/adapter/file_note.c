#include "adapter/file_note.h"

#include "base/check.h"

#include <stdio.h>

enum err file_note_read(const struct files *files, const char *name, struct buf *out)
{
    struct file *file;
    uint64_t length = 0;
    enum err error = files->ops->open(files->self, name, false, &file);
    if (error != ERR_OK)
        return error;
    error = files->ops->length(files->self, file, &length);
    if (error == ERR_OK && length > 0) {
        uint8_t *bytes = buf_extend(out, (size_t)length);
        error = bytes == NULL ? ERR_TOO_LARGE
                              : files->ops->read(files->self, file, 0, bytes, (size_t)length);
    }
    files->ops->close(files->self, file);
    return error;
}

enum err file_note_replace(const struct files *files, const char *name, struct slice content)
{
    char draft[FILE_NAME_BYTES_MAX];
    struct file *file;
    int length = snprintf(draft, sizeof draft, "%s.new", name);
    CHECK(length > 0 && (size_t)length < sizeof draft);
    enum err error = files->ops->open(files->self, draft, true, &file);
    if (error != ERR_OK)
        return error;
    error = files->ops->cut(files->self, file, 0);
    if (error == ERR_OK)
        error = files->ops->write(files->self, file, 0, slice_of(NULL, 0), content);
    if (error == ERR_OK)
        error = files->ops->sync(files->self, file);
    files->ops->close(files->self, file);
    if (error == ERR_OK)
        error = files->ops->rename(files->self, draft, name);
    return error == ERR_OK ? files->ops->sync_names(files->self) : error;
}

enum err file_note_remove(const struct files *files, const char *name)
{
    enum err error = files->ops->remove(files->self, name);
    return error == ERR_OK ? files->ops->sync_names(files->self) : error;
}
