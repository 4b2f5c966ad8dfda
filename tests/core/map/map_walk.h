// Walks from map to map by the policy, and judges every step.
//
// Promise: a step asserts that the next map is valid and a legal step, that a naive reading of the
// wishes explains what it did to every slot, and that it keeps MOVES_PER_MAP_MAX.
#ifndef BRUSIO_TESTS_CORE_MAP_MAP_WALK_H
#define BRUSIO_TESTS_CORE_MAP_MAP_WALK_H

#include "base/random.h"
#include "core/map/wants.h"

struct map_walk {
    struct rng rng;
    struct cluster_map map;
    struct cluster_map next; // empty between steps
    struct wants wants;      // of the step to come
    struct want_promote promote;
    struct slot_set slots;
};

// cmocka's setup and teardown; the state is the walk.
int map_walk_open(void **state);
int map_walk_close(void **state);

// Begins at the first map of a cluster, whose one node has FIXTURE_STORE_ID(1).
void map_walk_first(struct map_walk *walk, enum strategy strategy, uint8_t factor);

// Begins at a map that no policy ever made: any nodes down or failed, any sets.
void map_walk_any_map(struct map_walk *walk);

struct want_admit map_walk_admit(uint64_t store_id, uint64_t incarnation);

// Adds the reports of all that join now.
void map_walk_want_promotes(struct map_walk *walk);

// Wishes sense and nonsense at random.
void map_walk_want_anything(struct map_walk *walk);

// Goes to the next map; false when there is none.
bool map_walk_step(struct map_walk *walk);

// Nobody wishes anything but what it has joined, until there is no next map; asserts that in the
// end every slot that can be is in sync where it should be.
void map_walk_to_rest(struct map_walk *walk);

#endif
