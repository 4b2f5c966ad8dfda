#include "cli/annotations.h"

#include "base/check.h"
#include "base/utf8.h"
#include "cli/encoding.h"

#include <string.h>

void annotations_path_begin(struct buf *path, const char *start)
{
    buf_init(path, ANNOTATION_PATH_BYTES_MAX);
    buf_append_slice(path, slice_of_text(start));
}

void annotations_path_segment(struct buf *path, const char *text)
{
    encoding_percent(path, slice_of_text(text));
}

void annotations_path_argument(struct buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    bool first = path->length == 0 || memchr(path->bytes, '?', path->length) == NULL;
    buf_append_format(path, "%c%s=", first ? '?' : '&', name);
    encoding_percent(path, slice_of_text(value));
}

const char *annotations_path_end(struct buf *path, struct errmsg *detail)
{
    buf_append_u8(path, 0);
    if (!path->overflown)
        return (const char *)path->bytes;
    errmsg_set(detail, ERR_TOO_LARGE, "what is asked for is too long");
    return NULL;
}

static bool put_text(json_t *body, const char *name, const char *text, struct errmsg *detail)
{
    if (text == NULL)
        return true;
    if (utf8_is_valid(slice_of_text(text))) {
        CHECK(json_object_set_new(body, name, json_string(text)) == 0);
        return true;
    }
    errmsg_set(detail, ERR_INVALID, "the %s is not UTF-8", name);
    return false;
}

static bool put_rating(json_t *body, const char *rating, struct errmsg *detail)
{
    uint64_t number = 0;
    if (rating == NULL)
        return true;
    bool none = strcmp(rating, "none") == 0;
    if (!none && !options_number(rating, 0, 5, &number)) {
        errmsg_set(detail, ERR_INVALID, "the rating is 0 to 5, or none, not '%.60s'", rating);
        return false;
    }
    json_t *value = none ? json_null() : json_integer((json_int_t)number);
    CHECK(json_object_set_new(body, "rating", value) == 0);
    return true;
}

static bool put_tags(json_t *body, const char *tags, struct errmsg *detail)
{
    if (tags == NULL)
        return true;
    if (!utf8_is_valid(slice_of_text(tags))) {
        errmsg_set(detail, ERR_INVALID, "the tags are not UTF-8");
        return false;
    }
    json_t *array = json_array();
    CHECK(json_object_set_new(body, "tags", array) == 0);
    for (const char *tag = tags; *tags != '\0' && tag != NULL;) {
        const char *end = strchr(tag, ',');
        size_t length = end != NULL ? (size_t)(end - tag) : strlen(tag);
        CHECK(json_array_append_new(array, json_stringn(tag, length)) == 0);
        tag = end != NULL ? end + 1 : NULL;
    }
    return true;
}

json_t *annotations_body(const struct annotation_words *words, struct errmsg *detail)
{
    json_t *body = json_object();
    CHECK(body != NULL);
    if (put_text(body, "text", words->text, detail) && put_rating(body, words->rating, detail) &&
        put_tags(body, words->tags, detail) && put_text(body, "channel", words->channel, detail) &&
        put_text(body, "link", words->link, detail) &&
        put_text(body, "replies_to", words->replies_to, detail))
        return body;
    json_decref(body);
    return NULL;
}

enum err annotations_take(json_t *answer, json_t **annotation, struct errmsg *detail)
{
    *annotation = json_incref(json_object_get(answer, "annotation"));
    json_decref(answer);
    if (json_is_object(*annotation))
        return ERR_OK;
    json_decref(*annotation);
    *annotation = NULL;
    return errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no annotation");
}

enum err annotations_add(struct client *client, const struct annotation_words *words,
                         json_t **annotation, struct errmsg *detail)
{
    json_t *answer = NULL;
    json_t *body = annotations_body(words, detail);
    if (body == NULL)
        return ERR_INVALID;
    enum err e = client_ask_json(client, METHOD_POST, "/v1/annotations", body, &answer, detail);
    json_decref(body);
    return e == ERR_OK ? annotations_take(answer, annotation, detail) : e;
}

enum err annotations_page(struct client *client, const char *path, json_t **page,
                          struct errmsg *detail)
{
    enum err e = client_ask_json(client, METHOD_GET, path, NULL, page, detail);
    if (e != ERR_OK || json_is_array(json_object_get(*page, "annotations")))
        return e;
    json_decref(*page);
    *page = NULL;
    return errmsg_set(detail, ERR_CORRUPT, "the server's answer holds no annotations");
}
