#include "front/http/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// The length of the well-formed sequence of two bytes or more at `bytes`, 0 when there is none.
static size_t sequence_bytes(const uint8_t *bytes, size_t left)
{
    uint8_t first = bytes[0];
    if (first >= 0xc2 && first <= 0xdf)
        return left >= 2 && is_tail(bytes[1]) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (left < 3 || !is_tail(bytes[1]) || !is_tail(bytes[2]))
            return 0;
        bool overlong = first == 0xe0 && bytes[1] < 0xa0;
        bool surrogate = first == 0xed && bytes[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (left < 4 || !is_tail(bytes[1]) || !is_tail(bytes[2]) || !is_tail(bytes[3]))
            return 0;
        bool overlong = first == 0xf0 && bytes[1] < 0x90;
        bool too_high = first == 0xf4 && bytes[1] > 0x8f;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
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
        if (text.bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t length = sequence_bytes(text.bytes + i, text.length - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
