// The layout of optimistic keyspaces in the store: keys and values of their three tables.
//
//     STORE_OPERATIONS  space 8, origin 8, number 8, head of the id 8   state, operation
//     STORE_VERSIONS    space 8, slot 2, key                            an entry for each header
//     STORE_SPACES      space 8, kind 1, then                           by kind:
//                         origin 8                                        intervals
//                         slot 2                                          the slot's digest
//                         nothing                                         struct space_state
//
// Numbers in keys are big-endian, so that an origin, a slot, and a space are one range each. The
// head of an id is its first eight bytes: a dot that was used twice has two places.
//
// Promise: one thing, one key, one value. Parsing any bytes gives a thing or fails.
//
// It reads and writes no store, and does not compare things with each other.
#ifndef BRUSIO_CORE_EPIDEMIC_SPACE_STORE_H
#define BRUSIO_CORE_EPIDEMIC_SPACE_STORE_H

#include "core/epidemic/operation.h"
#include "core/epidemic/versions.h"
#include "model/slot.h"
#include "port/store.h"

// Kinds of records in STORE_SPACES.
enum record_kind {
    RECORD_STRAYS = 'b',  // of an origin: numbers of stored headers that are not known
    RECORD_STATE = 'c',   // struct space_state
    RECORD_DIGEST = 'd',  // of a slot in which something lives
    RECORD_HORIZON = 'h', // of an origin
    RECORD_KNOWN = 'k',   // of an origin
    RECORD_STABLE = 's'   // of an origin
};

struct space_key {
    uint8_t bytes[STORE_KEY_BYTES_MAX];
    size_t length;
};

static inline struct slice space_key_slice(const struct space_key *key)
{
    return slice_of(key->bytes, key->length);
}

void space_key_operation(struct space_key *out, uint64_t space, struct dot dot, uint64_t id_head);

// `key` at most KEY_BYTES_MAX bytes (checked); an empty one gives the slot's beginning. `slot`
// SLOTS gives the space's end.
void space_key_versions(struct space_key *out, uint64_t space, unsigned slot, struct slice key);

// `origin` is used by the kinds that are of one, `slot` by RECORD_DIGEST.
void space_key_record(struct space_key *out, uint64_t space, enum record_kind kind, uint64_t origin,
                      uint16_t slot);

// The range of a space in any table. The end may be empty: the table's.
void space_key_range(struct space_key *first, struct space_key *end, uint64_t space);

// Makes of a key the first one after it.
void space_key_step(struct space_key *key);

// Take apart what a scan of one space gave; false when it is none.
bool space_key_read_operation(struct slice bytes, struct dot *dot, uint64_t *id_head);
bool space_key_read_versions(struct slice bytes, uint16_t *slot, struct slice *key);
bool space_key_read_record(struct slice bytes, enum record_kind *kind, uint64_t *origin,
                           uint16_t *slot);

// An operation in the store.
struct stored {
    enum version_state state;
    struct operation operation; // with its value, if it is live or kept
};

static inline bool state_has_value(enum version_state state)
{
    return state == VERSION_LIVE || state == VERSION_KEPT;
}

void stored_encode(struct buf *out, const struct operation *operation, enum version_state state);
// Slices borrow from `bytes`. ERR_CORRUPT.
WARN_UNUSED enum err stored_decode(struct slice bytes, uint64_t space, struct stored *out);

// One header of a key. A key's entries follow each other.
struct space_entry {
    enum version_state state;
    bool expires; // the put says when
    struct dot dot;
    uint64_t id_head;
};

void space_entry_append(struct buf *out, const struct space_entry *entry);
// False at the end, or when the bytes are bad (then `in->failed`).
bool space_entry_next(struct cursor *in, struct space_entry *out);

// What a space is beside its sets and digests.
struct space_state {
    uint64_t clock;
    uint64_t origin; // of the last write, 0 for none
    uint64_t next;   // its next number
    uint64_t certificates;
    uint64_t covered;
    bool damaged;
    bool forgetting;
};

void space_state_encode(struct buf *out, const struct space_state *state);
// ERR_CORRUPT; ERR_VERSION when a newer program wrote it.
WARN_UNUSED enum err space_state_decode(struct slice bytes, struct space_state *out);

#endif
