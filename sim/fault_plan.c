#include "sim/fault_plan.h"

#include "base/check.h"

#include <stdlib.h>

enum { MILLISECOND_US = 1000, SECOND_US = 1000000, KINDS = FAULT_KIND_COUNT };

static const char *const names[FAULT_KIND_COUNT] = {
#define X(name, text, weight) text,
    FAULT_TABLE(X)
#undef X
};

static const unsigned weights[FAULT_KIND_COUNT] = {
#define X(name, text, weight) weight,
    FAULT_TABLE(X)
#undef X
};

const char *fault_name(enum fault_kind kind)
{
    return (unsigned)kind < FAULT_KIND_COUNT ? names[kind] : "none";
}

// The longest pause between faults, and how many a round has at most.
static const struct pace {
    uint64_t gap_us_max;
    uint64_t count_max;
    unsigned weight;
} paces[FAULT_PACE_COUNT] = {
    [FAULT_PACE_FASTEST] = {40 * MILLISECOND_US, 25, 3},
    [FAULT_PACE_FASTER] = {200 * MILLISECOND_US, 20, 3},
    [FAULT_PACE_FAST] = {400 * MILLISECOND_US, 20, 3},
    [FAULT_PACE_SECONDS] = {2 * SECOND_US, 10, 3},
    [FAULT_PACE_SLOW] = {8 * SECOND_US, 5, 3},
    [FAULT_PACE_LONG] = {1200 * (uint64_t)SECOND_US, 8, 5},
};

enum fault_pace fault_plan_draw_pace(struct rng *rng)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < FAULT_PACE_COUNT; i++)
        sum += paces[i].weight;
    uint64_t draw = rng_below(rng, sum);
    unsigned pace = 0;
    while (draw >= paces[pace].weight)
        draw -= paces[pace++].weight;
    return (enum fault_pace)pace;
}

static enum fault_kind draw_weighted(struct rng *rng, const unsigned mix[KINDS])
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < KINDS; i++)
        sum += mix[i];
    uint64_t draw = rng_below(rng, sum);
    unsigned kind = 0;
    while (draw >= mix[kind])
        draw -= mix[kind++];
    return (enum fault_kind)kind;
}

// The weights of this seed's mix: of one kind, of two, or of about half of all.
static void draw_mix(struct rng *rng, unsigned mix[KINDS])
{
    uint64_t draw = rng_below(rng, 4);
    for (unsigned i = 0; i < KINDS; i++)
        mix[i] = draw > 1 && rng_one_in(rng, 2) ? weights[i] : 0;
    for (uint64_t i = 0; i <= (draw > 0); i++) {
        enum fault_kind kind = draw_weighted(rng, weights);
        mix[kind] = weights[kind];
    }
}

// Short, about as long as the pause between faults, or longer than a lease.
static uint64_t draw_length(struct rng *rng, uint64_t gap_us_max)
{
    switch (rng_below(rng, 4)) {
    case 0:
        return 1 + rng_below(rng, 20 * MILLISECOND_US);
    case 1:
        return 1 + rng_below(rng, 300 * MILLISECOND_US);
    case 2:
        return 1 + rng_below(rng, 2 * gap_us_max);
    default:
        return 800 * MILLISECOND_US + rng_below(rng, 4 * SECOND_US);
    }
}

static void add_fault(struct fault_plan *plan, struct rng *rng, const struct fault *fault)
{
    CHECK(plan->count < FAULTS_MAX);
    struct fault *own = &plan->faults[plan->count++];
    *own = *fault;
    own->seed = rng_u64(rng);
}

static int compare(const void *a, const void *b)
{
    const struct fault *first = a;
    const struct fault *second = b;
    if (first->round != second->round)
        return first->round < second->round ? -1 : 1;
    if (first->at_us != second->at_us)
        return first->at_us < second->at_us ? -1 : 1;
    return first->seed < second->seed ? -1 : first->seed > second->seed;
}

void fault_plan_draw(struct fault_plan *plan, struct rng *rng, enum fault_pace pace_drawn,
                     unsigned joins)
{
    unsigned mix[KINDS];
    CHECK(joins <= FAULTS_MAX / 4);
    *plan = (struct fault_plan){.rounds = FAULT_ROUNDS_MAX};
    draw_mix(rng, mix);
    const struct pace *pace = &paces[pace_drawn];
    plan->hot = rng_one_in(rng, 2);
    for (unsigned round = 0; round < plan->rounds; round++) {
        uint64_t at_us = 0;
        for (uint64_t left = 1 + rng_below(rng, pace->count_max); left > 0; left--) {
            at_us += rng_below(rng, pace->gap_us_max);
            add_fault(plan, rng,
                      &(struct fault){.round = round,
                                      .kind = draw_weighted(rng, mix),
                                      .at_us = at_us,
                                      .lasts_us = draw_length(rng, pace->gap_us_max)});
        }
        plan->round_us[round] = at_us + rng_below(rng, 4 * pace->gap_us_max);
    }
    for (unsigned i = 0; i < joins; i++) {
        unsigned round = (unsigned)rng_below(rng, plan->rounds);
        add_fault(plan, rng,
                  &(struct fault){.round = round,
                                  .kind = FAULT_JOIN,
                                  .at_us = rng_below(rng, plan->round_us[round] + 1)});
    }
    qsort(plan->faults, plan->count, sizeof plan->faults[0], compare);
    for (unsigned i = 0; i < plan->count; i++)
        plan->faults[i].number = i + 1;
}

void fault_plan_leave_out(struct fault_plan *plan, unsigned number)
{
    if (number >= 1 && number <= plan->count)
        plan->faults[number - 1].left_out = true;
}
