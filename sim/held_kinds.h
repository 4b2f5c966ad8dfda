// Messages of some kinds that a simulated net holds back, each for a while of its own, or loses.
//
// Promise: of the kinds that are held, so many messages of four are late, or lost, on average; what
// is drawn for them depends on the seed alone.
#ifndef BRUSIO_SIM_HELD_KINDS_H
#define BRUSIO_SIM_HELD_KINDS_H

#include "base/random.h"
#include "sim/net_sim.h"

struct held_kinds {
    uint64_t kinds;   // of messages, one bit each; 0: none is held
    uint64_t us_max;  // 0: they are lost
    uint64_t in_four; // how many of four
    struct rng rng;
};

// Holds these kinds too, and from now on all of them in this way. `held` is borrowed by the net
// until held_kinds_end.
void held_kinds_begin(struct held_kinds *held, struct net_sim *net, uint64_t kinds, uint64_t us_max,
                      uint64_t in_four, uint64_t seed);
void held_kinds_end(struct held_kinds *held, struct net_sim *net);

#endif
