// One node: composes the cores. A step takes one event and says what to do.
//
// Promise: pure and deterministic: equal configurations, stores and events give equal effects.
// Every request is answered exactly once, with what is known of its outcome.
//
// Invariants
//  1. A message of core/strong is handed on only in its own epoch, between the incarnations that
//     the map names, and, but for sync, only if it was sent after every other that was taken from
//     that peer: reordered and repeated ones count as lost.
//  2. Nothing acts on a map before agreement has learned it; every core hears of each map that is
//     learned.
#ifndef BRUSIO_CORE_NODE_NODE_H
#define BRUSIO_CORE_NODE_NODE_H

#include "core/epidemic/epidemic.h"
#include "core/map/coordinator.h"
#include "core/map/voter_store.h"
#include "core/strong/strong.h"

// What a node is told at its start. Text is copied.
struct node_config {
    bool init;        // make a new cluster of this one node (only on empty stores)
    enum claim claim; // of what the data store holds
    // "host:port" of a member to join through, or NULL (only on empty stores)
    const char *join_address;
    const char *peer_address; // where other nodes reach this one: "host:port"
    const char *http_address; // where clients reach it: "host:port"
    enum strategy strategy;   // of keyspace `default`, at init
    uint8_t replication_factor;
    uint64_t sync_bytes_per_s; // what this node fetches to come in sync, at most; 0: no bound
    uint64_t repair_delay_ms;  // how long a node is down before others take its place
    uint64_t seed;             // random; of everything that this run draws
    // Fresh from the operating system: what a new node signs with from now on.
    struct signing_secret fresh_secret;
    // Takes part in optimistic keyspaces only, and is in no map: `join_address` is of any peer.
    bool roams;
    bool hears_beacons;           // whom it hears of by a beacon may tell a roaming peer the map
    const char *const *keyspaces; // those that a roaming peer keeps, by name; NULL: all
    unsigned keyspace_count;
    uint64_t gossip_bytes_per_s;         // what it sends of these, at most; 0: no bound
    space_fit *signed_fits;              // what signed keyspaces may hold; NULL: anything
    const struct signing_secret *author; // signs what users of this node write; NULL: nobody
};

struct node_status {
    node_id self; // NODE_NONE before a map names this node
    uint64_t store_id;
    uint64_t incarnation;
    uint64_t epoch; // of the newest map, 0 before there is one
    // a replica that may answer: named by the map, up, nothing released, takeover done
    bool serving;
    bool roams;             // is no member: keeps optimistic keyspaces only
    bool lease_held;        // a majority of voters has granted it a lease
    uint64_t in_flight;     // records not yet committed here
    uint64_t slots_in_sync; // over all keyspaces
    uint64_t slots_joining;
    uint64_t slots_awaited; // target slots that are not in sync yet
    uint64_t sync_records;  // that came by sync since the start
    uint64_t sync_bytes;
};

enum node_event_kind {
    NODE_EVENT_TICK,
    NODE_EVENT_MESSAGE,
    NODE_EVENT_DATA_DURABLE,
    NODE_EVENT_VOTER_SYNCED,
    NODE_EVENT_REQUEST,
    NODE_EVENT_STOP,        // the process is about to end: leave in good order
    NODE_EVENT_DATA_FAILED, // the data store has failed: leave, and trust nothing of it
    NODE_EVENT_BEACON       // another node says where it is, or somebody says it after it
};

struct node_event {
    enum node_event_kind kind;
    uint64_t now_us; // monotonic
    uint64_t utc_ms; // the time of day; 0: not known
    uint64_t peer;   // of a message or a beacon
    struct slice message;
    struct slice address; // of a beacon: "host:port"
    uint64_t token;       // durable up to here
    uint64_t handle;      // of a request, below NODE_HANDLE_MAX
    const struct request *request;
};

#define NODE_HANDLE_MAX (UINT64_C(1) << 62)

// Where the node's records and its identity are read from; borrowed.
struct node_stores {
    const struct store *data;
    const struct store *voter;
};

struct node;

// Starts a node from what its stores hold. `identity` is what the host has just raised and synced.
// With `config.init` and no map in the store, makes the first map. Effects of the start go to
// `effects`. ERR_NOT_FOUND: neither a map, nor init, nor join, nor beacons that a roaming peer
// hears. ERR_CORRUPT, ERR_VERSION: of the stores.
WARN_UNUSED enum err node_new(const struct node_config *config, const struct identity *identity,
                              const struct node_stores *stores, uint64_t now_us,
                              struct effects *effects, struct node **out);
void node_free(struct node *node);

// Effects are added to `effects`, which the caller clears.
void node_step(struct node *node, const struct node_event *event, struct effects *effects);

const struct cluster_map *node_map(const struct node *node);

// Whether this node, which no map names, was sent the map of another cluster: it is in the wrong
// place.
bool node_is_foreign(const struct node *node);

// Whether no map names this node any more, though one did.
bool node_is_removed(const struct node *node);

// Whether it was asked to stop, and the newest map does not call it up.
bool node_has_left(const struct node *node);

struct node_status node_status(const struct node *node);

// As node_status tells, without looking at all slots.
bool node_is_serving(const struct node *node);

// The optimistic keyspaces here, to be looked at only. Borrowed until the next step.
const struct epidemic *node_epidemic(const struct node *node);

// From now on the feed of these keyspaces is kept, for readers who follow.
void node_follow(struct node *node);

#endif
