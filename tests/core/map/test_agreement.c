// Agreement under faults (voter_cluster.h asserts safety at every step), and its rules one by one.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rule.h"
#include "voter_cluster.h"

#define SEEDS 400
#define SEEDS_TO_SEE_IT 200
#define FAULTS_US (3000 * 1000)
#define CALM_US (20 * 1000 * 1000)
#define CALM_STEP_US (100 * 1000)

static void run_seed(struct voter_cluster *cluster, unsigned machines, unsigned voters,
                     uint64_t seed)
{
    voter_cluster_init(cluster, machines, voters, seed);
    if (seed % 2 == 0)
        voter_cluster_besiege(cluster, (unsigned)(seed / 2) % machines);
    cluster->faulty = true;
    voter_cluster_run(cluster, FAULTS_US);
    voter_cluster_calm(cluster);
    uint64_t epoch = cluster->epoch_max + 1;
    uint64_t until_us = FAULTS_US;
    while (!voter_cluster_knows(cluster, epoch)) {
        until_us += CALM_STEP_US;
        if (until_us > FAULTS_US + CALM_US)
            fail_msg("seed %u: nothing was decided", (unsigned)seed);
        voter_cluster_run(cluster, until_us);
    }
    if (cluster->violated)
        fail_msg("seed %u: a rule of agreement is violated", (unsigned)seed);
    voter_cluster_release(cluster);
}

static void run_seeds(unsigned machines, unsigned voters)
{
    struct voter_cluster *cluster = memory_zeroed(1, sizeof *cluster);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(cluster, machines, voters, seed);
    free(cluster);
}

static void test_agreement__three_voters_agree_under_faults(void **state)
{
    (void)state;
    run_seeds(3, 3);
}

static void test_agreement__five_voters_agree_under_faults(void **state)
{
    (void)state;
    run_seeds(5, 5);
}

static void test_agreement__newcomers_learn_under_faults(void **state)
{
    (void)state;
    run_seeds(5, 3);
}

#ifdef BRUSIO_MUTANTS

// Whether some schedule among the first seeds shows that the rule is broken.
static bool is_caught(enum rule rule)
{
    struct voter_cluster *cluster = memory_zeroed(1, sizeof *cluster);
    bool caught = false;
    rule_broken = rule;
    for (uint64_t seed = 1; seed <= SEEDS_TO_SEE_IT && !caught; seed++) {
        unsigned machines = seed % 4 < 2 ? 3 : 5;
        voter_cluster_init(cluster, machines, 3, seed);
        if (seed % 2 == 0)
            voter_cluster_besiege(cluster, (unsigned)(seed / 2) % machines);
        cluster->faulty = true;
        voter_cluster_run(cluster, FAULTS_US);
        caught = cluster->violated;
        voter_cluster_release(cluster);
    }
    rule_broken = RULE_COUNT;
    free(cluster);
    return caught;
}

static void test_agreement__broken_rules_of_leases_are_caught(void **state)
{
    (void)state;
    static const enum rule rules[] = {RULE_LEASE_RAN_OUT, RULE_WITHHOLD, RULE_RESTART_WAIT,
                                      RULE_NEW_VOTER_WAIT, RULE_RELEASE_EPOCH};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!is_caught(rules[i]))
            fail_msg("%s can be broken unseen", rule_name(rules[i]));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement__three_voters_agree_under_faults),
        cmocka_unit_test(test_agreement__five_voters_agree_under_faults),
        cmocka_unit_test(test_agreement__newcomers_learn_under_faults),
#ifdef BRUSIO_MUTANTS
        cmocka_unit_test(test_agreement__broken_rules_of_leases_are_caught),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
