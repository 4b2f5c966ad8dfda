// Times as text: ISO 8601 in UTC, "2026-03-01T12:30:00.250Z".
//
// Promise: a time from 1970 to 9999 has one text, which is parsed to the same time; any other text
// is a time written less exactly (without the fraction, or with one or two digits of it) or
// refused. No leap seconds, as in POSIX. It does not know time zones: a text without the closing Z
// is refused.
#ifndef BRUSIO_APP_ANNOTATIONS_UTC_TIME_H
#define BRUSIO_APP_ANNOTATIONS_UTC_TIME_H

#include "base/buf.h"

#define UTC_TIME_MS_MAX UINT64_C(253402300799999)

// Appends the text of `time_ms`, milliseconds since 1970, at most UTC_TIME_MS_MAX.
void utc_time_append(struct buf *out, uint64_t time_ms);

// ERR_INVALID when `text` is no time between 1970 and 9999.
WARN_UNUSED enum err utc_time_parse(struct slice text, uint64_t *time_ms);

#endif
