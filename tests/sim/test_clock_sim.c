#include "sim/clock_sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define SECOND_US UINT64_C(1000000)

struct fixture {
    struct timeline *timeline;
    struct clock_sim *clock;
    struct clock port;
    uint32_t wakes;
    uint64_t shown_us;  // at the last wake
    uint64_t passed_us; // of the timeline, at the last wake
};

static void on_wake(void *context)
{
    struct fixture *fixture = context;
    fixture->wakes++;
    fixture->shown_us = fixture->port.ops->now_us(fixture->port.self);
    fixture->passed_us = timeline_now_us(fixture->timeline);
}

static void start(struct fixture *fixture, const struct clock_sim_setting *setting)
{
    *fixture = (struct fixture){.timeline = timeline_new()};
    fixture->clock = clock_sim_new(fixture->timeline, setting, on_wake, fixture);
    fixture->port = clock_sim_port(fixture->clock);
}

static void stop(struct fixture *fixture)
{
    clock_sim_free(fixture->clock);
    timeline_free(fixture->timeline);
}

static uint64_t now_us(struct fixture *fixture)
{
    return fixture->port.ops->now_us(fixture->port.self);
}

static void test_clock_sim__shows_its_own_time(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture,
          &(struct clock_sim_setting){.start_us = 70, .wall_start_ms = 1000, .rate_ppm = 1000});
    assert_int_equal(now_us(&fixture), 70);
    timeline_run_until(fixture.timeline, 10 * SECOND_US);
    assert_int_equal(now_us(&fixture), 70 + 10 * SECOND_US + 10000);
    assert_int_equal(fixture.port.ops->wall_ms(fixture.port.self), 1000 + 10010);
    stop(&fixture);
}

static void test_clock_sim__keeps_its_time_when_the_rate_changes(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &(struct clock_sim_setting){.rate_ppm = -500000});
    timeline_run_until(fixture.timeline, 10 * SECOND_US);
    clock_sim_set_rate(fixture.clock, 500000);
    assert_int_equal(now_us(&fixture), 5 * SECOND_US);
    timeline_run_until(fixture.timeline, 20 * SECOND_US);
    assert_int_equal(now_us(&fixture), 20 * SECOND_US);
    stop(&fixture);
}

static void test_clock_sim__wakes_once_and_never_early(void **state)
{
    (void)state;
    static const int32_t rates_ppm[] = {0, 1, -1, 333, -777, 500000, -500000};
    for (size_t i = 0; i < sizeof rates_ppm / sizeof rates_ppm[0]; i++) {
        struct fixture fixture;
        start(&fixture, &(struct clock_sim_setting){.start_us = 12345, .rate_ppm = rates_ppm[i]});
        for (uint64_t at_us = 12350; at_us < 5 * SECOND_US; at_us = at_us * 3 + 1) {
            fixture.wakes = 0;
            fixture.port.ops->wake_at(fixture.port.self, at_us);
            timeline_run_until(fixture.timeline,
                               timeline_now_us(fixture.timeline) + 20 * SECOND_US);
            assert_int_equal(fixture.wakes, 1);
            assert_true(fixture.shown_us >= at_us);
        }
        stop(&fixture);
    }
}

static void test_clock_sim__wakes_exactly_when_not_late(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &(struct clock_sim_setting){.rate_ppm = 250000});
    fixture.port.ops->wake_at(fixture.port.self, 5 * SECOND_US);
    timeline_run_until(fixture.timeline, 10 * SECOND_US);
    assert_int_equal(fixture.shown_us, 5 * SECOND_US);
    assert_int_equal(fixture.passed_us, 4 * SECOND_US);
    stop(&fixture);
}

static void test_clock_sim__counts_the_latest_wish(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &(struct clock_sim_setting){0});
    fixture.port.ops->wake_at(fixture.port.self, 100);
    fixture.port.ops->wake_at(fixture.port.self, 300);
    timeline_run_until(fixture.timeline, 299);
    assert_int_equal(fixture.wakes, 0);
    timeline_run_until(fixture.timeline, 400);
    assert_int_equal(fixture.wakes, 1);
    fixture.port.ops->wake_at(fixture.port.self, 500);
    fixture.port.ops->wake_at(fixture.port.self, UINT64_MAX);
    assert_int_equal(timeline_waiting(fixture.timeline), 0);
    fixture.port.ops->wake_at(fixture.port.self, 10); // passed: at once, but not from inside
    assert_int_equal(fixture.wakes, 1);
    assert_true(timeline_step(fixture.timeline));
    assert_int_equal(fixture.wakes, 2);
    assert_int_equal(fixture.passed_us, 400);
    stop(&fixture);
}

static void test_clock_sim__is_late_by_what_was_set_at_most(void **state)
{
    (void)state;
    struct fixture fixture;
    bool late = false;
    start(&fixture, &(struct clock_sim_setting){.late_us_max = 50, .seed = 3});
    for (uint64_t at_us = 1000; at_us < 100000; at_us += 1000) {
        fixture.port.ops->wake_at(fixture.port.self, at_us);
        timeline_run_until(fixture.timeline, at_us + 100);
        assert_in_range(fixture.shown_us, at_us, at_us + 50);
        late = late || fixture.shown_us > at_us;
    }
    assert_true(late);
    stop(&fixture);
}

static void test_clock_sim__moves_its_wake_with_the_rate(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &(struct clock_sim_setting){0});
    fixture.port.ops->wake_at(fixture.port.self, 10 * SECOND_US);
    timeline_run_until(fixture.timeline, 5 * SECOND_US);
    clock_sim_set_rate(fixture.clock, -500000);
    timeline_run_until(fixture.timeline, 30 * SECOND_US);
    assert_int_equal(fixture.wakes, 1);
    assert_int_equal(fixture.passed_us, 15 * SECOND_US);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_sim__shows_its_own_time),
        cmocka_unit_test(test_clock_sim__keeps_its_time_when_the_rate_changes),
        cmocka_unit_test(test_clock_sim__wakes_once_and_never_early),
        cmocka_unit_test(test_clock_sim__wakes_exactly_when_not_late),
        cmocka_unit_test(test_clock_sim__counts_the_latest_wish),
        cmocka_unit_test(test_clock_sim__is_late_by_what_was_set_at_most),
        cmocka_unit_test(test_clock_sim__moves_its_wake_with_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
