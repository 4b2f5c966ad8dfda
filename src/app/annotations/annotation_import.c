#include "app/annotations/annotation_import.h"

enum err annotation_import_read(const struct annotation_import *import, size_t index,
                                struct annotation *out, bool *ours, struct errmsg *problem)
{
    enum err error = annotation_items_read(&import->items, index, out, problem);
    if (error != ERR_OK)
        return error;
    if (import->channel.length > 0 && !slice_equal(import->channel, out->channel))
        return errmsg_set(problem, ERR_INVALID,
                          "item %zu is of the channel %.*s: import it into that one", index + 1,
                          (int)out->channel.length, (const char *)out->channel.bytes);
    struct annotation_id own = annotation_id_of(&import->author, out->id.number);
    *ours = import->as_own || annotation_id_equal(&own, &out->id);
    if (!annotation_id_equal(&own, &out->id) && import->as_own)
        out->id = annotation_id_adopted(&import->author, &out->id);
    return ERR_OK;
}

bool annotation_import_is_news(const struct annotation *annotation, const struct annotation *stored)
{
    return annotation->modified_ms > stored->modified_ms;
}
