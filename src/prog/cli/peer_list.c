#include "cli/peer_list.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_PEERS = 1000, PAGES_MAX = 64, PATH_BYTES_MAX = 128 };

void peer_list_init(struct peer_list *list)
{
    *list = (struct peer_list){0};
}

void peer_list_release(struct peer_list *list)
{
    free(list->entries);
    json_decref(list->answer);
    peer_list_init(list);
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static void copy_text(char *to, size_t bytes, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(to, bytes, "%s", text != NULL ? text : "");
}

static void decode_entry(struct peer_entry *entry, const json_t *object)
{
    *entry = (struct peer_entry){.node_id = number_of(object, "node_id"),
                                 .reachable = json_is_true(json_object_get(object, "reachable")),
                                 .heard = json_is_integer(json_object_get(object, "heard_ms")),
                                 .heard_ms = number_of(object, "heard_ms"),
                                 .keyspace_count = number_of(object, "keyspace_count")};
    copy_text(entry->store_id, sizeof entry->store_id, object, "store_id");
    copy_text(entry->kind, sizeof entry->kind, object, "kind");
    copy_text(entry->address, sizeof entry->address, object, "address");
}

enum err peer_list_add(struct peer_list *list, const json_t *page, struct errmsg *detail)
{
    json_t *peers = json_object_get(page, "peers");
    size_t count = json_array_size(peers);
    if (!json_is_array(peers) || count > PEER_LIST_MAX - list->count)
        return errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no list of peers");
    list->entries = memory_resize(list->entries, (list->count + count + 1) * sizeof *list->entries);
    for (size_t i = 0; i < count; i++)
        decode_entry(&list->entries[list->count++], json_array_get(peers, i));
    if (list->answer == NULL)
        list->answer = json_deep_copy(page);
    else
        json_array_extend(json_object_get(list->answer, "peers"), peers);
    return ERR_OK;
}

// The store id where the next page begins; false when there is none. What is no store id would not
// do in a path.
static bool next_cursor(const json_t *page, char cursor[PEER_WORD_BYTES])
{
    const char *text = json_string_value(json_object_get(page, "cursor"));
    size_t length = text != NULL ? strlen(text) : 0;
    if (length == 0 || length >= PEER_WORD_BYTES || strspn(text, "0123456789abcdef") != length)
        return false;
    memcpy(cursor, text, length + 1);
    return true;
}

enum err peer_list_fetch(struct peer_list *list, struct client *client, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    char cursor[PEER_WORD_BYTES] = "";
    peer_list_release(list);
    for (size_t at = 0; at < PAGES_MAX; at++) {
        json_t *page = NULL;
        snprintf(path, sizeof path, "/v1/peers?limit=%d%s%s", PAGE_PEERS, at > 0 ? "&cursor=" : "",
                 cursor);
        enum err e = client_ask_json(client, METHOD_GET, path, NULL, &page, detail);
        if (e == ERR_OK)
            e = peer_list_add(list, page, detail);
        bool more = e == ERR_OK && next_cursor(page, cursor);
        json_decref(page);
        if (!more)
            return e;
    }
    return errmsg_set(detail, ERR_CORRUPT, "the server's list of peers does not end");
}

const json_t *peer_list_kept(const struct peer_list *list)
{
    const json_t *kept = json_object_get(json_object_get(list->answer, "self"), "keyspaces");
    return json_is_array(kept) ? kept : NULL;
}
