// Carries out a plan of faults on a simulated cluster, and mends everything again.
//
// Promise
//  1. A fault depends on its own seed and on what it finds: left out, it changes no other draw.
//  2. faults_stop leaves a whole network, sound disks and running nodes. What operators asked for
//     (drills, strategies) stays.
//
// Invariants
//  1. A link is cut exactly while a fault that cuts it goes on.
#ifndef BRUSIO_SIM_FAULTS_H
#define BRUSIO_SIM_FAULTS_H

#include "sim/cluster_sim.h"
#include "sim/fault_plan.h"
#include "sim/held_kinds.h"

// The rates of clocks that leases are made for.
#define FAULTS_RATE_PPM_MAX 10000

struct faults;

// A fault under way, or to come.
struct fault_event {
    struct faults *faults;
    const struct fault *fault;
    uint64_t event; // its beginning, then its end
    bool going_on;
    uint32_t from; // nodes, one bit for each index: of splits,
    uint32_t to;   // what is cut between; of others `from` is who was hit
    bool both_ways;
};

// A node that is to start again.
struct fault_start {
    struct faults *faults;
    unsigned node;
    uint64_t event;
};

struct faults {
    struct cluster_sim *cluster;
    const struct fault_plan *plan;
    struct net_sim_faults net; // while faults are on
    unsigned nodes_max;        // joins stop there
    struct fault_event events[FAULTS_MAX];
    struct fault_start starts[CLUSTER_SIM_NODES_MAX];
    uint8_t cuts[CLUSTER_SIM_NODES_MAX][CLUSTER_SIM_NODES_MAX]; // faults that cut the link
    struct held_kinds held;                                     // late, or lost
    unsigned changes_waiting; // changes of operators that were not answered yet
};

void faults_init(struct faults *faults, struct cluster_sim *cluster, const struct fault_plan *plan,
                 const struct net_sim_faults *net, unsigned nodes_max);

// Lets the faults of a round happen, from now on.
void faults_begin(struct faults *faults, unsigned round);

// Ends what goes on, forgets what was to come, and mends everything.
void faults_stop(struct faults *faults);

// Starts what is dead, and what was removed, anew.
void faults_restart(struct faults *faults);

// A change that an operator asks for, through a random node that runs.
void faults_change(struct faults *faults, struct rng *rng, const struct change *change);

#endif
