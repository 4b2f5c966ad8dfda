// The command line's texts of any bytes: base64 and percent-encoding can be read back, what is
// printed holds no control characters, and base64 of any text is bytes or an error.
#include "base/check.h"
#include "base/utf8.h"
#include "cli/encoding.h"

static int hex(uint8_t digit)
{
    return digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10;
}

static void check_percent(struct slice bytes)
{
    struct buf text;
    size_t at = 0;
    buf_init(&text, bytes.length * 3 + 16);
    encoding_percent(&text, bytes);
    CHECK(!text.overflown);
    for (size_t i = 0; i < text.length; i++, at++) {
        uint8_t byte = text.bytes[i];
        CHECK(at < bytes.length && byte > ' ' && byte < 0x7f && byte != '/' && byte != '?');
        if (byte == '%') {
            CHECK(i + 2 < text.length);
            byte = (uint8_t)(hex(text.bytes[i + 1]) * 16 + hex(text.bytes[i + 2]));
            i += 2;
        }
        CHECK(byte == bytes.bytes[at]);
    }
    CHECK(at == bytes.length);
    buf_release(&text);
}

static void check_base64(struct slice bytes)
{
    struct buf text;
    struct buf again;
    buf_init(&text, bytes.length * 2 + 16);
    buf_init(&again, bytes.length + 3);
    encoding_base64(&text, bytes);
    CHECK(!text.overflown);
    CHECK(encoding_base64_read(&again, buf_slice(&text)) == ERR_OK);
    CHECK(slice_equal(buf_slice(&again), bytes));
    // The bytes taken for base64.
    buf_clear(&again);
    if (encoding_base64_read(&again, bytes) == ERR_OK)
        CHECK(again.length <= bytes.length && !again.overflown);
    buf_release(&text);
    buf_release(&again);
}

static void check_printable(struct slice bytes)
{
    struct buf text;
    buf_init(&text, bytes.length * 4 + 16);
    encoding_printable(&text, bytes);
    CHECK(!text.overflown && utf8_is_valid(buf_slice(&text)));
    for (size_t i = 0; i < text.length; i++)
        CHECK(text.bytes[i] >= ' ' && text.bytes[i] != 0x7f);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    check_percent(slice_of(bytes, length));
    check_base64(slice_of(bytes, length));
    check_printable(slice_of(bytes, length));
    return 0;
}
