#include "front/http/fields.h"

#include "base/check.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

// Of a name that a client made up; an error shows it.
enum { NAME_SHOWN_BYTES_MAX = 64 };

struct fields {
    json_t *object;
};

// The parser recurses once for each level, so the depth is bounded before it starts. Brackets
// inside strings do not count; a body that is malformed is counted somehow and refused by the
// parser.
static bool is_too_deep(struct slice body)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.length; i++) {
        uint8_t byte = body.bytes[i];
        if (in_string) {
            if (byte == '\\')
                i++;
            else if (byte == '"')
                in_string = false;
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '{' || byte == '[') {
            if (++depth > FIELDS_DEPTH_MAX)
                return true;
        } else if ((byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

enum err fields_parse(struct slice body, struct fields **out, struct errmsg *problem)
{
    *out = NULL;
    if (body.length == 0)
        return errmsg_set(problem, ERR_INVALID, "the body is empty: send a JSON object");
    if (is_too_deep(body))
        return errmsg_set(problem, ERR_INVALID,
                          "the JSON is nested too deeply: send a flat object");
    json_error_t error;
    json_t *object = json_loadb((const char *)body.bytes, body.length,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (object == NULL)
        return errmsg_set(problem, ERR_INVALID,
                          "the body is not valid JSON: %s (line %d, column %d)", error.text,
                          error.line, error.column);
    if (!json_is_object(object)) {
        json_decref(object);
        return errmsg_set(problem, ERR_INVALID, "the body is not a JSON object: send {...}");
    }
    struct fields *fields = memory_new(sizeof *fields);
    fields->object = object;
    *out = fields;
    return ERR_OK;
}

void fields_free(struct fields *fields)
{
    if (fields == NULL)
        return;
    json_decref(fields->object);
    free(fields);
}

const json_t *fields_object(const struct fields *fields)
{
    return fields->object;
}

bool fields_have(const struct fields *fields, const char *name)
{
    return json_object_get(fields->object, name) != NULL;
}

enum err fields_only(const struct fields *fields, const char *const *names, size_t count,
                     struct errmsg *problem)
{
    const char *name;
    json_t *value;
    json_object_foreach(fields->object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(names[i], name) == 0;
        if (!known)
            return errmsg_set(problem, ERR_INVALID, "there is no field \"%.*s\" here: remove it",
                              (int)utf8_prefix(slice_of_text(name), NAME_SHOWN_BYTES_MAX), name);
    }
    return ERR_OK;
}

enum err fields_text(const struct fields *fields, const char *name, struct slice *out,
                     struct errmsg *problem)
{
    const json_t *value = json_object_get(fields->object, name);
    if (value == NULL)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" is missing: give a string", name);
    if (!json_is_string(value))
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be a string", name);
    *out = slice_of(json_string_value(value), json_string_length(value));
    if (out->length == 0)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must not be empty", name);
    return ERR_OK;
}

enum err fields_boolean(const struct fields *fields, const char *name, bool *out,
                        struct errmsg *problem)
{
    const json_t *value = json_object_get(fields->object, name);
    if (!json_is_boolean(value))
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be true or false", name);
    *out = json_is_true(value);
    return ERR_OK;
}

enum err fields_integer(const struct fields *fields, const char *name, int64_t least, int64_t most,
                        int64_t *out, struct errmsg *problem)
{
    const json_t *value = json_object_get(fields->object, name);
    if (value == NULL)
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" is missing: give an integer",
                          name);
    if (!json_is_integer(value))
        return errmsg_set(problem, ERR_INVALID, "the field \"%s\" must be an integer", name);
    *out = json_integer_value(value);
    if (*out < least || *out > most)
        return errmsg_set(problem, ERR_INVALID,
                          "the field \"%s\" must be from %" PRId64 " to %" PRId64, name, least,
                          most);
    return ERR_OK;
}
