#include "sim/scene.h"

enum { MILLISECOND_US = 1000, SECOND_US = 1000000 };

static const char *const names[SCENE_KIND_COUNT] = {
#define X(name, text, weight) text,
    SCENE_TABLE(X)
#undef X
};

static const unsigned weights[SCENE_KIND_COUNT] = {
#define X(name, text, weight) weight,
    SCENE_TABLE(X)
#undef X
};

static const struct scene scenes[SCENE_KIND_COUNT] = {
    [SCENE_MIXED] = {.nodes_most = 7, .keys_least = 1, .keys_most = 8, .operations_times = 1},
    [SCENE_PRIMARIES] = {.gap_us_max = 100 * MILLISECOND_US,
                         .count_max = 120,
                         .nodes_most = 4,
                         .keys_least = 1,
                         .keys_most = 2,
                         .operations_times = 30,
                         .readers = true,
                         .reader_think_us_max = 8 * MILLISECOND_US,
                         .writer_think_us_max = 4 * MILLISECOND_US},
    [SCENE_JOINS] = {.count_max = 15,
                     .nodes_most = 4,
                     .keys_least = 4,
                     .keys_most = 12,
                     .operations_times = 100,
                     .readers = true,
                     .reader_think_us_max = 6 * MILLISECOND_US,
                     .deletes_in_ten = 5,
                     .writer_think_us_max = 100 * MILLISECOND_US},
    [SCENE_CRASHES] = {.gap_us_max = 400 * MILLISECOND_US,
                       .count_max = 12,
                       .nodes_most = 5,
                       .keys_least = 8,
                       .keys_most = 16,
                       .operations_times = 20,
                       .homed = true,
                       .writer_think_us_max = 4 * MILLISECOND_US},
    [SCENE_SIEGES] = {.count_max = 10,
                      .nodes_most = 5,
                      .keys_least = 3,
                      .keys_most = 10,
                      .operations_times = 100,
                      .readers = true,
                      .reader_think_us_max = 6 * MILLISECOND_US,
                      .writer_think_us_max = 60 * MILLISECOND_US},
};

static const struct pace {
    uint64_t gap_us_max;
    uint64_t count_max;
    unsigned weight;
} paces[SCENE_PACE_COUNT] = {
    [SCENE_PACE_FASTEST] = {40 * MILLISECOND_US, 25, 2},
    [SCENE_PACE_FASTER] = {200 * MILLISECOND_US, 20, 2},
    [SCENE_PACE_FAST] = {400 * MILLISECOND_US, 20, 2},
    [SCENE_PACE_SECONDS] = {2 * SECOND_US, 10, 2},
    [SCENE_PACE_SLOW] = {8 * SECOND_US, 5, 2},
    [SCENE_PACE_LONG] = {1200 * (uint64_t)SECOND_US, 8, 10},
};

const char *scene_name(enum scene_kind kind)
{
    return (unsigned)kind < SCENE_KIND_COUNT ? names[kind] : "none";
}

static enum scene_kind draw_kind(struct rng *rng)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < SCENE_KIND_COUNT; i++)
        sum += weights[i];
    uint64_t draw = rng_below(rng, sum);
    unsigned kind = 0;
    while (draw >= weights[kind])
        draw -= weights[kind++];
    return (enum scene_kind)kind;
}

static enum scene_pace draw_pace(struct rng *rng)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < SCENE_PACE_COUNT; i++)
        sum += paces[i].weight;
    uint64_t draw = rng_below(rng, sum);
    unsigned pace = 0;
    while (draw >= paces[pace].weight)
        draw -= paces[pace++].weight;
    return (enum scene_pace)pace;
}

void scene_draw(struct scene *scene, struct rng *rng)
{
    enum scene_kind kind = draw_kind(rng);
    *scene = scenes[kind];
    scene->kind = kind;
    scene->pace = draw_pace(rng);
    if (kind == SCENE_MIXED) {
        scene->gap_us_max = paces[scene->pace].gap_us_max;
        scene->count_max = paces[scene->pace].count_max;
    } else if (kind == SCENE_PRIMARIES) {
        // From as fast as maps can follow on.
        scene->gap_us_max /= 1 + rng_below(rng, 4);
    }
}
