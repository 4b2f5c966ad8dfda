// Strong keyspaces at one node: primary-ordered, write-all-in-sync, read-any-live.
//
// The shape is Hermes' invalidations (Katsarakis et al., ASPLOS 2020) under PacificA's separation
// of data and configuration (Lin et al., 2008): the map says who holds a slot, and this module
// moves records among them.
//
// Promise: an acknowledged write is held by every in-sync replica of its slot, so that any one of
// them gives it back; reads are linearizable; a deleted key does not return.
//
// Invariants
//  1. Nothing is read from, ordered at or acknowledged by a node that the newest map it knows does
//     not name as live, by its incarnation; and nothing is read from or ordered at it while it
//     holds no lease.
//  2. A read is answered only from a valid key (no flight), or when the key's flight commits.
//  3. A record commits when the primary has persisted it and every list member, the down ones
//     included, and every joiner has acknowledged it in the current epoch.
//  4. A primary orders nothing before it has re-sent, in this epoch, the greatest in-flight record
//     of each key.
//  5. What sync brings never overrides what came by INV since the join, except by a greater stamp.
//
// It does not route: a request that this node cannot answer is given back with ERR_RETRY, and had
// no effect.
#ifndef BRUSIO_CORE_STRONG_STRONG_H
#define BRUSIO_CORE_STRONG_STRONG_H

#include "base/random.h"
#include "core/map/agreement.h"
#include "core/map/wants.h"
#include "core/strong/flight.h"
#include "core/strong/pending.h"
#include "core/strong/slot_past.h"

// At one primary at once; past it requests are answered ERR_BUSY.
#define FLIGHTS_ORDERED_MAX 4096
#define FLIGHTS_BYTES_MAX (256u << 20) // past it a primary orders nothing new
#define PENDINGS_MAX 16384
#define PENDINGS_BYTES_MAX (512u << 20)

struct joiner;
struct authorities;

// Slots whose leftovers must be looked at: certificates, or data of slots that moved away.
struct sweep {
    uint32_t keyspace;
    struct slot_set slots;
};

// Slots of a keyspace that this node may have data of, or has marked.
struct holding {
    uint32_t keyspace;
    struct slot_set slots;
};

struct strong {
    const struct agreement *agreement;
    const struct store *data; // reader
    struct rng rng;

    // Hands an answer to who asked. Slices are borrowed for the call.
    void (*answer)(void *context, struct effects *effects, uint64_t handle,
                   const struct reply *reply);
    void *answer_context;

    node_id self;      // NODE_NONE unless the map names this incarnation
    bool live;         // and calls it up
    uint64_t sequence; // of the last stamp in this epoch
    struct flights flights;
    struct pendings pendings;
    struct list parked; // pending requests that wait for the takeover or the next map
    unsigned ordered_count;

    node_set takeover_wanted; // peers whose in-flight records are still to come
    bool ready;               // the takeover is done, or nothing was to be taken over
    uint64_t takeover_us;     // when it began
    uint64_t takeover_sent_us;
    struct list takeover_left; // flights that are still to be re-sent (by their age_link)
    struct buf takeover_after[NODES_MAX + 1]; // how far each peer has told

    bool look_at_parked;

    node_set full; // who says that its store has no room for what users add
    bool draining; // orders nothing new: the node is about to leave
    bool failed;   // the store has failed: the node serves nothing until it is started again

    node_set stuck; // live members that did not acknowledge in time, lately
    uint64_t stuck_us;

    struct wants wants; // of slots that cannot commit before the list shrinks
    bool wants_changed;
    struct joiner *joiner;
    struct authorities *authorities;
    struct sweep sweeps[KEYSPACES_MAX];
    unsigned sweep_count;
    uint64_t sweep_token;   // what was written before the newest map is durable from here on
    uint64_t durable_token; // the last that was reported
    struct slot_pasts pasts;
    struct holding holdings[KEYSPACES_MAX];
    unsigned holding_count;
    struct holding marks[KEYSPACES_MAX]; // as they were last written (prefix.c)
    unsigned mark_count;

    uint64_t sync_bytes_per_s; // at most, over a while; 0: without a bound
    uint64_t sync_records;     // records and bytes that came by sync since the start
    uint64_t sync_bytes;
};

// `agreement` and `data` are borrowed until strong_release. Reads the in-flight marks.
WARN_UNUSED enum err strong_init(struct strong *strong, const struct agreement *agreement,
                                 const struct store *data, uint64_t seed, uint64_t now_us);
void strong_release(struct strong *strong);

// The agreement has a newer map.
void strong_on_map(struct strong *strong, struct effects *effects, uint64_t now_us);

// Tells a member what a store that lost its end has of the slots that it asks for, before any map
// names this process. What asks for slots that there are not is ignored.
void strong_tell_prefix(const struct strong *strong, struct effects *effects, uint64_t peer,
                        const struct message_prefix_want *want);

// A message of strong keyspaces, of the current epoch, between the incarnations that the map names.
void strong_on_message(struct strong *strong, struct effects *effects, uint64_t now_us,
                       node_id from, const struct message *message);

// Everything up to `token` in the data store is durable.
void strong_on_durable(struct strong *strong, struct effects *effects, uint64_t now_us,
                       uint64_t token);

// A read, put, delete or list (of one page from one slot on, by strong_list's rules) of a client.
// `handle` names it in the answer, which may come at once.
void strong_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                    uint64_t handle, const struct request *request);

// A read that can be answered on the spot: true, and the answer in `reply`, whose slices borrow
// from the store.
bool strong_read_now(const struct strong *strong, const struct request *request,
                     struct reply *reply);

// A member says whether its store has room.
void strong_on_room(struct strong *strong, node_id member, bool full);

// Whether this node's own store has none.
bool strong_is_full(const struct strong *strong);

// What is written and not reported durable will never be: stops serving for good.
void strong_on_data_failed(struct strong *strong, struct effects *effects, uint64_t now_us);

void strong_tick(struct strong *strong, struct effects *effects, uint64_t now_us);

// What this node misses in the newest map: appended to `out`.
void strong_wants(const struct strong *strong, struct wants *out);

// Whether it may answer reads of this slot now.
bool strong_serves(const struct strong *strong, uint32_t keyspace, uint16_t slot);

void strong_invariants(const struct strong *strong);

#endif
