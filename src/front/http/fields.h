// The fields of a request's JSON body: one flat object, read strictly.
//
// Promise
//  1. Any bytes give fields or an error with a sentence that says what is wrong.
//  2. Refused: what is not one object, duplicate names, bytes after the object, text that is not
//     UTF-8, and nesting deeper than FIELDS_DEPTH_MAX (found before anything is parsed).
//  3. A string may hold NUL characters.
// It does not convert: "3" is no number, 3.0 and true are no integers.
#ifndef BRUSIO_FRONT_HTTP_FIELDS_H
#define BRUSIO_FRONT_HTTP_FIELDS_H

#include "base/err.h"
#include "base/slice.h"

#include <jansson.h>

#define FIELDS_DEPTH_MAX 8

struct fields;

// The object itself, for those who read it in their own way; borrowed.
const json_t *fields_object(const struct fields *fields);

// Gives fields to be ended by fields_free, or ERR_INVALID with `problem`. Copies what it needs of
// `body`.
WARN_UNUSED enum err fields_parse(struct slice body, struct fields **out, struct errmsg *problem);
void fields_free(struct fields *fields); // NULL is fine

// Is a field of this name there, whatever its type?
bool fields_have(const struct fields *fields, const char *name);

// ERR_INVALID when there is a field that is not among the `count` names.
WARN_UNUSED enum err fields_only(const struct fields *fields, const char *const *names,
                                 size_t count, struct errmsg *problem);

// A field that must be there: a string that is not empty, true or false, or an integer from `least`
// to `most`. `out` borrows from the fields. ERR_INVALID with `problem` otherwise.
WARN_UNUSED enum err fields_text(const struct fields *fields, const char *name, struct slice *out,
                                 struct errmsg *problem);
WARN_UNUSED enum err fields_boolean(const struct fields *fields, const char *name, bool *out,
                                    struct errmsg *problem);
WARN_UNUSED enum err fields_integer(const struct fields *fields, const char *name, int64_t least,
                                    int64_t most, int64_t *out, struct errmsg *problem);

#endif
