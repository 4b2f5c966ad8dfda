#include "links.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

void links_identify(struct slice text, struct buf *out)
{
    struct link link;
    struct link_fault fault = {0, ""};
    // A copy of the exact size, so that the sanitizer sees what reads past it.
    uint8_t *copy = malloc(text.length);
    assert_non_null(copy);
    memcpy(copy, text.bytes, text.length);
    if (link_parse(slice_of(copy, text.length), &link, &fault) != ERR_OK)
        fail_msg("%.*s: refused at %zu: %s", (int)text.length, (const char *)text.bytes, fault.at,
                 fault.reason);
    link_identity(&link, out);
    assert_false(out->overflown);
    free(copy);
}

void links_expect_good(const struct good_link *links, size_t count)
{
    struct buf identity;
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        links_identify(slice_of_text(links[i].text), &identity);
        if (!slice_equal(buf_slice(&identity), slice_of_text(links[i].identity)))
            fail_msg("%s: its identity is %.*s", links[i].text, (int)identity.length,
                     (const char *)identity.bytes);
        buf_clear(&identity);
    }
    buf_release(&identity);
}

void links_expect_bad(const struct bad_link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct link link;
        struct link_fault fault = {9999, NULL};
        size_t length = strlen(links[i].text);
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, links[i].text, length);
        if (link_parse(slice_of(copy, length), &link, &fault) != ERR_INVALID)
            fail_msg("%s: taken", links[i].text);
        if (fault.at != links[i].at || strstr(fault.reason, links[i].reason) == NULL)
            fail_msg("%s: refused at %zu: %s", links[i].text, fault.at, fault.reason);
        free(copy);
    }
}
