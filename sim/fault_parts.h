// What the files of faults share: faults.c carries a plan out; fault_aim.c says whom a fault hits;
// fault_operators.c and fault_loss.c are kinds of faults.
#ifndef BRUSIO_SIM_FAULT_PARTS_H
#define BRUSIO_SIM_FAULT_PARTS_H

#include "sim/faults.h"

struct sim_node *fault_victim(struct faults *faults, const struct fault *fault);

// As the fault is aimed; one aimed at any, in a hot run mostly at who orders a key's writes.
struct sim_node *fault_node(struct faults *faults, const struct fault *fault, struct rng *rng);
bool fault_runs(const struct sim_node *node);

// Starts a dead node's process after `us`.
void fault_start_later(struct faults *faults, const struct sim_node *node, uint64_t us);

// A node whose page is damaged is made anew, on empty stores, once others have what it had; or the
// page is mended.
void fault_replace_damaged(struct faults *faults, struct fault_event *event);

// Mostly a majority stays up: a cluster that is down teaches little.
bool fault_may_end(const struct faults *faults, struct rng *rng);

// Starts a dead node's process now.
void fault_start(struct faults *faults, struct sim_node *node);

// Each is true when the fault took effect.
bool fault_drill(struct faults *faults, const struct fault *fault, struct rng *rng);
bool fault_strategy(struct faults *faults, struct rng *rng);
bool fault_leave(struct faults *faults, const struct fault *fault, struct rng *rng);
bool fault_damage_page(struct faults *faults, struct fault_event *event, struct rng *rng);
bool fault_power_of_one(struct faults *faults, const struct fault *fault);
bool fault_power_of_all(struct faults *faults, const struct fault *fault, struct rng *rng);

#endif
