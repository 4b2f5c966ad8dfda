#include "cli/version_list.h"

#include "base/check.h"
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>

void version_list_init(struct version_list *list)
{
    *list = (struct version_list){0};
}

void version_list_release(struct version_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_release(&list->entries[i].value);
    free(list->entries);
    version_list_init(list);
}

static void copy_text(char *to, size_t bytes, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(to, bytes, "%s", text != NULL ? text : "");
}

static void add(struct version_list *list, const json_t *object)
{
    struct version_entry *entry = &list->entries[list->count++];
    copy_text(entry->etag, sizeof entry->etag, object, "version");
    copy_text(entry->state, sizeof entry->state, object, "state");
    copy_text(entry->expires, sizeof entry->expires, object, "expires");
    buf_init(&entry->value, ANSWER_BYTES_MAX);
    output_read_bytes(&entry->value, object, "value");
}

enum err version_list_decode(struct version_list *list, struct slice body, struct errmsg *detail)
{
    version_list_release(list);
    json_t *answer = json_loadb((const char *)body.bytes, body.length, 0, NULL);
    const json_t *conflicts = json_object_get(answer, "conflicts");
    size_t count = json_array_size(conflicts);
    enum err e = ERR_OK;
    if (!json_is_array(conflicts) || count >= VERSION_LIST_MAX) {
        e = errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no versions");
    } else {
        list->entries = memory_zeroed(count + 1, sizeof *list->entries);
        add(list, answer);
        for (size_t i = 0; i < count; i++)
            add(list, json_array_get(conflicts, i));
    }
    json_decref(answer);
    return e;
}
