// A whole cluster in virtual time: the daemon's own hosts and cores over simulated ports.
//
// Promise: one seed, one run, event for event. Every map that any node learns is checked: one map
// for each epoch.
#ifndef BRUSIO_SIM_CLUSTER_SIM_H
#define BRUSIO_SIM_CLUSTER_SIM_H

#include "sim/coverage.h"
#include "sim/sim_node.h"

#define CLUSTER_SIM_NODES_MAX 16
#define CLUSTER_SIM_EPOCHS_MAX 65536
#define CLUSTER_SIM_WATCHED_MAX 16

struct cluster_sim {
    struct timeline *timeline;
    struct net_sim *net;
    struct rng rng;
    struct sim_node nodes[CLUSTER_SIM_NODES_MAX];
    unsigned node_count;
    enum strategy strategy; // of keyspace `default`, at its beginning
    uint8_t replication_factor;
    uint64_t repair_delay_ms; // how long a node is down before others take its place
    struct delay sync;
    int32_t rate_ppm_max;      // how far new clocks run fast or slow
    bool steady;               // data stores are of durability `interval`
    uint64_t *map_hashes;      // of each epoch; 0: not seen
    struct cluster_map newest; // that any node ever learned
    struct coverage coverage;
    const char *violation; // NULL while all is well
    char violation_text[256];
    // slots of the first keyspace that the trace tells of
    uint16_t watched[CLUSTER_SIM_WATCHED_MAX];
    unsigned watched_count;
    bool tracing;
    uint64_t trace_hash; // of every line of the trace, printed or not
};

void cluster_sim_init(struct cluster_sim *cluster, uint64_t seed,
                      const struct net_sim_faults *faults);
void cluster_sim_release(struct cluster_sim *cluster);

// Starts one more node: the first makes the cluster, the others join through it.
struct sim_node *cluster_sim_add_node(struct cluster_sim *cluster);

// A node through which another one joins: a member that stays and runs, if there is one.
struct sim_node *cluster_sim_other(struct cluster_sim *cluster, unsigned index);

// A clock rate within the cluster's bound, drawn from its generator.
int32_t cluster_sim_draw_rate(struct cluster_sim *cluster);

// Looks at what map a node has: one map for each epoch, whoever learned it.
void cluster_sim_look(struct sim_node *node);

// As sim_node_request.
void cluster_sim_request(struct sim_node *node, const struct request *request, host_reply *reply,
                         void *context);

// The newest map that any node ever learned; NULL before there is one.
const struct cluster_map *cluster_sim_map(const struct cluster_sim *cluster);

// Notes the first violation of the run.
void cluster_sim_violation(struct cluster_sim *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// One line of the trace, with its time.
void cluster_sim_trace(struct cluster_sim *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
