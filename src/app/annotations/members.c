#include "app/annotations/members.h"

#include "app/annotations/text.h"
#include "base/check.h"

#include <inttypes.h>

// A name that is longer, or would garble the sentence, is not repeated in it.
enum { NAME_SHOWN_BYTES_MAX = 64, STRING_BYTES_MAX = 1 << 16 };

enum err members_only(const json_t *object, const char *const *names, size_t count,
                      struct errmsg *problem)
{
    if (!json_is_object(object))
        return errmsg_set(problem, ERR_INVALID, "a JSON object {...} is expected");
    // The library's iterator does not change the object, although its type does not say so.
    for (void *at = json_object_iter((json_t *)object); at != NULL;
         at = json_object_iter_next((json_t *)object, at)) {
        const char *name = json_object_iter_key(at);
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(names[i], name) == 0;
        if (known)
            continue;
        struct slice text = slice_of_text(name);
        if (text.length > NAME_SHOWN_BYTES_MAX || !text_is_clean(text, "", NULL, NULL))
            return errmsg_set(problem, ERR_INVALID, "there is a field with an unknown name");
        return errmsg_set(problem, ERR_INVALID, "there is no field \"%s\" here: remove it", name);
    }
    return ERR_OK;
}

enum err members_text(const json_t *object, const char *name, struct slice *out,
                      struct errmsg *problem)
{
    const json_t *value = json_object_get(object, name);
    *out = slice_of(NULL, 0);
    if (value == NULL)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" is missing: give a string", name);
    if (!json_is_string(value))
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be a string", name);
    *out = slice_of(json_string_value(value), json_string_length(value));
    return ERR_OK;
}

enum err members_integer(const json_t *object, const char *name, uint64_t most, uint64_t *out,
                         struct errmsg *problem)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" is missing: give an integer",
                          name);
    if (!json_is_integer(value))
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be an integer", name);
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number > most)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be from 0 to %" PRIu64, name,
                          most);
    *out = (uint64_t)number;
    return ERR_OK;
}

enum err members_is(const json_t *object, const char *name, const char *expected,
                    struct errmsg *problem)
{
    struct slice text;
    enum err error = members_text(object, name, &text, problem);
    if (error == ERR_OK && !slice_equal(text, slice_of_text(expected)))
        error = errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be \"%s\"", name, expected);
    return error;
}

enum err members_id(const json_t *object, const char *name, const char *prefix,
                    struct annotation_id *out, struct errmsg *problem)
{
    struct slice text;
    size_t skipped = strlen(prefix);
    enum err error = members_text(object, name, &text, problem);
    if (error != ERR_OK)
        return error;
    if (text.length >= skipped && memcmp(text.bytes, prefix, skipped) == 0 &&
        annotation_id_parse(slice_of(text.bytes + skipped, text.length - skipped), out) == ERR_OK)
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID,
                      "the field \"%s\" must be an id: %s, 32 hexadecimal digits, - and 16 more",
                      name, *prefix != '\0' ? prefix : "in lower case");
}

void members_put(json_t *object, const char *name, json_t *value)
{
    CHECK(value != NULL && json_object_set_new(object, name, value) == 0);
}

void members_append(json_t *array, json_t *value)
{
    CHECK(value != NULL && json_array_append_new(array, value) == 0);
}

json_t *members_string(const char *prefix, struct slice text)
{
    struct buf whole;
    buf_init(&whole, STRING_BYTES_MAX);
    buf_append_slice(&whole, slice_of_text(prefix));
    buf_append_slice(&whole, text);
    CHECK(!whole.overflown);
    json_t *string = json_stringn(whole.length > 0 ? (const char *)whole.bytes : "", whole.length);
    CHECK(string != NULL);
    buf_release(&whole);
    return string;
}

json_t *members_id_string(const char *prefix, const struct annotation_id *id)
{
    struct buf text;
    buf_init(&text, ANNOTATION_ID_TEXT_BYTES);
    annotation_id_append(&text, id);
    json_t *string = members_string(prefix, buf_slice(&text));
    buf_release(&text);
    return string;
}
