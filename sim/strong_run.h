// One simulated run of strong keyspaces: a cluster comes up, clients and faults go on, faults stop,
// and the cluster must become whole.
#ifndef BRUSIO_SIM_STRONG_RUN_H
#define BRUSIO_SIM_STRONG_RUN_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct strong_run_setting {
    uint64_t seed;
    unsigned nodes; // 0: drawn, 3 to 7
    unsigned steps; // operations of clients
    bool trace;     // print every event
};

struct strong_run_result {
    bool passed;
    char violation[256];
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t unsure;
    uint64_t refused;
    uint64_t epochs;
    uint64_t messages;
    uint64_t drills;
    uint64_t changes; // of strategy or factor
    uint64_t trace_hash;
};

// Runs one seed. Two runs with equal settings give equal results, trace and all.
void strong_run(const struct strong_run_setting *setting, struct strong_run_result *out);

#endif
