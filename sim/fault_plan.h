// The faults of one run, drawn before it begins: what, when, for how long.
//
// Promise: a plan depends on its generator alone, and each fault carries a seed of its own, so that
// a fault can be left out and the others stay what they were.
//
// Invariants
//  1. Faults are numbered from 1 on, in order of round and time.
//
// A mixed seed draws its own mix: often only one or two kinds of faults, so that no kind is hidden
// behind the others (Groce et al., "Swarm testing", 2012). Others follow their scene (scene.h).
#ifndef BRUSIO_SIM_FAULT_PLAN_H
#define BRUSIO_SIM_FAULT_PLAN_H

#include "sim/scene.h"

#include <stddef.h>

#define FAULTS_MAX 480
#define FAULT_ROUNDS_MAX 3

// Name, text, and how often it is drawn among the others.
#define FAULT_TABLE(X)                                                                             \
    X(DRILL, "drill", 12)      /* an operator fails or recovers a node */                          \
    X(STRATEGY, "strategy", 4) /* another strategy or factor */                                    \
    X(SLOW_DISK, "slow disk", 3)                                                                   \
    X(CRASH, "crash", 6)                    /* of one process */                                   \
    X(CRASH_SEVERAL, "crash of several", 2) /* at once; each starts again on its own */            \
    X(POWER_LOSS, "power loss", 1)          /* of the whole cluster */                             \
    X(SHUT_DOWN, "orderly end", 4)          /* of a process that others take over from */          \
    X(LEAVE, "leave", 3)                    /* a node is removed, and comes back empty */          \
    X(STOP, "stop", 5)                      /* a process stands still and goes on */               \
    X(CLOCK_RATE, "clock rate", 3)          /* within the bound that leases assume */              \
    X(SPLIT, "split", 3)                    /* in two, in both directions */                       \
    X(SPLIT_ONE_WAY, "one-way split", 2)    /* one part is not heard by the other */               \
    X(PAIR_APART, "pair apart", 3)          /* two nodes do not hear each other */                 \
    X(CUT_OFF, "cut off", 4)                /* one node from all others */                         \
    X(NET_STORM, "net storm", 3)            /* much loss, repetition and delay */                  \
    X(KINDS_LATE, "late messages", 5)       /* of some kinds, overtaken by others */               \
    X(KINDS_LOST, "lost messages", 3)       /* of some kinds */                                    \
    X(DISK_BREAKS, "broken disk", 2)        /* a batch fails, and the node ends */                 \
    X(DISK_FULL, "full disk", 2)                                                                   \
    X(READS_FAIL, "failing reads", 1)                                                              \
    X(PAGE_DAMAGED, "damaged page", 0)      /* of a store whose node is made anew then */          \
    X(POWER_OF_ONE, "power loss of one", 0) /* of a node with durability `interval` */             \
    X(JOIN, "join", 0)                      /* one more node; as many as the run has yet */

enum fault_kind {
#define X(name, text, weight) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_KIND_COUNT
};

// "power loss"; never NULL.
const char *fault_name(enum fault_kind kind);

// Whom a fault hits, of those whom its kind can hit.
enum fault_aim {
    FAULT_AIM_ANY,
    FAULT_AIM_VICTIM, // the one that the fault names
    FAULT_AIM_OTHERS, // all but the victim
    FAULT_AIM_ORDERER // who orders a key's writes, or should
};

struct fault {
    unsigned number;
    unsigned round;
    enum fault_kind kind;
    uint64_t at_us;    // since its round began
    uint64_t lasts_us; // of what ends
    uint64_t seed;     // of whatever else it draws
    enum fault_aim aim;
    uint64_t victim; // its node's index, modulo how many nodes there are
    bool left_out;
};

struct fault_plan {
    struct fault faults[FAULTS_MAX];
    unsigned count;
    unsigned rounds;
    uint64_t round_us[FAULT_ROUNDS_MAX];
    bool hot;        // faults mostly hit the primary of a key
    uint64_t victim; // of the whole run, where the scene has one
    uint64_t held;   // message kinds of which some are late, or lost; 0: any
};

// `joins` of the faults are FAULT_JOIN, at most FAULT_JOINS_MAX.
#define FAULT_JOINS_MAX 40
void fault_plan_draw(struct fault_plan *plan, struct rng *rng, const struct scene *scene,
                     unsigned joins);

// Some faults of a kind beside the plan, each of some node. The plan's other faults stay what they
// are, with other numbers.
void fault_plan_add(struct fault_plan *plan, struct rng *rng, enum fault_kind kind);

// A fault that is not there is ignored.
void fault_plan_leave_out(struct fault_plan *plan, unsigned number);

#endif
