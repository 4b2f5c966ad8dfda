#include "cli/encoding.h"

#include "base/utf8.h"

static const char hex_digits[] = "0123456789ABCDEF";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void append_hex(struct buf *out, const char *mark, uint8_t byte)
{
    buf_append_slice(out, slice_of_text(mark));
    buf_append_u8(out, (uint8_t)hex_digits[byte >> 4]);
    buf_append_u8(out, (uint8_t)hex_digits[byte & 15]);
}

void encoding_percent(struct buf *out, struct slice bytes)
{
    bool dots_only =
        slice_equal(bytes, slice_of_text(".")) || slice_equal(bytes, slice_of_text(".."));
    for (size_t i = 0; i < bytes.length; i++) {
        if (is_unreserved(bytes.bytes[i]) && !dots_only)
            buf_append_u8(out, bytes.bytes[i]);
        else
            append_hex(out, "%", bytes.bytes[i]);
    }
}

void encoding_base64(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t group = (uint32_t)bytes.bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.bytes[i + 2] : 0;
        buf_append_u8(out, (uint8_t)base64_digits[group >> 18]);
        buf_append_u8(out, (uint8_t)base64_digits[group >> 12 & 63]);
        buf_append_u8(out, left > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=');
        buf_append_u8(out, left > 2 ? (uint8_t)base64_digits[group & 63] : '=');
    }
}

// The six bits that a base64 digit stands for, or -1.
static int base64_bits(uint8_t digit)
{
    const char *place = digit != 0 ? strchr(base64_digits, digit) : NULL;
    return place != NULL ? (int)(place - base64_digits) : -1;
}

enum err encoding_base64_read(struct buf *out, struct slice text)
{
    if (text.length % 4 != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < text.length; i += 4) {
        const uint8_t *digits = text.bytes + i;
        bool last = i + 4 == text.length;
        size_t padding = last && digits[3] == '=' ? (digits[2] == '=' ? 2 : 1) : 0;
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            int bits = k < 4 - padding ? base64_bits(digits[k]) : 0;
            if (bits < 0)
                return ERR_INVALID;
            group = group << 6 | (uint32_t)bits;
        }
        for (size_t k = 0; k < 3 - padding; k++)
            buf_append_u8(out, (uint8_t)(group >> (16 - 8 * k)));
    }
    return out->overflown ? ERR_TOO_LARGE : ERR_OK;
}

void encoding_printable(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length;) {
        const uint8_t *next = bytes.bytes + i;
        uint32_t point = 0;
        size_t length = utf8_read(slice_of(next, bytes.length - i), &point);
        // U+0080 to U+009F are control characters of a terminal too.
        bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
        if (length == 0 || control) {
            for (size_t k = 0; k < (length > 0 ? length : 1); k++)
                append_hex(out, "\\x", next[k]);
        } else {
            if (next[0] == '\\')
                buf_append_u8(out, '\\');
            buf_append(out, next, length);
        }
        i += length > 0 ? length : 1;
    }
}
