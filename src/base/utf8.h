// Text as UTF-8 (RFC 3629): is a run of bytes well-formed, and where may it be cut?
//
// Promise: total over any bytes.
//
// Invariants
//  1. A sequence is what the table of RFC 3629, section 4 allows and nothing else: no overlong
//     form, no surrogate, no code point above U+10FFFF, no sequence that is cut short.
//
// It does not normalise, and knows no control characters: U+0000 is a code point like others.
#ifndef BRUSIO_BASE_UTF8_H
#define BRUSIO_BASE_UTF8_H

#include "base/slice.h"

// The bytes of the sequence that `text` begins with, 1 to 4, and its code point in `*point`; 0,
// and no code point, when `text` is empty or begins with none.
size_t utf8_read(struct slice text, uint32_t *point);

bool utf8_is_valid(struct slice text);

// How many of the first bytes of `text`, `bytes_max` at most, can be taken without cutting a
// sequence apart.
size_t utf8_prefix(struct slice text, size_t bytes_max);

// Puts '?' over each byte that is of no sequence, so that `text` is valid and as long as before.
void utf8_mend(char *text);

#endif
