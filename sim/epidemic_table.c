#include "sim/epidemic_table.h"

#include "base/check.h"
#include "core/epidemic/rumor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Chance ends each run long before: so many rounds are a mistake.
enum { ROUNDS_MAX = 1000000 };

#define NEVER UINT32_MAX

static const struct dot the_dot = {.origin = 1, .sequence = 1};

static const struct variant {
    const char *name;
    bool pull;
    bool blind;
    bool coin;
} variants[EPIDEMIC_VARIANT_COUNT] = {
    [EPIDEMIC_PUSH_FEEDBACK_COUNTER] = {.name = "push-feedback-counter"},
    [EPIDEMIC_PUSH_BLIND_COIN] = {.name = "push-blind-coin", .blind = true, .coin = true},
    [EPIDEMIC_PULL_FEEDBACK_COUNTER] = {.name = "pull-feedback-counter", .pull = true},
};

struct person {
    struct rumor rumor;
    uint32_t since; // the round in which it first had the rumor, or NEVER
};

struct crowd {
    struct person *people;
    uint32_t count;
    uint32_t round;
    uint64_t sent;
    struct rng rng;
};

struct sum {
    double values;
    double squares;
};

struct sums {
    struct sum residue;
    struct sum traffic;
    struct sum t_ave_rounds;
    struct sum t_last_rounds;
};

static void sum_add(struct sum *sum, double value)
{
    sum->values += value;
    sum->squares += value * value;
}

static struct epidemic_measure measure_of(const struct sum *sum, uint32_t runs)
{
    double mean = sum->values / runs;
    double spread = runs > 1 ? (sum->squares - sum->values * mean) / (runs - 1) : 0;
    return (struct epidemic_measure){.mean = mean, .deviation = spread > 0 ? sqrt(spread) : 0};
}

double epidemic_measure_error(const struct epidemic_measure *measure, uint32_t runs)
{
    return measure->deviation / sqrt(runs);
}

const char *epidemic_variant_name(enum epidemic_variant variant)
{
    return variants[variant].name;
}

bool epidemic_variant_parse(const char *name, enum epidemic_variant *out)
{
    for (unsigned i = 0; i < EPIDEMIC_VARIANT_COUNT; i++)
        if (strcmp(name, variants[i].name) == 0) {
            *out = (enum epidemic_variant)i;
            return true;
        }
    return false;
}

// Whether the node was told in an earlier round than this one.
static bool had_before(const struct crowd *crowd, const struct person *node)
{
    return node->since != NEVER && node->since < crowd->round;
}

// One contact: `teller` tells all that was hot with it when the round began.
static void tell(struct crowd *crowd, struct person *teller, struct person *listener)
{
    struct dot dot;
    if (!had_before(crowd, teller) || rumor_offer(&teller->rumor, 1, &dot) == 0)
        return;
    crowd->sent++;
    rumor_answer(&teller->rumor, dot, !had_before(crowd, listener));
    if (listener->since == NEVER) {
        listener->since = crowd->round;
        rumor_heat(&listener->rumor, dot);
    }
}

// Returns whether the rumor is still hot anywhere.
static bool run_round(struct crowd *crowd, bool pull)
{
    bool hot = false;
    for (uint32_t i = 0; i < crowd->count; i++) {
        struct person *caller = &crowd->people[i];
        if (!pull && rumor_count(&caller->rumor) == 0)
            continue;
        uint32_t other = (uint32_t)rng_below(&crowd->rng, crowd->count - 1);
        struct person *called = &crowd->people[other + (other >= i)];
        tell(crowd, pull ? called : caller, pull ? caller : called);
    }
    for (uint32_t i = 0; i < crowd->count; i++) {
        struct rumor *rumor = &crowd->people[i].rumor;
        rumor_end_round(rumor);
        hot |= rumor_count(rumor) > 0;
    }
    return hot;
}

static void start(struct crowd *crowd, const struct epidemic_table_setting *setting)
{
    const struct variant *variant = &variants[setting->variant];
    struct rumor_setting rumor_setting = {
        .k = setting->k, .items_max = 1, .blind = variant->blind, .coin = variant->coin};
    crowd->round = 0;
    crowd->sent = 0;
    for (uint32_t i = 0; i < crowd->count; i++) {
        rumor_init(&crowd->people[i].rumor, &rumor_setting, rng_u64(&crowd->rng));
        crowd->people[i].since = NEVER;
    }
    crowd->people[0].since = 0;
    rumor_heat(&crowd->people[0].rumor, the_dot);
}

static void measure(const struct crowd *crowd, struct sums *sums)
{
    uint32_t reached = 0;
    uint32_t last = 0;
    double rounds = 0;
    for (uint32_t i = 0; i < crowd->count; i++) {
        uint32_t since = crowd->people[i].since;
        if (since == NEVER)
            continue;
        reached++;
        rounds += since;
        last = since > last ? since : last;
    }
    sum_add(&sums->residue, (double)(crowd->count - reached) / crowd->count);
    sum_add(&sums->traffic, (double)crowd->sent / crowd->count);
    sum_add(&sums->t_ave_rounds, rounds / reached);
    sum_add(&sums->t_last_rounds, last);
}

void epidemic_table_run(const struct epidemic_table_setting *setting,
                        struct epidemic_table_result *out)
{
    CHECK(setting->nodes >= 2 && setting->nodes <= EPIDEMIC_TABLE_NODES_MAX);
    CHECK(setting->runs >= 1 && setting->runs <= EPIDEMIC_TABLE_RUNS_MAX);
    bool pull = variants[setting->variant].pull;
    struct crowd crowd = {.count = setting->nodes};
    struct sums sums = {0};
    crowd.people = memory_zeroed(crowd.count, sizeof *crowd.people);
    rng_init(&crowd.rng, setting->seed);
    for (uint32_t run = 0; run < setting->runs; run++) {
        start(&crowd, setting);
        do
            CHECK(++crowd.round <= ROUNDS_MAX);
        while (run_round(&crowd, pull));
        measure(&crowd, &sums);
        for (uint32_t i = 0; i < crowd.count; i++)
            rumor_release(&crowd.people[i].rumor);
    }
    *out = (struct epidemic_table_result){
        .residue = measure_of(&sums.residue, setting->runs),
        .traffic = measure_of(&sums.traffic, setting->runs),
        .t_ave_rounds = measure_of(&sums.t_ave_rounds, setting->runs),
        .t_last_rounds = measure_of(&sums.t_last_rounds, setting->runs),
    };
    free(crowd.people);
}
