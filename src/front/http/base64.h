// Base64 (RFC 4648): the standard alphabet with padding, and the one for URLs without.
#ifndef BRUSIO_FRONT_HTTP_BASE64_H
#define BRUSIO_FRONT_HTTP_BASE64_H

#include "base/buf.h"

// Section 4: `+`, `/` and padding.
void base64_append(struct buf *out, struct slice bytes);

// Section 5: `-`, `_` and no padding.
void base64url_append(struct buf *out, struct slice bytes);

// Takes what base64url_append writes and nothing else: one text for one run of bytes. Writes at
// most `max` bytes to `out`. ERR_INVALID for other bytes, a bad length or leftover bits,
// ERR_TOO_LARGE past `max`.
WARN_UNUSED enum err base64url_decode(struct slice text, uint8_t *out, size_t max, size_t *length);

#endif
