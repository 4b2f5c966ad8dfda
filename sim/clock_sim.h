// The clock port in virtual time: every node's clock starts somewhere else and may run fast or
// slow.
//
// Promise
//  1. now_us never goes back, and only the timeline and the rate move it.
//  2. The wake comes through the timeline, when now_us has reached what was asked, never before,
//     and at most `late_us_max` later (of the node's own time, drawn from the seed), as a busy
//     machine's timers do.
//
// Invariants
//  1. At most one event waits, and only while a wake is wanted.
#ifndef BRUSIO_SIM_CLOCK_SIM_H
#define BRUSIO_SIM_CLOCK_SIM_H

#include "port/clock.h"
#include "sim/timeline.h"

// Clocks off by more than this are not clocks.
#define CLOCK_SIM_RATE_PPM_MAX 500000

// A wake asked for later than this never comes: no simulation lasts so long.
#define CLOCK_SIM_WAKE_US_MAX (UINT64_C(1) << 56)

struct clock_sim_setting {
    uint64_t start_us;      // what now_us shows at first; at most CLOCK_SIM_WAKE_US_MAX
    uint64_t wall_start_ms; // what wall_ms shows at first
    int32_t rate_ppm;       // how much faster (or slower, below 0) than the timeline it runs
    uint64_t late_us_max;   // how late a wake may come
    uint64_t seed;
};

struct clock_sim;

typedef void clock_sim_wake(void *context);

// Borrows the timeline. Gives a clock to be ended by clock_sim_free.
struct clock_sim *clock_sim_new(struct timeline *timeline, const struct clock_sim_setting *setting,
                                clock_sim_wake *wake, void *context);
void clock_sim_free(struct clock_sim *clock);

struct clock clock_sim_port(struct clock_sim *clock);

// From now on; what the clock shows does not jump. Within CLOCK_SIM_RATE_PPM_MAX on either side
// (checked).
void clock_sim_set_rate(struct clock_sim *clock, int32_t rate_ppm);

#endif
