// One optimistic keyspace as one peer has it: knowledge, versions, clock, digests; on disk and in
// memory alike.
//
// Promise
//  1. What changes together is written together, in one batch: headers and values, knowledge,
//     numbers, clock and digests.
//  2. Knowledge means possession: for each known dot, it is live, or a certificate, or a stored
//     header covers it, or it is dead under the horizon. Hence equal knowledge, equal live
//     versions.
//  3. A dot names one operation: a run of the program writes under an origin that it drew itself,
//     and draws another as soon as anybody names that one beyond what was written.
//  4. What was stable stays so.
//
// Invariants
//  1. The horizon is within what is known, and within what is stable. (What is stable need not be
//     known: it is the primary's word.)
//  2. The digests are those of the live versions: of (key, dot, id), keyed with the secret.
//  3. The clock is not below the counter of any own operation.
//
// It sends nothing and chooses no peer: sessions, rumors and bundles bring operations here. No
// visitor may call anything of the space, or of its store. What the store cannot read is an error
// of the reader's, and of who applies as if lost (SPACE_REFUSED): a store that fails ends its node.
#ifndef BRUSIO_CORE_EPIDEMIC_SPACE_H
#define BRUSIO_CORE_EPIDEMIC_SPACE_H

#include "core/effect/overlay.h"
#include "core/epidemic/space_digests.h"
#include "core/epidemic/versions.h"
#include "model/request.h"

// A receipt moves the clock forward by at most this, so that a forged counter does not use it up.
#define SPACE_CLOCK_STEP_MAX (UINT64_C(1) << 20)
// Past so many gaps in what is known of an origin, rumors of it are refused as if lost: sessions,
// which fill gaps, go on.
#define SPACE_INTERVALS_MAX 64u
// Origins of this run that were lost (rule R1) and whose writes are being issued again.
#define SPACE_LOST_MAX 4u
// A key of a signed space begins with so many bytes of the SHA-256 of its author's key.
#define SPACE_FINGERPRINT_BYTES 16u

// A pure function of an operation's header: whether the keyspace may hold it. Every peer decides
// alike, and decides once: the value is not there to be looked at, as a bare header has none.
typedef bool space_fit(const struct operation *header);

struct space_setting {
    uint64_t secret; // keys the digests
    bool is_signed;  // operations are signed, and their keys begin with their author's fingerprint
    space_fit *fits; // NULL: anything
};

// What an operation that arrived came to.
enum space_outcome {
    SPACE_NEWS,    // applied: its dot is known from now on
    SPACE_KNOWN,   // nothing changes
    SPACE_STORED,  // a header was stored (or a value restored), nothing was learned
    SPACE_REFUSED, // no room, or past a limit: as if lost
    SPACE_BAD,     // no operation of this space: its sender is at fault
    SPACE_OUTCOME_COUNT
};

enum space_source {
    SPACE_FROM_RUMOR,
    SPACE_FROM_SESSION, // or from a bundle
    SPACE_FROM_AUDIT    // asked for although its dot is known
};

// An origin that somebody else writes under, too.
struct lost_origin {
    uint64_t origin;
    uint64_t next; // the first number that may have to be issued again
    uint64_t last; // the last number written here
};

struct space {
    uint64_t id;
    struct overlay *store; // borrowed
    struct space_setting setting;
    struct knowledge known;   // K
    struct knowledge stable;  // S
    struct knowledge horizon; // H
    struct knowledge strays;  // dots of stored headers that are not known: bare ones
    uint64_t clock;
    uint64_t origin;      // of this run; 0 before its first write
    uint64_t next;        // the next number of `origin`
    uint64_t last_origin; // as the store has them: of the last write, in whichever run
    uint64_t last_next;
    struct lost_origin lost[SPACE_LOST_MAX];
    uint32_t lost_count;
    struct signing_secret author; // of the last write here, to sign what is issued again
    bool has_author;
    struct rng rng; // draws origins
    struct space_digests digests;
    uint64_t certificates;
    uint64_t covered;                // bare and kept headers
    uint64_t revision;               // grows with every change
    uint64_t live_changes;           // grows when a version becomes live that was not written here
    const struct knowledge *watched; // borrowed from a session, or NULL:
    uint64_t watched_live;           // so many versions with these dots became live meanwhile
    uint64_t bad;                    // operations that were dropped as bad
    uint64_t unfit;    // that are known and not stored, for the keyspace may not hold them
    uint64_t twins;    // dots used twice
    uint64_t reissued; // own writes issued again under another origin
    bool room_low;     // puts from elsewhere are refused; the caller sets it
    uint64_t utc_ms;   // what has expired by then is not read; 0: not known; the caller sets it
    bool damaged;      // the digests were not those of a recount: an audit must mend it
    bool forgetting;   // space_forget has begun and not ended
    // Told of each key of which other versions are live than before; NULL: nobody is.
    void (*on_change)(void *context, struct space *space, struct slice key);
    void *change_context;
    // Told by a sweep of each key with more than VERSIONS_LIVE_MAX live versions; nothing of the
    // space may be called from inside.
    void (*on_crowded)(void *context, struct space *space, struct slice key);
    // Told by a sweep of each key with a live version that expires, or has; as above.
    void (*on_expiring)(void *context, struct space *space, struct slice key);
    struct versions versions; // of the key in hand; nothing between calls
    struct buf entries;       // what the store has of that key
    struct buf scratch;
    struct buf swept_after; // where the sweep for garbage goes on
};

// The id of a keyspace on disk and wire: of its cluster, the keyspace's id in the map, and the
// channel within its family (empty for the keyspace itself).
uint64_t space_id_of(uint64_t cluster_high, uint64_t cluster_low, uint32_t keyspace,
                     struct slice channel);

// Reads what the store has of the space; of a new one, nothing. ERR_CORRUPT, ERR_IO of the store,
// ERR_VERSION when a newer program wrote it; then nothing is to be released. `seed` must be fresh
// randomness for each run of the program.
WARN_UNUSED enum err space_open(struct space *space, uint64_t id,
                                const struct space_setting *setting, struct overlay *store,
                                uint64_t seed);
void space_release(struct space *space);

// --- reading

enum space_view { SPACE_LATEST, SPACE_STABLE };

struct space_version {
    struct dot dot;
    struct sha256 id;
    struct stamp stamp;
    uint64_t expiry_ms; // UTC, 0 for never
    bool is_stable;
    bool is_signed;
    struct signing_key author;
    struct slice value; // borrowed for the visit
};

// Called for the winner first, then for the other live ones, greatest first; not for what has
// expired by `utc_ms` (rule R16), which is as if it were not there to all readers, and to the
// conditions of writes. False ends it.
typedef bool space_visit(void *context, const struct space_version *version);

// ERR_NOT_FOUND without a live version (under SPACE_STABLE: a stable one; only the winner is
// visited). ERR_UNAVAILABLE: what is stable of the key is not held here: it had been replaced
// before it was stable. The primary, whose word S is, never answers that, and shows what rule R9
// makes of S, but of keys of which headers came without their operations. Elsewhere, what was
// stable before may be shown for a while. ERR_BUSY while the space is forgotten.
WARN_UNUSED enum err space_read(struct space *space, struct slice key, enum space_view view,
                                space_visit *visit, void *context);

// Keys with a live version, in order of (slot, key), from after `cursor` on, with `prefix`, at most
// `limit`. Appends list entries to `out`, whose stamp and size are the winner's, and moves the
// cursor (its key borrows from the space, until the next call): to slot SLOTS when nothing is left.
// `limit` is 1 to LIST_LIMIT_MAX. There may be fewer before the end: a page looks at so many keys,
// and leaves out those of which all has expired by `utc_ms`. ERR_INVALID for no cursor.
WARN_UNUSED enum err space_list(struct space *space, struct slice prefix,
                                struct list_cursor *cursor, uint32_t limit, struct buf *out);

// --- writing

struct space_write {
    struct slice key;
    struct slice value;
    bool dead;
    uint64_t expiry_ms; // of a put: UTC, 0 for never
    enum condition condition;
    struct stamp expected;
    const struct signing_secret *author; // in a signed space; borrowed
};

struct space_written {
    struct dot dot;
    struct stamp stamp; // on ERR_MISMATCH: the winner's, zero without one
    bool existed;       // there was a live version before
};

// Writes here and now (rule R6). A delete of nothing is no operation: ERR_NOT_FOUND. ERR_MISMATCH:
// the condition does not hold of the local winner. ERR_TOO_LARGE: too many versions to replace.
// ERR_DENIED: a signed space, and no author whose key this is. ERR_FULL: the store, for a put.
// ERR_BUSY: too much waits for the store. ERR_INVALID: the keyspace may not hold it. It may be
// acknowledged and spread once what was written until now is durable.
WARN_UNUSED enum err space_write(struct space *space, struct effects *effects,
                                 const struct space_write *write, struct space_written *out);

// Writes a delete of the live versions of a key that had expired by `until_ms`, and of nothing else
// (rule R16): what lives on beside them, here or elsewhere, is not covered. ERR_NOT_FOUND: none
// has. For the rest as space_write. `author` may be NULL in a space that is not signed.
WARN_UNUSED enum err space_expire(struct space *space, struct effects *effects, struct slice key,
                                  uint64_t until_ms, const struct signing_secret *author,
                                  struct dot *out);

// The bytes that every key of an author begins with in a signed space.
void space_fingerprint(const struct signing_key *author, uint8_t out[SPACE_FINGERPRINT_BYTES]);

// --- arrivals

// Applies an operation from elsewhere (rule R7). Verifies value hash and signature.
enum space_outcome space_apply(struct space *space, struct effects *effects,
                               const struct operation *operation, enum operation_form form,
                               enum space_source source);

// What a session's close says: all of `known` is known from now on (rule R11). The caller has seen
// that nothing of it is missing here, and in the same step hands the sender's horizon to
// space_stabilise: what the sender has dropped under it is known here from now on, and promise 2
// holds only if it is dead under the horizon here as well. ERR_TOO_LARGE past the bounds of
// knowledge: nothing changes.
WARN_UNUSED enum err space_apply_close(struct space *space, struct effects *effects,
                                       const struct knowledge *known);

// S grows by `stable`, and H by `horizon` if all of that is known here (rule R10: else H stays, and
// the caller tries again when more is known). Neither ever shrinks: what was dropped under a
// horizon is dropped. What is under the horizon is stable. A damaged space extends no horizon.
// ERR_TOO_LARGE past the bounds of knowledge: nothing changes.
WARN_UNUSED enum err space_stabilise(struct space *space, struct effects *effects,
                                     const struct knowledge *stable,
                                     const struct knowledge *horizon);

// Drops a live version that is dead elsewhere under the horizon (rule R13b). Ignored when it is not
// live. Its header stays, bare, until the horizon reaches it here: what it covers is dead as well,
// and may still arrive.
void space_drop(struct space *space, struct effects *effects, struct dot dot, uint64_t id_head);

// To be told of every set of dots that came from elsewhere: if it names this run's origin at or
// above the next number, someone else writes as we do (a copied disk or machine). Then the writes
// of this run that nothing covers are issued again under a fresh origin (rule R1).
void space_hear(struct space *space, struct effects *effects, const struct knowledge *claimed);

// --- giving

// What a session sends: stored operations of an origin, in order of numbers, from `first` to `last`
// (a valid interval). `operation` borrows for the visit; its form is OPERATION_PUT when it is live,
// with the value. False ends the walk. `id_head` is the first eight bytes of the id.
typedef bool space_walk(void *context, const struct operation *operation, enum operation_form form,
                        uint64_t id_head);
WARN_UNUSED enum err space_walk_origin(struct space *space, uint64_t origin,
                                       struct interval interval, space_walk *walk, void *context);

// One stored operation; ERR_NOT_FOUND. Borrows until the next call.
WARN_UNUSED enum err space_find(struct space *space, struct dot dot, uint64_t id_head,
                                struct operation *out, enum operation_form *form);
// Any with that dot.
WARN_UNUSED enum err space_find_dot(struct space *space, struct dot dot, struct operation *out,
                                    enum operation_form *form);

// Whether a stored header of the key covers the dot; that one into `out` (borrowed as above).
WARN_UNUSED enum err space_find_coverer(struct space *space, struct slice key, struct dot dot,
                                        struct operation *out, enum operation_form *form);

// The live versions of a slot, in order of keys.
struct space_item {
    struct dot dot;
    uint64_t id_head;
    struct slice key; // borrowed for the visit
};
typedef bool space_visit_item(void *context, const struct space_item *item);
WARN_UNUSED enum err space_walk_slot(struct space *space, uint16_t slot, space_visit_item *visit,
                                     void *context);

// --- upkeep

// Looks at some keys after where the last call ended, at most `keys`; drops garbage (rule R10),
// makes bare what need not be kept; goes on with what space_hear or space_forget have begun. True
// when the end was reached, and the next call begins anew.
bool space_sweep(struct space *space, struct effects *effects, uint32_t keys);

// Whether the digest of a slot is that of a recount; if not, it is from now on, and the space is
// `damaged`. Costs a look at each key of the slot: all slots one after the other, a few now and
// then, notice what a disk has lost (rule R17).
WARN_UNUSED enum err space_check_slot(struct space *space, struct effects *effects, uint16_t slot,
                                      bool *out_equal);

// Whether the digests are those of a recount, of all slots; sets `damaged` if not, and then counts
// what is there. Costs a walk over everything.
WARN_UNUSED enum err space_recount(struct space *space, struct effects *effects, bool *out_equal);

// Removes all that the store has of the space, but for the clock, the next number and the origin's
// name, at most `most` pairs in one call; true when nothing is left, and the space is a new one.
// From the first call on, over restarts too, until then it gives nothing and takes nothing
// (ERR_BUSY, SPACE_REFUSED).
bool space_forget(struct space *space, struct effects *effects, uint32_t most);

// What two peers compare before anything else: equal summaries, equal spaces (but for
// what is stable, which has numbers of its own). Salted.
struct space_summary {
    struct hash128 known;
    struct hash128 horizon;
    uint64_t live;
};
void space_summarise(const struct space *space, uint64_t salt, struct space_summary *out);

// Aborts unless the invariants hold that can be seen without walking the store.
void space_invariants(const struct space *space);

#endif
