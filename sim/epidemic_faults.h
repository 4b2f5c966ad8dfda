// Faults of a simulated optimistic keyspace: one after the other, as the scene's weights and pauses
// say, each for its time; then none any more.
//
// Promise: after epidemic_faults_stop the net is sound, everybody runs, is online, takes part, has
// room and a sound disk, and has heard of the newest map; what is damaged knows it.
//
// It judges nothing. What it takes away without a word (EPIDEMIC_FAULT_DAMAGE) it tells the oracle.
#ifndef BRUSIO_SIM_EPIDEMIC_FAULTS_H
#define BRUSIO_SIM_EPIDEMIC_FAULTS_H

#include "sim/epidemic_meetings.h"
#include "sim/epidemic_scene.h"
#include "sim/held_kinds.h"

#define EPIDEMIC_BUNDLES_MAX 12u
#define EPIDEMIC_BUNDLE_BYTES_MAX (64u << 20)

struct epidemic_faults;

// A peer that comes and goes.
struct epidemic_roamer {
    struct epidemic_faults *faults;
    uint32_t peer;
    bool is_offline;
    uint64_t event;
};

struct epidemic_faults {
    struct epidemic_world *world;
    const struct epidemic_scene *scene;
    struct rng rng;
    uint64_t weight;                 // of all kinds together
    uint64_t event;                  // the next fault
    struct list ends;                // of faults under way
    struct epidemic_roamer *roamers; // owned, by peer; NULL: nobody roams
    uint64_t offline_times;          // so much longer than online
    struct epidemic_meetings meetings;
    struct held_kinds held;
    struct store_sim **backups; // owned, by peer; NULL: none
    struct buf bundles[EPIDEMIC_BUNDLES_MAX];
    uint32_t bundle_count;
    uint64_t counts[EPIDEMIC_FAULT_COUNT]; // that took effect
};

// Borrows both.
void epidemic_faults_init(struct epidemic_faults *faults, struct epidemic_world *world,
                          const struct epidemic_scene *scene);
void epidemic_faults_release(struct epidemic_faults *faults);

void epidemic_faults_start(struct epidemic_faults *faults);
void epidemic_faults_stop(struct epidemic_faults *faults);

#endif
