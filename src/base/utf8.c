#include "base/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

enum { SEQUENCE_BYTES_MAX = 4 };

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// How long a sequence with this first byte is, 0 when none begins so. C0, C1 and F5 to FF would
// only begin overlong forms, or code points that are too great.
static size_t sequence_bytes(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

// The second byte is what tells the other overlong forms, the surrogates, and what is above
// U+10FFFF.
static bool fits_first(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t utf8_read(struct slice text, uint32_t *point)
{
    if (text.length == 0)
        return 0;
    uint8_t first = text.bytes[0];
    size_t length = sequence_bytes(first);
    if (length == 0 || length > text.length)
        return 0;
    if (length > 1 && !fits_first(first, text.bytes[1]))
        return 0;
    uint32_t read = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (!is_tail(text.bytes[i]))
            return 0;
        read = read << 6 | (text.bytes[i] & 0x3fu);
    }
    *point = read;
    return length;
}

static struct slice rest_of(struct slice text, size_t start)
{
    return slice_of(text.bytes + start, text.length - start);
}

bool utf8_is_valid(struct slice text)
{
    size_t i = 0;
    while (i < text.length) {
        uint64_t word;
        if (text.length - i >= sizeof word) {
            memcpy(&word, text.bytes + i, sizeof word);
            if ((word & HIGH_BITS) == 0) {
                i += sizeof word;
                continue;
            }
        }
        uint32_t point;
        size_t length = utf8_read(rest_of(text, i), &point);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t utf8_prefix(struct slice text, size_t bytes_max)
{
    if (text.length <= bytes_max)
        return text.length;
    for (size_t back = 1; back < SEQUENCE_BYTES_MAX && back <= bytes_max; back++) {
        uint32_t point;
        if (utf8_read(rest_of(text, bytes_max - back), &point) > back)
            return bytes_max - back;
    }
    return bytes_max;
}

void utf8_mend(char *text)
{
    struct slice left = slice_of_text(text);
    while (left.length > 0) {
        uint32_t point;
        size_t length = utf8_read(left, &point);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        text += length;
        left = rest_of(left, length);
    }
}
