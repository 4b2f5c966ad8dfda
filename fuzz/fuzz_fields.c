// Any body of a request is fields or an error with a sentence; what the fields give is what the
// JSON library finds in the same bytes.
#include "base/check.h"
#include "front/http/fields.h"

#include <jansson.h>

static const char *const names[] = {"key", "value", "min_in_sync"};

static void check_fields(const struct fields *fields, const json_t *object)
{
    struct errmsg problem;
    struct slice text;
    int64_t number;
    size_t known = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(object, names[i]);
        known += value != NULL;
        CHECK(fields_have(fields, names[i]) == (value != NULL));
        enum err error = fields_text(fields, names[i], &text, &problem);
        CHECK((error == ERR_OK) == (json_string_length(value) > 0));
        if (error == ERR_OK)
            CHECK(slice_equal(text, slice_of(json_string_value(value), json_string_length(value))));
        error = fields_integer(fields, names[i], -1, 1000, &number, &problem);
        if (error == ERR_OK)
            CHECK(json_is_integer(value) && number == json_integer_value(value) && number >= -1 &&
                  number <= 1000);
    }
    enum err only = fields_only(fields, names, sizeof names / sizeof names[0], &problem);
    CHECK((only == ERR_OK) == (known == json_object_size(object)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fields *fields = NULL;
    struct errmsg problem = {""};
    if (fields_parse(slice_of(bytes, length), &fields, &problem) != ERR_OK) {
        CHECK(problem.text[0] != '\0');
        return 0;
    }
    json_t *object =
        json_loadb((const char *)bytes, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    CHECK(json_is_object(object));
    check_fields(fields, object);
    json_decref(object);
    fields_free(fields);
    return 0;
}
