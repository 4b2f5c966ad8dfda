#include "sim/timeline.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { EVENTS = 500 };

struct trace {
    struct timeline *timeline;
    uintptr_t names[4 * EVENTS];
    uint64_t times_us[4 * EVENTS];
    size_t count;
};

static void note(void *context, void *argument)
{
    struct trace *trace = context;
    trace->names[trace->count] = (uintptr_t)argument;
    trace->times_us[trace->count++] = timeline_now_us(trace->timeline);
}

static void test_timeline__runs_in_order_of_time_then_of_adding(void **state)
{
    (void)state;
    static struct trace trace;
    trace = (struct trace){.timeline = timeline_new()};
    struct rng rng;
    rng_init(&rng, 1);
    uint64_t at_us[EVENTS];
    for (uintptr_t i = 0; i < EVENTS; i++) {
        at_us[i] = rng_below(&rng, 50);
        (void)timeline_add(trace.timeline, at_us[i], note, &trace, (void *)i);
        timeline_invariants(trace.timeline);
    }
    while (timeline_step(trace.timeline))
        timeline_invariants(trace.timeline);
    assert_int_equal(trace.count, EVENTS);
    assert_int_equal(timeline_steps(trace.timeline), EVENTS);
    for (size_t i = 0; i < EVENTS; i++)
        assert_int_equal(trace.times_us[i], at_us[trace.names[i]]);
    for (size_t i = 1; i < EVENTS; i++) {
        assert_true(trace.times_us[i - 1] <= trace.times_us[i]);
        assert_true(trace.times_us[i - 1] < trace.times_us[i] ||
                    trace.names[i - 1] < trace.names[i]);
    }
    timeline_free(trace.timeline);
}

static void test_timeline__cancels_what_waits_and_nothing_else(void **state)
{
    (void)state;
    static struct trace trace;
    trace = (struct trace){.timeline = timeline_new()};
    struct rng rng;
    rng_init(&rng, 2);
    uint64_t names[EVENTS];
    bool cancelled[EVENTS] = {false};
    for (uintptr_t i = 0; i < EVENTS; i++)
        names[i] = timeline_add(trace.timeline, rng_below(&rng, 1000), note, &trace, (void *)i);
    timeline_run_until(trace.timeline, 499);
    size_t run = trace.count;
    size_t dropped = 0;
    for (size_t i = 0; i < EVENTS; i += 2) {
        size_t before = timeline_waiting(trace.timeline);
        timeline_cancel(trace.timeline, names[i]);
        cancelled[i] = timeline_waiting(trace.timeline) < before;
        dropped += cancelled[i];
        timeline_cancel(trace.timeline, names[i]); // again: ignored
        timeline_invariants(trace.timeline);
    }
    timeline_cancel(trace.timeline, TIMELINE_NO_EVENT);
    timeline_run_until(trace.timeline, 1000);
    assert_int_equal(trace.count, EVENTS - dropped);
    for (size_t i = run; i < trace.count; i++)
        assert_false(cancelled[trace.names[i]]);
    assert_true(dropped > 0);
    timeline_free(trace.timeline);
}

static void test_timeline__does_not_mistake_a_reused_name(void **state)
{
    (void)state;
    static struct trace trace;
    trace = (struct trace){.timeline = timeline_new()};
    uint64_t first = timeline_add(trace.timeline, 1, note, &trace, NULL);
    timeline_cancel(trace.timeline, first);
    uint64_t second = timeline_add(trace.timeline, 1, note, &trace, NULL);
    assert_true(first != second);
    timeline_cancel(trace.timeline, first);
    assert_int_equal(timeline_waiting(trace.timeline), 1);
    timeline_free(trace.timeline);
}

static void test_timeline__runs_until_a_time_and_stands_there(void **state)
{
    (void)state;
    static struct trace trace;
    trace = (struct trace){.timeline = timeline_new()};
    (void)timeline_add(trace.timeline, 10, note, &trace, NULL);
    (void)timeline_add(trace.timeline, 11, note, &trace, NULL);
    timeline_run_until(trace.timeline, 10);
    assert_int_equal(trace.count, 1);
    timeline_run_until(trace.timeline, 500);
    assert_int_equal(timeline_now_us(trace.timeline), 500);
    (void)timeline_add(trace.timeline, 3, note, &trace, NULL); // in the past: now
    assert_int_equal(trace.count, 2);
    assert_true(timeline_step(trace.timeline));
    assert_int_equal(trace.times_us[2], 500);
    assert_false(timeline_step(trace.timeline));
    timeline_free(trace.timeline);
}

static void add_more(void *context, void *argument)
{
    struct trace *trace = context;
    uintptr_t more = (uintptr_t)argument;
    note(context, argument);
    if (more > 0)
        (void)timeline_add(trace->timeline, timeline_now_us(trace->timeline), add_more, trace,
                           (void *)(more - 1));
}

static void test_timeline__runs_what_events_add(void **state)
{
    (void)state;
    static struct trace trace;
    trace = (struct trace){.timeline = timeline_new()};
    (void)timeline_add(trace.timeline, 5, add_more, &trace, (void *)(uintptr_t)100);
    timeline_run_until(trace.timeline, 5);
    assert_int_equal(trace.count, 101);
    assert_int_equal(trace.times_us[100], 5);
    timeline_free(trace.timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline__runs_in_order_of_time_then_of_adding),
        cmocka_unit_test(test_timeline__cancels_what_waits_and_nothing_else),
        cmocka_unit_test(test_timeline__does_not_mistake_a_reused_name),
        cmocka_unit_test(test_timeline__runs_until_a_time_and_stands_there),
        cmocka_unit_test(test_timeline__runs_what_events_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
