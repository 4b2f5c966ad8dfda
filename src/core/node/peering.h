// The optimistic keyspaces of a node: which of those in the cluster map it keeps, whom it meets,
// who makes operations stable.
//
// Promise
//  1. A member keeps every optimistic keyspace of the map, and every channel that it hears of; a
//     roaming peer those that it was told to keep. What a node keeps it keeps after a restart.
//  2. Requests for these keyspaces are answered here and now, whatever the network does.
//  3. Only the primary that the newest known map names, holding its lease, makes operations stable.
#ifndef BRUSIO_CORE_NODE_PEERING_H
#define BRUSIO_CORE_NODE_PEERING_H

#include "core/epidemic/epidemic.h"
#include "core/map/agreement.h"
#include "core/node/node.h"

// Channels that a node was told to keep, or heard of.
#define PEERING_CHANNELS_MAX EPIDEMIC_REPLICAS_MAX

struct peering {
    const struct agreement *agreement;
    const struct store *data;
    struct epidemic epidemic;
    bool roams;
    const char *const *wanted; // names that a roaming peer was told to keep; borrowed
    unsigned wanted_count;     // 0: all
    space_fit *signed_fits;
    struct effects *effects; // of the step under way
    uint64_t now_us;
};

// Borrows the configuration's text, the agreement and the store.
void peering_init(struct peering *peering, const struct node_config *config,
                  const struct agreement *agreement, const struct store *data, uint64_t seed);
void peering_release(struct peering *peering);

void peering_on_map(struct peering *peering, struct effects *effects, uint64_t now_us);
// `full`: this node's store has no room for what users add.
void peering_tick(struct peering *peering, struct effects *effects, uint64_t now_us, bool full);
void peering_on_message(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message *message);
void peering_on_durable(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t token);

// Whether the request is about an optimistic keyspace; then it is answered here.
bool peering_request(struct peering *peering, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request);

#endif
