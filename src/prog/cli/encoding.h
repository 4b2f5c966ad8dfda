// Bytes as text: percent-encoding for URLs, base64 for JSON, and an escaped form that is safe to
// print.
//
// Promise: each writer turns any bytes into text without control characters, appended to the
// caller's buffer (whose maximum bounds it); reading base64 is total.
//
// Invariants
//  1. A percent-encoded piece holds unreserved characters (RFC 3986, section 2.3) and %XX only, and
//     is never "." or "..", which a URL would swallow.
//  2. Printable text is reversible: a backslash is doubled, everything that is not printable UTF-8
//     becomes \xXX.
#ifndef BRUSIO_PROG_CLI_ENCODING_H
#define BRUSIO_PROG_CLI_ENCODING_H

#include "base/buf.h"

void encoding_percent(struct buf *out, struct slice bytes);

void encoding_base64(struct buf *out, struct slice bytes);

// Standard alphabet, padding required. ERR_INVALID leaves part of the bytes in `out`.
WARN_UNUSED enum err encoding_base64_read(struct buf *out, struct slice text);

// What a terminal, or a line of a list, can show.
void encoding_printable(struct buf *out, struct slice bytes);

#endif
