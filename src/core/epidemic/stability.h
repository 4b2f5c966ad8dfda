// What the primary of an optimistic keyspace says: what is stable, and what is dead for good under
// the horizon (rule R15; "stable" and "tentative" after Terry et al., 1995, section 5).
//
// Promise
//  1. A record says the same to everybody: it is signed over its space, number, signer and both
//     sets, and decodes from the very bytes that encoding gives, and from no others.
//  2. Who is no primary is not taken: of the epochs since which there is this primary, only its own
//     records are; of older ones, those of any node of the map.
//  3. Of one maker, numbers rise strictly and both sets only grow. A dot is in the horizon only
//     once the primary knew it durably for the whole retention, and found itself in order in an
//     audit that began later than that.
//
// Invariants of a record (stability_decode accepts no other)
//  1. The horizon is within what is stable.
//  2. Epoch and sequence are not 0; the signer is a node id.
//  3. It takes at most STABILITY_BYTES_MAX bytes, so that it fits a message and a store's value.
//
// It sends and stores nothing: who publishes a record has stored it durably before, so that a new
// run goes on above its number.
#ifndef BRUSIO_CORE_EPIDEMIC_STABILITY_H
#define BRUSIO_CORE_EPIDEMIC_STABILITY_H

#include "core/epidemic/space.h"
#include "model/node_set.h"

#define STABILITY_BYTES_MAX (8u << 20)
#define STABILITY_SNAPSHOTS_MAX 32u

// All zero is empty, and not valid.
struct stability_record {
    uint64_t space;
    struct stamp number; // counter: the epoch of the map; id: the sequence within it
    node_id node;        // the signer
    struct knowledge stable;
    struct knowledge horizon;
    struct signature signature;
};

void stability_release(struct stability_record *record);

// Signs what is there. ERR_TOO_LARGE past STABILITY_BYTES_MAX. The invariants must hold (checked).
WARN_UNUSED enum err stability_sign(struct stability_record *record,
                                    const struct signing_secret *secret);
bool stability_signature_is_good(const struct stability_record *record,
                                 const struct signing_key *key);

// Appends a record whose invariants hold (checked).
void stability_encode(struct buf *out, const struct stability_record *record);

// ERR_TOO_LARGE, or ERR_INVALID: then `out`, which must be empty, is. Total. The signature is not
// verified.
WARN_UNUSED enum err stability_decode(struct slice bytes, struct stability_record *out);

// --- whether to take a record

// What this peer's newest map says of the keyspace.
struct stability_authority {
    uint64_t space;
    uint64_t epoch;  // of the map
    node_id primary; // NODE_NONE while there is none
    uint64_t since;  // the epoch since which it has been primary without a break
    // The public key of a node of the map; NULL when the map has no such node. Borrowed.
    const struct signing_key *(*key_of)(const void *context, node_id node);
    const void *context;
};

enum stability_verdict {
    STABILITY_TAKE,
    STABILITY_LATER,  // of an epoch above the map's: ask for the map, and judge again
    STABILITY_FENCED, // by who is no primary, or is not in the map any more: no fault of its bearer
    STABILITY_FORGED, // altered, or of another space
    STABILITY_VERDICT_COUNT
};

// A record of an epoch before `since` is taken from any node of the map: the map does not say who
// was primary then, and a member signs only while it is. Total.
enum stability_verdict stability_judge(const struct stability_record *record,
                                       const struct stability_authority *authority);

// --- making records

// What the primary knew durably at a time. All of it was stable from then on.
struct stability_snapshot {
    uint64_t taken_us;
    struct knowledge known;
};

// Of one keyspace, for as long as this node is its primary. Snapshots are of this run: a restart,
// or another primary, begins the retention anew.
struct stability_maker {
    node_id node;
    uint64_t retention_us;
    struct stability_snapshot snapshots[STABILITY_SNAPSHOTS_MAX]; // oldest first
    uint32_t snapshot_count;
    bool changed;                   // the sets of `newest` grew since it was signed
    struct stability_record newest; // the last one made, or what it goes on from
};

// What holds when a record is to be made.
struct stability_moment {
    uint64_t epoch;  // of the newest map, which names this node as primary
    uint64_t now_us; // monotonic
    bool lease_held;
    uint64_t clean_audit_us; // when the last audit *began* that found nothing; 0: none in this run
    const struct signing_secret *secret; // of this node; borrowed for the call
};

// `newest`: the newest record that is stored here, whoever made it; copied; NULL without one.
void stability_maker_init(struct stability_maker *maker, node_id node, uint64_t retention_ms,
                          const struct stability_record *newest);
void stability_maker_release(struct stability_maker *maker);

// What is stable grows by `durable`, the part of what the space knows that is durable here, and by
// what others made stable. Gives a signed record, borrowed until the next call. ERR_RETRY, and no
// record, when there is nothing new to say, without the lease, and when a newer epoch has spoken.
// ERR_TOO_LARGE past the bounds of knowledge or of a record. While the space is damaged, the
// horizon stays (rule R17).
WARN_UNUSED enum err stability_make(struct stability_maker *maker, const struct space *space,
                                    const struct knowledge *durable,
                                    const struct stability_moment *moment,
                                    const struct stability_record **out);

// Aborts unless the invariants hold.
void stability_maker_invariants(const struct stability_maker *maker);

#endif
