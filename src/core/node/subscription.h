// Which keyspaces and channels a node keeps, or has left, beyond what the map and its command line
// say: notes in its data store, so that it goes on after a restart.
//
// Promise: a note is written together with what else the step writes, and is read as it was written
// last, durable or not. Damaged notes are as if there were none.
//
// It keeps and leaves nothing by itself.
#ifndef BRUSIO_CORE_NODE_SUBSCRIPTION_H
#define BRUSIO_CORE_NODE_SUBSCRIPTION_H

#include "core/effect/overlay.h"
#include "model/keyspace.h"

#define SUBSCRIPTIONS_MAX 4096u

enum subscription_state {
    SUBSCRIPTION_NONE,    // nothing is noted
    SUBSCRIPTION_KEPT,    // somebody asked for it, or it was heard of
    SUBSCRIPTION_LEAVING, // it is being removed here
    SUBSCRIPTION_GONE,    // it was, and stays away although the command line names it
    SUBSCRIPTION_STATE_COUNT
};

struct subscription {
    uint32_t keyspace;
    struct slice channel; // empty: the keyspace itself; borrowed
    enum subscription_state state;
};

// Borrows the channel's bytes, at most KEYSPACE_NAME_BYTES_MAX.
enum subscription_state subscription_state_of(struct overlay *overlay, uint32_t keyspace,
                                              struct slice channel);
void subscription_note(struct overlay *overlay, struct effects *effects,
                       const struct subscription *subscription);

// Appends all notes, at most SUBSCRIPTIONS_MAX; to be read by subscription_next, which is false at
// the end. Errors of the store.
WARN_UNUSED enum err subscriptions_list(struct overlay *overlay, struct buf *out);
bool subscription_next(struct cursor *in, struct subscription *out);

#define SUBSCRIPTIONS_BYTES_MAX (SUBSCRIPTIONS_MAX * (8u + KEYSPACE_NAME_BYTES_MAX))

#endif
