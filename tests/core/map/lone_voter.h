// One voter in a test's hand: node 1 of a small map, told messages one by one.
#ifndef BRUSIO_TESTS_CORE_MAP_LONE_VOTER_H
#define BRUSIO_TESTS_CORE_MAP_LONE_VOTER_H

#include "core/map/agreement.h"
#include "map_fixture.h"

#define LONE_SELF 1
#define LONE_START_US 1000

struct lone_voter {
    uint64_t now_us; // of all that happens; the test moves it
    struct identity identity;
    struct agreement agreement;
    struct effects effects;
    struct message last; // what lone_voter_sent found; borrows from the effects
    struct buf bytes;    // the map of lone_voter_bytes
};

// Of a map of `voters` nodes, all voters, of incarnation 1.
void lone_voter_init(struct lone_voter *voter, unsigned voters);
void lone_voter_release(struct lone_voter *voter);

// Begins again as a process of this incarnation, from the map and this acceptor state (may be
// NULL).
void lone_voter_restart(struct lone_voter *voter, uint64_t incarnation,
                        const struct acceptor_state *acceptor);

// Time passes; nothing ticks.
void lone_voter_pass(struct lone_voter *voter, uint64_t pass_us);

// Tells a message of node `from` in the voter's own epoch, from a process of this incarnation.
void lone_voter_tell_as(struct lone_voter *voter, node_id from, uint64_t incarnation,
                        struct message message);
// Of incarnation 1, as the map names it.
void lone_voter_tell(struct lone_voter *voter, node_id from, struct message message);

// What was asked of the world is done: it is synced, and the messages are gone.
void lone_voter_sync(struct lone_voter *voter);
void lone_voter_forget(struct lone_voter *voter);

// How many messages of this kind go to node `to`; the last of them is in `last`.
unsigned lone_voter_sent(struct lone_voter *voter, node_id to, enum message_kind kind);

// Whether the voter grants a lease to node `from`, of incarnation 1, that asks for one now.
bool lone_voter_grants(struct lone_voter *voter, node_id from);

// Another map is decided and told to the voter; taken, and left empty.
void lone_voter_learn(struct lone_voter *voter, struct cluster_map *map);

// A next map that differs from others by `next_keyspace_id`, as bytes; with `failed` not NODE_NONE
// it fails that node.
struct slice lone_voter_bytes(struct lone_voter *voter, uint32_t mark, node_id failed);
// The same, proposed.
void lone_voter_propose(struct lone_voter *voter, uint32_t mark, node_id failed);
// The same, insisting: the node's release is not waited for long.
void lone_voter_insist(struct lone_voter *voter, uint32_t mark, node_id failed);

#endif
