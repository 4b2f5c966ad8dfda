#include "model/stamp.h"

#include "base/check.h"

#include <stdio.h>

struct stamp stamp_make(uint64_t epoch, uint64_t sequence, uint64_t id)
{
    CHECK(epoch <= STAMP_EPOCH_MAX && sequence <= STAMP_SEQUENCE_MAX);
    return (struct stamp){.counter = epoch << STAMP_SEQUENCE_BITS | sequence, .id = id};
}

uint64_t stamp_epoch(struct stamp stamp)
{
    return stamp.counter >> STAMP_SEQUENCE_BITS;
}

int stamp_compare(struct stamp a, struct stamp b)
{
    if (a.counter != b.counter)
        return a.counter < b.counter ? -1 : 1;
    return (a.id > b.id) - (a.id < b.id);
}

bool stamp_is_zero(struct stamp stamp)
{
    return stamp.counter == 0 && stamp.id == 0;
}

void stamp_encode(struct buf *out, struct stamp stamp)
{
    buf_append_varint(out, stamp.counter);
    buf_append_varint(out, stamp.id);
}

struct stamp stamp_decode(struct cursor *in)
{
    uint64_t counter = cursor_varint(in);
    uint64_t id = cursor_varint(in);
    return (struct stamp){.counter = counter, .id = id};
}

void stamp_format(struct stamp stamp, char text[STAMP_TEXT_BYTES])
{
    snprintf(text, STAMP_TEXT_BYTES, "%llx-%llx", (unsigned long long)stamp.counter,
             (unsigned long long)stamp.id);
}

static bool parse_hex(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.length == 0 || text.length > 16 || (text.length > 1 && text.bytes[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = value;
    return true;
}

enum err stamp_parse(struct slice text, struct stamp *out)
{
    const uint8_t *dash = text.length > 0 ? memchr(text.bytes, '-', text.length) : NULL;
    if (dash == NULL)
        return ERR_INVALID;
    size_t before = (size_t)(dash - text.bytes);
    struct stamp stamp;
    if (!parse_hex(slice_of(text.bytes, before), &stamp.counter) ||
        !parse_hex(slice_of(dash + 1, text.length - before - 1), &stamp.id))
        return ERR_INVALID;
    *out = stamp;
    return ERR_OK;
}
