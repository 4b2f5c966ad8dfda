// Numbers in text, as people write them on a command line.
#ifndef BRUSIO_BASE_NUMBER_H
#define BRUSIO_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

// True when `text` is a decimal number from `least` to `most` and nothing else.
bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *out);

#endif
