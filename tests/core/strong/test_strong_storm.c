// Random schedules of many seeds: the rules hold in all of them, and each rule of core/strong that
// is broken is noticed within a few.
//
//   test_strong_storm SEED [RULE [late]]
//
// shows one seed's schedule instead, with that rule broken, or with wishes of older epochs counted.

#include "base/rule.h"
#include "strong_storm.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEDS 300
#define SEEDS_TO_SEE_IT 200
#define SEEDS_LATE 60

// NULL when nothing goes wrong.
static const char *run_seed(uint64_t seed, bool late_wishes, FILE *trace)
{
    struct storm *storm = storm_new(seed, late_wishes, trace);
    storm_run(storm);
    const char *violation = storm->violation;
    storm_free(storm);
    return violation;
}

static void run_seeds(uint64_t count, bool late_wishes)
{
    for (uint64_t seed = 1; seed <= count; seed++) {
        const char *violation = run_seed(seed, late_wishes, NULL);
        if (violation != NULL)
            fail_msg("seed %u: %s", (unsigned)seed, violation);
    }
}

static void test_strong_storm__the_rules_hold_in_random_schedules(void **state)
{
    (void)state;
    run_seeds(SEEDS, false);
}

// Wishes that outlive their epoch do no harm either, for each names its join.
static void test_strong_storm__late_wishes_do_no_harm(void **state)
{
    (void)state;
    run_seeds(SEEDS_LATE, true);
}

#ifdef BRUSIO_MUTANTS

// The first seed that shows that the rule is broken; 0 when none does.
static uint64_t caught_by(enum rule rule, bool late_wishes)
{
    uint64_t seed = 1;
    rule_broken = rule;
    while (seed <= SEEDS_TO_SEE_IT && run_seed(seed, late_wishes, NULL) == NULL)
        seed++;
    rule_broken = RULE_COUNT;
    return seed <= SEEDS_TO_SEE_IT ? seed : 0;
}

static void assert_caught(enum rule rule, bool late_wishes)
{
    uint64_t seed = caught_by(rule, late_wishes);
    if (seed == 0)
        fail_msg("%s can be broken unseen", rule_name(rule));
    print_message("%s: seed %u\n", rule_name(rule), (unsigned)seed);
}

static void test_strong_storm__broken_rules_are_caught(void **state)
{
    (void)state;
    static const enum rule rules[] = {
        RULE_FRESH_ACKS,      RULE_WHOLE_LIST,       RULE_TAKEOVER,
        RULE_GREATEST_RECORD, RULE_JOINER_IN_FLIGHT, RULE_KEEP_CERTIFICATE,
        RULE_EPOCH_STAMPS,    RULE_KEEP_MARKS,       RULE_LEASE};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        assert_caught(rules[i], false);
}

// The join id of a wish is a second guard: wishes of older epochs are not taken (node.c), are
// forgotten with each map (coordinator.c), and name the joins of the newest one (joiner.c). A storm
// without the first guard shows that the second one is enough, and that one is needed.
static void test_strong_storm__a_promotion_by_another_join_is_caught(void **state)
{
    (void)state;
    assert_caught(RULE_JOIN_ID, true);
}

static void break_rule(const char *name)
{
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        if (strcmp(rule_name((enum rule)rule), name) == 0)
            rule_broken = (enum rule)rule;
}

#else

static void break_rule(const char *name)
{
    printf("this build cannot break %s\n", name);
}

#endif

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strong_storm__the_rules_hold_in_random_schedules),
        cmocka_unit_test(test_strong_storm__late_wishes_do_no_harm),
#ifdef BRUSIO_MUTANTS
        cmocka_unit_test(test_strong_storm__broken_rules_are_caught),
        cmocka_unit_test(test_strong_storm__a_promotion_by_another_join_is_caught),
#endif
    };
    if (count == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    if (count > 2)
        break_rule(arguments[2]);
    return run_seed(strtoull(arguments[1], NULL, 10), count > 3, stdout) != NULL;
}
