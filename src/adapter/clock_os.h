// The operating system's time: the port of port/clock.h, on a libuv loop.
//
// Promise
//  1. now_us never goes back and counts the time that the machine was suspended (CLOCK_BOOTTIME).
//  2. A wake comes from the loop, never from inside wake_at, never before its time, once.
//  3. A wake whose time passed during a suspension comes within a second after it.
//
// What it does not do: it is not precise below a millisecond, libuv's unit, and wakes late when the
// loop is busy.
#ifndef BRUSIO_ADAPTER_CLOCK_OS_H
#define BRUSIO_ADAPTER_CLOCK_OS_H

#include "port/clock.h"

struct uv_loop_s;
struct clock_os;

typedef void clock_os_wake(void *context);

// Gives a clock to be ended by clock_os_close. Borrows `loop`.
struct clock_os *clock_os_open(struct uv_loop_s *loop, clock_os_wake *wake, void *context);

// Borrows `clock`.
struct clock clock_os_port(struct clock_os *clock);

// No wake comes after this; frees the clock when the loop has let go of it, then calls `closed`
// (may be NULL).
typedef void clock_os_closed(void *context);
void clock_os_close(struct clock_os *clock, clock_os_closed *closed, void *context);

#endif
