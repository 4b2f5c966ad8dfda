// One simulated run of an optimistic keyspace: peers write, read and exchange amid faults; faults
// stop, everybody comes back, and all must come to know and to show the same.
//
// Promise: two runs with equal settings are the same, event for event.
#ifndef BRUSIO_SIM_EPIDEMIC_RUN_H
#define BRUSIO_SIM_EPIDEMIC_RUN_H

#include "sim/epidemic_faults.h"

struct epidemic_run_setting {
    uint64_t seed;
    uint32_t peers; // 0: drawn
    bool trace;     // print every event
};

struct epidemic_run_result {
    bool passed;
    char violation[256];
    enum epidemic_scene_kind scene;
    uint32_t peers;
    uint64_t virtual_us;
    uint64_t operations; // that were written
    uint64_t reads;
    uint64_t looks;    // at a key as a peer shows it
    uint64_t removals; // of what had expired
    uint64_t crashes;
    uint64_t messages;
    uint64_t events;
    uint64_t trace_hash;
    uint64_t settling_us;          // from the end of faults until all were alike
    struct epidemic_counts counts; // of all peers together
    uint64_t faults[EPIDEMIC_FAULT_COUNT];
};

void epidemic_run(const struct epidemic_run_setting *setting, struct epidemic_run_result *out);

// Adds to the result of many runs.
void epidemic_run_add(struct epidemic_run_result *to, const struct epidemic_run_result *from);

#endif
