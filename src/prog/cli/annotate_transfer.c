// Channels as documents of the W3C Web Annotation Data Model, whole: the server gives and takes
// them in pieces.
#include "cli/annotate_commands.h"
#include "cli/annotations.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTEXT "http://www.w3.org/ns/anno.jsonld"

enum {
    DOCUMENT_BYTES_MAX = 1024 * 1024 * 1024,
    PAGES_MAX = 1000000,
    // Of one request: less than the server takes.
    PIECE_ITEMS_MAX = 5000,
    PIECE_BYTES_MAX = 900 * 1024,
};

// --- export

static json_t *collection_of(const char *id, json_t *items)
{
    json_t *json =
        json_pack("{ss,ss,ss,sI,s{ss+,ss,si,so}}", "@context", CONTEXT, "id", id, "type",
                  "AnnotationCollection", "total", (json_int_t)json_array_size(items), "first",
                  "id", id, "#1", "type", "AnnotationPage", "startIndex", 0, "items", items);
    CHECK(json != NULL);
    return json;
}

// Adds the items of a collection, or of a page of one; `id` is the collection's.
static enum err add_items(json_t *items, const json_t *document, const char **id,
                          struct errmsg *detail)
{
    const json_t *page = json_object_get(document, "first");
    const json_t *whole = page != NULL ? document : json_object_get(document, "partOf");
    const json_t *found = json_object_get(page != NULL ? page : document, "items");
    *id = json_string_value(json_object_get(whole, "id"));
    if (*id == NULL || !json_is_array(found))
        return errmsg_set(detail, ERR_CORRUPT, "the server's answer is no collection");
    for (size_t i = 0; i < json_array_size(found); i++)
        CHECK(json_array_append(items, json_array_get(found, i)) == 0);
    return ERR_OK;
}

// Gives the whole as one collection.
static enum err fetch_all(struct session *session, json_t **out, struct errmsg *detail)
{
    struct buf path;
    json_t *items = json_array();
    json_t *document = NULL;
    const char *id = "";
    enum err e = ERR_OK;
    CHECK(items != NULL);
    annotations_path_begin(&path, "/v1/annotations/export");
    annotations_path_argument(&path, "channel", session->words[0]);
    const char *next = annotations_path_end(&path, detail);
    if (next == NULL)
        e = ERR_TOO_LARGE;
    for (size_t i = 0; i < PAGES_MAX && next != NULL && e == ERR_OK; i++) {
        json_t *page = NULL;
        e = client_ask_json(&session->client, METHOD_GET, next, NULL, &page, detail);
        json_decref(document);
        document = page;
        if (e == ERR_OK)
            e = add_items(items, document, &id, detail);
        next = json_string_value(json_object_get(document, "next"));
    }
    if (e == ERR_OK)
        *out = collection_of(id, json_incref(items));
    json_decref(items);
    json_decref(document);
    buf_release(&path);
    return e;
}

enum exit_code annotate_export_command(struct session *session)
{
    struct errmsg detail = {0};
    json_t *document = NULL;
    const char *path = session->options.text[OPTION_FILE];
    enum err e = fetch_all(session, &document, &detail);
    if (e == ERR_OK && path != NULL) {
        char *text = json_dumps(document, JSON_INDENT(2));
        CHECK(text != NULL);
        e = file_write(path, slice_of_text(text), 0644, &detail);
        free(text);
    }
    if (e != ERR_OK) {
        json_decref(document);
        return session_fail(session, e, &detail);
    }
    const json_t *total = json_object_get(document, "total");
    if (path == NULL) {
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (session->output.json) {
        output_json(json_pack("{ss,sO}", "status", "success", "total", total));
    } else {
        printf("exported %lld annotations\n", (long long)json_integer_value(total));
    }
    json_decref(document);
    return session_finish(session);
}

// --- import

static const char *const counts[] = {"items", "created", "replaced", "unchanged", "foreign"};
enum { COUNTS = sizeof counts / sizeof *counts };

// Sends some of the items; adds what became of them to `sums`.
static enum err send_piece(struct session *session, const char *path, json_t *items,
                           long long sums[COUNTS], struct errmsg *detail)
{
    json_t *answer = NULL;
    json_t *body = collection_of("urn:brusio:import", json_incref(items));
    enum err e = client_ask_json(&session->client, METHOD_POST, path, body, &answer, detail);
    for (size_t i = 0; i < COUNTS && e == ERR_OK; i++)
        sums[i] += (long long)json_integer_value(json_object_get(answer, counts[i]));
    json_decref(answer);
    json_decref(body);
    return e;
}

// The items of a collection, of a page, or a single annotation; an array to be released.
static json_t *items_of(json_t *document)
{
    json_t *first = json_object_get(document, "first");
    json_t *items = json_object_get(first != NULL ? first : document, "items");
    if (json_is_array(items))
        return json_incref(items);
    json_t *single = json_array();
    CHECK(single != NULL && json_array_append(single, document) == 0);
    return single;
}

static size_t text_bytes(const json_t *item)
{
    return json_dumpb(item, NULL, 0, JSON_COMPACT);
}

static enum err send_all(struct session *session, const char *path, json_t *items,
                         long long sums[COUNTS], struct errmsg *detail)
{
    json_t *piece = json_array();
    size_t bytes = 0;
    enum err e = ERR_OK;
    CHECK(piece != NULL);
    for (size_t i = 0; i < json_array_size(items) && e == ERR_OK; i++) {
        json_t *item = json_array_get(items, i);
        size_t more = text_bytes(item);
        if (json_array_size(piece) == PIECE_ITEMS_MAX ||
            (bytes > 0 && bytes + more > PIECE_BYTES_MAX)) {
            e = send_piece(session, path, piece, sums, detail);
            CHECK(json_array_clear(piece) == 0);
            bytes = 0;
        }
        CHECK(json_array_append(piece, item) == 0);
        bytes += more;
    }
    if (e == ERR_OK)
        e = send_piece(session, path, piece, sums, detail);
    json_decref(piece);
    struct errmsg inner = *detail;
    if (e != ERR_OK && sums[0] > 0)
        errmsg_set(detail, e, "after %lld annotations: %.400s", sums[0], inner.text);
    return e;
}

static enum err read_document(const char *name, json_t **out, struct errmsg *detail)
{
    struct buf text;
    json_error_t error;
    buf_init(&text, DOCUMENT_BYTES_MAX);
    enum err e = strcmp(name, "-") == 0
                     ? file_read_descriptor(&text, STDIN_FILENO, "standard input", detail)
                     : file_read(&text, name, detail);
    if (e == ERR_OK) {
        *out = json_loadb(text.length > 0 ? (const char *)text.bytes : "", text.length,
                          JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(*out))
            e = errmsg_set(detail, ERR_INVALID, "%.200s is no JSON document: %.160s (line %d)",
                           name, *out == NULL ? error.text : "it is no object", error.line);
    }
    buf_release(&text);
    return e;
}

static void print_sums(const struct session *session, const long long sums[COUNTS])
{
    if (session->output.json) {
        json_t *object = json_pack("{ss}", "status", "success");
        for (size_t i = 0; i < COUNTS; i++)
            json_object_set_new(object, counts[i], json_integer(sums[i]));
        output_json(object);
        return;
    }
    printf("%lld annotations: %lld created, %lld replaced, %lld unchanged, %lld of others left "
           "out\n",
           sums[0], sums[1], sums[2], sums[3], sums[4]);
}

enum exit_code annotate_import_command(struct session *session)
{
    struct errmsg detail = {0};
    struct buf path;
    json_t *document = NULL;
    long long sums[COUNTS] = {0};
    const struct options *options = &session->options;
    annotations_path_begin(&path, "/v1/annotations/import");
    annotations_path_argument(&path, "channel", options->text[OPTION_CHANNEL]);
    annotations_path_argument(&path, "as", options_have(options, OPTION_AS_OWN) ? "own" : NULL);
    const char *text = annotations_path_end(&path, &detail);
    enum err e =
        text == NULL ? ERR_TOO_LARGE : read_document(session->words[0], &document, &detail);
    if (e == ERR_OK) {
        json_t *items = items_of(document);
        e = send_all(session, text, items, sums, &detail);
        json_decref(items);
    }
    json_decref(document);
    buf_release(&path);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    print_sums(session, sums);
    return session_finish(session);
}
