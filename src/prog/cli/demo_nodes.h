// A client for every node of a cluster, so that one can ask each by itself.
#ifndef BRUSIO_PROG_CLI_DEMO_NODES_H
#define BRUSIO_PROG_CLI_DEMO_NODES_H

#include "cli/client.h"
#include "cli/node_list.h"

struct demo_nodes {
    size_t count;
    uint64_t ids[OPTION_ENDPOINTS_MAX];
    struct client *clients; // owned, in the order of ids
};

// Finds the nodes that `client` lists: at its own endpoints first, then at the addresses that the
// cluster tells. ERR_ILLEGAL when a node is not up, or there are fewer than 2 or more than
// OPTION_ENDPOINTS_MAX; ERR_NETWORK when one cannot be reached. Release in any case.
WARN_UNUSED enum err demo_nodes_find(struct demo_nodes *nodes, struct client *client,
                                     struct errmsg *detail);
void demo_nodes_release(struct demo_nodes *nodes);

// The client of the node `id`, or NULL.
struct client *demo_nodes_client(struct demo_nodes *nodes, uint64_t id);

#endif
