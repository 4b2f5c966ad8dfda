// Time. Monotonic time counts suspension (CLOCK_BOOTTIME); wall time is UTC.
#ifndef BRUSIO_PORT_CLOCK_H
#define BRUSIO_PORT_CLOCK_H

#include <stdint.h>

struct clock_ops {
    uint64_t (*now_us)(void *clock);  // monotonic, microseconds; read afresh at every call
    uint64_t (*wall_ms)(void *clock); // since 1970-01-01 UTC, milliseconds

    // Asks to be woken once at monotonic time `at_us` (UINT64_MAX: not at all). The latest call
    // counts.
    void (*wake_at)(void *clock, uint64_t at_us);
};

struct clock {
    const struct clock_ops *ops;
    void *self;
};

#endif
