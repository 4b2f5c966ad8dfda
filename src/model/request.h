// What a client asks of a node, and what it is told.
//
// The same structures travel from the front (HTTP) through the host into the cores, and, encoded,
// from a gateway to the node that can answer.
#ifndef BRUSIO_MODEL_REQUEST_H
#define BRUSIO_MODEL_REQUEST_H

#include "model/optimistic.h"
#include "model/record.h"
#include "model/slot.h"

enum request_kind {
    REQUEST_READ,
    REQUEST_PUT,
    REQUEST_DELETE,
    REQUEST_LIST,
    REQUEST_CHANGE,
    // Of optimistic keyspaces, about this node alone:
    REQUEST_SUBSCRIBE,   // keyspace, channel: keep a copy here from now on
    REQUEST_UNSUBSCRIBE, // keep none any more
    REQUEST_EXPORT,      // operations as a bundle, for a peer (`since`), or all (0)
    REQUEST_IMPORT,      // a bundle (`value`)
    REQUEST_SCAN,        // as a list, with all live versions and their values
    // What users of this node keep for themselves:
    REQUEST_KEEP,     // key, value; an empty value keeps none
    REQUEST_KEPT,     // as a list of `prefix`; values are told as versions
    REQUEST_EXCHANGE, // a session with a peer (`since`), or any (0), now
    REQUEST_KIND_COUNT
};

// What must hold of the key's newest version for a put or delete to happen (else ERR_MISMATCH).
enum condition {
    CONDITION_NONE,
    CONDITION_ABSENT,  // there is no such key (If-None-Match: *)
    CONDITION_PRESENT, // there is one (If-Match: *)
    CONDITION_STAMP,   // its stamp is `expected` (If-Match: "<stamp>")
    CONDITION_COUNT
};

// strong: linearizable. local: whatever this node has, or nothing (ERR_NOT_FOUND); reads only.
enum consistency { CONSISTENCY_STRONG, CONSISTENCY_LOCAL, CONSISTENCY_COUNT };

// A change of the cluster map that an operator asks for.
enum change_kind {
    CHANGE_NONE,
    CHANGE_FAIL,              // node
    CHANGE_RECOVER,           // node
    CHANGE_STRATEGY,          // keyspace, strategy, replication_factor
    CHANGE_KEYSPACE_CREATE,   // name, strategy, replication_factor, min_in_sync
    CHANGE_MIN_IN_SYNC,       // keyspace, min_in_sync
    CHANGE_REMOVE,            // node: once others hold what it holds
    CHANGE_OPTIMISTIC_CREATE, // optimistic, but for what the map gives it: id and primary
    CHANGE_KIND_COUNT
};

struct change {
    enum change_kind kind;
    node_id node;
    uint32_t keyspace;
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    enum strategy strategy;
    uint8_t replication_factor; // 0 in CHANGE_STRATEGY keeps what the keyspace has
    uint8_t min_in_sync;
    struct optimistic optimistic;
};

// Where a listing goes on: at the first key after `key` in `slot` (an empty `key`: at the slot's
// beginning). `slot` is SLOTS when nothing is left.
struct list_cursor {
    uint16_t slot;
    struct slice key;
};

#define LIST_LIMIT_MAX 1000

// How long what expires may live.
#define REQUEST_TTL_S_MAX (10u * 366 * 24 * 3600)

// What is exported or imported at once.
#define BUNDLE_BYTES_MAX (32u << 20)

// All slices are borrowed for the call that takes the request.
struct request {
    enum request_kind kind;
    uint32_t keyspace; // id
    struct slice key;
    struct slice value; // of a put: at most VALUE_BYTES_MAX
    enum condition condition;
    struct stamp expected;
    enum consistency consistency;
    // Of a write: names it in the record that it leaves. A gateway gives one to each that has none.
    struct operation_id operation;
    uint64_t first_epoch; // the first in which a primary may have taken it already; 0: none may
    // Of the record of its first try, if every try so far ended with ERR_UNDECIDED; else zero.
    struct stamp first_stamp;
    struct slice prefix; // of a list
    struct list_cursor cursor;
    uint32_t limit; // of a list: 1 to LIST_LIMIT_MAX
    struct change change;
    // Of an optimistic keyspace. Answered where it is asked, so that none of it travels.
    struct slice channel; // within the keyspace as a family; empty: the keyspace itself
    bool only_stable;     // of a read: what the primary has found to be stable, and nothing else
    uint64_t since;       // of an export or exchange: the store id of a peer, 0 for none
    uint64_t expiry_ms;   // of a put: readers see it until then, UTC; 0 for ever
    uint64_t now_ms;      // the time when it was asked, UTC; 0: not said. An export says it
};

// What an import did.
struct bundle_counts {
    uint64_t operations; // that the bundle held
    uint64_t news;       // of these, what was not known here
    bool closed;         // what the exporter knew is known here now; else something is missing
};

struct reply {
    enum err error;
    bool existed; // a put replaced a value; a delete found one
    // of the version read or written (on ERR_UNDECIDED: that it would be); on a mismatch, of the
    // newest one (zero: absent)
    struct stamp stamp;
    struct slice value;   // of a read; borrowed
    node_set awaited;     // on ERR_UNAVAILABLE: nodes any of which could answer once it is back
    struct slice entries; // of a list: list_entry_append's bytes; borrowed
    struct list_cursor cursor; // of a list: where to go on; key borrowed
    bool is_stable;            // of a read of an optimistic keyspace: the value is
    uint64_t expiry_ms;        // and expires then, UTC; 0: never
    struct slice versions;     // and the versions in conflict with it: version_entry_append's bytes
    struct bundle_counts bundle; // of an import
};

// One key of a listing, appended to `out`; list_entry_next takes the next one off `entries`' front,
// false at the end or when the bytes are bad (then `in->failed`).
struct list_entry {
    struct slice key;
    struct stamp stamp;
    uint64_t value_bytes;
};
void list_entry_append(struct buf *out, const struct list_entry *entry);
bool list_entry_next(struct cursor *in, struct list_entry *out);

// One of the versions that are in conflict with the one that was read, greatest first; as above.
struct version_entry {
    struct stamp stamp;
    bool is_stable;
    uint64_t expiry_ms; // UTC, 0 for never
    struct slice value;
};
void version_entry_append(struct buf *out, const struct version_entry *entry);
bool version_entry_next(struct cursor *in, struct version_entry *out);

// One key of a scan: the key, and its live versions, the one that is read first.
struct scan_entry {
    struct slice key;
    struct slice versions; // version_entry_append's bytes
};
void scan_entry_append(struct buf *out, const struct scan_entry *entry);
bool scan_entry_next(struct cursor *in, struct scan_entry *out);

// ERR_INVALID or ERR_TOO_LARGE when a field is outside what its comment says.
WARN_UNUSED enum err request_check(const struct request *request);

void request_encode(struct buf *out, const struct request *request);
void reply_encode(struct buf *out, const struct reply *reply);
// Total over any bytes; slices borrow from `bytes`.
WARN_UNUSED enum err request_decode(struct slice bytes, struct request *out);
WARN_UNUSED enum err reply_decode(struct slice bytes, struct reply *out);

#endif
