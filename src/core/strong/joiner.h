// A joiner's side of sync. It gets every new write from the start, and reconciles the past against
// the primary of each slot, one way: the primary is the authority, what the joiner alone has goes.
//
// A session covers slots of one keyspace that joined by one join id under one authority:
//   settle -> open (digests) -> which slots differ, coded symbols -> more symbols until decoded ->
//   what the joiner alone has goes -> fetch records -> persisted -> report.
// Settling waits until all that was written before is durable, for only then does a listing show
// it: a slot that moved away and back may still have removals on their way to the store. Every step
// may be repeated, so that a lost message costs time only; a session that gets nowhere, or whose
// slots have another join id or authority in a newer map, begins again. Records are fetched at a
// bounded rate.
//
// Invariants
//  1. A key that came by INV since the join is never overridden or deleted, except by a greater
//     stamp.
//  2. What is in flight at the authority is in flight here.
//  3. A slot is reported only after everything that its sync brought is persisted.
#ifndef BRUSIO_CORE_STRONG_JOINER_H
#define BRUSIO_CORE_STRONG_JOINER_H

#include "core/reconcile/riblt.h"
#include "core/strong/strong_parts.h"
#include "core/strong/sync_items.h"

enum sync_phase {
    SYNC_IDLE,
    SYNC_SETTLING,
    SYNC_OPENING,
    SYNC_DECODING,
    SYNC_FETCHING,
    SYNC_PACING, // the next fetch waits, so that sync leaves room for clients
    SYNC_PERSISTING
};

// What this node has brought in sync: the join id of each slot's last finished sync.
struct sync_progress {
    uint32_t keyspace;
    uint64_t synced_join[SLOTS];
};

struct joiner {
    struct sync_progress *progress[KEYSPACES_MAX];
    unsigned progress_count;

    bool joins; // anywhere, by the newest map
    enum sync_phase phase;
    uint64_t session;
    uint32_t keyspace;
    uint64_t join_epoch;
    node_id authority;
    struct slot_set slots;
    struct slot_set differing;
    struct sync_items items;
    struct riblt_decoder decoder;
    uint32_t fetch_next;   // of decoder.remote_only
    uint64_t fetch_number; // counts fetches, so that a repeated answer is known
    uint64_t token;
    uint64_t sent_us;
    unsigned resends;
    uint64_t paced_us; // no fetch before
};

// Forgets the session under way.
void joiner_abort(struct joiner *joiner);

// Whether a slot waits for sync from a live authority; its set comes out.
bool joiner_lacks(const struct strong *strong, uint32_t keyspace, uint16_t slot);

// --- joiner_apply.c

// Removes what only this node has, as the decoder found.
void joiner_remove_extra(struct strong *strong, struct effects *effects);
// Notes what was deleted in the slots that differ, as the authority tells; false when its bytes are
// bad.
bool joiner_note_deletes(struct strong *strong, struct effects *effects, struct slice deletes);
// Takes one message's records; false when its bytes are bad.
bool joiner_apply(struct strong *strong, struct effects *effects, uint64_t now_us,
                  struct slice records);

#endif
