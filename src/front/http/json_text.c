#include "front/http/json_text.h"

#include "base/utf8.h"
#include "front/http/base64.h"

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

// Not zero when one of eight bytes needs an escape: a control character, `"` or `\`. May also be
// not zero for some bytes above 0x7f; the caller looks at each byte then.
static uint64_t may_need_escape(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t quote = word ^ EVERY_BYTE('"');
    uint64_t backslash = word ^ EVERY_BYTE('\\');
    uint64_t control = (word - EVERY_BYTE(0x20)) & ~word;
    uint64_t special =
        ((quote - EVERY_BYTE(1)) & ~quote) | ((backslash - EVERY_BYTE(1)) & ~backslash);
    return (control | special) & EVERY_BYTE(0x80);
}

static bool needs_escape(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

// The first place from `start` on that needs an escape, or the length.
static size_t find_escape(struct slice text, size_t start)
{
    size_t i = start;
    while (i < text.length) {
        if (text.length - i >= 8 && may_need_escape(text.bytes + i) == 0) {
            i += 8;
            continue;
        }
        if (needs_escape(text.bytes[i]))
            return i;
        i++;
    }
    return i;
}

static void append_escape(struct buf *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte >= 0x20 || letters[byte] != 0) {
        char text[2] = {'\\', byte >= 0x20 ? (char)byte : letters[byte]};
        buf_append(out, text, sizeof text);
    } else {
        char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
        buf_append(out, text, sizeof text);
    }
}

void json_append_string(struct buf *out, struct slice text)
{
    buf_append_u8(out, '"');
    size_t start = 0;
    while (start < text.length) {
        size_t end = find_escape(text, start);
        buf_append(out, text.bytes + start, end - start);
        if (end < text.length)
            append_escape(out, text.bytes[end++]);
        start = end;
    }
    buf_append_u8(out, '"');
}

void json_append_bytes(struct buf *out, const char *name, struct slice text)
{
    buf_append_u8(out, '"');
    buf_append_slice(out, slice_of_text(name));
    if (utf8_is_valid(text)) {
        json_append_raw(out, "\":");
        json_append_string(out, text);
    } else {
        json_append_raw(out, "_base64\":\"");
        base64_append(out, text);
        buf_append_u8(out, '"');
    }
}
