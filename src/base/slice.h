// A borrowed run of bytes.
#ifndef BRUSIO_BASE_SLICE_H
#define BRUSIO_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Borrows: whoever made it says how long `bytes` lives. `bytes` may be NULL when `length` is 0.
struct slice {
    const uint8_t *bytes;
    size_t length;
};

static inline struct slice slice_of(const void *bytes, size_t length)
{
    return (struct slice){.bytes = bytes, .length = length};
}

// Without the closing NUL.
static inline struct slice slice_of_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

// Byte order, a prefix before what it begins: less, equal or greater than 0.
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.length < b.length ? a.length : b.length;
    int order = shared > 0 ? memcmp(a.bytes, b.bytes, shared) : 0;
    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

// Copies the bytes to `*at`, which moves on, and returns the copy.
static inline struct slice slice_copy_to(uint8_t **at, struct slice slice)
{
    struct slice copy = slice_of(*at, slice.length);
    if (slice.length > 0)
        memcpy(*at, slice.bytes, slice.length);
    *at += slice.length;
    return copy;
}

#endif
