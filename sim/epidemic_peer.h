// One peer of a simulated optimistic keyspace: its disk, its clock, its place on the net, and,
// while its process runs, the core over them.
//
// Promise: the core is driven as host/host.h drives it. Writes reach the store in one batch for
// each turn of the event loop; what a token names is reported when it is durable; messages leave at
// the end of the turn. A crash loses what was not reported, and whatever more the seed says.
//
// Invariants
//  1. `core` is there while the process runs, and the peer is then attached to the net.
//  2. Everything that a token names was handed to the store with or before the batch that reports
//     it.
//
// It draws no fault and judges nothing: its world does.
#ifndef BRUSIO_SIM_EPIDEMIC_PEER_H
#define BRUSIO_SIM_EPIDEMIC_PEER_H

#include "core/epidemic/epidemic.h"
#include "sim/clock_sim.h"
#include "sim/epidemic_sight.h"
#include "sim/net_sim.h"
#include "sim/store_sim.h"

struct epidemic_world;

#define EPIDEMIC_PEER_ADDRESS_BYTES 24
#define EPIDEMIC_PEER_BATCHES_MAX 4096u

// A batch that was handed to the store and not reported.
struct epidemic_batch {
    uint64_t number;
    uint64_t token;
};

struct epidemic_peer {
    struct epidemic_world *world;
    uint32_t index;
    uint32_t disks; // that it had; tells its store ids apart
    uint64_t store_id;
    char address[EPIDEMIC_PEER_ADDRESS_BYTES];
    bool unreachable; // nobody can connect to it there,
    bool is_nameless; // and it does not say that it is there
    struct store_sim *disk;
    struct clock_sim *clock;
    int32_t rate_ppm;

    // Outlives the process.
    uint32_t offline; // for so many reasons it hears nobody and nobody hears it
    bool away;        // it does not take part in the keyspace,
    bool leaving;     // and what it had of it is not all gone yet
    uint32_t side;    // of a partition: only peers of one side hear each other
    uint32_t map;     // the newest map that it has heard of, by index
    bool is_damaged;  // its store lost something without a word

    // Of the process.
    struct epidemic *core; // NULL: it is down
    struct store store;
    struct net net;
    struct effects effects;
    uint64_t wake_us;
    uint64_t turn;  // the event that ends the turn under way
    bool unwritten; // the store's open batch has something
    bool has_left;  // in the step under way
    uint64_t token_committed;
    struct epidemic_batch *batches; // owned; a ring
    uint32_t batch_first;
    uint32_t batch_count;
    uint32_t batch_capacity;
    uint64_t restart; // the event that will start it again

    // What it has shown so far, for epidemic_checks.
    uint64_t revision;  // of the space at the last look
    struct dot written; // the last own operation that was looked at
    struct epidemic_marks marks;
    struct epidemic_marks marks_durable;
    struct epidemic_marks marks_stable; // of what it showed as stable, in this run
    struct knowledge stable;            // at the last look
    struct knowledge stable_durable;    // when all was durable last
    struct knowledge known_durable;
};

// Of the peer's so-many-th disk, from 1 on; its low half is the index, plus one.
static inline uint64_t epidemic_peer_store_id(uint32_t index, uint32_t disks)
{
    return (uint64_t)disks << 32 | (index + 1);
}

// A machine with an empty disk, not running.
void epidemic_peer_init(struct epidemic_peer *peer, struct epidemic_world *world, uint32_t index);
void epidemic_peer_release(struct epidemic_peer *peer);

// Starts the process, which must be down. That its disk does not let it is a violation.
void epidemic_peer_start(struct epidemic_peer *peer);

// Ends it at once, if it runs.
void epidemic_peer_crash(struct epidemic_peer *peer);

// Of a peer that is down: from now on it has an empty disk, or a copy of one (which stays as it
// was), under a new store id unless the disk is an older copy of its own.
void epidemic_peer_change_disk(struct epidemic_peer *peer, struct store_sim *disk, bool own);

// A copy of what the disk of a running peer shows, closed. Gives it.
struct store_sim *epidemic_peer_copy_disk(const struct epidemic_peer *peer);

// The time of day by its clock.
uint64_t epidemic_peer_utc_ms(const struct epidemic_peer *peer);

// The core's replica; NULL while it is down or takes no part.
struct replica *epidemic_peer_replica(const struct epidemic_peer *peer);

// Takes part from now on (once what it had before is gone), or no more: then all that it had is
// forgotten, bit by bit. False when it may not yet.
void epidemic_peer_join(struct epidemic_peer *peer);
bool epidemic_peer_leave(struct epidemic_peer *peer);

// Steps of a running peer, each followed by whatever comes of it.
void epidemic_peer_meet(struct epidemic_peer *peer, const struct epidemic_peer *other,
                        bool is_member);
void epidemic_peer_request(struct epidemic_peer *peer, const struct request *request,
                           uint64_t handle);
// The primary of the newest map that it has heard of.
void epidemic_peer_tell_primary(struct epidemic_peer *peer);
// For what the world itself has done to its core.
void epidemic_peer_after_step(struct epidemic_peer *peer);

#endif
