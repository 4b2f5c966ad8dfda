// What a voter must never forget, beside the newest decided map: plain data.
//
// It does not say how it is kept: voter_store.h does.
#ifndef BRUSIO_CORE_MAP_VOTER_STATE_H
#define BRUSIO_CORE_MAP_VOTER_STATE_H

#include "base/signing.h"
#include "core/map/ballot.h"
#include "model/cluster_map.h"

// Who this node is. The incarnation is raised and synced at every start, before anything else.
struct identity {
    uint64_t store_id;
    uint64_t incarnation;
    struct cluster_id cluster;    // zero before the node knows its cluster
    struct signing_secret secret; // what this node signs with; its key is in the map
};

// The acceptor of the instance that decides epoch base_epoch + 1.
struct acceptor_state {
    uint64_t base_epoch;
    struct ballot promised;
    struct ballot accepted;    // counter 0: nothing accepted
    struct slice accepted_map; // cluster_map_encode's bytes; borrowed
};

#endif
