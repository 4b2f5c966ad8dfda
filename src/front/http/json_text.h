// Writing JSON by hand, for answers: no tree is built, bytes go straight into the answer's buffer.
//
// Promise: what these functions append is valid JSON (RFC 8259) if the text given to them is valid
// UTF-8. They do not place commas, colons or brackets: the caller writes those.
#ifndef BRUSIO_FRONT_HTTP_JSON_TEXT_H
#define BRUSIO_FRONT_HTTP_JSON_TEXT_H

#include "base/buf.h"

// Appends `text` (UTF-8, NUL characters welcome) as a quoted string.
void json_append_string(struct buf *out, struct slice text);

// Appends a literal piece of JSON.
#define json_append_raw(out, literal) buf_append((out), "" literal, sizeof(literal) - 1)

// Appends `"<name>":"<text>"`, or, when `text` is not UTF-8, `"<name>_base64":"<base64>"`.
void json_append_bytes(struct buf *out, const char *name, struct slice text);

#endif
