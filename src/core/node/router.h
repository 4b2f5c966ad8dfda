// Requests on their way: each goes to a node that can answer it, this one or another, again if need
// be, until it has an answer or its time is up.
//
// Invariants
//  1. A request is answered once. A write that may have been taken somewhere is sent again only as
//     one that may: by its operation id and the epoch of its first try the primary tells whether
//     it is done, can be done anew, or is past knowing. Reads and listings are sent again freely.
//  2. A request that came from another gateway is only tried here; a write only in the epoch in
//     which it was sent, so that no earlier try is taken after a later one.
#ifndef BRUSIO_CORE_NODE_ROUTER_H
#define BRUSIO_CORE_NODE_ROUTER_H

#include "core/strong/strong.h"

#define ROUTES_MAX 16384

enum route_state {
    ROUTE_WAITING, // to be tried again at retry_us, or with the next map
    ROUTE_HERE,    // core/strong has it
    ROUTE_SENT,    // to another node
    ROUTE_CHANGE   // a change of the map, wished for
};

struct route {
    struct table_node node;
    struct list link; // oldest first
    uint64_t id;
    uint64_t origin_peer; // 0: this node's own client
    uint64_t origin_id;   // the client's handle, or the gateway's id
    uint64_t since_us;
    uint64_t retry_us; // when to try again; in ROUTE_SENT only reads do
    enum route_state state;
    node_id sent_to;
    uint64_t sent_epoch;     // of the last try, until it is answered
    struct stamp sent_stamp; // that it would have had, if its primary gave it up
    bool lost_try;           // some try was never answered: nobody knows what stamp it had
    struct buf entries;      // of a listing, so far
    struct buf cursor_key;
    struct request request; // slices borrow from bytes, and cursor_key
    uint8_t bytes[];
};

struct router {
    const struct agreement *agreement;
    struct strong *strong;
    struct rng rng;
    uint64_t next_id;
    uint64_t now_us; // of this step
    struct table table;
    struct list routes;
    bool changes_dirty; // a change was added: wishes are to be told
};

void router_init(struct router *router, const struct agreement *agreement, struct strong *strong,
                 uint64_t seed);
void router_release(struct router *router);

// A request of this node's own client.
void router_request(struct router *router, struct effects *effects, uint64_t now_us,
                    uint64_t handle, const struct request *request);

// A request that another gateway forwards (`current`: in this epoch), and the answer to one that
// this node forwarded.
void router_on_forward(struct router *router, struct effects *effects, uint64_t now_us,
                       uint64_t peer, uint64_t to_incarnation, bool current,
                       const struct message_forward *forward);
void router_on_answer(struct router *router, struct effects *effects, uint64_t now_us,
                      const struct message_answer *answer);

// The `answer` of core/strong; `context` is the router.
void router_answer(void *context, struct effects *effects, uint64_t handle,
                   const struct reply *reply);

// A newer map: waiting requests are tried again, changes that it fulfils are answered.
void router_on_map(struct router *router, struct effects *effects, uint64_t now_us);
void router_tick(struct router *router, struct effects *effects, uint64_t now_us);

// Adds the changes that are wished for.
void router_wants(const struct router *router, struct wants *out);

#endif
