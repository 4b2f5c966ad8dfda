// A growable byte buffer, born with a maximum, and a cursor that reads what it wrote.
//
// Promise: appending past `max` changes nothing and marks the buffer as overflown (sticky), so that
// a writer checks once at the end. The cursor is total: any bytes give values or a sticky failure,
// never a read outside.
//
// Invariants
//  1. length <= capacity <= max (a buffer made by buf_init owns its bytes until buf_release).
//  2. Once overflown, a buffer takes nothing more until buf_clear.
//  3. Varints are LEB128, 1 to 10 bytes, shortest form only: one value, one encoding.
#ifndef BRUSIO_BASE_BUF_H
#define BRUSIO_BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

struct buf {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    size_t max;
    bool overflown;
};

// Owns nothing until the first append. `max` in bytes.
void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);

// Empties, keeps the memory.
void buf_clear(struct buf *buf);

void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_append_slice(struct buf *buf, struct slice slice);
void buf_append_u8(struct buf *buf, uint8_t value);
void buf_append_u16_be(struct buf *buf, uint16_t value);
void buf_append_u32_be(struct buf *buf, uint32_t value);
void buf_append_u64_be(struct buf *buf, uint64_t value);
void buf_append_varint(struct buf *buf, uint64_t value);
// Length as varint, then the bytes.
void buf_append_counted(struct buf *buf, struct slice slice);
void buf_append_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Makes room for `length` more bytes and returns where they go (to be filled by the caller), or
// NULL when that would pass `max`.
uint8_t *buf_extend(struct buf *buf, size_t length);

// Drops the first `length` bytes (at most all).
void buf_consume(struct buf *buf, size_t length);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->bytes, buf->length);
}

// Borrows the bytes that it reads. After the first failure every read gives 0 or an empty slice.
struct cursor {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

struct cursor cursor_of(struct slice slice);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16_be(struct cursor *cursor);
uint32_t cursor_u32_be(struct cursor *cursor);
uint64_t cursor_u64_be(struct cursor *cursor);
uint64_t cursor_varint(struct cursor *cursor);
// A varint of at most `max`; a greater one fails.
uint64_t cursor_varint_max(struct cursor *cursor, uint64_t max);
struct slice cursor_bytes(struct cursor *cursor, size_t length);
struct slice cursor_counted(struct cursor *cursor);

static inline size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed ? 0 : (size_t)(cursor->end - cursor->next);
}

// ERR_OK when nothing failed and nothing is left, otherwise ERR_INVALID.
WARN_UNUSED enum err cursor_finish(const struct cursor *cursor);

#endif
