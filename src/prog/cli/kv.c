#include "cli/kv.h"

#include "base/utf8.h"
#include "cli/encoding.h"

#include <inttypes.h>
#include <stdio.h>

// A path is at most three times as long as a key that the server would take; longer keys are
// refused there.
enum { PATH_BYTES_MAX = 64 * 1024 };

// Starts "/v1/kv/<keyspace>" in `path`.
static void begin_path(struct buf *path, const char *keyspace)
{
    buf_init(path, PATH_BYTES_MAX);
    buf_append_slice(path, slice_of_text("/v1/kv/"));
    encoding_percent(path, slice_of_text(keyspace));
}

// "/v1/kv/<keyspace>/<key>" with a closing NUL.
static enum err key_path(struct buf *path, const char *keyspace, struct slice key,
                         struct errmsg *detail)
{
    begin_path(path, keyspace);
    // Without a key the path would name the list of all keys.
    if (key.length == 0 || keyspace[0] == '\0')
        return errmsg_set(detail, ERR_INVALID, "a %s has at least 1 byte",
                          key.length == 0 ? "key" : "keyspace");
    buf_append_u8(path, '/');
    encoding_percent(path, key);
    return ERR_OK;
}

static enum err end_path(struct buf *path, struct errmsg *detail)
{
    buf_append_u8(path, 0);
    return path->overflown ? errmsg_set(detail, ERR_TOO_LARGE, "the key is too long") : ERR_OK;
}

enum err kv_get(struct client *client, const char *keyspace, struct slice key,
                const struct kv_view *view, struct answer *answer, struct errmsg *detail)
{
    struct buf path;
    struct kv_view wanted = view != NULL ? *view : (struct kv_view){0};
    enum err e = key_path(&path, keyspace, key, detail);
    if (e != ERR_OK)
        goto done;
    // Both at once are refused by either kind of keyspace.
    if (wanted.local)
        buf_append_slice(&path, slice_of_text("?consistency=local"));
    if (wanted.stable)
        buf_append_slice(&path, slice_of_text(wanted.local ? "&view=stable" : "?view=stable"));
    e = end_path(&path, detail);
    if (e != ERR_OK)
        goto done;
    struct request request = {
        .method = METHOD_GET, .path = (const char *)path.bytes, .accepts_json = wanted.versions};
    e = client_ask(client, &request, answer, detail);
done:
    buf_release(&path);
    return e;
}

// Puts the condition's ETag between quotes when it has none.
static enum err set_condition(struct request *request, char quoted[ETAG_BYTES_MAX + 2],
                              const struct kv_condition *condition, struct errmsg *detail)
{
    if (condition == NULL)
        return ERR_OK;
    request->if_absent = condition->absent;
    const char *etag = condition->etag;
    if (etag == NULL)
        return ERR_OK;
    size_t length = strlen(etag);
    if (length == 0 || length >= ETAG_BYTES_MAX || !utf8_is_valid(slice_of_text(etag)) ||
        strpbrk(etag, "\r\n") != NULL)
        return errmsg_set(detail, ERR_INVALID, "'%.100s' is not an ETag", etag);
    bool bare = etag[0] != '"' && strcmp(etag, "*") != 0;
    snprintf(quoted, ETAG_BYTES_MAX + 2, bare ? "\"%s\"" : "%s", etag);
    request->if_match = quoted;
    return ERR_OK;
}

// Sends a change of one key. `ttl_s` is 0 for none.
static enum err change(struct client *client, const char *keyspace, struct slice key,
                       uint64_t ttl_s, struct request *request,
                       const struct kv_condition *condition, struct answer *answer,
                       struct errmsg *detail)
{
    struct buf path;
    char quoted[ETAG_BYTES_MAX + 2];
    enum err e = key_path(&path, keyspace, key, detail);
    if (e == ERR_OK && ttl_s > 0)
        buf_append_format(&path, "?ttl=%" PRIu64, ttl_s);
    if (e == ERR_OK)
        e = end_path(&path, detail);
    if (e == ERR_OK)
        e = set_condition(request, quoted, condition, detail);
    if (e == ERR_OK) {
        request->path = (const char *)path.bytes;
        e = client_ask(client, request, answer, detail);
    }
    buf_release(&path);
    return e;
}

enum err kv_put(struct client *client, const char *keyspace, struct slice key, struct slice value,
                const struct kv_condition *condition, struct kv_outcome *outcome,
                struct errmsg *detail)
{
    return kv_put_for(client, keyspace, key, value, 0, condition, outcome, detail);
}

enum err kv_put_for(struct client *client, const char *keyspace, struct slice key,
                    struct slice value, uint64_t ttl_s, const struct kv_condition *condition,
                    struct kv_outcome *outcome, struct errmsg *detail)
{
    struct answer answer;
    answer_init(&answer);
    struct request request = {
        .method = METHOD_PUT, .body = value, .content_type = "application/octet-stream"};
    enum err e = change(client, keyspace, key, ttl_s, &request, condition, &answer, detail);
    *outcome = (struct kv_outcome){.created = answer.status == 201};
    memcpy(outcome->etag, answer.etag, sizeof outcome->etag);
    answer_release(&answer);
    return e;
}

enum err kv_delete(struct client *client, const char *keyspace, struct slice key,
                   const struct kv_condition *condition, struct errmsg *detail)
{
    struct answer answer;
    answer_init(&answer);
    struct request request = {.method = METHOD_DELETE};
    enum err e = change(client, keyspace, key, 0, &request, condition, &answer, detail);
    answer_release(&answer);
    return e;
}

enum err kv_list(struct client *client, const char *keyspace, struct slice prefix, uint64_t limit,
                 const char *cursor, json_t **page, struct errmsg *detail)
{
    struct buf path;
    begin_path(&path, keyspace);
    buf_append_format(&path, "?limit=%llu", (unsigned long long)limit);
    if (prefix.length > 0) {
        buf_append_slice(&path, slice_of_text("&prefix="));
        encoding_percent(&path, prefix);
    }
    if (cursor != NULL) {
        buf_append_slice(&path, slice_of_text("&cursor="));
        encoding_percent(&path, slice_of_text(cursor));
    }
    enum err e = end_path(&path, detail);
    if (e == ERR_OK)
        e = client_ask_json(client, METHOD_GET, (const char *)path.bytes, NULL, page, detail);
    if (e == ERR_OK && !json_is_array(json_object_get(*page, "keys"))) {
        json_decref(*page);
        *page = NULL;
        e = errmsg_set(detail, ERR_CORRUPT, "the list that the server answered holds no keys");
    }
    buf_release(&path);
    return e;
}
