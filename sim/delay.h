// How long something takes in a simulation: usually within a range, now and then much longer.
#ifndef BRUSIO_SIM_DELAY_H
#define BRUSIO_SIM_DELAY_H

#include "base/check.h"
#include "base/random.h"

struct delay {
    uint64_t us_min;
    uint64_t us_max;      // at least us_min: uniform between the two, both included
    uint64_t tail_one_in; // once in so many draws (0: never), up to
    uint64_t tail_us_max; // so much is added
};

static inline uint64_t delay_draw_us(const struct delay *delay, struct rng *rng)
{
    CHECK(delay->us_max >= delay->us_min);
    uint64_t us = delay->us_min + rng_below(rng, delay->us_max - delay->us_min + 1);
    if (rng_one_in(rng, delay->tail_one_in))
        us += rng_below(rng, delay->tail_us_max + 1);
    return us;
}

#endif
