// What a maker says over random histories, against what it must be true of.
#include "stability_primary.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { RUNS = 20, STEPS = 600, ORIGINS = 3 };

// What a maker must be true of, written down apart from it.
struct history {
    struct knowledge known[STEPS];
    uint64_t at_us[STEPS];
    uint32_t count;
};

// Whether all of `horizon` was known durably, in this history, at a time that is the retention ago
// and that the audit followed.
static bool is_old_and_audited(const struct history *history, const struct knowledge *horizon,
                               const struct stability_moment *moment)
{
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->at_us[i] + PRIMARY_RETENTION_US <= moment->now_us &&
            history->at_us[i] < moment->clean_audit_us &&
            knowledge_contains(&history->known[i], horizon))
            return true;
    }
    return knowledge_is_empty(horizon);
}

static void remember(struct history *history, const struct primary *primary)
{
    history->known[history->count] = (struct knowledge){0};
    knowledge_copy(&history->known[history->count], &primary->durable);
    history->at_us[history->count++] = primary->moment.now_us;
}

static void forget(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++)
        knowledge_release(&history->known[i]);
    history->count = 0;
}

// One of a thousand things that can happen to a primary between two records.
static void live_on(struct primary *primary, struct rng *rng)
{
    struct stability_moment *moment = &primary->moment;
    moment->now_us += rng_below(rng, PRIMARY_RETENTION_US / 10);
    if (rng_one_in(rng, 2)) {
        uint64_t first = 1 + rng_below(rng, 200);
        know(&primary->durable, 1 + rng_below(rng, ORIGINS), first, first + rng_below(rng, 5));
    }
    if (rng_one_in(rng, 20))
        moment->clean_audit_us = moment->now_us;
    if (rng_one_in(rng, 30))
        moment->epoch++;
    moment->lease_held = !rng_one_in(rng, 10);
    primary->space.damaged = rng_one_in(rng, 10);
}

struct published {
    struct knowledge stable;
    struct knowledge horizon; // all of them
    struct knowledge begun;   // what the run under way began with
    struct stamp number;
    unsigned horizons;
};

static void check_record(struct published *published, const struct history *history,
                         const struct primary *primary)
{
    const struct stability_record *record = primary->record;
    struct knowledge fresh = {0};
    assert_true(primary->moment.lease_held);
    assert_true(stamp_compare(record->number, published->number) > 0);
    assert_true(record->number.counter == primary->moment.epoch);
    assert_true(knowledge_contains(&record->stable, &published->stable));
    assert_true(knowledge_contains(&record->stable, &primary->durable));
    assert_true(knowledge_contains(&record->horizon, &published->horizon));
    assert_true(knowledge_contains(&record->stable, &record->horizon));
    knowledge_missing(&record->horizon, &published->horizon, &fresh);
    assert_true(knowledge_is_empty(&fresh) || !primary->space.damaged);
    published->horizons += !knowledge_is_empty(&fresh);
    knowledge_missing(&record->horizon, &published->begun, &fresh);
    assert_true(knowledge_is_empty(&fresh) ||
                is_old_and_audited(history, &fresh, &primary->moment));
    knowledge_copy(&published->stable, &record->stable);
    knowledge_copy(&published->horizon, &record->horizon);
    published->number = record->number;
    knowledge_release(&fresh);
}

// The same peer or another one, which knows more or less; only records and what is known stay.
static void restart(struct primary *primary, struct published *published, struct rng *rng)
{
    struct primary next;
    struct stability_record newest = {.number = published->number, .node = primary->maker.node};
    newest.space = SAMPLE_SPACE;
    knowledge_copy(&newest.stable, &published->stable);
    knowledge_copy(&newest.horizon, &published->horizon);
    knowledge_copy(&published->begun, &published->horizon);
    primary_init(&next, rng_one_in(rng, 2) ? 1 : 2,
                 stamp_is_zero(published->number) ? NULL : &newest);
    next.moment.epoch = primary->moment.epoch + rng_below(rng, 2);
    next.moment.now_us = rng_below(rng, 2 * PRIMARY_RETENTION_US);
    if (rng_one_in(rng, 2))
        knowledge_swap(&next.durable, &primary->durable);
    stability_release(&newest);
    primary_release(primary);
    *primary = next;
    primary->moment.secret = &primary->secret;
}

static void run_at_random(uint64_t seed, unsigned *horizons)
{
    static struct history history;
    struct primary primary;
    struct published published = {0};
    struct rng rng;
    rng_init(&rng, seed);
    primary_init(&primary, 1, NULL);
    for (unsigned step = 0; step < STEPS; step++) {
        live_on(&primary, &rng);
        remember(&history, &primary);
        if (primary_speaks(&primary))
            check_record(&published, &history, &primary);
        if (rng_one_in(&rng, 200)) {
            restart(&primary, &published, &rng);
            forget(&history);
        }
    }
    *horizons += published.horizons;
    forget(&history);
    knowledge_release(&published.stable);
    knowledge_release(&published.horizon);
    knowledge_release(&published.begun);
    primary_release(&primary);
}

static void test_stability_history__promises_hold_at_random(void **state)
{
    (void)state;
    unsigned horizons = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_at_random(seed, &horizons);
    assert_true(horizons > 10 * RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stability_history__promises_hold_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
