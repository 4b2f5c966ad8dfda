// Is a run of bytes well-formed UTF-8 (Unicode 15, table 3-7)? JSON can carry nothing else.
#ifndef BRUSIO_FRONT_HTTP_UTF8_H
#define BRUSIO_FRONT_HTTP_UTF8_H

#include "base/slice.h"

// False for overlong forms, surrogates, code points above U+10FFFF and sequences that are cut
// short.
bool utf8_is_valid(struct slice text);

#endif
