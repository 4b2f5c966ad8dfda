#include "stability_primary.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_stability_maker__says_what_became_durable_and_nothing_twice(void **state)
{
    (void)state;
    struct primary primary;
    primary_init(&primary, 1, NULL);
    assert_false(primary_speaks(&primary));
    know(&primary.durable, 5, 1, 3);
    assert_true(primary_speaks(&primary));
    assert_true(knowledge_equal(&primary.record->stable, &primary.durable));
    assert_true(knowledge_is_empty(&primary.record->horizon));
    assert_true(primary.record->number.counter == 4 && primary.record->number.id == 1);
    assert_int_equal(primary.record->node, 1);
    assert_false(primary_speaks(&primary));
    know(&primary.durable, 5, 9, 9);
    assert_true(primary_speaks(&primary));
    assert_true(primary.record->number.counter == 4 && primary.record->number.id == 2);
    primary.moment.epoch = 6;
    assert_false(primary_speaks(&primary));
    know(&primary.durable, 6, 1, 1);
    assert_true(primary_speaks(&primary));
    assert_true(primary.record->number.counter == 6 && primary.record->number.id == 1);
    primary_release(&primary);
}

static void test_stability_maker__says_nothing_without_the_lease_or_behind_its_time(void **state)
{
    (void)state;
    struct primary primary;
    primary_init(&primary, 1, NULL);
    know(&primary.durable, 5, 1, 3);
    primary.moment.lease_held = false;
    assert_false(primary_speaks(&primary));
    assert_int_equal(primary.maker.snapshot_count, 0);
    primary.moment.lease_held = true;
    assert_true(primary_speaks(&primary));
    know(&primary.durable, 5, 4, 4);
    primary.moment.epoch = 3;
    assert_false(primary_speaks(&primary));
    primary.moment.epoch = 4;
    assert_true(primary_speaks(&primary));
    primary_release(&primary);
}

static void test_stability_maker__horizon_needs_the_retention_and_a_later_audit(void **state)
{
    (void)state;
    struct primary primary;
    struct knowledge first = {0};
    primary_init(&primary, 1, NULL);
    uint64_t begun_us = primary.moment.now_us;
    know(&primary.durable, 5, 1, 3);
    knowledge_copy(&first, &primary.durable);
    assert_true(primary_speaks(&primary));
    // An audit, but too early for the retention.
    primary.moment.clean_audit_us = begun_us + 1;
    primary.moment.now_us = begun_us + PRIMARY_RETENTION_US - 1;
    assert_false(primary_speaks(&primary));
    // Old enough, but the only audit began before, or as, it was taken.
    primary.moment.now_us = begun_us + PRIMARY_RETENTION_US;
    primary.moment.clean_audit_us = begun_us;
    assert_false(primary_speaks(&primary));
    primary.moment.clean_audit_us = 0;
    assert_false(primary_speaks(&primary));
    // What came since is not in the horizon when the audit is done at last.
    know(&primary.durable, 5, 4, 10);
    primary.moment.now_us += 1;
    assert_true(primary_speaks(&primary));
    assert_true(knowledge_is_empty(&primary.record->horizon));
    primary.moment.clean_audit_us = begun_us + 1;
    assert_true(primary_speaks(&primary));
    assert_true(knowledge_equal(&primary.record->horizon, &first));
    assert_false(primary_speaks(&primary));
    knowledge_release(&first);
    primary_release(&primary);
}

static void test_stability_maker__damage_stops_the_horizon_only(void **state)
{
    (void)state;
    struct primary primary;
    primary_init(&primary, 1, NULL);
    know(&primary.durable, 5, 1, 3);
    assert_true(primary_speaks(&primary));
    primary.moment.clean_audit_us = primary.moment.now_us + 1;
    primary.moment.now_us += PRIMARY_RETENTION_US;
    primary.space.damaged = true;
    know(&primary.durable, 5, 4, 4);
    assert_true(primary_speaks(&primary));
    assert_true(knowledge_has(&primary.record->stable, (struct dot){5, 4}));
    assert_true(knowledge_is_empty(&primary.record->horizon));
    // Nor is what it claims meanwhile remembered for later.
    for (unsigned i = 0; i < 3 * STABILITY_SNAPSHOTS_MAX; i++) {
        primary.moment.now_us += PRIMARY_RETENTION_US / 2;
        primary.moment.clean_audit_us = primary.moment.now_us;
        know(&primary.durable, 6, i + 1, i + 1);
        assert_true(primary_speaks(&primary));
        assert_true(knowledge_is_empty(&primary.record->horizon));
    }
    primary.space.damaged = false;
    assert_true(primary_speaks(&primary));
    assert_true(knowledge_has(&primary.record->horizon, (struct dot){5, 3}));
    assert_false(knowledge_has(&primary.record->horizon, (struct dot){5, 4}));
    primary_release(&primary);
}

static void test_stability_maker__a_new_run_goes_on_but_waits_anew(void **state)
{
    (void)state;
    struct primary before;
    struct primary after;
    primary_init(&before, 1, NULL);
    know(&before.durable, 5, 1, 3);
    assert_true(primary_speaks(&before));
    primary_init(&after, 1, before.record);
    after.moment = before.moment;
    knowledge_copy(&after.durable, &before.durable);
    // As old as it would have to be, had there been no new run.
    after.moment.now_us += PRIMARY_RETENTION_US;
    after.moment.clean_audit_us = after.moment.now_us - 1;
    assert_false(primary_speaks(&after));
    after.moment.now_us += PRIMARY_RETENTION_US - 1;
    after.moment.clean_audit_us = after.moment.now_us;
    assert_false(primary_speaks(&after));
    after.moment.now_us += 1;
    assert_true(primary_speaks(&after));
    assert_true(knowledge_equal(&after.record->horizon, &after.durable));
    assert_true(stamp_compare(after.record->number, before.record->number) > 0);
    primary_release(&before);
    primary_release(&after);
}

static void test_stability_maker__a_new_primary_goes_on_from_what_it_has(void **state)
{
    (void)state;
    struct primary before;
    struct primary after;
    primary_init(&before, 1, NULL);
    know(&before.durable, 5, 1, 3);
    know(&before.space.horizon, 5, 1, 1);
    assert_true(primary_speaks(&before));
    // It signs what there is itself, once, above the old number, with nothing new known.
    primary_init(&after, 2, before.record);
    assert_true(primary_speaks(&after));
    assert_int_equal(after.record->node, 2);
    assert_true(knowledge_equal(&after.record->stable, &before.durable));
    assert_true(knowledge_equal(&after.record->horizon, &before.space.horizon));
    assert_true(stamp_compare(after.record->number, before.record->number) > 0);
    assert_false(primary_speaks(&after));
    // What an older record, come late, made stable here is not lost; and it is stable without being
    // known here, but no part of a horizon that this primary makes.
    know(&after.space.stable, 8, 1, 1);
    know(&after.durable, 5, 1, 2);
    know(&after.durable, 9, 1, 1);
    assert_true(primary_speaks(&after));
    assert_true(knowledge_has(&after.record->stable, (struct dot){8, 1}));
    after.moment.clean_audit_us = after.moment.now_us + 1;
    after.moment.now_us += PRIMARY_RETENTION_US;
    assert_true(primary_speaks(&after));
    assert_true(knowledge_equal(&after.record->horizon, &after.durable));
    // A horizon that was adopted from elsewhere is taken over, if it is within what is stable.
    know(&after.space.horizon, 8, 1, 1);
    assert_true(primary_speaks(&after));
    assert_true(knowledge_has(&after.record->horizon, (struct dot){8, 1}));
    know(&after.space.horizon, 8, 2, 2);
    assert_false(primary_speaks(&after));
    primary_release(&before);
    primary_release(&after);
}

static void test_stability_maker__snapshots_are_spread_over_the_retention(void **state)
{
    (void)state;
    struct primary primary;
    primary_init(&primary, 1, NULL);
    uint64_t begun_us = primary.moment.now_us;
    uint64_t step_us = PRIMARY_RETENTION_US / 997;
    uint32_t most = 0;
    for (uint64_t i = 1; i < 2000; i++) {
        know(&primary.durable, 5, i, i);
        primary.moment.now_us = begun_us + i * step_us;
        primary.moment.clean_audit_us = primary.moment.now_us;
        assert_true(primary_speaks(&primary));
        if (primary.maker.snapshot_count > most)
            most = primary.maker.snapshot_count;
        // It follows at a distance of the retention and at most a thirtieth, and some steps, of it.
        uint64_t gone = knowledge_greatest(&primary.record->horizon, 5);
        assert_true(gone == 0 || gone * step_us + PRIMARY_RETENTION_US <= i * step_us);
        assert_true(i < 1100 || i - gone <= 997 + 997 / 30 + 4);
    }
    assert_true(most > 25 && most <= STABILITY_SNAPSHOTS_MAX);
    primary_release(&primary);
}

static void test_stability_maker__idle_time_and_missing_audits_need_no_room(void **state)
{
    (void)state;
    struct primary primary;
    primary_init(&primary, 1, NULL);
    know(&primary.durable, 5, 1, 1);
    for (unsigned i = 0; i < 1000; i++) {
        primary.moment.now_us += PRIMARY_RETENTION_US / 30;
        assert_int_equal(primary_speaks(&primary), i == 0);
        assert_int_equal(primary.maker.snapshot_count, 1);
    }
    // Never an audit: of what is old enough, only the newest is kept.
    for (unsigned i = 0; i < 1000; i++) {
        primary.moment.now_us += PRIMARY_RETENTION_US / 30 + 1;
        know(&primary.durable, 5, i + 2, i + 2);
        assert_true(primary_speaks(&primary));
        assert_true(knowledge_is_empty(&primary.record->horizon));
    }
    primary.moment.now_us += 1;
    primary.moment.clean_audit_us = primary.moment.now_us;
    assert_true(primary_speaks(&primary));
    uint64_t gone = knowledge_greatest(&primary.record->horizon, 5);
    assert_in_range(gone, 1001 - 32, 1001 - 29);
    primary_release(&primary);
}

static void test_stability_maker__a_clock_that_goes_back_or_no_retention_do_no_harm(void **state)
{
    (void)state;
    struct primary primary;
    struct rng rng;
    rng_init(&rng, 9);
    primary_init(&primary, 1, NULL);
    for (unsigned i = 1; i < 2000; i++) {
        know(&primary.durable, 5, i, i);
        primary.moment.now_us = rng_below(&rng, 4 * PRIMARY_RETENTION_US);
        primary.moment.clean_audit_us = rng_below(&rng, 4 * PRIMARY_RETENTION_US);
        assert_true(primary_speaks(&primary));
    }
    primary_release(&primary);
    primary_init(&primary, 1, NULL);
    primary.maker.retention_us = 0;
    for (unsigned i = 1; i < 200; i++) {
        know(&primary.durable, 5, i, i);
        primary.moment.now_us += rng_below(&rng, 2);
        assert_true(primary_speaks(&primary));
    }
    primary_release(&primary);
    stability_maker_init(&primary.maker, 1, UINT64_MAX, NULL);
    assert_true(primary.maker.retention_us == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stability_maker__says_what_became_durable_and_nothing_twice),
        cmocka_unit_test(test_stability_maker__says_nothing_without_the_lease_or_behind_its_time),
        cmocka_unit_test(test_stability_maker__horizon_needs_the_retention_and_a_later_audit),
        cmocka_unit_test(test_stability_maker__damage_stops_the_horizon_only),
        cmocka_unit_test(test_stability_maker__a_new_run_goes_on_but_waits_anew),
        cmocka_unit_test(test_stability_maker__a_new_primary_goes_on_from_what_it_has),
        cmocka_unit_test(test_stability_maker__snapshots_are_spread_over_the_retention),
        cmocka_unit_test(test_stability_maker__idle_time_and_missing_audits_need_no_room),
        cmocka_unit_test(test_stability_maker__a_clock_that_goes_back_or_no_retention_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
