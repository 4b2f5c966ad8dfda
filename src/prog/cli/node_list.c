#include "cli/node_list.h"

#include "base/check.h"
#include "cli/encoding.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODE_PATH_BYTES_MAX = 64 * 1024 };

void node_list_init(struct node_list *list)
{
    *list = (struct node_list){0};
}

void node_list_release(struct node_list *list)
{
    free(list->entries);
    node_list_init(list);
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static void copy_text(char *text, size_t text_bytes, const json_t *value)
{
    const char *from = json_string_value(value);
    snprintf(text, text_bytes, "%s", from != NULL ? from : "");
}

// The address may come with its port or without.
static void set_address(struct node_entry *entry, const char *address, uint64_t port)
{
    address = address != NULL ? address : "";
    const char *bracket = strrchr(address, ']');
    bool has_port = strchr(bracket != NULL ? bracket : address, ':') != NULL;
    if (has_port || port == 0)
        snprintf(entry->address, sizeof entry->address, "%s", address);
    else
        snprintf(entry->address, sizeof entry->address, "%s:%llu", address,
                 (unsigned long long)port);
}

static bool decode_entry(struct node_entry *entry, const json_t *object)
{
    const json_t *id = json_object_get(object, "node_id");
    const char *status = json_string_value(json_object_get(object, "status"));
    if (!json_is_integer(id) || json_integer_value(id) < 0)
        return false;
    *entry = (struct node_entry){.id = (uint64_t)json_integer_value(id)};
    entry->alive = status != NULL && strcmp(status, "alive") == 0;
    copy_text(entry->state, sizeof entry->state, json_object_get(object, "state"));
    if (entry->state[0] == '\0')
        snprintf(entry->state, sizeof entry->state, "%s", entry->alive ? "up" : "down");
    set_address(entry, json_string_value(json_object_get(object, "address")),
                number_of(object, "port"));
    copy_text(entry->peer_address, sizeof entry->peer_address,
              json_object_get(object, "peer_address"));
    entry->leaving = json_is_true(json_object_get(object, "leaving"));
    entry->replaced = json_is_true(json_object_get(object, "replaced"));
    entry->voter = json_is_true(json_object_get(object, "voter"));
    entry->has_slots = json_is_integer(json_object_get(object, "slots_in_sync"));
    entry->slots_in_sync = number_of(object, "slots_in_sync");
    entry->slots_joining = number_of(object, "slots_joining");
    entry->slots_target = number_of(object, "slots_target");
    entry->slots_awaited = number_of(object, "slots_awaited");
    return true;
}

enum err node_list_decode(struct node_list *list, const json_t *answer, struct errmsg *detail)
{
    const json_t *nodes = json_object_get(answer, "nodes");
    size_t count = json_array_size(nodes);
    if (!json_is_array(nodes) || count > NODE_LIST_MAX)
        return errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no list of nodes");
    node_list_release(list);
    list->epoch = number_of(answer, "epoch");
    // The id, or an object that tells more of the node.
    const json_t *answered_by = json_object_get(answer, "answered_by");
    list->answered_by = json_is_object(answered_by) ? number_of(answered_by, "node_id")
                                                    : number_of(answer, "answered_by");
    list->entries = memory_zeroed(count > 0 ? count : 1, sizeof *list->entries);
    for (size_t i = 0; i < count; i++) {
        if (!decode_entry(&list->entries[i], json_array_get(nodes, i)))
            return errmsg_set(detail, ERR_CORRUPT, "the server lists a node without a valid id");
        list->count = i + 1;
    }
    return ERR_OK;
}

enum err node_list_fetch(struct node_list *list, struct client *client, struct errmsg *detail)
{
    json_t *answer = NULL;
    enum err e = client_ask_json(client, METHOD_GET, "/v1/nodes", NULL, &answer, detail);
    if (e == ERR_OK)
        e = node_list_decode(list, answer, detail);
    json_decref(answer);
    return e;
}

const struct node_entry *node_list_find(const struct node_list *list, uint64_t id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].id == id)
            return &list->entries[i];
    }
    return NULL;
}

const struct node_entry *node_list_find_peer(const struct node_list *list, const char *peer_address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].peer_address, peer_address) == 0)
            return &list->entries[i];
    }
    return NULL;
}

bool node_entry_up(const struct node_entry *entry)
{
    return entry->alive && strcmp(entry->state, "up") == 0;
}

bool node_list_all_up(const struct node_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!node_entry_up(&list->entries[i]))
            return false;
    }
    return list->count > 0;
}

bool node_list_settled(const struct node_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].slots_joining > 0)
            return false;
    }
    return node_list_all_up(list);
}

uint64_t node_list_moves_left(const struct node_list *list)
{
    uint64_t left = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (node_entry_up(&list->entries[i]))
            left += list->entries[i].slots_awaited;
    }
    return left;
}

static enum err ask_for_node(struct client *client, const char *verb, uint64_t id,
                             struct errmsg *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/%s/%llu", verb, (unsigned long long)id);
    return client_ask_json(client, METHOD_POST, path, NULL, NULL, detail);
}

enum err node_fail(struct client *client, uint64_t id, struct errmsg *detail)
{
    return ask_for_node(client, "fail", id, detail);
}

enum err node_recover(struct client *client, uint64_t id, struct errmsg *detail)
{
    return ask_for_node(client, "recover", id, detail);
}

enum err node_remove(struct client *client, uint64_t id, struct errmsg *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/nodes/%llu", (unsigned long long)id);
    return client_ask_json(client, METHOD_DELETE, path, NULL, NULL, detail);
}

enum err nodes_for_key(struct client *client, struct slice key, json_t **answer,
                       struct errmsg *detail)
{
    struct buf path;
    buf_init(&path, NODE_PATH_BYTES_MAX);
    buf_append_slice(&path, slice_of_text("/nodes_for_key/"));
    encoding_percent(&path, key);
    buf_append_u8(&path, 0);
    enum err e = ERR_OK;
    if (key.length == 0 || path.overflown)
        e = errmsg_set(detail, ERR_INVALID, "a key is neither empty nor that long");
    else
        e = client_ask_json(client, METHOD_GET, (const char *)path.bytes, NULL, answer, detail);
    if (e == ERR_OK && !json_is_array(json_object_get(*answer, "nodes"))) {
        json_decref(*answer);
        *answer = NULL;
        e = errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no list of nodes");
    }
    buf_release(&path);
    return e;
}
