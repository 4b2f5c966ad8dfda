// Clients of a simulated cluster: they read, write, delete and compare-and-set a few keys through
// random nodes, and keep a history of each key. Readers only read, and each through one node, also
// when it is cut off from the others.
#ifndef BRUSIO_SIM_WORKLOAD_SIM_H
#define BRUSIO_SIM_WORKLOAD_SIM_H

#include "sim/cluster_sim.h"
#include "sim/linear.h"

#define WORKLOAD_KEYS_MAX 16
#define WORKLOAD_CLIENTS_MAX 16

struct workload_key {
    char name[32];
    struct linear_history *history;
    struct stamp seen; // by any client, last: for conditions
};

struct workload_sim {
    struct cluster_sim *cluster;
    struct rng rng;
    struct workload_key keys[WORKLOAD_KEYS_MAX];
    unsigned key_count;
    unsigned client_count;
    unsigned reader_count; // the first clients; that at index i stays at node i, modulo all nodes
    struct sim_node *home; // where most operations of the others go; NULL: anywhere
    unsigned operations_left;
    unsigned in_progress;
    uint64_t next_value;
    uint64_t think_us_max;
    uint64_t reader_think_us_max;
    unsigned reads_in_ten;
    unsigned deletes_in_ten; // of ten operations; the others are puts
    uint64_t done;           // operations that were answered with certainty
    uint64_t unsure;         // with an unknown outcome
    uint64_t refused;        // without effect
};

void workload_init(struct workload_sim *workload, struct cluster_sim *cluster, uint64_t seed,
                   unsigned keys, unsigned clients, unsigned operations);
void workload_release(struct workload_sim *workload);

// Begins the clients; they go on from answer to answer until the operations are used up.
void workload_start(struct workload_sim *workload);
// No operation begins from now on.
void workload_stop(struct workload_sim *workload);
bool workload_ended(const struct workload_sim *workload);

// One more read of a key through a node, as part of its history. `answered` (may be NULL) is set
// once it is done: to 1 when the answer is certain, to 2 when not.
void workload_read(struct workload_sim *workload, unsigned key, struct sim_node *node,
                   int *answered);

// Checks every key's history; tells the cluster of a violation, explained on `out` if it is not
// NULL.
void workload_check(struct workload_sim *workload, FILE *out);

#endif
