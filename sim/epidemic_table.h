// One rumor among many nodes in synchronous rounds, as in Tables 1 to 3 of Demers et al. (1987):
// the rumor core itself, driven by nothing but chance.
//
// Promise: the same setting gives the same numbers. In each round every node acts on what it was at
// the round's beginning: what comes in a round is passed on from the next one, and two who bring it
// in the same round have both brought news. Nodes choose one other node each, uniformly.
//
// It knows no loss, no delay, no anti-entropy and no second rumor.
#ifndef BRUSIO_SIM_EPIDEMIC_TABLE_H
#define BRUSIO_SIM_EPIDEMIC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define EPIDEMIC_TABLE_NODES_MAX 100000u
#define EPIDEMIC_TABLE_RUNS_MAX 1000000u

enum epidemic_variant {
    EPIDEMIC_PUSH_FEEDBACK_COUNTER, // Table 1
    EPIDEMIC_PUSH_BLIND_COIN,       // Table 2
    EPIDEMIC_PULL_FEEDBACK_COUNTER, // Table 3
    EPIDEMIC_VARIANT_COUNT
};

struct epidemic_table_setting {
    enum epidemic_variant variant;
    uint32_t nodes; // 2 to EPIDEMIC_TABLE_NODES_MAX
    uint32_t k;     // 1 to RUMOR_K_MAX
    uint32_t runs;  // 1 to EPIDEMIC_TABLE_RUNS_MAX
    uint64_t seed;
};

// The mean over all runs, and how much one run differs from it (the standard deviation; 0 with one
// run).
struct epidemic_measure {
    double mean;
    double deviation;
};

struct epidemic_table_result {
    // part of the nodes that never had it, when nobody tells it
    struct epidemic_measure residue;
    struct epidemic_measure traffic; // times that it was sent, for each node
    // from the start to first having it, over those who had it
    struct epidemic_measure t_ave_rounds;
    struct epidemic_measure t_last_rounds; // from the start to the last who first had it
};

void epidemic_table_run(const struct epidemic_table_setting *setting,
                        struct epidemic_table_result *out);

// The standard error of a mean of so many runs.
double epidemic_measure_error(const struct epidemic_measure *measure, uint32_t runs);

// Such as "push-feedback-counter"; false when no variant is called so.
const char *epidemic_variant_name(enum epidemic_variant variant);
bool epidemic_variant_parse(const char *name, enum epidemic_variant *out);

#endif
