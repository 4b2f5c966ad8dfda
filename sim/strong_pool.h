// Runs many seeds, each in a process of its own and several at once.
//
// Promise: a run that aborts, or that a sanitizer ends, fails with its seed and takes no other with
// it. What is told of a seed does not depend on how many run at once; the order does.
#ifndef BRUSIO_SIM_STRONG_POOL_H
#define BRUSIO_SIM_STRONG_POOL_H

#include "sim/strong_run.h"

#define STRONG_POOL_JOBS_MAX 64

// A run that takes longer, in seconds of real time, fails.
#define STRONG_POOL_RUN_SECONDS_MAX 900

// Told of each seed as it ends; once false was returned, no further seed begins.
typedef bool strong_pool_done(void *context, uint64_t seed, const struct strong_run_result *result);

// Runs the seeds from setting->seed to `last`, both included, at most `jobs` (1 to
// STRONG_POOL_JOBS_MAX) at once. No other child of this process may end meanwhile.
void strong_pool_run(const struct strong_run_setting *setting, uint64_t last, unsigned jobs,
                     strong_pool_done *done, void *context);

// One run, apart.
void strong_pool_run_one(const struct strong_run_setting *setting, struct strong_run_result *out);

#endif
