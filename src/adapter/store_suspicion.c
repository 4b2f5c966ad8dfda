#include "adapter/store_suspicion.h"

#include "adapter/file_note.h"

enum err store_suspicion_read(const struct files *files, bool *out)
{
    struct file *file;
    enum err error = files->ops->open(files->self, STORE_SUSPICION_FILE, false, &file);
    *out = error == ERR_OK;
    if (error == ERR_OK)
        files->ops->close(files->self, file);
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

enum err store_suspicion_raise(const struct files *files)
{
    return file_note_replace(files, STORE_SUSPICION_FILE,
                             slice_of_text("batches that were reported may be lost\n"));
}

enum err store_suspicion_drop(const struct files *files)
{
    return file_note_remove(files, STORE_SUSPICION_FILE);
}
