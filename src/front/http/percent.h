// Percent-encoding, as RFC 3986 section 2.1 defines it for URLs.
//
// Promise: decoding is total over any bytes, and every byte value can come out of it (%00 and %2F
// too). It does not treat `+` as a space: in a path `+` is itself.
#ifndef BRUSIO_FRONT_HTTP_PERCENT_H
#define BRUSIO_FRONT_HTTP_PERCENT_H

#include "base/err.h"
#include "base/slice.h"

// Writes at most `max` bytes to `out` and their number to `length`. ERR_INVALID when a `%` is not
// followed by two hexadecimal digits, ERR_TOO_LARGE when the decoded text is longer than `max`.
WARN_UNUSED enum err percent_decode(struct slice text, uint8_t *out, size_t max, size_t *length);

// The value of a hexadecimal digit, -1 for any other byte.
int hex_digit_value(uint8_t digit);

#endif
