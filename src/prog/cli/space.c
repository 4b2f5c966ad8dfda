#include "cli/space.h"

#include "base/check.h"
#include "base/utf8.h"
#include "cli/encoding.h"
#include "cli/peer_list.h"

#include <stdlib.h>

enum { SPACE_PATH_BYTES_MAX = 4096, NAMES_SHOWN_MAX = 8 };

// "/v1/keyspaces/<name>/<what>" with a closing NUL; `query` may be NULL.
static enum err make_path(struct buf *path, const char *name, const char *what, const char *query,
                          struct errmsg *detail)
{
    buf_init(path, SPACE_PATH_BYTES_MAX);
    if (name[0] == '\0')
        return errmsg_set(detail, ERR_INVALID, "a keyspace has a name");
    buf_append_slice(path, slice_of_text("/v1/keyspaces/"));
    encoding_percent(path, slice_of_text(name));
    buf_append_format(path, "/%s", what);
    if (query != NULL) {
        buf_append_slice(path, slice_of_text("?since="));
        encoding_percent(path, slice_of_text(query));
    }
    buf_append_u8(path, 0);
    return path->overflown ? errmsg_set(detail, ERR_TOO_LARGE, "the name is too long") : ERR_OK;
}

static enum err ask(struct client *client, enum method method, const char *name, const char *what,
                    const json_t *body, json_t **answer, struct errmsg *detail)
{
    struct buf path;
    enum err e = make_path(&path, name, what, NULL, detail);
    if (e == ERR_OK)
        e = client_ask_json(client, method, (const char *)path.bytes, body, answer, detail);
    buf_release(&path);
    return e;
}

enum err space_stability(struct client *client, const char *name, json_t **answer,
                         struct errmsg *detail)
{
    return ask(client, METHOD_GET, name, "stability", NULL, answer, detail);
}

enum err space_export(struct client *client, const char *name, const char *since,
                      struct answer *answer, struct errmsg *detail)
{
    struct buf path;
    enum err e = make_path(&path, name, "bundle", since, detail);
    struct request request = {.method = METHOD_GET, .path = (const char *)path.bytes};
    if (e == ERR_OK)
        e = client_ask(client, &request, answer, detail);
    buf_release(&path);
    return e;
}

enum err space_import(struct client *client, const char *name, struct slice bundle, json_t **answer,
                      struct errmsg *detail)
{
    struct buf path;
    struct answer said;
    answer_init(&said);
    *answer = NULL;
    enum err e = make_path(&path, name, "bundle", NULL, detail);
    struct request request = {.method = METHOD_POST,
                              .path = (const char *)path.bytes,
                              .body = bundle,
                              .content_type = "application/octet-stream"};
    if (e == ERR_OK)
        e = client_ask(client, &request, &said, detail);
    if (e == ERR_OK)
        *answer = json_loadb((const char *)said.body.bytes, said.body.length, 0, NULL);
    if (e == ERR_OK && *answer == NULL)
        e = errmsg_set(detail, ERR_CORRUPT, "the server's answer is no JSON: is it brusio?");
    answer_release(&said);
    buf_release(&path);
    return e;
}

enum err space_subscribe(struct client *client, const char *name, struct errmsg *detail)
{
    return ask(client, METHOD_POST, name, "subscription", NULL, NULL, detail);
}

enum err space_unsubscribe(struct client *client, const char *name, struct errmsg *detail)
{
    return ask(client, METHOD_DELETE, name, "subscription", NULL, NULL, detail);
}

enum err space_exchange(struct client *client, const char *name, const char *peer,
                        struct errmsg *detail)
{
    if (peer == NULL)
        return ask(client, METHOD_POST, name, "exchange", NULL, NULL, detail);
    if (!utf8_is_valid(slice_of_text(peer)))
        return errmsg_set(detail, ERR_INVALID, "a peer is named by its id: see 'brusio peers'");
    json_t *body = json_pack("{ss}", "peer", peer);
    enum err e = ask(client, METHOD_POST, name, "exchange", body, NULL, detail);
    json_decref(body);
    return e;
}

// Some of the names, for a message.
static void append_names(struct buf *text, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names) && i < NAMES_SHOWN_MAX; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        buf_append_format(text, "%s%.64s", i == 0 ? "" : ", ", name != NULL ? name : "");
    }
    buf_append_format(text, "%s%c", json_array_size(names) > NAMES_SHOWN_MAX ? ", ..." : "", 0);
}

enum err space_only(struct client *client, char **name, struct errmsg *detail)
{
    struct peer_list list;
    struct buf names;
    *name = NULL;
    peer_list_init(&list);
    buf_init(&names, ERRMSG_BYTES_MAX);
    enum err e = peer_list_fetch(&list, client, detail);
    if (e != ERR_OK)
        goto done;
    const json_t *kept = peer_list_kept(&list);
    const char *first = json_string_value(json_array_get(kept, 0));
    append_names(&names, kept);
    if (first == NULL)
        e = errmsg_set(detail, ERR_INVALID, "the node keeps no optimistic keyspace");
    else if (json_array_size(kept) > 1)
        e = errmsg_set(detail, ERR_INVALID, "name one of its keyspaces with --keyspace: %s",
                       (const char *)names.bytes);
    else
        *name = memory_copy(first, strlen(first) + 1);
done:
    buf_release(&names);
    peer_list_release(&list);
    return e;
}
