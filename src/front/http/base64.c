#include "front/http/base64.h"

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char FOR_URLS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void append_with(struct buf *out, struct slice bytes, const char *alphabet, bool padded)
{
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t group = (uint32_t)bytes.bytes[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes.bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes.bytes[i + 2];
        char text[4] = {
            alphabet[group >> 18],
            alphabet[group >> 12 & 63],
            left > 1 ? alphabet[group >> 6 & 63] : '=',
            left > 2 ? alphabet[group & 63] : '=',
        };
        buf_append(out, text, padded || left > 2 ? 4 : left + 1);
    }
}

void base64_append(struct buf *out, struct slice bytes)
{
    append_with(out, bytes, STANDARD, true);
}

void base64url_append(struct buf *out, struct slice bytes)
{
    append_with(out, bytes, FOR_URLS, false);
}

static int url_digit_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '-')
        return 62;
    return digit == '_' ? 63 : -1;
}

enum err base64url_decode(struct slice text, uint8_t *out, size_t max, size_t *length)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text.length; i++) {
        int value = url_digit_value(text.bytes[i]);
        if (value < 0)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count < 8)
            continue;
        bit_count -= 8;
        if (written == max)
            return ERR_TOO_LARGE;
        out[written++] = (uint8_t)(bits >> bit_count);
        bits &= (1u << bit_count) - 1;
    }
    // Six leftover bits would be a lone digit; other leftovers must be zero, or two texts meant the
    // same.
    if (bit_count >= 6 || bits != 0)
        return ERR_INVALID;
    *length = written;
    return ERR_OK;
}
