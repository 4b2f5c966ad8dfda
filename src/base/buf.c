#include "base/buf.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { VARINT_BYTES_MAX = 10, CAPACITY_FIRST = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
    free(buf->bytes);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflown = false;
}

static bool reserve(struct buf *buf, size_t length)
{
    if (buf->overflown || length > buf->max - buf->length) {
        buf->overflown = true;
        return false;
    }
    size_t needed = buf->length + length;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity > 0 ? buf->capacity : CAPACITY_FIRST;
    while (capacity < needed)
        capacity = capacity > buf->max / 2 ? buf->max : capacity * 2;
    if (capacity > buf->max)
        capacity = buf->max;
    buf->bytes = memory_resize(buf->bytes, capacity);
    buf->capacity = capacity;
    return true;
}

uint8_t *buf_extend(struct buf *buf, size_t length)
{
    if (!reserve(buf, length))
        return NULL;
    uint8_t *start = buf->bytes + buf->length;
    buf->length += length;
    return start;
}

void buf_append(struct buf *buf, const void *bytes, size_t length)
{
    uint8_t *start = length > 0 ? buf_extend(buf, length) : NULL;
    if (start != NULL)
        memcpy(start, bytes, length);
}

void buf_append_slice(struct buf *buf, struct slice slice)
{
    buf_append(buf, slice.bytes, slice.length);
}

void buf_append_u8(struct buf *buf, uint8_t value)
{
    buf_append(buf, &value, 1);
}

static void append_big_endian(struct buf *buf, uint64_t value, size_t length)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> (8 * (length - 1 - i)));
    buf_append(buf, bytes, length);
}

void buf_append_u16_be(struct buf *buf, uint16_t value)
{
    append_big_endian(buf, value, 2);
}

void buf_append_u32_be(struct buf *buf, uint32_t value)
{
    append_big_endian(buf, value, 4);
}

void buf_append_u64_be(struct buf *buf, uint64_t value)
{
    append_big_endian(buf, value, 8);
}

void buf_append_varint(struct buf *buf, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[length++] = (uint8_t)(value | 0x80);
    bytes[length++] = (uint8_t)value;
    buf_append(buf, bytes, length);
}

void buf_append_counted(struct buf *buf, struct slice slice)
{
    buf_append_varint(buf, slice.length);
    buf_append_slice(buf, slice);
}

void buf_append_format(struct buf *buf, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && (size_t)length < sizeof text);
    buf_append(buf, text, (size_t)length);
}

void buf_consume(struct buf *buf, size_t length)
{
    if (length > buf->length)
        length = buf->length;
    buf->length -= length;
    if (buf->length > 0)
        memmove(buf->bytes, buf->bytes + length, buf->length);
}

struct cursor cursor_of(struct slice slice)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *start = slice.bytes != NULL ? slice.bytes : nothing;
    return (struct cursor){.next = start, .end = start + slice.length};
}

struct slice cursor_bytes(struct cursor *cursor, size_t length)
{
    if (cursor->failed || length > (size_t)(cursor->end - cursor->next)) {
        cursor->failed = true;
        return slice_of(NULL, 0);
    }
    struct slice taken = slice_of(cursor->next, length);
    cursor->next += length;
    return taken;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    struct slice taken = cursor_bytes(cursor, 1);
    return taken.length == 1 ? taken.bytes[0] : 0;
}

static uint64_t read_big_endian(struct cursor *cursor, size_t length)
{
    struct slice taken = cursor_bytes(cursor, length);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.length; i++)
        value = value << 8 | taken.bytes[i];
    return value;
}

uint16_t cursor_u16_be(struct cursor *cursor)
{
    return (uint16_t)read_big_endian(cursor, 2);
}

uint32_t cursor_u32_be(struct cursor *cursor)
{
    return (uint32_t)read_big_endian(cursor, 4);
}

uint64_t cursor_u64_be(struct cursor *cursor)
{
    return read_big_endian(cursor, 8);
}

uint64_t cursor_varint(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(cursor);
        if (cursor->failed)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) != 0)
            continue;
        if (byte == 0 && shift > 0)
            break;
        return value;
    }
    cursor->failed = true;
    return 0;
}

uint64_t cursor_varint_max(struct cursor *cursor, uint64_t max)
{
    uint64_t value = cursor_varint(cursor);
    if (value <= max)
        return value;
    cursor->failed = true;
    return 0;
}

struct slice cursor_counted(struct cursor *cursor)
{
    uint64_t length = cursor_varint_max(cursor, cursor_left(cursor));
    return cursor_bytes(cursor, (size_t)length);
}

enum err cursor_finish(const struct cursor *cursor)
{
    return cursor->failed || cursor->next != cursor->end ? ERR_INVALID : ERR_OK;
}
