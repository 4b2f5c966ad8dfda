#include "app/annotations/text.h"

#include "base/utf8.h"

int text_hex_value(uint8_t digit)
{
    if (text_is_digit(digit))
        return digit - '0';
    digit = text_lower(digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int text_escape_value(struct slice text, size_t at)
{
    if (at >= text.length || text.length - at < 3 || text.bytes[at] != '%')
        return -1;
    int high = text_hex_value(text.bytes[at + 1]);
    int low = text_hex_value(text.bytes[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool text_begins(struct slice text, const char *word)
{
    size_t length = strlen(word);
    if (text.length < length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text_lower(text.bytes[i]) != (uint8_t)word[i])
            return false;
    return true;
}

void text_append_hex(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        buf_append_u8(out, (uint8_t) "0123456789abcdef"[bytes.bytes[i] >> 4]);
        buf_append_u8(out, (uint8_t) "0123456789abcdef"[bytes.bytes[i] & 15]);
    }
}

bool text_read_hex(struct slice text, uint8_t *out, size_t length)
{
    if (text.length != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = text_hex_value(text.bytes[2 * i]);
        int low = text_hex_value(text.bytes[2 * i + 1]);
        if (high < 0 || low < 0 || text_lower(text.bytes[2 * i]) != text.bytes[2 * i] ||
            text_lower(text.bytes[2 * i + 1]) != text.bytes[2 * i + 1])
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool is_control(uint32_t point, const char *allowed)
{
    if (point >= 0x80)
        return point <= 0x9f;
    return point == 0 || ((point < 0x20 || point == 0x7f) && strchr(allowed, (int)point) == NULL);
}

bool text_is_clean(struct slice text, const char *allowed, size_t *at, const char **reason)
{
    const char *found = NULL;
    size_t i = 0;
    while (i < text.length && found == NULL) {
        uint32_t point = 0;
        size_t length = utf8_read(slice_of(text.bytes + i, text.length - i), &point);
        if (length == 0)
            found = "it is not UTF-8";
        else if (is_control(point, allowed))
            found = "there is a control character";
        else
            i += length;
    }
    if (at != NULL)
        *at = i;
    if (reason != NULL)
        *reason = found;
    return found == NULL;
}
