// A testbed whose node keeps channels of annotations, and what tests ask of it.
#ifndef BRUSIO_TESTS_FRONT_HTTP_ANNOTATION_TESTBED_H
#define BRUSIO_TESTS_FRONT_HTTP_ANNOTATION_TESTBED_H

#include "app/annotations/annotation.h"
#include "http_testbed.h"

#include <jansson.h>

// For cmocka, with testbed_teardown: the state is a struct testbed whose host keeps `films` and
// `links`.
int annotation_testbed_setup(void **state);

// Asks; the status must be this, and the body JSON, given to the caller.
json_t *annotation_testbed_ask(struct testbed *testbed, const char *target, const char *body,
                               unsigned status);

// Asks; the answer must be an error of this name whose sentence has these words.
void annotation_testbed_refuse(struct testbed *testbed, const char *target, const char *body,
                               unsigned status, const char *name, const char *words);

// Writes an annotation of the channel `films`, and gives the text of its id.
#define ANNOTATION_TEXT (ANNOTATION_ID_TEXT_BYTES + 1)
void annotation_testbed_say(struct testbed *testbed, const char *text, char id[ANNOTATION_TEXT]);

// Stores an annotation of another author in the channel.
void annotation_testbed_store(struct testbed *testbed, const char *channel, const char *text,
                              char id[ANNOTATION_TEXT]);

#endif
