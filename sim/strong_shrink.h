// Makes a failing run smaller: fewer rounds, faults and operations, as long as it still fails alike
// (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002).
//
// Promise: the setting that comes out fails when it is run again, or is the one that came in.
#ifndef BRUSIO_SIM_STRONG_SHRINK_H
#define BRUSIO_SIM_STRONG_SHRINK_H

#include "sim/strong_run.h"

// Runs that one shrinking may take.
#define STRONG_SHRINK_RUNS_MAX 500

// False when `setting` does not fail. Otherwise `result` is that of the setting as it leaves.
bool strong_shrink(struct strong_run_setting *setting, struct strong_run_result *result);

#endif
