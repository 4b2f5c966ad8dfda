// Annotations for the tests: one that a test changes, and many at random.
#ifndef BRUSIO_TESTS_APP_ANNOTATIONS_SAMPLES_H
#define BRUSIO_TESTS_APP_ANNOTATIONS_SAMPLES_H

#include "app/annotations/annotation.h"
#include "base/random.h"

// Every field is set, and annotation_check accepts it.
void sample_whole(struct annotation *out);

// Only what must be there: a rating of 0, no text, no tags, no reply.
void sample_bare(struct annotation *out);

// Some annotation that annotation_check accepts. `room` holds its texts, until it is cleared.
void sample_random(struct rng *rng, struct buf *room, struct annotation *out);
#define SAMPLE_ROOM_BYTES (1u << 16)

// Sets a link that must be one.
void sample_set_link(struct annotation *annotation, const char *link);

// Fails the test when a field differs.
void sample_expect_equal(const struct annotation *a, const struct annotation *b);

#endif
