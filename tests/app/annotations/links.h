// Tables of links for the tests: what is one has an identity, what is none a place and a reason.
#ifndef BRUSIO_TESTS_APP_ANNOTATIONS_LINKS_H
#define BRUSIO_TESTS_APP_ANNOTATIONS_LINKS_H

#include "app/annotations/link.h"

struct good_link {
    const char *text;
    const char *identity;
};

struct bad_link {
    const char *text;
    size_t at;
    const char *reason; // or a part of it
};

// Fail the test, naming the link, when it is not as the table has it.
void links_expect_good(const struct good_link *links, size_t count);
void links_expect_bad(const struct bad_link *links, size_t count);

// Appends the identity of `text`, which must be a link.
void links_identify(struct slice text, struct buf *out);

#endif
