// Recovery of a cluster whose voters are lost for ever: from what the survivors' voter stores hold
// and what an operator attests, the map by which the survivors go on (a new generation).
//
// Promise: it takes the newest map that any survivor knows, decided or accepted, and takes from it
// the nodes that are destroyed. A slot keeps whoever of its list survives, so that nothing that
// they hold of it is lost. Without such a node nothing is made, unless the loss is accepted.
//
// Invariants of the map that is made
//  1. It is valid, one generation up, and RECOVERY_EPOCH_JUMP epochs: above whatever the lost
//     voters may have decided unseen.
//  2. No destroyed node is in it. Its voters are survivors that were given.
//  3. In every list is only who was in it before, but for slots that were lost: their lists are one
//     node each, from which the others will copy what it happens to have, so that replicas agree.
//  4. Nobody joins: joins begin anew in later maps.
//
// It believes the operator: a destroyed node must never start again on its old store, every node
// that was given must be stopped, and a node that was not given may know a newer map, whose writes
// are then lost. It writes nothing.
#ifndef BRUSIO_CORE_MAP_RECOVERY_H
#define BRUSIO_CORE_MAP_RECOVERY_H

#include "core/map/voter_state.h"

#define RECOVERY_EPOCH_JUMP (UINT64_C(1) << 16)

// What the voter store of one survivor holds.
struct recovery_survivor {
    struct identity identity;
    struct cluster_map map;
    struct acceptor_state acceptor; // all zero: none
};

struct recovery_request {
    const struct recovery_survivor *survivors;
    unsigned survivor_count; // at most NODES_MAX
    node_set destroyed;      // as the operator attests
    bool accept_loss;
};

enum recovery_verdict {
    RECOVERY_OK,
    RECOVERY_NOBODY,    // no survivor was given
    RECOVERY_FOREIGN,   // `survivor` is of another cluster than one before it, or its own map
    RECOVERY_REPEATED,  // `survivor` has the store id of one before it
    RECOVERY_DIVIDED,   // `survivor` has another map than one before it, of the same epoch
    RECOVERY_STRANGER,  // `survivor` is no member by the newest map
    RECOVERY_OLD_STORE, // `survivor` is a copy from before the newest map
    RECOVERY_UNKNOWN,   // `nodes` are said to be destroyed, and no map names them
    RECOVERY_PRESENT,   // `nodes` are said to be destroyed, and are among the survivors
    RECOVERY_MISSING,   // `nodes` have votes, and are neither survivors nor destroyed
    RECOVERY_LOSS,      // slots whose lists are destroyed; see lost_slots
    RECOVERY_EXHAUSTED  // no epoch is left
};

struct recovery {
    enum recovery_verdict verdict;
    unsigned survivor; // of `survivors`, by index: at fault
    node_set nodes;    // at fault

    // What was found, as far as it was looked at before a fault.
    struct cluster_map taken; // the newest map
    bool taken_was_accepted;  // by a survivor: it may or may not have been decided
    node_set present;         // the survivors that were given
    node_set absent;          // members that are neither destroyed nor given

    struct cluster_map map;             // with RECOVERY_OK and RECOVERY_LOSS, otherwise empty
    unsigned lost_slots[KEYSPACES_MAX]; // of each keyspace of `map`
    unsigned lost_total;
};

// Everything of the request is borrowed for the call. Gives into `out`, to be ended by
// recovery_release. With RECOVERY_LOSS `out->map` is what --accept-loss would make.
void recovery_compute(const struct recovery_request *request, struct recovery *out);
void recovery_release(struct recovery *recovery);

#endif
