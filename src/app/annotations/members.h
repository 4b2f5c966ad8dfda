// The members of a JSON object: read strictly, and put together.
//
// Promise: a reader gives what its name says or an error with a sentence that names the member.
// Nothing is converted: "3", 3.0 and true are no integers, null is no string and not the same as a
// member that is left out.
#ifndef BRUSIO_APP_ANNOTATIONS_MEMBERS_H
#define BRUSIO_APP_ANNOTATIONS_MEMBERS_H

#include "app/annotations/annotation_id.h"

#include <jansson.h>

// ERR_INVALID unless `object` is one, and has no member but those among the `count` names.
WARN_UNUSED enum err members_only(const json_t *object, const char *const *names, size_t count,
                                  struct errmsg *problem);

// A member that must be there. Slices borrow from the object; a string may be empty.
WARN_UNUSED enum err members_text(const json_t *object, const char *name, struct slice *out,
                                  struct errmsg *problem);
WARN_UNUSED enum err members_integer(const json_t *object, const char *name, uint64_t most,
                                     uint64_t *out, struct errmsg *problem);

// A member that must be there and be this string.
WARN_UNUSED enum err members_is(const json_t *object, const char *name, const char *expected,
                                struct errmsg *problem);

// A member that must be there: a string of `prefix` and the text of an id.
WARN_UNUSED enum err members_id(const json_t *object, const char *name, const char *prefix,
                                struct annotation_id *out, struct errmsg *problem);

// Sets a member. Takes `value`, which is none only when memory is out: that ends the process.
void members_put(json_t *object, const char *name, json_t *value);
void members_append(json_t *array, json_t *value);

// Gives a string of UTF-8, with `prefix` before it.
json_t *members_string(const char *prefix, struct slice text);
json_t *members_id_string(const char *prefix, const struct annotation_id *id);

#endif
