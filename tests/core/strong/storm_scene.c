// What seeds can be about. Each is what an unlucky cluster could meet, made likely.

#include "storm_parts.h"

// A weight is drawn between the least times and the most times what the scene says.
enum { WEIGHT_TIMES_LEAST = 2, WEIGHT_TIMES_MOST = 5 };

static const struct storm_scene scenes[] = {
    {.name = "a bit of everything",
     .share = 1,
     .steps = {[STORM_DELIVER] = 60,
               [STORM_LOSE] = 2,
               [STORM_CUT] = 1,
               [STORM_MEND] = 2,
               [STORM_DURABLE] = 20,
               [STORM_TICK] = 12,
               [STORM_READ] = 5,
               [STORM_PUT] = 5,
               [STORM_DELETE] = 2,
               [STORM_SWAP] = 2,
               [STORM_AGAIN] = 3,
               [STORM_TELL] = 5,
               [STORM_WISH] = 4,
               [STORM_MAP] = 3,
               [STORM_RELEASE] = 1,
               [STORM_LAPSE] = 1,
               [STORM_CRASH] = 1,
               [STORM_START] = 2},
     .changes = {[STORM_CHANGE_NOTHING] = 1,
                 [STORM_CHANGE_DOWN] = 3,
                 [STORM_CHANGE_UP] = 4,
                 [STORM_CHANGE_FAIL] = 1,
                 [STORM_CHANGE_RECOVER] = 2,
                 [STORM_CHANGE_ADMIT] = 4,
                 [STORM_CHANGE_TARGET] = 3,
                 [STORM_CHANGE_PRIMARY] = 3,
                 [STORM_CHANGE_SHRINK] = 2,
                 [STORM_CHANGE_SHUFFLE] = 1},
     .rounds = 4,
     .steps_most = 800,
     .overtake_one_in = 20,
     .late_one_in = 4,
     .late = MESSAGE_SYNC_RECORDS,
     .prompt_in_ten = 5},
    {.name = "primaries come and go",
     .share = 2,
     .steps = {[STORM_DELIVER] = 60,
               [STORM_LOSE] = 8,
               [STORM_DURABLE] = 30,
               [STORM_TICK] = 3,
               [STORM_READ] = 3,
               [STORM_PUT] = 10,
               [STORM_AGAIN] = 15,
               [STORM_TELL] = 10,
               [STORM_MAP] = 6},
     .changes = {[STORM_CHANGE_PRIMARY] = 2, [STORM_CHANGE_SHUFFLE] = 8},
     .rounds = 20,
     .steps_most = 160,
     .prompt_in_ten = 10},
    {.name = "joins while keys are deleted",
     .share = 2,
     .steps = {[STORM_DELIVER] = 120,
               [STORM_DURABLE] = 60,
               [STORM_TICK] = 4,
               [STORM_READ] = 4,
               [STORM_PUT] = 2,
               [STORM_DELETE] = 3,
               [STORM_AGAIN] = 1,
               [STORM_TELL] = 10,
               [STORM_WISH] = 4,
               [STORM_MAP] = 1},
     .changes = {[STORM_CHANGE_NOTHING] = 4, [STORM_CHANGE_TARGET] = 4},
     .opening = STORM_CHANGE_TARGET,
     .late_one_in = 400,
     .late = MESSAGE_SYNC_RECORDS,
     .rounds = 8,
     .steps_most = 400,
     .victim = true,
     .prompt_in_ten = 9},
    {.name = "one falls and comes back, again and again",
     .share = 1,
     .steps = {[STORM_DELIVER] = 60,
               [STORM_LOSE] = 1,
               [STORM_DURABLE] = 30,
               [STORM_TICK] = 4,
               [STORM_READ] = 15,
               [STORM_PUT] = 6,
               [STORM_DELETE] = 1,
               [STORM_AGAIN] = 2,
               [STORM_TELL] = 5,
               [STORM_WISH] = 8,
               [STORM_MAP] = 2},
     .changes = {[STORM_CHANGE_NOTHING] = 4,
                 [STORM_CHANGE_DOWN] = 4,
                 [STORM_CHANGE_UP] = 6,
                 [STORM_CHANGE_SHRINK] = 4},
     .rounds = 4,
     .steps_most = 1200,
     .victim = true,
     .prompt_in_ten = 9,
     .deaf_in_ten = 9},
    {.name = "one joins, leaves and joins again",
     .share = 2,
     .steps = {[STORM_DELIVER] = 80,
               [STORM_DURABLE] = 40,
               [STORM_TICK] = 20,
               [STORM_READ] = 20,
               [STORM_PUT] = 2,
               [STORM_DELETE] = 0,
               [STORM_AGAIN] = 2,
               [STORM_TELL] = 5,
               [STORM_WISH] = 40,
               [STORM_MAP] = 2},
     .changes = {[STORM_CHANGE_NOTHING] = 6, [STORM_CHANGE_TARGET] = 5},
     .opening = STORM_CHANGE_TARGET,
     .rounds = 2,
     .steps_most = 2400,
     .burst_in_ten = 3,
     .victim = true,
     .prompt_in_ten = 9},
    {.name = "joins that overtake writes",
     .share = 2,
     .steps = {[STORM_DELIVER] = 60,
               [STORM_LOSE] = 2,
               [STORM_DURABLE] = 30,
               [STORM_TICK] = 2,
               [STORM_READ] = 15,
               [STORM_PUT] = 3,
               [STORM_DELETE] = 1,
               [STORM_AGAIN] = 2,
               [STORM_TELL] = 5,
               [STORM_WISH] = 10,
               [STORM_MAP] = 2},
     .changes = {[STORM_CHANGE_NOTHING] = 6, [STORM_CHANGE_TARGET] = 5},
     .opening = STORM_CHANGE_TARGET,
     .rounds = 8,
     .steps_most = 400,
     .late_one_in = 100,
     .late = MESSAGE_INV,
     .victim = true,
     .prompt_in_ten = 9},
};

static uint16_t draw_weight(struct rng *rng, uint16_t weight)
{
    uint64_t times =
        WEIGHT_TIMES_LEAST + rng_below(rng, WEIGHT_TIMES_MOST - WEIGHT_TIMES_LEAST + 1);
    return (uint16_t)(weight * times);
}

void storm_draw_scene(struct storm_scene *scene, struct rng *rng, uint64_t seed)
{
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        sum += scenes[i].share;
    // In turn, so that a few seeds meet them all.
    uint64_t at = seed % sum;
    const struct storm_scene *drawn = scenes;
    while (at >= drawn->share)
        at -= drawn++->share;
    *scene = *drawn;
    for (unsigned i = 0; i < STORM_STEP_COUNT; i++)
        scene->steps[i] = draw_weight(rng, scene->steps[i]);
    for (unsigned i = 0; i < STORM_CHANGE_COUNT; i++)
        scene->changes[i] = draw_weight(rng, scene->changes[i]);
}
