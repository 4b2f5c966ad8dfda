// The optimistic keyspaces of a node: which of those in the cluster map it keeps, whom it meets,
// who makes operations stable.
//
// Promise
//  1. A member keeps every optimistic keyspace of the map, and every channel that it hears of; a
//     roaming peer those that it was told to keep, by its command line or by requests, whatever
//     came last. What a node keeps it keeps after a restart; and so with what it has left.
//  2. Requests for these keyspaces are answered here and now, whatever the network does; changes
//     once they are durable.
//  3. It looks again, after a restart, for roaming peers that it heard before.
//  4. Only the primary that the newest known map names, holding its lease, makes operations stable,
//     and removes what has expired (rule R16).
#ifndef BRUSIO_CORE_NODE_PEERING_H
#define BRUSIO_CORE_NODE_PEERING_H

#include "core/epidemic/epidemic.h"
#include "core/map/agreement.h"
#include "core/node/node.h"
#include "core/node/remembered.h"
#include "core/node/subscription.h"

struct peering {
    const struct agreement *agreement;
    const struct store *data;
    struct epidemic epidemic;
    bool roams;
    const char *const *wanted; // names that a roaming peer was told to keep; borrowed
    unsigned wanted_count;     // 0: all
    space_fit *signed_fits;
    // What the replicas were told last of who is primary.
    uint64_t told_epoch;
    bool told_lease_held;
    unsigned kept_optimistic;     // of the map's keyspaces, so many were looked at
    struct remembered remembered; // as it was noted last
    bool recalled;                // what an earlier run noted
    uint64_t next_note_us;
    struct effects *effects; // of the step under way
    uint64_t now_us;
};

// Borrows the configuration's text, the agreement and the store.
void peering_init(struct peering *peering, const struct node_config *config,
                  const struct agreement *agreement, const struct store *data, uint64_t seed);
void peering_release(struct peering *peering);

// The time, UTC, as this node's clock has it; it counts on by `now_us` until it is told again. What
// has expired by it is not read. Requests that say the time tell it as well.
void peering_tell_utc(struct peering *peering, uint64_t now_us, uint64_t utc_ms);

// From now on what changes is kept for readers who follow: in the epidemic's feed.
void peering_follow(struct peering *peering);

void peering_on_map(struct peering *peering, struct effects *effects, uint64_t now_us);
// `full`: this node's store has no room for what users add.
void peering_tick(struct peering *peering, struct effects *effects, uint64_t now_us, bool full);
void peering_on_message(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message *message);
// A beacon says where somebody is.
void peering_on_beacon(struct peering *peering, struct effects *effects, uint64_t now_us,
                       uint64_t store_id, struct slice address);
void peering_on_durable(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t token);

// Whether the request is about an optimistic keyspace; then it is answered here.
bool peering_request(struct peering *peering, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request);

#endif
