#include "adapter/log_file.h"

#include "adapter/log_record.h"
#include "base/check.h"

#include <stdlib.h>

enum err log_file_open(const struct files *files, const char *name, struct log_file *out)
{
    *out = (struct log_file){.files = *files};
    enum err error = files->ops->open(files->self, name, true, &out->file);
    if (error == ERR_OK)
        error = files->ops->length(files->self, out->file, &out->length);
    if (error != ERR_OK)
        log_file_close(out);
    return error;
}

void log_file_close(struct log_file *log)
{
    if (log->file != NULL)
        log->files.ops->close(log->files.self, log->file);
    log->file = NULL;
}

enum err log_file_read(const struct log_file *log, uint8_t **out, size_t *out_length)
{
    *out = NULL;
    *out_length = 0;
    if (log->length > LOG_FILE_BYTES_MAX)
        return ERR_CORRUPT;
    size_t length = (size_t)log->length;
    uint8_t *bytes = memory_new(length);
    enum err error = log->files.ops->read(log->files.self, log->file, 0, bytes, length);
    if (error != ERR_OK) {
        free(bytes);
        return error;
    }
    *out = bytes;
    *out_length = length;
    return ERR_OK;
}

enum err log_file_append(struct log_file *log, uint64_t seed, uint64_t sequence, struct slice ops)
{
    struct log_head head = log_head_of(seed, sequence, ops);
    enum err error = log->files.ops->write(log->files.self, log->file, log->length,
                                           slice_of(&head, sizeof head), ops);
    if (error == ERR_OK)
        log->length += sizeof head + ops.length;
    return error;
}

enum err log_file_clear(struct log_file *log)
{
    if (log->length == 0)
        return ERR_OK;
    enum err error = log->files.ops->cut(log->files.self, log->file, 0);
    if (error == ERR_OK)
        log->length = 0;
    return error;
}
