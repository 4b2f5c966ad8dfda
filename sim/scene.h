// What a seed's run is about: which faults follow each other how fast, and what clients do.
//
// Promise: a scene depends on its generator alone.
//
// Most seeds draw a mix of all faults (SCENE_MIXED). What takes several faults in a row, each at
// its moment, a mix hardly ever does: other scenes are about one such matter, and draw within it.
//
// It knows of no rule and no fault of the program: a scene is what an unlucky cluster could meet.
#ifndef BRUSIO_SIM_SCENE_H
#define BRUSIO_SIM_SCENE_H

#include "base/random.h"

#include <stdbool.h>

// Name, text, and how often it is drawn among the others.
#define SCENE_TABLE(X)                                                                             \
    X(MIXED, "mixed", 8)                                                                           \
    X(PRIMARIES, "primaries come and go", 2) /* fast, over a network that loses writes */          \
    X(JOINS, "joins", 2)     /* while their messages are late and clients delete */                \
    X(CRASHES, "crashes", 2) /* of whom clients write through, the last of which ends them */      \
    X(SIEGES, "sieges", 2)   /* a node is read while others go on without it */

enum scene_kind {
#define X(name, text, weight) SCENE_##name,
    SCENE_TABLE(X)
#undef X
        SCENE_KIND_COUNT
};

// How fast faults follow each other: within milliseconds, or (LONG) with quiet hours between.
enum scene_pace {
    SCENE_PACE_FASTEST,
    SCENE_PACE_FASTER,
    SCENE_PACE_FAST,
    SCENE_PACE_SECONDS,
    SCENE_PACE_SLOW,
    SCENE_PACE_LONG,
    SCENE_PACE_COUNT
};

struct scene {
    enum scene_kind kind;
    enum scene_pace pace; // of a mixed one
    uint64_t gap_us_max;  // the longest pause between faults
    uint64_t count_max;   // of faults in each round
    unsigned nodes_most;
    unsigned keys_least;
    unsigned keys_most;
    unsigned operations_times; // as many as in a mixed run; above 1 they end with the faults
    bool readers;              // one that stays at each node, beside those that go about
    bool homed;                // writers mostly go through one node
    unsigned deletes_in_ten;   // 0: drawn
    uint64_t reader_think_us_max;
    uint64_t writer_think_us_max; // 0: as long as spreads the operations over the faults
};

// "joins"; never NULL.
const char *scene_name(enum scene_kind kind);

void scene_draw(struct scene *scene, struct rng *rng);

#endif
