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
//  3. No replica's clock is earlier than `wake_us`.
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
#define EPIDEMIC_CARRIED_MAX 4u // bundles under way
#define EPIDEMIC_STEP_BYTES (128u << 10)
#define EPIDEMIC_RUMORS_PER_CONTACT 256u
// Operations that were asked for of late, of all replicas.
#define EPIDEMIC_ASKED_MAX 4096u
// Of bundles that wait until all in them is durable.
#define EPIDEMIC_LATE_BYTES_MAX (4u * BUNDLE_BYTES_MAX)
#define EPIDEMIC_BYTES_PER_S_MAX UINT32_MAX

struct epidemic_config {
    uint64_t self;       // this peer's store id
    const char *address; // where others reach it; empty: nowhere. Borrowed.
    uint64_t seed;       // fresh randomness
    uint32_t peers_max;  // 1 to PEERS_MAX
    // What is sent may come to this on average; what answers others is counted, and not held back.
    // 0: no bound; no more than EPIDEMIC_BYTES_PER_S_MAX.
    uint64_t bytes_per_s;
    // Of a bundle, made or read in one step; 0: EPIDEMIC_STEP_BYTES, and no more than a portion.
    size_t step_bytes;
};

struct epidemic_counts {
    uint64_t payload_bytes; // operations sent
    uint64_t control_bytes; // all else
    uint64_t payloads;      // operations sent
    uint64_t sessions;      // that came to an end here, by verdict
    uint64_t verdicts[SESSION_VERDICT_COUNT];
    uint64_t sessions_opened;
};

// So that two rumors of one operation do not bring it twice.
struct epidemic_asked {
    uint64_t space;
    struct dot dot;
    uint64_t until_us;
};

struct epidemic {
    struct epidemic_config config;
    const struct store *store; // borrowed
    struct overlay overlay;
    struct list replicas;
    struct table replicas_by_id;
    uint32_t replica_count;
    uint64_t wake_us; // when some replica has something to do
    struct list sessions;
    uint32_t session_count;
    struct list carried; // bundles under way
    uint32_t carried_count;
    struct list replies; // and news, of what is not durable yet
    uint32_t reply_count;
    size_t reply_bytes; // of bundles among them
    struct peers peers;
    struct rng rng;
    struct session_world world;
    struct effects *effects; // of the step under way
    uint64_t now_us;
    uint64_t next_hello_us;
    uint64_t next_found_us; // who is found by a beacon is greeted, from then on
    uint64_t refilled_us;
    uint64_t refill_rest; // what was earned beside whole bytes, in millionths of one
    // the store has no room for what users add; set by the owner before a tick
    bool room_low;
    bool room_low_told;           // and told to the replicas
    uint64_t utc_ms;              // the time that was told last, 0 for none yet,
    uint64_t utc_told_us;         // and when
    struct epidemic_asked *asked; // owned; EPIDEMIC_ASKED_MAX by a hash, NULL until the first
    const struct signing_secret *author; // of this peer's user, for signed keyspaces; borrowed
    struct epidemic_counts counts;
    bool is_followed; // readers follow what changes: the feed is kept
    struct feed feed;
    struct buf scratch;
    // Told of a channel, and the id that it has there, that a peer keeps and this one does not;
    // NULL: not told.
    void (*on_channel)(void *context, uint64_t id, uint32_t keyspace, struct slice channel);
    // Told when nothing is left of a replica that was left.
    void (*on_left)(void *context, uint32_t keyspace, struct slice channel);
    void *context;
};

// Borrows the configuration's text and the store.
void epidemic_init(struct epidemic *epidemic, const struct epidemic_config *config,
                   const struct store *store);
void epidemic_release(struct epidemic *epidemic);

// Takes part in a keyspace (or channel of one) from now on. ERR_EXISTS; ERR_BUSY while it is being
// left; ERR_FULL past EPIDEMIC_REPLICAS_MAX; ERR_INVALID for a channel's name that is too long;
// ERR_CORRUPT, ERR_IO, ERR_VERSION of the store.
WARN_UNUSED enum err epidemic_join(struct epidemic *epidemic, uint64_t id, uint32_t keyspace,
                                   struct slice channel, const struct replica_setting *setting,
                                   uint64_t now_us);
// Takes part no more, and removes what the store has of it, bit by bit (rule R17); on_left tells
// when that is done. ERR_NOT_FOUND; ERR_RETRY while nobody else is known to have all that was
// written here: a session that began after the last write must have come to its end, in this run.
WARN_UNUSED enum err epidemic_leave(struct epidemic *epidemic, uint64_t id);
// The same without asking: what an earlier run began.
void epidemic_leave_on(struct epidemic *epidemic, uint64_t id);
// By id; NULL when this peer does not keep it, or is leaving it.
struct replica *epidemic_replica(const struct epidemic *epidemic, uint64_t id);

// To be called after a clock of the replica was put forward, but by its own tick.
void epidemic_wake_for(struct epidemic *epidemic, const struct replica *replica);

// Somebody to talk to: from the map, from the command line, or from a beacon.
void epidemic_meet(struct epidemic *epidemic, struct effects *effects, uint64_t store_id,
                   struct slice address, bool is_member);

// A beacon says where somebody is. Anybody may have sent it again, so that it counts only for who
// is not heard, or never says itself where it is: that peer is looked for there (a member of the
// map where the map says). Who is not heard is greeted at once, though not many at once.
void epidemic_on_beacon(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                        uint64_t store_id, struct slice address);

// To be called before each event (reports of what is durable included) of a replica whose map,
// lease or primary may have changed.
void epidemic_set_primary(struct epidemic *epidemic, uint64_t id,
                          const struct replica_primary *primary);

// What the time is, UTC, of which the core has no clock; it counts on from there. As long as nobody
// says it, nothing expires. What readers see is judged by it, and when the primary removes what has
// expired (rule R16): never what is applied, kept or sent.
void epidemic_tell_utc(struct epidemic *epidemic, uint64_t now_us, uint64_t utc_ms);

// --- events

void epidemic_tick(struct epidemic *epidemic, struct effects *effects, uint64_t now_us);
// Whether the message is one of these keyspaces: for all others it does nothing.
bool epidemic_takes(enum message_kind kind);
void epidemic_on_message(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t peer, const struct message *message);
void epidemic_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t token);

// A read, put, delete, list, scan, export, import or exchange of a replica, answered through
// `effects`, now or once all that it speaks of is durable. Beside the errors of request_check and
// of the space: ERR_NOT_FOUND: not kept here, or the peer of `since` is not known; ERR_BUSY: too
// much waits already; ERR_UNAVAILABLE: nobody to exchange with. Of versions of one key, the
// greatest VERSIONS_LIVE_MAX are shown.
void epidemic_request(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                      uint64_t handle, uint64_t id, const struct request *request);

// What the users of this node keep for themselves (REQUEST_KEEP, REQUEST_KEPT): it is spread
// nowhere. A list ends early past some MiB: its cursor, in slot 0, tells where to go on.
void epidemic_request_own(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                          uint64_t handle, const struct request *request);

// Answers a request of the owner's own (`reply` borrows nothing) once all that was written through
// `overlay` until now is durable.
void epidemic_reply_late(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                         const struct reply *reply);

// Opens a session with a peer now (0: one drawn at random), with an audit if asked. False when
// there is no such peer or no room for a session, or when one with this peer is under way.
bool epidemic_exchange(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                       uint64_t id, uint64_t peer, bool audit);

void epidemic_invariants(const struct epidemic *epidemic);

#endif
