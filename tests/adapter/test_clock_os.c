#include "adapter/clock_os.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>
#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    struct clock_os *os;
    struct clock clock;
    unsigned wakes;
    uint64_t woken_at_us;
    uint64_t next_after_us; // asked for from inside the wake, 0 for nothing
    bool closed;
};

static uint64_t now_us(struct fixture *fixture)
{
    return fixture->clock.ops->now_us(fixture->clock.self);
}

static void wake_at(struct fixture *fixture, uint64_t at_us)
{
    fixture->clock.ops->wake_at(fixture->clock.self, at_us);
}

static void on_wake(void *context)
{
    struct fixture *fixture = context;
    fixture->wakes++;
    fixture->woken_at_us = now_us(fixture);
    if (fixture->next_after_us > 0 && fixture->wakes < 3)
        wake_at(fixture, fixture->woken_at_us + fixture->next_after_us);
}

static void on_closed(void *context)
{
    struct fixture *fixture = context;
    fixture->closed = true;
}

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.wakes = 0};
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->os = clock_os_open(&fixture->loop, on_wake, fixture);
    fixture->clock = clock_os_port(fixture->os);
}

static void stop(struct fixture *fixture)
{
    clock_os_close(fixture->os, on_closed, fixture);
    assert_false(fixture->closed);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_true(fixture->closed);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
}

static void test_clock_os__never_goes_back(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    uint64_t before = now_us(&fixture);
    for (int i = 0; i < 10000; i++) {
        uint64_t now = now_us(&fixture);
        assert_true(now >= before);
        before = now;
    }
    stop(&fixture);
}

static void test_clock_os__tells_boot_time_in_microseconds(void **state)
{
    (void)state;
    struct fixture fixture;
    struct timespec low;
    struct timespec high;
    start(&fixture);
    clock_gettime(CLOCK_BOOTTIME, &low);
    uint64_t now = now_us(&fixture);
    clock_gettime(CLOCK_BOOTTIME, &high);
    assert_in_range(now, (uint64_t)low.tv_sec * 1000000 + (uint64_t)low.tv_nsec / 1000,
                    (uint64_t)high.tv_sec * 1000000 + (uint64_t)high.tv_nsec / 1000);
    stop(&fixture);
}

static void test_clock_os__tells_wall_time_in_milliseconds(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    uint64_t low = (uint64_t)time(NULL);
    uint64_t wall_ms = fixture.clock.ops->wall_ms(fixture.clock.self);
    // time() may lag the precise clock by a tick.
    assert_in_range(wall_ms, (low - 1) * 1000, ((uint64_t)time(NULL) + 2) * 1000);
    stop(&fixture);
}

static void test_clock_os__wakes_once_and_not_early(void **state)
{
    (void)state;
    for (uint64_t delay_us = 1; delay_us < 20000; delay_us = delay_us * 3 + 1) {
        struct fixture fixture;
        start(&fixture);
        uint64_t at_us = now_us(&fixture) + delay_us;
        wake_at(&fixture, at_us);
        assert_int_equal(fixture.wakes, 0);
        uv_run(&fixture.loop, UV_RUN_DEFAULT); // ends when no timer is left
        assert_int_equal(fixture.wakes, 1);
        assert_true(fixture.woken_at_us >= at_us);
        stop(&fixture);
    }
}

static void test_clock_os__is_not_early_when_the_loop_lags(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    // libuv counts from the time at which the loop's turn began, which is long past here.
    uv_update_time(&fixture.loop);
    uint64_t lag_until_us = now_us(&fixture) + 20000;
    while (now_us(&fixture) < lag_until_us)
        ;
    uint64_t at_us = lag_until_us + 10000;
    wake_at(&fixture, at_us);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture.wakes, 1);
    assert_true(fixture.woken_at_us >= at_us);
    stop(&fixture);
}

static void test_clock_os__wakes_for_the_past_from_the_loop(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    for (unsigned i = 0; i < 2; i++) {
        wake_at(&fixture, 0);
        assert_int_equal(fixture.wakes, i);
        uv_run(&fixture.loop, UV_RUN_DEFAULT);
        assert_int_equal(fixture.wakes, i + 1);
    }
    stop(&fixture);
}

static void test_clock_os__obeys_the_latest_call(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    uint64_t begin_us = now_us(&fixture);
    wake_at(&fixture, begin_us + UINT64_C(3600000000));
    wake_at(&fixture, begin_us + 1000);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture.wakes, 1);

    uint64_t later_us = now_us(&fixture) + 5000;
    wake_at(&fixture, later_us - 4000);
    wake_at(&fixture, later_us);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture.wakes, 2);
    assert_true(fixture.woken_at_us >= later_us);
    stop(&fixture);
}

static void test_clock_os__can_be_told_not_to_wake(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    wake_at(&fixture, now_us(&fixture) + 1000);
    wake_at(&fixture, UINT64_MAX);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture.wakes, 0);
    stop(&fixture);
}

static void test_clock_os__can_be_asked_from_inside_a_wake(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    fixture.next_after_us = 500;
    wake_at(&fixture, now_us(&fixture));
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture.wakes, 3);
    stop(&fixture);
}

static void test_clock_os__does_not_wake_after_its_close(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    wake_at(&fixture, now_us(&fixture));
    stop(&fixture);
    assert_int_equal(fixture.wakes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_os__never_goes_back),
        cmocka_unit_test(test_clock_os__tells_boot_time_in_microseconds),
        cmocka_unit_test(test_clock_os__tells_wall_time_in_milliseconds),
        cmocka_unit_test(test_clock_os__wakes_once_and_not_early),
        cmocka_unit_test(test_clock_os__is_not_early_when_the_loop_lags),
        cmocka_unit_test(test_clock_os__wakes_for_the_past_from_the_loop),
        cmocka_unit_test(test_clock_os__obeys_the_latest_call),
        cmocka_unit_test(test_clock_os__can_be_told_not_to_wake),
        cmocka_unit_test(test_clock_os__can_be_asked_from_inside_a_wake),
        cmocka_unit_test(test_clock_os__does_not_wake_after_its_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
