// What nodes wish of the next map, and how a coordinator gathers it.
//
// Promise: wishes are level-triggered. A node tells what it misses in the newest map, and tells it
// again with every new map and every so often until it has it; a coordinator forgets all wishes
// with each new map. So a lost wish costs time, never correctness, and a repeated one nothing.
#ifndef BRUSIO_CORE_MAP_WANTS_H
#define BRUSIO_CORE_MAP_WANTS_H

#include "model/cluster_map.h"
#include "model/request.h"
#include "wire/slot_set.h"

#define WANT_ADMITS_MAX NODES_MAX // all at once, after a loss of power
#define WANT_CHANGES_MAX 16
#define WANT_PROMOTES_MAX 256

// What a member that was started again has: all that was reported durable; perhaps less, after a
// loss of power; or that, and an operator who says that it is to count.
enum claim { CLAIM_WHOLE, CLAIM_SUSPECT, CLAIM_TRUSTED, CLAIM_COUNT };

struct prefixes;

// A node asks to be a member, or to be known by its new incarnation.
struct want_admit {
    uint64_t store_id;
    uint64_t incarnation;
    enum claim claim;
    bool fresh; // was never a member: one that was and is named no more was removed
    char peer_address[ADDRESS_BYTES_MAX + 1];
    char http_address[ADDRESS_BYTES_MAX + 1];
    uint8_t key[NODE_KEY_BYTES];
};

// A joiner that is in sync in these slots, by the join `join_epoch`.
struct want_promote {
    uint32_t keyspace;
    node_id node;
    uint64_t incarnation;
    uint64_t join_epoch;
    struct slot_set slots;
};

// A primary cannot commit in these slots before the nodes that are not live are dropped from the
// lists.
struct want_shrink {
    uint32_t keyspace;
    struct slot_set slots;
};

// What becomes of members, by what a coordinator knows itself. Never on the wire.
struct wants_fate {
    node_set down;   // to be taken for dead
    node_set up;     // are back
    node_set repair; // down for so long that others take their place
};

struct wants {
    bool bump; // some next map, whatever it says
    struct wants_fate fate;
    node_set stopping; // ask to be taken for dead: they are about to stop
    // by member: who reports that it does not acknowledge
    node_set stuck_by[NODES_MAX + 1];
    // nodes out of hearing: a step that they must release would wait for them in vain
    node_set spared;
    unsigned admit_count;
    struct want_admit admits[WANT_ADMITS_MAX];
    unsigned change_count;
    struct change changes[WANT_CHANGES_MAX];
    unsigned shrink_count;
    struct want_shrink shrinks[KEYSPACES_MAX];
    unsigned promote_count;
    struct want_promote promotes[WANT_PROMOTES_MAX];
    // borrowed; what suspects among `admits` have told, NULL: nothing. Never on the wire
    const struct prefixes *prefixes;
};

void wants_clear(struct wants *wants);
bool wants_empty(const struct wants *wants);

// Each adds to what is there, merging what is equal; past a maximum the wish is left out, to be
// told again.
void wants_add_admit(struct wants *wants, const struct want_admit *admit);
void wants_add_change(struct wants *wants, const struct change *change);
// True when a slot was added.
bool wants_add_shrink(struct wants *wants, uint32_t keyspace, const struct slot_set *slots);
void wants_add_promote(struct wants *wants, const struct want_promote *promote);
void wants_add_stuck(struct wants *wants, node_id reporter, node_set nodes);

void wants_encode(struct buf *out, const struct wants *wants);
// Adds what the bytes say. Total: ERR_INVALID for bad bytes (then a part may have been added, each
// whole).
WARN_UNUSED enum err wants_decode(struct slice bytes, struct wants *out);

#endif
