// What the bytes of a text are: letters, digits, UTF-8, control characters; and hexadecimal.
//
// Promise: total over any bytes, and free of the locale: a letter is one of ASCII.
// A control character is one of Unicode's category Cc: U+0000 to U+001F and U+007F to U+009F.
// It does not normalise Unicode, and does not judge marks that turn the direction of writing.
#ifndef BRUSIO_APP_ANNOTATIONS_TEXT_H
#define BRUSIO_APP_ANNOTATIONS_TEXT_H

#include "base/buf.h"

static inline bool text_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool text_is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

// RFC 3986, section 2.3.
static inline bool text_is_unreserved(uint8_t byte)
{
    return text_is_letter(byte) || text_is_digit(byte) || byte == '-' || byte == '.' ||
           byte == '_' || byte == '~';
}

static inline uint8_t text_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

// The value of a hexadecimal digit in any case, -1 for any other byte.
int text_hex_value(uint8_t digit);

// The byte that the escape (a percent sign and two hexadecimal digits) at `at` stands for, or -1
// when there is none.
int text_escape_value(struct slice text, size_t at);

// Does `text` begin with `word`, the case of letters aside? `word` is in lower case.
bool text_begins(struct slice text, const char *word);

// Lower case.
void text_append_hex(struct buf *out, struct slice bytes);

// False unless `text` is exactly 2 * `length` hexadecimal digits in lower case.
bool text_read_hex(struct slice text, uint8_t *out, size_t length);

// True when `text` is UTF-8 without control characters other than those in `allowed`. Otherwise
// `*at` is where it is not, and `*reason` says why; both may be NULL.
bool text_is_clean(struct slice text, const char *allowed, size_t *at, const char **reason);

#endif
