// One keyspace as this peer takes part in spreading it: its space, what is hot of it, its settings
// and its clocks.
#ifndef BRUSIO_CORE_EPIDEMIC_REPLICA_H
#define BRUSIO_CORE_EPIDEMIC_REPLICA_H

#include "core/epidemic/rumor.h"
#include "core/epidemic/session.h"
#include "core/epidemic/stability.h"
#include "model/cluster_map.h"

// What a keyspace lays down for all its peers.
struct replica_setting {
    struct space_setting space;
    uint32_t rumor_k;         // 1 to RUMOR_K_MAX
    uint64_t rumor_ms;        // a round of rumors
    uint64_t anti_entropy_ms; // T: a session with somebody
    uint64_t audit_ms;        // a full one
    uint64_t retention_ms;    // how long what is stable is kept before garbage goes
    uint64_t stability_ms;    // how often the primary says what is stable
    uint64_t expiry_skew_ms;  // how long after its expiry, by the primary's clock, a version goes
};

#define REPLICA_RUMOR_MS 1000u
#define REPLICA_ANTI_ENTROPY_MS 10000u
#define REPLICA_AUDIT_MS (24u * 3600 * 1000)
#define REPLICA_RETENTION_MS (7u * 24 * 3600 * 1000)
#define REPLICA_STABILITY_MS 1000u
// A removal is for ever: by then a clock that is not far off says as well that it has expired.
#define REPLICA_EXPIRY_SKEW_MS (60u * 1000)

// The settings that a keyspace has when nobody chose others; the secret is the caller's.
struct replica_setting replica_setting_default(void);

// Peers of which it is remembered what they know.
#define REPLICA_FRIENDS_MAX 32u

struct replica_friend {
    uint64_t peer; // 0: none
    struct knowledge known;
};

#define REPLICA_CROWDED_BYTES_MAX (64u << 10)
#define REPLICA_EXPIRING_BYTES_MAX (128u << 10)

// Who makes operations stable, by the newest map known here: borrowed until it is told anew.
struct replica_primary {
    bool is_self; // this node is the primary, and holds its lease
    node_id self;
    const struct signing_secret *secret;
    const struct cluster_map *map;
    const struct optimistic *keyspace; // in that map
};

struct replica {
    struct list link;
    struct table_node node; // by id
    struct space space;
    struct rumor rumor;
    struct replica_setting setting;
    bool leaving;                              // is being removed; takes part in nothing
    uint32_t keyspace;                         // its id in the map
    char channel[KEYSPACE_NAME_BYTES_MAX + 1]; // within the family; empty: the keyspace itself
    struct replica_friend friends[REPLICA_FRIENDS_MAX];
    uint32_t next_friend;
    uint64_t next_rumor_us;
    uint64_t next_session_us;
    uint64_t next_audit_us;
    uint64_t next_stability_us;
    uint64_t next_sweep_us; // or, while leaving, of a bit of removing
    uint64_t next_check_us; // of some slots' digests
    uint16_t next_checked;  // the slot
    struct buf crowded;     // keys with too many live versions: counted, each
    struct buf expiring;    // keys that a sweep has met with versions that expire: counted, each
    struct replica_primary primary;
    // the newest record that was taken, as it came; empty without one
    struct buf stability;
    struct stamp stability_number; // its number
    bool stability_unread;         // it was loaded, and the space may not have heard of it
    // while the map names this peer as primary, since its first lease
    struct stability_maker *maker;
    uint64_t maker_since;     // the epoch since which it does
    struct knowledge durable; // what was known when `durable_token` was taken
    bool durable_awaited;     // until that token is durable, too
    uint64_t durable_token;
    struct buf unpublished; // a record that is not durable yet; empty without one
    struct stamp unpublished_number;
    uint64_t unpublished_token;
    uint64_t clean_audit_us; // when the last audit began that found nothing; 0: none yet
    bool given;              // somebody is known to have had all that was written here, but for
    uint64_t given_origin;   // what this run wrote under another origin than this,
    uint64_t given_next;     // or from this number on
};

#endif
