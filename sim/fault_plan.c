#include "sim/fault_plan.h"

#include "base/check.h"
#include "wire/message.h"

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

// --- scenes

// In the round, at a random pace: kinds by weight.
static void add_row(struct fault_plan *plan, struct rng *rng, const struct scene *scene,
                    unsigned round, const unsigned mix[KINDS], enum fault_aim aim)
{
    uint64_t at_us = 0;
    for (uint64_t left = 1 + rng_below(rng, scene->count_max); left > 0; left--) {
        at_us += rng_below(rng, scene->gap_us_max);
        struct fault fault = {.round = round,
                              .kind = draw_weighted(rng, mix),
                              .at_us = at_us,
                              .lasts_us = draw_length(rng, scene->gap_us_max),
                              .aim = aim,
                              .victim = plan->victim};
        add_fault(plan, rng, &fault);
    }
    plan->round_us[round] = at_us;
}

static void plan_mixed(struct fault_plan *plan, struct rng *rng, const struct scene *scene)
{
    unsigned mix[KINDS];
    draw_mix(rng, mix);
    plan->hot = rng_one_in(rng, 2);
    for (unsigned round = 0; round < plan->rounds; round++) {
        add_row(plan, rng, scene, round, mix, FAULT_AIM_ANY);
        plan->round_us[round] += rng_below(rng, 4 * scene->gap_us_max);
    }
}

static uint64_t kind_bit(enum message_kind kind)
{
    return UINT64_C(1) << kind;
}

// A node comes and goes, as fast as an operator can say so, and the primaries with it.
static void plan_primaries(struct fault_plan *plan, struct rng *rng, const struct scene *scene)
{
    static const unsigned mix[KINDS] = {[FAULT_DRILL] = 16, [FAULT_NET_STORM] = 1};
    plan->held = kind_bit(MESSAGE_INV) | kind_bit(MESSAGE_ACK) | kind_bit(MESSAGE_VAL) |
                 kind_bit(MESSAGE_CHECK);
    for (unsigned round = 0; round < plan->rounds; round++) {
        add_row(plan, rng, scene, round, mix,
                rng_one_in(rng, 2) ? FAULT_AIM_VICTIM : FAULT_AIM_ORDERER);
        add_fault(plan, rng,
                  &(struct fault){
                      .round = round, .kind = FAULT_KINDS_LOST, .lasts_us = plan->round_us[round]});
    }
}

// A node is failed, missed by some writes, and joins anew while some messages are late or lost.
static uint64_t add_join(struct fault_plan *plan, struct rng *rng, unsigned round, uint64_t at_us)
{
    struct fault fault = {.round = round,
                          .kind = FAULT_DRILL,
                          .at_us = at_us,
                          .aim = FAULT_AIM_VICTIM,
                          .victim = rng_one_in(rng, 4) ? rng_u64(rng) : plan->victim};
    add_fault(plan, rng, &fault);
    uint64_t back_us = at_us + (100 + rng_below(rng, 300)) * MILLISECOND_US;
    bool of_writes = (plan->held >> MESSAGE_INV & 1) != 0;
    fault.kind = of_writes && !rng_one_in(rng, 4) ? FAULT_KINDS_LOST : FAULT_KINDS_LATE;
    fault.at_us = back_us - rng_below(rng, 60 * MILLISECOND_US);
    fault.lasts_us = (150 + rng_below(rng, 400)) * MILLISECOND_US;
    add_fault(plan, rng, &fault);
    fault.kind = FAULT_DRILL;
    fault.at_us = back_us;
    add_fault(plan, rng, &fault);
    return back_us + (300 + rng_below(rng, 700)) * MILLISECOND_US;
}

static void plan_joins(struct fault_plan *plan, struct rng *rng, const struct scene *scene)
{
    plan->held = kind_bit(rng_one_in(rng, 2) ? MESSAGE_INV : MESSAGE_SYNC_RECORDS);
    for (unsigned round = 0; round < plan->rounds; round++) {
        uint64_t at_us = 0;
        for (uint64_t left = 1 + rng_below(rng, scene->count_max); left > 0; left--)
            at_us = add_join(plan, rng, round, at_us);
        plan->round_us[round] = at_us;
    }
}

// The node through which clients write crashes; the last crash is the end of the round.
static void plan_crashes(struct fault_plan *plan, struct rng *rng, const struct scene *scene)
{
    static const unsigned mix[KINDS] = {[FAULT_CRASH] = 8,
                                        [FAULT_CRASH_SEVERAL] = 2,
                                        [FAULT_POWER_LOSS] = 1,
                                        [FAULT_SLOW_DISK] = 6,
                                        [FAULT_KINDS_LOST] = 2};
    plan->held = kind_bit(MESSAGE_INV) | kind_bit(MESSAGE_ACK) | kind_bit(MESSAGE_VAL);
    for (unsigned round = 0; round < plan->rounds; round++) {
        add_row(plan, rng, scene, round, mix, FAULT_AIM_VICTIM);
        uint64_t at_us = plan->round_us[round] + rng_below(rng, scene->gap_us_max);
        add_fault(plan, rng,
                  &(struct fault){.round = round,
                                  .kind = FAULT_CRASH,
                                  .at_us = at_us,
                                  .lasts_us = 1 + rng_below(rng, 300 * MILLISECOND_US),
                                  .aim = FAULT_AIM_VICTIM,
                                  .victim = plan->victim});
        plan->round_us[round] = at_us + rng_below(rng, 5 * MILLISECOND_US);
    }
}

// --- sieges

// What the others go through while the victim cannot be heard.
static void add_turmoil(struct fault_plan *plan, struct rng *rng, const struct fault *siege,
                        uint64_t at_us)
{
    static const unsigned mix[KINDS] = {
        [FAULT_CRASH_SEVERAL] = 3, [FAULT_CRASH] = 2, [FAULT_LEAVE] = 3, [FAULT_STRATEGY] = 2};
    struct fault fault = *siege;
    fault.aim = FAULT_AIM_OTHERS;
    fault.kind = draw_weighted(rng, mix);
    for (uint64_t left = 1 + rng_below(rng, 3); left > 0; left--) {
        at_us += rng_below(rng, 60 * MILLISECOND_US);
        fault.at_us = at_us;
        fault.lasts_us = 1 + rng_below(rng, 30 * MILLISECOND_US);
        add_fault(plan, rng, &fault);
    }
}

// A node is cut off from all others (from some of them perhaps long before), and an operator fails
// it while it still has a lease.
static uint64_t add_siege(struct fault_plan *plan, struct rng *rng, unsigned round, uint64_t at_us)
{
    struct fault fault = {.round = round, .aim = FAULT_AIM_VICTIM, .victim = rng_u64(rng)};
    uint64_t lasts_us = 900 * MILLISECOND_US + rng_below(rng, 800 * MILLISECOND_US);
    fault.lasts_us = lasts_us + 2 * SECOND_US;
    fault.at_us = at_us;
    fault.kind = rng_one_in(rng, 2) ? FAULT_PAIR_APART : FAULT_KINDS_LOST;
    if (rng_one_in(rng, 3)) {
        add_fault(plan, rng, &fault);
        at_us += SECOND_US + rng_below(rng, 600 * MILLISECOND_US);
    }
    fault.kind = FAULT_CUT_OFF;
    fault.at_us = at_us;
    fault.lasts_us = lasts_us;
    if (!rng_one_in(rng, 6))
        add_fault(plan, rng, &fault);
    if (rng_one_in(rng, 2))
        add_turmoil(plan, rng, &fault, at_us);
    fault.kind = FAULT_DRILL;
    fault.at_us = at_us + rng_below(rng, 250 * MILLISECOND_US);
    add_fault(plan, rng, &fault);
    fault.at_us = at_us + lasts_us + rng_below(rng, 500 * MILLISECOND_US);
    add_fault(plan, rng, &fault);
    return fault.at_us + rng_below(rng, 2 * SECOND_US);
}

static void plan_sieges(struct fault_plan *plan, struct rng *rng, const struct scene *scene)
{
    plan->held = kind_bit(MESSAGE_RELEASE_WANT) | kind_bit(MESSAGE_ACCEPT) | kind_bit(MESSAGE_MAP);
    for (unsigned round = 0; round < plan->rounds; round++) {
        uint64_t at_us = rng_below(rng, SECOND_US);
        for (uint64_t left = 1 + rng_below(rng, scene->count_max); left > 0; left--)
            at_us = add_siege(plan, rng, round, at_us);
        plan->round_us[round] = at_us;
    }
}

static void add_joins(struct fault_plan *plan, struct rng *rng, unsigned joins)
{
    for (unsigned i = 0; i < joins; i++) {
        unsigned round = (unsigned)rng_below(rng, plan->rounds);
        add_fault(plan, rng,
                  &(struct fault){.round = round,
                                  .kind = FAULT_JOIN,
                                  .at_us = rng_below(rng, plan->round_us[round] + 1)});
    }
}

static void put_in_order(struct fault_plan *plan)
{
    qsort(plan->faults, plan->count, sizeof plan->faults[0], compare);
    for (unsigned i = 0; i < plan->count; i++)
        plan->faults[i].number = i + 1;
}

void fault_plan_draw(struct fault_plan *plan, struct rng *rng, const struct scene *scene,
                     unsigned joins)
{
    static void (*const planners[SCENE_KIND_COUNT])(struct fault_plan *, struct rng *,
                                                    const struct scene *) = {
        [SCENE_MIXED] = plan_mixed,
        [SCENE_PRIMARIES] = plan_primaries,
        [SCENE_JOINS] = plan_joins,
        [SCENE_CRASHES] = plan_crashes,
        [SCENE_SIEGES] = plan_sieges};
    CHECK(joins <= FAULT_JOINS_MAX);
    *plan = (struct fault_plan){.rounds = FAULT_ROUNDS_MAX, .victim = rng_u64(rng)};
    planners[scene->kind](plan, rng, scene);
    add_joins(plan, rng, joins);
    put_in_order(plan);
}

void fault_plan_add(struct fault_plan *plan, struct rng *rng, enum fault_kind kind)
{
    for (unsigned round = 0; round < plan->rounds; round++) {
        for (uint64_t left = 1 + rng_below(rng, 4); left > 0 && plan->count < FAULTS_MAX; left--) {
            struct fault fault = {.round = round,
                                  .kind = kind,
                                  .at_us = rng_below(rng, plan->round_us[round] + 1),
                                  .lasts_us = draw_length(rng, SECOND_US),
                                  .victim = rng_u64(rng)};
            add_fault(plan, rng, &fault);
        }
    }
    put_in_order(plan);
}

void fault_plan_leave_out(struct fault_plan *plan, unsigned number)
{
    if (number >= 1 && number <= plan->count)
        plan->faults[number - 1].left_out = true;
}
