// The bytes of a fuzz target's input, read as a script: numbers and runs of bytes.
//
// Promise: total. A script that is over gives zeros and empty runs; input_more tells.
#ifndef BRUSIO_FUZZ_INPUT_H
#define BRUSIO_FUZZ_INPUT_H

#include "base/buf.h"

static inline bool input_more(const struct cursor *input)
{
    return cursor_left(input) > 0;
}

// 0 to `bound` - 1; `bound` is 1 to 256.
static inline unsigned input_below(struct cursor *input, unsigned bound)
{
    return cursor_u8(input) % bound;
}

// One byte of length, then as many bytes as there are, at most `most` (255 at most).
static inline struct slice input_run(struct cursor *input, size_t most)
{
    size_t length = cursor_u8(input);
    if (length > most)
        length = most;
    if (length > cursor_left(input))
        length = cursor_left(input);
    return cursor_bytes(input, length);
}

static inline struct slice input_rest(struct cursor *input)
{
    return cursor_bytes(input, cursor_left(input));
}

#endif
