// Agreement on the next map: one single-decree Paxos instance for each epoch (Lamport, "Paxos Made
// Simple", 2001), decided by the voters of the map before.
//
// Promise: no two nodes ever learn different maps of one epoch, whatever is lost, delayed, repeated
// or restarted; an accepted map is decided in the end while a majority of voters can talk.
//
// Invariants
//  1. Only the newest decided map is kept; acceptor and proposer speak of the instance map.epoch +
//     1, and start afresh with each map.
//  2. A promise or an acceptance is sent only after it was synced.
//  3. promised >= accepted, as ballots; a ballot is never used for two values.
//  4. A voter accepts a step that restricts a node only if that node has released this base epoch,
//     or if all that the voter granted it has run out; from then on it grants it nothing, until the
//     instance is decided or the voter accepts another map. A release is never withdrawn within its
//     epoch.
//  5. A voter that was started again, or that learns of other voters, waits as long as a lease
//     before invariant 4 lets it restrict anybody who has not released (grants.h).
//
// It does not decide what the next map should say: the coordinator does, and hands it to
// agreement_propose.
#ifndef BRUSIO_CORE_MAP_AGREEMENT_H
#define BRUSIO_CORE_MAP_AGREEMENT_H

#include "base/random.h"
#include "core/map/grants.h"
#include "core/map/lease.h"
#include "core/map/voter_store.h"

enum proposer_phase {
    PROPOSER_IDLE,
    PROPOSER_RELEASING, // until every restricted node has released, or is not waited for
    PROPOSER_PREPARING,
    PROPOSER_ACCEPTING
};

#define DEFERRED_ANSWERS_MAX 32

// A promise or acceptance that waits for its sync.
struct deferred_answer {
    uint64_t token;
    uint64_t peer;
    enum message_kind kind;
    struct ballot ballot;
};

struct agreement {
    struct identity identity;
    bool roams; // is no member and will be none, and keeps the map nevertheless
    struct rng rng;
    struct cluster_map map; // epoch 0: none known
    bool was_named;         // some map has named this node's store; what it learned is kept
    struct lease lease;     // of this node
    struct grants grants;   // of this node as a voter

    struct ballot promised;
    struct ballot accepted;
    struct buf accepted_map;
    uint64_t accepted_at_us;
    uint64_t withheld_token; // of the acceptance, until it is synced; 0: it is
    node_set released;       // who released map.epoch, as far as this voter heard
    node_set confirmed;      // of these, who did as the process that the map names
    bool releasing;          // this node itself has
    uint64_t release_sent_us;
    struct deferred_answer deferred[DEFERRED_ANSWERS_MAX];
    unsigned deferred_count;

    enum proposer_phase phase;
    struct ballot ballot;
    uint64_t counter_seen;
    struct buf value;      // the map that is proposed
    node_set restricted;   // by it
    node_set insisted;     // of these, who is to lose its lease if it does not release
    node_set relied_on;    // by it: who says by a release that its process is the one that is named
    node_set answered;     // voters that promised, or accepted, in this phase
    struct ballot adopted; // the highest acceptance among the promises
    uint64_t resend_us;
    uint64_t retry_us;  // no new proposal before
    uint64_t insist_us; // when the insisted ones are waited for no more
    uint64_t map_asked_us;
    unsigned refusals; // of this instance: each doubles the back-off
    unsigned resends;  // of this phase: each doubles the pause
    node_set missed;   // whose releases did not come in time
    bool foreign_seen; // a map of another cluster came
};

// From what the voter store held; `map` is taken (may be empty), `acceptor` may be NULL. `seed` is
// random.
void agreement_init(struct agreement *agreement, const struct identity *identity,
                    struct cluster_map *map, const struct acceptor_state *acceptor, uint64_t seed,
                    uint64_t now_us);
void agreement_release(struct agreement *agreement);

// This node's id in the newest map, NODE_NONE when that does not name its store.
node_id agreement_self(const struct agreement *agreement);
bool agreement_is_voter(const struct agreement *agreement);

// Whether the newest map names this very process.
bool agreement_is_named(const struct agreement *agreement);

// Whether this node may serve, or order writes, in this step: it holds a lease and has not released
// the epoch.
bool agreement_serves(const struct agreement *agreement);

// Asks all voters for a lease.
void agreement_ask_leases(struct agreement *agreement, struct effects *effects, uint64_t now_us);

// Takes lease_want, lease, map, map_want, prepare, promise, accept, accepted, refuse, release_want
// and release.
// Afterwards map.epoch may have grown: the caller compares.
void agreement_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                          uint64_t peer, const struct message *message);

// Everything up to `token` in the voter store is synced.
void agreement_on_synced(struct agreement *agreement, struct effects *effects, uint64_t token);

// Whether a proposal would be taken now: this node is a voter and has none under way.
bool agreement_can_propose(const struct agreement *agreement, uint64_t now_us);

// Proposes `next`, a legal step from the map (checked). Borrowed. One over CLUSTER_MAP_BYTES_MAX is
// left out. Of those whom it restricts, the `insisted` ones are not waited for long: their leases
// are not renewed any more. Those that it relies on release too, however long their leases have run
// out, but for the `unheard` ones.
void agreement_propose(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                       const struct cluster_map *next, node_set insisted, node_set unheard);

// Whose releases were waited for in vain since the last call.
node_set agreement_take_missed(struct agreement *agreement);

// Resends, finishes what was left accepted for 1 s, retries what was refused.
void agreement_tick(struct agreement *agreement, struct effects *effects, uint64_t now_us);

// Sends `message` to a member, or to each of a set but this node itself.
void agreement_send(const struct agreement *agreement, struct effects *effects, node_id to,
                    struct message *message);
void agreement_send_all(const struct agreement *agreement, struct effects *effects, node_set to,
                        struct message *message);

// Sends this node's newest map; asks a peer for its own (at most once in 20 ms).
void agreement_send_map(const struct agreement *agreement, struct effects *effects, uint64_t peer);
void agreement_ask_map(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                       uint64_t peer);

void agreement_invariants(const struct agreement *agreement);

#endif
