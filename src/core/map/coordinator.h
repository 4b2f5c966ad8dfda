// The coordinator: turns wishes, and what voters report of silent members, into proposals. Every
// voter has one; by default the lowest live voter acts on its own, the others only on what they are
// asked, or when what is due is not done for long. Two at once are harmless, only slow.
//
// Promise: while a majority of voters can talk, a wish that the policy can fulfil is fulfilled, and
// a member that a majority of voters has not heard for a lease is taken down; it is up again soon
// after it is heard again.
//
// It does not judge safety: acceptors do (acceptor.c).
#ifndef BRUSIO_CORE_MAP_COORDINATOR_H
#define BRUSIO_CORE_MAP_COORDINATOR_H

#include "core/map/agreement.h"
#include "core/map/prefixes.h"
#include "core/map/wants.h"

// A member by its process and state, as the newest map names it: reports of another one say nothing
// of it.
struct member_seen {
    uint64_t store_id;
    uint64_t incarnation;
    enum node_state state;
    uint64_t heard_incarnation; // of its newest process that was heard; maybe not named yet
    uint64_t restarted_us;      // since when that is heard
};

struct coordinator {
    struct wants wants;               // gathered in this epoch
    uint64_t wants_hash;              // of their bytes
    bool look;                        // something is new: look for a next map
    bool told_again;                  // nothing is, but somebody still wishes
    uint64_t looked_us;               // the last time
    uint64_t heard_us[NODES_MAX + 1]; // when each member was last heard
    node_set spared;                  // who was not heard, or is restarted, at the last look

    struct member_seen seen[NODES_MAX + 1]; // what the newest map says of each
    node_set lapsed[NODES_MAX + 1];         // by voter: whom it reported
    uint64_t reported_us[NODES_MAX + 1];    // by voter; 0: never
    struct wants_fate due;                  // what is to be done about silent and returning members
    uint64_t due_us;                        // since when; 0: nothing is
    uint64_t down_us[NODES_MAX + 1];        // since when a member is down; 0: it is not
    uint64_t held_until_us[NODES_MAX + 1];  // who fell often stays down for a while
    unsigned falls[NODES_MAX + 1];
    uint64_t repair_delay_us;
    struct prefixes prefixes; // what suspects have that nobody else surely has
};

// `repair_delay_ms`: how long a member is down before others take its place.
// To be ended by coordinator_release.
void coordinator_init(struct coordinator *coordinator, uint64_t repair_delay_ms);
void coordinator_release(struct coordinator *coordinator);

// A new map: wishes of the old one are forgotten.
void coordinator_on_map(struct coordinator *coordinator, const struct cluster_map *map,
                        uint64_t now_us);

// A message of this member came, from the process that the map names.
void coordinator_on_heard(struct coordinator *coordinator, node_id member, uint64_t now_us);

// One came from a later process of this member: what the map says of the member holds no more, as
// if it was out of hearing, until a map names that process.
void coordinator_on_restarted(struct coordinator *coordinator, node_id member, uint64_t incarnation,
                              uint64_t now_us);

// A voter reports whom it has not heard for longer than a lease.
void coordinator_on_lapsed(struct coordinator *coordinator, node_id voter, node_set lapsed,
                           uint64_t now_us);

// Adds wishes: `bytes` are wants_encode's, of the epoch that the agreement is in. Bad bytes are
// ignored.
void coordinator_on_wants(struct coordinator *coordinator, struct slice bytes);

// A suspect tells what it has: `message` is PREFIX.
void coordinator_on_prefix(struct coordinator *coordinator, const struct agreement *agreement,
                           struct effects *effects, uint64_t peer, const struct message *message,
                           uint64_t now_us);

// Looks at who is silent and who is back: to be called with each tick and each report.
void coordinator_watch(struct coordinator *coordinator, const struct agreement *agreement,
                       uint64_t now_us);

// Proposes the next map when there is one to propose and the proposer is free.
void coordinator_tick(struct coordinator *coordinator, struct agreement *agreement,
                      struct effects *effects, uint64_t now_us);

// The voter that wishes go to at the `attempt`-th try: the lowest live one first, then by rank.
node_id coordinator_rank(const struct cluster_map *map, unsigned attempt);

#endif
