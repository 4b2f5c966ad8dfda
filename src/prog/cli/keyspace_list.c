#include "cli/keyspace_list.h"

#include "base/check.h"
#include "base/utf8.h"
#include "cli/encoding.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYSPACE_PATH_BYTES_MAX = 4096 };

void keyspace_list_init(struct keyspace_list *list)
{
    *list = (struct keyspace_list){0};
}

void keyspace_list_release(struct keyspace_list *list)
{
    free(list->entries);
    keyspace_list_init(list);
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static void decode_entry(struct keyspace_entry *entry, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *strategy = json_string_value(json_object_get(object, "strategy"));
    const char *mode = json_string_value(json_object_get(object, "mode"));
    *entry = (struct keyspace_entry){.id = number_of(object, "id"),
                                     .replication_factor = number_of(object, "replication_factor"),
                                     .min_in_sync = number_of(object, "min_in_sync"),
                                     .is_family = json_is_true(json_object_get(object, "family")),
                                     .is_signed = json_is_true(json_object_get(object, "signed")),
                                     .primary = number_of(object, "primary"),
                                     .retention_ms = number_of(object, "retention_ms")};
    snprintf(entry->name, sizeof entry->name, "%s", name != NULL ? name : "");
    snprintf(entry->strategy, sizeof entry->strategy, "%s", strategy != NULL ? strategy : "");
    snprintf(entry->mode, sizeof entry->mode, "%s", mode != NULL ? mode : "");
}

enum err keyspace_list_fetch(struct keyspace_list *list, struct client *client,
                             struct errmsg *detail)
{
    json_t *answer = NULL;
    enum err e = client_ask_json(client, METHOD_GET, "/v1/keyspaces", NULL, &answer, detail);
    if (e != ERR_OK)
        return e;
    const json_t *keyspaces = json_object_get(answer, "keyspaces");
    size_t count = json_array_size(keyspaces);
    if (!json_is_array(keyspaces) || count > KEYSPACE_LIST_MAX) {
        e = errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no list of keyspaces");
    } else {
        keyspace_list_release(list);
        list->entries = memory_zeroed(count > 0 ? count : 1, sizeof *list->entries);
        list->count = count;
        for (size_t i = 0; i < count; i++)
            decode_entry(&list->entries[i], json_array_get(keyspaces, i));
    }
    json_decref(answer);
    return e;
}

const struct keyspace_entry *keyspace_list_find(const struct keyspace_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].name, name) == 0)
            return &list->entries[i];
    }
    return NULL;
}

static json_t *encode_settings(const struct keyspace_settings *settings)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"replication_factor", settings->replication_factor},
        {"min_in_sync", settings->min_in_sync},
        {"rumor_k", settings->rumor_k},
        {"rumor_ms", settings->rumor_ms},
        {"anti_entropy_ms", settings->anti_entropy_ms},
        {"audit_ms", settings->audit_ms},
        {"retention_ms", settings->retention_ms},
        {"stability_ms", settings->stability_ms},
    };
    json_t *body = json_object();
    if (settings->mode != NULL)
        json_object_set_new(body, "mode", json_string(settings->mode));
    if (settings->strategy != NULL)
        json_object_set_new(body, "strategy", json_string(settings->strategy));
    if (settings->is_family)
        json_object_set_new(body, "family", json_true());
    if (settings->is_signed)
        json_object_set_new(body, "signed", json_true());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].value > 0)
            json_object_set_new(body, numbers[i].name, json_integer((json_int_t)numbers[i].value));
    }
    return body;
}

enum err strategy_set(struct client *client, const char *strategy, uint64_t replication_factor,
                      struct errmsg *detail)
{
    struct keyspace_settings settings = {.strategy = strategy,
                                         .replication_factor = replication_factor};
    json_t *body = encode_settings(&settings);
    enum err e =
        client_ask_json(client, METHOD_POST, "/set_replication_strategy", body, NULL, detail);
    json_decref(body);
    return e;
}

enum err keyspace_create(struct client *client, const char *name,
                         const struct keyspace_settings *settings, struct errmsg *detail)
{
    if (name[0] == '\0' || !utf8_is_valid(slice_of_text(name)))
        return errmsg_set(detail, ERR_INVALID, "a keyspace's name is UTF-8, and not empty");
    json_t *body = encode_settings(settings);
    json_object_set_new(body, "name", json_string(name));
    enum err e = client_ask_json(client, METHOD_POST, "/v1/keyspaces", body, NULL, detail);
    json_decref(body);
    return e;
}

enum err keyspace_change(struct client *client, const char *name,
                         const struct keyspace_settings *settings, struct errmsg *detail)
{
    struct buf path;
    buf_init(&path, KEYSPACE_PATH_BYTES_MAX);
    buf_append_slice(&path, slice_of_text("/v1/keyspaces/"));
    encoding_percent(&path, slice_of_text(name));
    buf_append_u8(&path, 0);
    json_t *body = encode_settings(settings);
    enum err e = ERR_OK;
    if (name[0] == '\0' || path.overflown)
        e = errmsg_set(detail, ERR_INVALID, "a keyspace's name is neither empty nor that long");
    else
        e = client_ask_json(client, METHOD_PATCH, (const char *)path.bytes, body, NULL, detail);
    json_decref(body);
    buf_release(&path);
    return e;
}
