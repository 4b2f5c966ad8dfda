// JSON of the tests: parsed, changed in one place, and written.
#ifndef BRUSIO_TESTS_APP_ANNOTATIONS_JSON_EDIT_H
#define BRUSIO_TESTS_APP_ANNOTATIONS_JSON_EDIT_H

#include <jansson.h>

// Gives the value of a text, in which ' stands for ". The text must be JSON.
json_t *json_edit_parse(const char *text);

// Sets what a path of names and indexes, with slashes between, leads to: to the value of `text`, or
// to nothing when it is NULL. All but the last step must be there; "+" appends to an array.
void json_edit_set(json_t *value, const char *path, const char *text);

// Gives the value that comes back from writing and parsing `value`, which is taken.
json_t *json_edit_over_text(json_t *value);

#endif
