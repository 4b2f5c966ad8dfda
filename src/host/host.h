// Runs one node: hands events to the pure cores, turns their effects into port calls, and
// completions into events. The daemon and the simulator run this same code over different ports.
//
// Promise: everything is called from one thread. Every request that host_request took is answered
// exactly once.
#ifndef BRUSIO_HOST_HOST_H
#define BRUSIO_HOST_HOST_H

#include "core/node/node.h"
#include "port/clock.h"
#include "port/net.h"
#include "port/store.h"

#define HOST_REQUESTS_MAX 16384

struct host;

// What a host stands on. `data` holds records, `voter` (always durable at `commit`) identity, map
// and votes. The node that `config` describes starts from what `voter` holds.
struct host_ports {
    struct store data;
    struct store voter;
    struct clock clock;
};

// Gives a host to be ended by host_free, or an error with detail: ERR_FOREIGN (the stores are not
// each other's), ERR_EXISTS (init over a cluster's data), ERR_VERSION, ERR_CORRUPT, ERR_NOT_FOUND
// (nothing here and neither init nor join was asked for). Borrows the ports' selves and the
// config's text until host_free. The node begins once its new incarnation is synced; until then
// requests are answered ERR_UNAVAILABLE.
WARN_UNUSED enum err host_new(const struct node_config *config, const struct host_ports *ports,
                              struct host **out, struct errmsg *detail);
// Requests that still wait are answered ERR_UNKNOWN.
void host_free(struct host *host);

// Gives the net, which needs host_store_id to be made. To be called once, before anything of the
// ports' makers.
void host_connect(struct host *host, const struct net *net);

// To be called by the ports' makers.
void host_on_message(struct host *host, uint64_t peer, struct slice message);
void host_on_data_done(struct host *host, uint64_t batch, enum err error);
void host_on_voter_done(struct host *host, uint64_t batch, enum err error);
void host_on_wake(struct host *host);
// Another node says, or somebody says after it, that it is at `address` ("host:port"; borrowed).
void host_on_beacon(struct host *host, uint64_t store_id, struct slice address);

// Asks the node to leave in good order: others take over before it goes. host_has_left tells when
// they have; without a majority of voters they never do.
void host_stop(struct host *host);
bool host_has_left(const struct host *host);

// Whether every request has been answered.
bool host_is_idle(const struct host *host);

// Ends a turn of the event loop: closes the stores' open batches and flushes the net.
void host_turn_end(struct host *host);

// Answered through `reply`, borrowed for that call, possibly before host_request returns. Past
// HOST_REQUESTS_MAX the answer is ERR_BUSY.
typedef void host_reply(void *context, const struct reply *reply);
void host_request(struct host *host, const struct request *request, host_reply *reply,
                  void *context);

// The store id of this node, by which the net names it.
uint64_t host_store_id(const struct host *host);

// ERR_OK while all is well; otherwise nothing is acknowledged any more: a store failed (ERR_IO,
// ERR_FULL, ERR_CORRUPT), this is the wrong cluster (ERR_FOREIGN) or the node was removed from it
// (ERR_REMOVED). A node whose data store failed still leaves in good order.
enum err host_failure(const struct host *host);

// Whether the node does not even leave any more: nothing will change until it is started again.
bool host_is_over(const struct host *host);

// NULL before the node knows a map. Borrowed until control returns to the event loop.
const struct cluster_map *host_map(const struct host *host);
struct node_status host_status(const struct host *host);

// As host_status tells, without looking at all slots.
bool host_is_serving(const struct host *host);

// The optimistic keyspaces of this node, to be looked at only; NULL before it begins. Borrowed
// until control returns to the event loop.
const struct epidemic *host_epidemic(const struct host *host);

// From now on their feed is kept, for readers who follow. Does nothing before the node begins.
void host_follow(struct host *host);

#endif
