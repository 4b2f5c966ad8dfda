// Optimistic replication at one peer: all its keyspaces, whom it knows, rumors, sessions,
// stability.
//
// Promise
//  1. A write is answered once it is durable here, and never waits for anybody else.
//  2. As long as peers meet now and then, directly or through others, all come to know the same,
//     and then show the same (rules R1 to R18).
//  3. What goes out is bounded: EPIDEMIC_SESSIONS_MAX sessions, and the bytes per second that the
//     configuration names.
//
// Invariants
//  1. Each replica's space, and each session's, is one of the list.
//  2. A reply is given for each request exactly once.
//
// Pure: time, messages, completions and requests come in; effects go out. It does not know the
// cluster map: its owner says who is a member, which keyspaces there are and who their primary is.
#ifndef BRUSIO_CORE_EPIDEMIC_EPIDEMIC_H
#define BRUSIO_CORE_EPIDEMIC_EPIDEMIC_H

#include "core/epidemic/feed.h"
#include "core/epidemic/peers.h"
#include "core/epidemic/replica.h"

#define EPIDEMIC_SESSIONS_MAX 64u
#define EPIDEMIC_REPLICAS_MAX 1024u
#define EPIDEMIC_REPLIES_MAX 65536u
#define EPIDEMIC_RUMORS_PER_CONTACT 256u

struct epidemic_config {
    uint64_t self;        // this peer's store id
    const char *address;  // where others reach it; empty: nowhere. Borrowed.
    uint64_t seed;        // fresh randomness
    uint32_t peers_max;   // 1 to PEERS_MAX
    uint64_t bytes_per_s; // what may be sent of sessions and rumors; 0: no bound
};

struct epidemic_counts {
    uint64_t payload_bytes; // operations sent
    uint64_t control_bytes; // all else
    uint64_t payloads;      // operations sent
    uint64_t sessions;      // that came to an end here, by verdict
    uint64_t verdicts[SESSION_VERDICT_COUNT];
    uint64_t sessions_opened;
};

struct epidemic {
    struct epidemic_config config;
    const struct store *store; // borrowed
    struct overlay overlay;
    struct list replicas;
    uint32_t replica_count;
    struct list sessions;
    uint32_t session_count;
    struct list replies; // of writes that are not durable yet
    uint32_t reply_count;
    struct peers peers;
    struct rng rng;
    struct session_world world;
    struct effects *effects; // of the step under way
    uint64_t now_us;
    uint64_t next_hello_us;
    uint64_t refilled_us;
    bool room_low;
    const struct signing_secret *author; // of this peer's user, for signed keyspaces; borrowed
    struct epidemic_counts counts;
    bool is_followed; // readers follow what changes: the feed is kept
    struct feed feed;
    struct buf scratch;
    // Told of a channel that a peer keeps and this one does not; NULL: not told.
    void (*on_channel)(void *context, uint32_t keyspace, struct slice channel);
    // Told when nothing is left of a replica that was left.
    void (*on_left)(void *context, uint32_t keyspace, struct slice channel);
    void *context;
};

// Borrows the store. ERR_CORRUPT, ERR_IO of the store.
void epidemic_init(struct epidemic *epidemic, const struct epidemic_config *config,
                   const struct store *store);
void epidemic_release(struct epidemic *epidemic);

// Takes part in a keyspace (or channel of one) from now on. ERR_EXISTS, ERR_FULL past
// EPIDEMIC_REPLICAS_MAX, ERR_CORRUPT, ERR_IO of the store.
WARN_UNUSED enum err epidemic_join(struct epidemic *epidemic, uint64_t id, uint32_t keyspace,
                                   struct slice channel, const struct replica_setting *setting,
                                   uint64_t now_us);
// Takes part no more, and removes what the store has of it, bit by bit (rule R17); on_left tells
// when that is done. ERR_NOT_FOUND; ERR_RETRY while nobody else is known to have all that was
// written here.
WARN_UNUSED enum err epidemic_leave(struct epidemic *epidemic, uint64_t id);
// The same without asking: what an earlier run began.
void epidemic_leave_on(struct epidemic *epidemic, uint64_t id);
// By id; NULL when this peer does not keep it, or is leaving it.
struct replica *epidemic_replica(const struct epidemic *epidemic, uint64_t id);

// Somebody to talk to: from the map, from the command line, or from a beacon.
void epidemic_meet(struct epidemic *epidemic, struct effects *effects, uint64_t store_id,
                   struct slice address, bool is_member);

// To be called before each event of a replica whose map, lease or primary may have changed.
void epidemic_set_primary(struct epidemic *epidemic, uint64_t id,
                          const struct replica_primary *primary);

// --- events

void epidemic_tick(struct epidemic *epidemic, struct effects *effects, uint64_t now_us);
// Whether the message is one of these keyspaces: for all others it does nothing.
bool epidemic_takes(enum message_kind kind);
void epidemic_on_message(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t peer, const struct message *message);
void epidemic_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t token);

// A read, put, delete or list of a replica. Answered through `effects`, now or once it is durable.
void epidemic_request(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                      uint64_t handle, uint64_t id, const struct request *request);

// What the users of this node keep for themselves (REQUEST_KEEP, REQUEST_KEPT): it is spread
// nowhere.
void epidemic_request_own(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                          uint64_t handle, const struct request *request);

// Opens a session with a peer now (NULL: one drawn at random), with an audit if asked. False when
// there is no peer, or no room for a session.
bool epidemic_exchange(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                       uint64_t id, uint64_t peer, bool audit);

void epidemic_invariants(const struct epidemic *epidemic);

#endif
