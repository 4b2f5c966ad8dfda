// Whom this peer knows, and how they are (rule R5: correctness never reads it).
//
// Promise: a random peer that keeps a keyspace is found in O(peers); those that answer are
// preferred, those that do not are still tried now and then, each in its turn, so that who comes
// back is found again. What peers say of others is bounded and never displaces the members of the
// map; only who is heard is spoken of, so that nobody is kept alive by rumor alone.
//
// Invariants
//  1. At most `peers_max` peers; past it, who was not heard for longest goes, members last.
//  2. Neither this peer nor store id 0 is among them.
//  3. What a peer keeps is in ascending order, without repetition, at most PEER_SPACES_MAX.
//
// It sends nothing and sees nothing by itself: its owner writes `greeted`, `heard_us` and
// `tried_us`.
#ifndef BRUSIO_CORE_EPIDEMIC_PEERS_H
#define BRUSIO_CORE_EPIDEMIC_PEERS_H

#include "base/buf.h"
#include "base/random.h"
#include "base/table.h"
#include "model/cluster_map.h"

#define PEERS_MAX 10000u
#define PEER_SPACES_MAX 1024u
// Of other peers in one hello.
#define PEERS_TOLD_MAX 16u
#define PEERS_TOLD_BYTES_MAX (PEERS_TOLD_MAX * (8u + 2u + ADDRESS_BYTES_MAX))
// Not heard for so long, a peer counts as out of reach.
#define PEER_SILENT_US (UINT64_C(45) * 1000 * 1000)

struct peer {
    struct table_node node;
    uint64_t store_id;
    char address[ADDRESS_BYTES_MAX + 1]; // "host:port"; empty: not known, it reaches us
    bool is_member;                      // of the map
    bool told;                           // it was told what this peer keeps now
    bool greeted;                        // it has said what it keeps
    bool is_elusive;                     // it names no address itself: others say where it is
    uint64_t heard_us;                   // 0: never in this run
    uint64_t tried_us;                   // when something was last sent to it
    uint64_t *spaces;                    // owned, ascending; what it keeps
    uint32_t space_count;
};

struct peers {
    struct table table;
    struct peer **list; // owned, in order of joining; for random choices
    uint32_t count;
    uint32_t capacity;
    uint32_t peers_max;
    uint64_t displaced; // what peers_take_displaced is to tell
    uint64_t self;      // its store id
    uint64_t hash_seed;
    struct rng rng;
};

// `peers_max`: 1 to PEERS_MAX.
void peers_init(struct peers *peers, uint64_t self, uint32_t peers_max, uint64_t seed);
void peers_release(struct peers *peers);

// NULL when it is not known. Borrowed until the peer goes.
struct peer *peers_find(const struct peers *peers, uint64_t store_id);

// Adds a peer, or changes its address (an empty one leaves the address as it was) and whether it is
// a member. One that comes when there are `peers_max` displaces another (invariant 1), and a member
// only if it is one itself. NULL for this peer itself, for store id 0, for bytes that are no
// address, and when there is no room for it. `out_changed`: it has another address than before.
struct peer *peers_add(struct peers *peers, uint64_t store_id, struct slice address, bool is_member,
                       bool *out_changed);
// Whom the latest peers_add displaced, told once, so that its owner knows that nobody has to reach
// it any more; 0 for nobody, and for a member, which is reached whether it is known here or not.
uint64_t peers_take_displaced(struct peers *peers);
// Nothing when it is not known.
void peers_remove(struct peers *peers, uint64_t store_id);

// Takes what a hello says of the spaces that a peer keeps: u64s (big-endian) in any order, repeated
// or not. ERR_INVALID for a torn one; ERR_TOO_LARGE past PEER_SPACES_MAX: nothing changes.
WARN_UNUSED enum err peer_set_spaces(struct peer *peer, struct slice spaces);
bool peer_keeps(const struct peer *peer, uint64_t space);
// Whether it was heard less than PEER_SILENT_US ago.
bool peer_is_heard(const struct peer *peer, uint64_t now_us);

// A random peer that was greeted, is heard and keeps the space; for 0, which asks for somebody to
// greet, any space. One draw in eight (for 0, one in two), and every draw when there is no such
// peer, goes to one that is away: not greeted yet, or not heard and keeps the space; of these to
// who was tried longest ago. NULL when there is nobody to try.
struct peer *peers_choose(struct peers *peers, uint64_t space, uint64_t now_us);

// Appends up to PEERS_TOLD_MAX random peers that are heard and have an address: store id and
// address each, at most PEERS_TOLD_BYTES_MAX bytes together.
void peers_tell(struct peers *peers, uint64_t now_us, struct buf *out);

// Takes such a list: `heard` is called for each, in order, with an address that fits and is not
// empty; borrowed from `bytes`. Total: other bytes are ERR_INVALID, and nobody is told of any part.
typedef void peers_heard(void *context, uint64_t store_id, struct slice address);
WARN_UNUSED enum err peers_hear(struct slice bytes, peers_heard *heard, void *context);

void peers_invariants(const struct peers *peers);

#endif
