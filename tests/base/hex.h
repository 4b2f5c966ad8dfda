// Bytes as the hexadecimal text in which standards print their examples.
#ifndef BRUSIO_TESTS_BASE_HEX_H
#define BRUSIO_TESTS_BASE_HEX_H

#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

// `text` has two lower or upper case digits for each of the `length` bytes, and no more (checked).
static inline void hex_read(const char *text, uint8_t *bytes, size_t length)
{
    CHECK(strlen(text) == 2 * length);
    for (size_t i = 0; i < length; i++) {
        unsigned value = 0;
        CHECK(sscanf(text + 2 * i, "%2x", &value) == 1);
        bytes[i] = (uint8_t)value;
    }
}

// Writes two lower case digits for each byte and a NUL: 2 * length + 1 characters.
static inline void hex_write(const uint8_t *bytes, size_t length, char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

#endif
