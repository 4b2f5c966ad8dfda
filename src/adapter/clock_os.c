#include "adapter/clock_os.h"

#include "base/check.h"

#include <stdlib.h>
#include <time.h>
#include <uv.h>

// libuv's timers stand still during suspension, so a far wake is looked at again after this time.
enum { LOOK_AGAIN_MS = 1000 };

struct clock_os {
    uv_timer_t timer;
    uint64_t wake_at_us; // UINT64_MAX for not at all
    clock_os_wake *wake;
    void *wake_context;
    clock_os_closed *closed;
    void *closed_context;
};

static uint64_t read_clock(clockid_t which, uint64_t units_per_second)
{
    struct timespec now;
    CHECK(clock_gettime(which, &now) == 0);
    return (uint64_t)now.tv_sec * units_per_second +
           (uint64_t)now.tv_nsec / (UINT64_C(1000000000) / units_per_second);
}

static uint64_t now_us(void *self)
{
    (void)self;
    return read_clock(CLOCK_BOOTTIME, 1000000);
}

static uint64_t wall_ms(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME, 1000);
}

static void start_timer(struct clock_os *clock);

static void on_timer(uv_timer_t *timer)
{
    struct clock_os *clock = timer->data;
    // libuv counts from the beginning of the loop's turn in whole milliseconds, so this may be too
    // early.
    if (now_us(clock) < clock->wake_at_us) {
        start_timer(clock);
        return;
    }
    clock->wake_at_us = UINT64_MAX;
    clock->wake(clock->wake_context);
}

static void start_timer(struct clock_os *clock)
{
    uint64_t now = now_us(clock);
    uint64_t delay_ms = 0;
    if (clock->wake_at_us > now)
        delay_ms = (clock->wake_at_us - now - 1) / 1000 + 1;
    if (delay_ms > LOOK_AGAIN_MS)
        delay_ms = LOOK_AGAIN_MS;
    CHECK(uv_timer_start(&clock->timer, on_timer, delay_ms, 0) == 0);
}

static void wake_at(void *self, uint64_t at_us)
{
    struct clock_os *clock = self;
    if (at_us == clock->wake_at_us)
        return;
    clock->wake_at_us = at_us;
    if (at_us == UINT64_MAX)
        CHECK(uv_timer_stop(&clock->timer) == 0);
    else
        start_timer(clock);
}

static const struct clock_ops clock_os_ops = {
    .now_us = now_us,
    .wall_ms = wall_ms,
    .wake_at = wake_at,
};

struct clock_os *clock_os_open(struct uv_loop_s *loop, clock_os_wake *wake, void *context)
{
    CHECK(wake != NULL);
    struct clock_os *clock = memory_zeroed(1, sizeof *clock);
    clock->wake_at_us = UINT64_MAX;
    clock->wake = wake;
    clock->wake_context = context;
    CHECK(uv_timer_init(loop, &clock->timer) == 0);
    clock->timer.data = clock;
    return clock;
}

struct clock clock_os_port(struct clock_os *clock)
{
    return (struct clock){.ops = &clock_os_ops, .self = clock};
}

static void on_closed(uv_handle_t *handle)
{
    struct clock_os *clock = handle->data;
    clock_os_closed *closed = clock->closed;
    void *context = clock->closed_context;
    free(clock);
    if (closed != NULL)
        closed(context);
}

void clock_os_close(struct clock_os *clock, clock_os_closed *closed, void *context)
{
    clock->closed = closed;
    clock->closed_context = context;
    uv_close((uv_handle_t *)&clock->timer, on_closed);
}
