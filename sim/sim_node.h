// One node of a simulated cluster: the daemon's own host over simulated ports, which can be killed,
// started again, stopped and continued.
//
// Promise
//  1. What survives a kill is what the stores say: of the batches that were not reported, a prefix
//     drawn from the seed, from none to all.
//  2. A stopped node does nothing while its clock goes on. What comes in meanwhile (messages,
//     wakes, completions, requests) is handed to it, in order, when it goes on.
//  3. Every request to a node is answered once: by the node, ERR_NETWORK when nobody is there, or
//     ERR_UNKNOWN when the node dies with it.
//
// Invariants
//  1. A dead node has no host, no event, nothing kept and no request.
//  2. Only a stopped node keeps what came in.
#ifndef BRUSIO_SIM_SIM_NODE_H
#define BRUSIO_SIM_SIM_NODE_H

#include "base/list.h"
#include "host/host.h"
#include "sim/clock_sim.h"
#include "sim/net_sim.h"
#include "sim/store_sim.h"

// What a stopped node keeps at most; messages past it are lost, as in a full socket.
#define SIM_NODE_KEPT_MAX 65536

struct cluster_sim;

enum sim_node_state { SIM_NODE_RUNS, SIM_NODE_STOPPED, SIM_NODE_DEAD };

struct sim_node {
    struct cluster_sim *cluster;
    unsigned index;
    char peer_address[NET_SIM_ADDRESS_BYTES_MAX];
    uint64_t store_id;
    struct store_sim *data;
    struct store_sim *voter;
    struct clock_sim *clock;
    struct host *host; // NULL while dead
    enum sim_node_state state;
    uint64_t turn;       // the event that ends its turn, TIMELINE_NO_EVENT without one
    uint64_t epoch_seen; // since its start
    uint64_t starts;
    bool ends;   // in good order, once others have taken over
    bool leaves; // it may be removed from the cluster; then it starts anew, on empty stores
    bool removed;
    bool disk_fails; // a batch of it is to fail: a failure of the host is no violation
    struct list kept;
    uint32_t kept_count;
    struct list requests; // of clients, not answered yet
};

// Makes a node that is dead, with empty stores, to be ended by sim_node_release.
void sim_node_init(struct sim_node *node, struct cluster_sim *cluster, unsigned index);
void sim_node_release(struct sim_node *node);

// Starts a dead node's process over its stores. False when its stores do not let it start (they
// cannot be read). Stores that were lost before the node was ever a member are replaced.
bool sim_node_start(struct sim_node *node);

// Ends the process of a node that is not dead.
void sim_node_crash(struct sim_node *node);

// Asks a running node to end in good order; it is dead once others have taken over.
void sim_node_shut_down(struct sim_node *node);

// As a machine that loses power: like a crash, and its clock begins anew; a steady store may lose
// what it had reported since its last sync, unless it is lucky.
void sim_node_lose_power(struct sim_node *node, bool lucky);

// Stops the process of a running node, and continues that of a stopped one.
void sim_node_stop(struct sim_node *node);
void sim_node_continue(struct sim_node *node);

// A request to a node, as host_request. Borrowed for the call.
void sim_node_request(struct sim_node *node, const struct request *request, host_reply *reply,
                      void *context);

// All zero while the node is dead.
struct node_status sim_node_status(const struct sim_node *node);

#endif
