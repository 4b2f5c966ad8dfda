// Where a link is malformed, and why.
//
// Promise: `at` is an offset in bytes, from 0 to the link's length (its length: something is
// missing at the end), and `reason` is plain words that name what is wrong or what was expected.
#ifndef BRUSIO_APP_ANNOTATIONS_LINK_FAULT_H
#define BRUSIO_APP_ANNOTATIONS_LINK_FAULT_H

#include "base/err.h"
#include "base/slice.h"

struct link_fault {
    size_t at;
    const char *reason; // static
};

// Fills `fault` and returns ERR_INVALID.
enum err link_fault_set(struct link_fault *fault, size_t at, const char *reason);

// As link_fault_set, for a byte of a link that may not stand where it does.
enum err link_fault_byte(struct link_fault *fault, size_t at, uint8_t byte);

// ERR_OK when each byte of `text` from `at` up to `end` fits or belongs to an escape (a percent
// sign and two hexadecimal digits).
WARN_UNUSED enum err link_fault_find(struct slice text, size_t at, size_t end,
                                     bool (*fits)(uint8_t byte), struct link_fault *fault);

#endif
