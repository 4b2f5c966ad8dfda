// Log lines on standard error, for everything that is not a core.
//
// Promise: one line, one write: `<UTC time> <level> <message>`. Lines longer than 1 KiB are cut.
#ifndef BRUSIO_BASE_LOG_H
#define BRUSIO_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

// Lines below `level` are dropped. LOG_INFO unless set.
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
