// The cluster map: the agreed description of nodes, keyspaces and the replicas of every slot.
//
// A map is a value: once decided for its epoch it never changes, and every node that has it sees
// the same bytes. Who may decide the next one, and which steps are legal, is core/map's business.
//
// Invariants of a valid map (cluster_map_decode and cluster_map_check accept no other)
//  1. Node ids are 1 to NODES_MAX, ascending and unique; store ids are unique and not 0.
//  2. Voters are nodes of the map: 1 to VOTERS_MAX of them.
//  3. Of each slot: in_sync is not empty; in_sync, joining and target name nodes of the map;
//     in_sync and joining are disjoint; joining is empty exactly when join_epoch is 0;
//     join_epoch is at most the map's epoch.
//  4. The primary is a live in-sync node, or NODE_NONE, and then no in-sync node is live.
//  5. Keyspace ids are below next_keyspace_id, ids and names are unique, over both kinds.
//  6. The primary of an optimistic keyspace is a node of the map or NODE_NONE, named in no later
//     epoch.
#ifndef BRUSIO_MODEL_CLUSTER_MAP_H
#define BRUSIO_MODEL_CLUSTER_MAP_H

#include "model/keyspace.h"
#include "model/node_set.h"
#include "model/optimistic.h"
#include "model/slot.h"

#define VOTERS_MAX 7
#define KEYSPACES_MAX 64
#define OPTIMISTIC_MAX 64
#define NODE_KEY_BYTES 32
#define ADDRESS_BYTES_MAX 255
#define CLUSTER_MAP_BYTES_MAX (8u << 20)

// up: a replica if the tables say so. down: taken for dead by a decided map. failed: made to behave
// as dead by an operator (a drill); it still votes and answers as a gateway.
enum node_state { NODE_UP, NODE_DOWN, NODE_FAILED, NODE_STATE_COUNT };

struct cluster_id {
    uint64_t high;
    uint64_t low;
};

static inline bool cluster_id_equal(struct cluster_id a, struct cluster_id b)
{
    return a.high == b.high && a.low == b.low;
}

// Of no cluster.
static inline bool cluster_id_is_zero(struct cluster_id id)
{
    return id.high == 0 && id.low == 0;
}

struct map_node {
    node_id id;
    enum node_state state;
    uint64_t store_id;                        // random, made with the store
    uint64_t incarnation;                     // the start of the process that this map admits
    char peer_address[ADDRESS_BYTES_MAX + 1]; // "host:port", between nodes
    char http_address[ADDRESS_BYTES_MAX + 1]; // "host:port", for clients
    uint8_t key[NODE_KEY_BYTES];              // what this node signs is verified by it (Ed25519)
    bool leaving;  // to be removed: keeps serving while others take its place
    bool replaced; // was down for so long that others take its place
};

// Who holds a slot. Slots with equal sets share one.
struct replica_set {
    node_set in_sync;    // the list: each holds every acknowledged write
    node_set joining;    // gets every write, is being brought in sync
    node_set target;     // the table that should be
    uint64_t join_epoch; // the epoch whose map began these joins: their join id; 0 without joiners
    node_id primary;     // orders writes; NODE_NONE when no in-sync node is live
    node_id target_primary;
};

struct map_keyspace {
    struct keyspace keyspace;
    struct replica_set *sets; // owned, distinct
    uint16_t set_count;       // 1 to SLOTS
    uint16_t *set_of_slot;    // owned, SLOTS entries below set_count
};

struct cluster_map {
    struct cluster_id cluster;
    uint64_t generation; // raised when voters are lost for ever and survivors go on
    uint64_t epoch;      // 1 for the first map
    node_set voters;
    uint32_t lease_ms;
    uint32_t next_keyspace_id;
    uint8_t node_count;
    struct map_node nodes[NODES_MAX];
    uint8_t keyspace_count;
    struct map_keyspace keyspaces[KEYSPACES_MAX];
    uint8_t optimistic_count;
    struct optimistic optimistic[OPTIMISTIC_MAX];
};

// An empty map owns nothing. cluster_map_release leaves it empty.
void cluster_map_init(struct cluster_map *map);
void cluster_map_release(struct cluster_map *map);

// A deep copy into `to`, which must be empty.
void cluster_map_copy(struct cluster_map *to, const struct cluster_map *from);

// NULL when there is none. Borrowed from the map.
const struct map_node *cluster_map_node(const struct cluster_map *map, node_id id);
const struct map_node *cluster_map_node_of_store(const struct cluster_map *map, uint64_t store_id);
const struct map_keyspace *cluster_map_keyspace(const struct cluster_map *map, uint32_t id);
const struct map_keyspace *cluster_map_keyspace_named(const struct cluster_map *map,
                                                      struct slice name);

const struct optimistic *cluster_map_optimistic(const struct cluster_map *map, uint32_t id);
const struct optimistic *cluster_map_optimistic_named(const struct cluster_map *map,
                                                      struct slice name);

// All nodes, those that may be given slots, those in a state, and those that are up.
node_set cluster_map_members(const struct cluster_map *map);
node_set cluster_map_settlers(const struct cluster_map *map);
node_set cluster_map_in_state(const struct cluster_map *map, enum node_state state);
node_set cluster_map_live(const struct cluster_map *map);

static inline const struct replica_set *map_keyspace_slot(const struct map_keyspace *keyspace,
                                                          uint16_t slot)
{
    return &keyspace->sets[keyspace->set_of_slot[slot]];
}

// Writes each slot's set to `out` (SLOTS entries).
void map_keyspace_expand(const struct map_keyspace *keyspace, struct replica_set *out);

// Replaces the keyspace's sets by what `slots` (SLOTS entries) says, sharing equal ones.
void map_keyspace_intern(struct map_keyspace *keyspace, const struct replica_set *slots);

// Whether no two of the keyspace's sets are equal, as they never are after map_keyspace_intern.
bool map_keyspace_sets_are_distinct(const struct map_keyspace *keyspace);

// Copies an address that fits and holds no NUL; false, and nothing copied, otherwise.
bool address_copy(char to[ADDRESS_BYTES_MAX + 1], struct slice from);

bool replica_set_equal(const struct replica_set *a, const struct replica_set *b);

// ERR_INVALID when an invariant above does not hold.
WARN_UNUSED enum err cluster_map_check(const struct cluster_map *map);

// The encoding is canonical: equal maps, equal bytes (sets are numbered by first use).
void cluster_map_encode(struct buf *out, const struct cluster_map *map);

// Total over any bytes. On success gives a valid map into `out`, which must be empty; else leaves
// it empty.
WARN_UNUSED enum err cluster_map_decode(struct slice bytes, struct cluster_map *out);

#endif
