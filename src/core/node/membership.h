// Being a member: joining, being admitted again after a restart, renewing the lease, knowing where
// the others are and whom this voter does not hear, noticing epochs that were missed, telling a
// coordinator what this node wishes of the next map, and leaving.
#ifndef BRUSIO_CORE_NODE_MEMBERSHIP_H
#define BRUSIO_CORE_NODE_MEMBERSHIP_H

#include "core/map/coordinator.h"
#include "core/node/node.h"

#define CANDIDATES_MAX WANT_ADMITS_MAX
#define HELPED_MAX 16

// Someone who asked to be admitted, through this node.
struct candidate {
    struct want_admit admit;
    uint64_t asked_us;
};

// A peer that was just sent the map.
struct helped {
    uint64_t peer;
    uint64_t at_us;
};

struct membership {
    struct agreement *agreement;
    struct want_admit self;
    char join_address[ADDRESS_BYTES_MAX + 1]; // empty: none
    bool roams; // is no member and wants to be none: only hears of the map
    // Who said by a beacon where it is, while this node knows no map; PEER_SEED: nobody.
    uint64_t found;
    char found_address[ADDRESS_BYTES_MAX + 1];
    uint64_t found_us;
    struct candidate candidates[CANDIDATES_MAX];
    unsigned candidate_count;
    struct helped helped[HELPED_MAX];
    unsigned helped_next;
    struct wants outgoing; // scratch of the teller
    bool dirty;            // there is something new to tell
    uint64_t told_us;
    uint64_t told_epoch;
    unsigned attempt; // since told_epoch
    uint64_t ping_us;
    uint64_t join_us;
    uint64_t released_us; // when this node was first seen releasing in this epoch; 0: it is not
    uint64_t leases_asked_us;
    node_set lapsed;  // as told last
    uint64_t stop_us; // when it was told to leave; 0: it was not
    bool leaves;      // wishes to be taken for dead, and renews no lease
};

// What this node says of itself; addresses too long are a mistake of the caller's (checked).
void membership_self(const struct node_config *config, const struct identity *identity,
                     struct want_admit *out);

void membership_init(struct membership *membership, const struct node_config *config,
                     struct agreement *agreement);

void membership_on_map(struct membership *membership, struct effects *effects);
void membership_on_join(struct membership *membership, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message_join *join);

// A beacon says where somebody is: a roaming peer without a map asks there.
void membership_on_beacon(struct membership *membership, struct effects *effects, uint64_t now_us,
                          uint64_t store_id, struct slice address);

// Where a roaming peer without a map has asked for one, if it was `peer` that it asked there (who
// answers at the address that it was told it learns by the answer); NULL when it asks for none.
const char *membership_asked_at(const struct membership *membership, uint64_t peer);

// Begins to leave: once what it orders has ended, or after a while, the node asks to be taken down;
// it asks for no lease any more then.
void membership_stop(struct membership *membership, uint64_t now_us);
void membership_stop_wants(struct membership *membership, struct wants *wants, bool drained,
                           uint64_t now_us);
bool membership_has_left(const struct membership *membership);

// Whether the newest map names this node no more, though one did: it was removed.
bool membership_is_removed(const struct membership *membership);

// Whether it was told to join, and no map names it yet.
// Whether it may lack what it had reported, and no map has named it yet.
bool membership_is_suspect(const struct membership *membership);

bool membership_is_joining(const struct membership *membership);

// Sends the map to a peer that is behind, at most now and then.
void membership_help(struct membership *membership, struct effects *effects, uint64_t now_us,
                     uint64_t peer);

// Whether wishes are to be told now: at once when there is something new, and every so often.
bool membership_tells_now(struct membership *membership, struct effects *effects, uint64_t now_us,
                          bool dirty);

// Adds its own wishes to `outgoing` and hands them all to the coordinator of this try, here or
// elsewhere.
void membership_tell(struct membership *membership, struct effects *effects, uint64_t now_us,
                     struct coordinator *coordinator);

// `full`: this node's store has no room for what users add.
void membership_tick(struct membership *membership, struct effects *effects, uint64_t now_us,
                     bool full);

#endif
