// What a node knows of the past of its slots: since which epoch it has seen everything that
// committed there, and of which epoch the last delete was.
//
// Promise: when slot_pasts_is_quiet says so of a key that is absent, no write of that epoch or a
// later one has committed to it: a deleted key leaves no record, but the delete is remembered
// here.
//
// Invariants
//  1. `since` is 0, or the node has been a live list member of the slot in every epoch from it on,
//     by this process: it acknowledged all that committed.
//  2. `deleted` is at least the stamp of every death certificate that this process retired.
//
// It does not outlive the process: a node that was started again knows nothing of before.
#ifndef BRUSIO_CORE_STRONG_SLOT_PAST_H
#define BRUSIO_CORE_STRONG_SLOT_PAST_H

#include "model/cluster_map.h"
#include "model/stamp.h"

struct slot_past {
    uint32_t keyspace;
    uint32_t since[SLOTS];
    uint64_t deleted[SLOTS]; // a stamp's counter
};

struct slot_pasts {
    struct slot_past *of[KEYSPACES_MAX]; // owned
    unsigned count;
};

void slot_pasts_release(struct slot_pasts *pasts);

// The newest map. `self` NODE_NONE: the node is not live.
void slot_pasts_on_map(struct slot_pasts *pasts, const struct cluster_map *map, node_id self);

// A certificate of this stamp is retired.
void slot_pasts_note_delete(struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot,
                            struct stamp stamp);

// The counter of the greatest stamp that was noted; 0: none was.
uint64_t slot_pasts_deleted(const struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot);

// Whether nothing can have been deleted in the slot in `epoch` or later without this node's
// knowing, and nothing was.
bool slot_pasts_is_quiet(const struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot,
                         uint64_t epoch);

#endif
