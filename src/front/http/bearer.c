#include "front/http/bearer.h"

#include "base/check.h"

#include <strings.h>

bool bearer_is_valid(struct slice header, struct slice token)
{
    static const char scheme[] = "Bearer ";
    enum { SCHEME_BYTES = sizeof scheme - 1 };
    CHECK(token.length > 0);
    if (header.length < SCHEME_BYTES ||
        strncasecmp((const char *)header.bytes, scheme, SCHEME_BYTES) != 0)
        return false;
    struct slice given = slice_of(header.bytes + SCHEME_BYTES, header.length - SCHEME_BYTES);
    volatile uint8_t difference = given.length == token.length ? 0 : 1;
    size_t at = 0;
    for (size_t i = 0; i < given.length; i++) {
        difference = (uint8_t)(difference | (given.bytes[i] ^ token.bytes[at]));
        at = at + 1 == token.length ? 0 : at + 1;
    }
    return difference == 0;
}
