// A simulated optimistic keyspace: its peers, the net between them, the map that names its primary,
// and what the run has come to so far.
//
// Promise: the same setting and the same calls give the same events, in order.
//
// Invariants
//  1. Maps are numbered by epoch, from 1 on; a peer's map is one of them.
//  2. The first violation is kept; later ones are not told.
//
// It draws no faults and writes nothing: epidemic_faults and epidemic_load do.
#ifndef BRUSIO_SIM_EPIDEMIC_WORLD_H
#define BRUSIO_SIM_EPIDEMIC_WORLD_H

#include "sim/epidemic_load.h"
#include "sim/epidemic_oracle.h"
#include "sim/epidemic_peer.h"

#define EPIDEMIC_WORLD_PEERS_MAX 5000u
#define EPIDEMIC_WORLD_KEYS_MAX 64u
#define EPIDEMIC_WORLD_MEMBERS_MAX 5u
#define EPIDEMIC_WORLD_MAPS_MAX 32u
#define EPIDEMIC_WORLD_KEYSPACE 1u
#define EPIDEMIC_WORLD_RATE_PPM_MAX 10000
// What clocks on the wall show at first, give or take what they differ by.
#define EPIDEMIC_WORLD_UTC_MS UINT64_C(1700000000000)
#define EPIDEMIC_WORLD_UTC_APART_MS 2000u
// The handle of requests for bundles, which the load's never are.
#define EPIDEMIC_WORLD_BUNDLE_HANDLE UINT64_MAX

struct epidemic_world_setting {
    uint64_t seed;
    uint32_t peers;
    uint32_t keys;
    uint32_t peers_max;          // that each peer remembers
    uint32_t contacts;           // other peers that each is told of when it starts
    uint64_t bytes_per_s;        // 0: no bound
    uint32_t unreachable_in_ten; // peers to which nobody can connect, the first not among them
    bool clocks_drift;
    bool tracing;
    struct replica_setting replica;
    struct net_sim_faults net;
    struct delay sync;
};

struct epidemic_world {
    struct timeline *timeline;
    struct net_sim *net;
    struct rng rng;      // of what happens
    struct rng look_rng; // of what is looked at
    uint64_t space;
    struct replica_setting replica;
    uint32_t peers_max;
    uint32_t contacts;
    uint64_t bytes_per_s;
    struct delay sync;
    bool clocks_drift;
    struct epidemic_peer *peers; // owned
    uint32_t peer_count;
    uint32_t keys;
    struct cluster_map *maps; // owned; of epochs 1, 2, ...
    uint32_t map_count;
    struct signing_secret secrets[EPIDEMIC_WORLD_MEMBERS_MAX];
    uint32_t member_count; // the first peers are the map's members
    struct epidemic_oracle oracle;
    struct epidemic_load load;
    struct epidemic_sight sight; // of the check under way
    // Told of answers to requests with EPIDEMIC_WORLD_BUNDLE_HANDLE; NULL: nobody is.
    void (*on_bundle)(void *context, struct epidemic_peer *peer, const struct reply *reply);
    void *bundle_context;
    uint64_t looks;    // keys that were looked at
    uint64_t removals; // of what had expired
    uint64_t crashes;
    uint64_t disks_lost;           // and keyspaces forgotten
    struct epidemic_counts counts; // of processes that are gone
    bool tracing;
    uint64_t trace_hash;
    const char *violation; // NULL while all is well
    char violation_text[256];
};

void epidemic_world_init(struct epidemic_world *world,
                         const struct epidemic_world_setting *setting);
void epidemic_world_release(struct epidemic_world *world);

uint64_t epidemic_world_now_us(const struct epidemic_world *world);

// Starts all peers that are down.
void epidemic_world_start_all(struct epidemic_world *world);

// "k7"; valid until the next call of this with the same buffer.
#define EPIDEMIC_KEY_BYTES 16
struct slice epidemic_world_key(uint32_t key, char text[EPIDEMIC_KEY_BYTES]);
// Of a key's bytes; UINT32_MAX for what is none of the world's.
uint32_t epidemic_world_key_of(const struct epidemic_world *world, struct slice name);

// A new map, in which another member (or none, for `member_count`) is primary. Only that one hears
// of it at once.
void epidemic_world_move_primary(struct epidemic_world *world, uint32_t member);
// The peer that the newest map names; NULL for none.
struct epidemic_peer *epidemic_world_primary_of(struct epidemic_world *world);
// The peer hears of the newest map.
void epidemic_world_tell_map(struct epidemic_world *world, struct epidemic_peer *peer);

// A peer that is down starts after so long.
void epidemic_world_restart_later(struct epidemic_world *world, struct epidemic_peer *peer,
                                  uint64_t us);

// Noted, and told to the trace.
void epidemic_world_violation(struct epidemic_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// One line of the trace, with its time.
void epidemic_world_trace(struct epidemic_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void epidemic_world_add_counts(struct epidemic_counts *to, const struct epidemic_counts *from);

// --- for its peers

int32_t epidemic_world_draw_rate(struct epidemic_world *world);
bool epidemic_world_hears(struct epidemic_world *world, const struct epidemic_peer *peer,
                          uint64_t from);
// Tells a peer that starts of some others, of which one can be connected to.
void epidemic_world_introduce(struct epidemic_world *world, struct epidemic_peer *peer);
void epidemic_world_primary(struct epidemic_world *world, const struct epidemic_peer *peer,
                            struct replica_primary *out);
void epidemic_world_on_reply(struct epidemic_world *world, struct epidemic_peer *peer,
                             uint64_t handle, const struct reply *reply);
// Of a process that is about to go.
void epidemic_world_on_crash(struct epidemic_world *world, struct epidemic_peer *peer);
void epidemic_world_on_broken_disk(struct epidemic_world *world, struct epidemic_peer *peer,
                                   enum err error);

#endif
