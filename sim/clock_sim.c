#include "sim/clock_sim.h"

#include "base/check.h"
#include "base/random.h"

#include <stdlib.h>

#define MILLION UINT64_C(1000000)

struct clock_sim {
    struct timeline *timeline;
    struct rng rng;
    clock_sim_wake *wake;
    void *context;
    uint64_t wall_start_ms;
    uint64_t start_us;
    uint64_t late_us_max;
    uint64_t rate;       // microseconds shown per second of the timeline
    uint64_t base_us;    // what it showed when the rate was set,
    uint64_t base_at_us; // which was then
    uint64_t wake_at_us; // what was asked, UINT64_MAX for nothing
    uint64_t event;
};

static uint64_t shown_us(const struct clock_sim *clock)
{
    // In two parts, so that neither product overflows; the sum is the floor of the whole.
    uint64_t passed_us = timeline_now_us(clock->timeline) - clock->base_at_us;
    return clock->base_us + passed_us / MILLION * clock->rate +
           passed_us % MILLION * clock->rate / MILLION;
}

// When, on the timeline, the clock will first show `shown_at_us` or more.
static uint64_t when_us(const struct clock_sim *clock, uint64_t shown_at_us)
{
    if (shown_at_us <= clock->base_us)
        return clock->base_at_us;
    uint64_t wait_us = shown_at_us - clock->base_us;
    uint64_t rest = (wait_us % clock->rate * MILLION + clock->rate - 1) / clock->rate;
    return clock->base_at_us + wait_us / clock->rate * MILLION + rest;
}

static void on_event(void *context, void *argument)
{
    struct clock_sim *clock = context;
    (void)argument;
    CHECK(shown_us(clock) >= clock->wake_at_us);
    clock->event = TIMELINE_NO_EVENT;
    clock->wake_at_us = UINT64_MAX;
    clock->wake(clock->context);
}

static void arm(struct clock_sim *clock)
{
    timeline_cancel(clock->timeline, clock->event);
    clock->event = TIMELINE_NO_EVENT;
    if (clock->wake_at_us > CLOCK_SIM_WAKE_US_MAX)
        return;
    uint64_t late_us = rng_below(&clock->rng, clock->late_us_max + 1);
    clock->event = timeline_add(clock->timeline, when_us(clock, clock->wake_at_us + late_us),
                                on_event, clock, NULL);
}

static uint64_t clock_now_us(void *self)
{
    return shown_us(self);
}

static uint64_t clock_wall_ms(void *self)
{
    const struct clock_sim *clock = self;
    return clock->wall_start_ms + (shown_us(clock) - clock->start_us) / 1000;
}

static void clock_wake_at(void *self, uint64_t at_us)
{
    struct clock_sim *clock = self;
    // Asked again for the same moment, the lateness stays as it was drawn.
    if (at_us == clock->wake_at_us)
        return;
    clock->wake_at_us = at_us;
    arm(clock);
}

static void set_rate(struct clock_sim *clock, int32_t rate_ppm)
{
    CHECK(rate_ppm >= -CLOCK_SIM_RATE_PPM_MAX && rate_ppm <= CLOCK_SIM_RATE_PPM_MAX);
    clock->rate = (uint64_t)((int64_t)MILLION + rate_ppm);
}

void clock_sim_set_rate(struct clock_sim *clock, int32_t rate_ppm)
{
    uint64_t base_us = shown_us(clock);
    clock->base_us = base_us;
    clock->base_at_us = timeline_now_us(clock->timeline);
    set_rate(clock, rate_ppm);
    arm(clock);
}

struct clock_sim *clock_sim_new(struct timeline *timeline, const struct clock_sim_setting *setting,
                                clock_sim_wake *wake, void *context)
{
    CHECK(wake != NULL);
    CHECK(setting->start_us <= CLOCK_SIM_WAKE_US_MAX);
    CHECK(setting->late_us_max <= CLOCK_SIM_WAKE_US_MAX);
    struct clock_sim *clock = memory_zeroed(1, sizeof *clock);
    clock->timeline = timeline;
    rng_init(&clock->rng, setting->seed);
    clock->wake = wake;
    clock->context = context;
    clock->wall_start_ms = setting->wall_start_ms;
    clock->start_us = setting->start_us;
    clock->base_us = setting->start_us;
    clock->base_at_us = timeline_now_us(timeline);
    clock->late_us_max = setting->late_us_max;
    clock->wake_at_us = UINT64_MAX;
    set_rate(clock, setting->rate_ppm);
    return clock;
}

void clock_sim_free(struct clock_sim *clock)
{
    if (clock == NULL)
        return;
    timeline_cancel(clock->timeline, clock->event);
    free(clock);
}

static const struct clock_ops clock_sim_ops = {
    .now_us = clock_now_us,
    .wall_ms = clock_wall_ms,
    .wake_at = clock_wake_at,
};

struct clock clock_sim_port(struct clock_sim *clock)
{
    return (struct clock){.ops = &clock_sim_ops, .self = clock};
}
