// One simulated run of strong keyspaces: a cluster comes up, clients and faults go on, faults stop,
// and the cluster must become whole.
//
// Promise: two runs with equal settings are the same, event for event.
#ifndef BRUSIO_SIM_STRONG_RUN_H
#define BRUSIO_SIM_STRONG_RUN_H

#include "sim/coverage.h"
#include "sim/fault_plan.h"

#include <stdbool.h>
#include <stdint.h>

#define STRONG_RUN_STEPS_DEFAULT 250

struct strong_run_setting {
    uint64_t seed;
    unsigned nodes;                  // 0: drawn, 3 to 7
    unsigned steps;                  // operations of clients
    unsigned rounds;                 // of faults: 1 to FAULT_ROUNDS_MAX
    bool trace;                      // print every event
    uint8_t without[FAULTS_MAX + 1]; // faults that are left out, by number
};

struct strong_run_result {
    bool passed;
    char violation[256];
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t epochs;
    uint64_t messages;
    uint64_t events;
    uint64_t trace_hash;
    struct coverage coverage;
};

void strong_run(const struct strong_run_setting *setting, struct strong_run_result *out);

// How many faults the plan has, left out ones too.
unsigned strong_run_faults(const struct strong_run_setting *setting);

// Prints the plan's faults and which of them are left out.
void strong_run_print_plan(const struct strong_run_setting *setting);

#endif
