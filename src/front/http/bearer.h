// The bearer token of a request (RFC 6750 section 2.1) against the one that the server was given.
#ifndef BRUSIO_FRONT_HTTP_BEARER_H
#define BRUSIO_FRONT_HTTP_BEARER_H

#include "base/slice.h"

// Is `header`, an Authorization header's value, "Bearer <token>"? `token` is not empty. The time
// that this takes depends on the header's length alone, so that answers do not leak how much of a
// guess was right.
bool bearer_is_valid(struct slice header, struct slice token);

#endif
