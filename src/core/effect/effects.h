// What a step of a core asks of the world: messages, writes to the stores, replies, routes, a time
// to wake.
//
// Promise: effects hold copies in one arena, so that nothing in them borrows from the core; the
// host carries them out after the step and clears them, keeping the memory. Order is kept within
// each kind.
//
// Invariants
//  1. Writes of one step reach each store in one batch, in order.
//  2. A persist token names everything written to that store up to the moment when it was taken;
//     tokens grow. The host reports a token only after all of that is durable.
#ifndef BRUSIO_CORE_EFFECT_EFFECTS_H
#define BRUSIO_CORE_EFFECT_EFFECTS_H

#include "model/request.h"
#include "port/net.h"
#include "port/store.h"
#include "wire/message.h"

// What loops over many things stops adding to one step past the budget, and goes on in the next
// step; a single thing (the largest value, to every peer) fits in what is left to the maximum.
#define EFFECTS_BYTES_BUDGET (64u << 20)
#define EFFECTS_BYTES_MAX (1u << 30)

struct effect_span {
    size_t offset;
    size_t length;
};

struct effect_send {
    uint64_t peer;
    enum net_lane lane;
    struct effect_span message;
};

enum effect_store { EFFECT_DATA, EFFECT_VOTER, EFFECT_STORE_COUNT };

struct effect_write {
    enum effect_store store;
    enum store_table table;
    bool remove;
    struct effect_span key;
    struct effect_span value;
};

struct effect_reply {
    uint64_t handle;          // what the request was taken with
    struct effect_span reply; // reply_encode's bytes
};

struct effect_route {
    uint64_t peer;
    struct effect_span address; // with its closing NUL; empty: nowhere any more
};

struct effects {
    struct buf bytes;
    struct effect_send *sends;
    struct effect_write *writes;
    struct effect_reply *replies;
    struct effect_route *routes;
    size_t send_count, send_capacity;
    size_t write_count, write_capacity;
    size_t reply_count, reply_capacity;
    size_t route_count, route_capacity;
    uint64_t tokens[EFFECT_STORE_COUNT]; // the last token taken, over all steps
    uint64_t wake_us;                    // the earliest time at which a core wants a tick

    // What every message's head says; the node sets it, effects_send counts `sequence` up.
    uint64_t epoch;
    uint64_t sequence;
    uint64_t incarnation;
};

void effects_init(struct effects *effects);
void effects_release(struct effects *effects);

// Drops what the host has carried out. Tokens and the head stay; wake_us becomes UINT64_MAX.
void effects_clear(struct effects *effects);

// Keeps of what was not carried out yet only what was written to the voter store, whose tokens were
// given: messages count as lost, replies are left to whoever waits.
void effects_distrust(struct effects *effects);

// Fills the head in and encodes. `to_incarnation` 0 when the sender does not know it.
void effects_send(struct effects *effects, uint64_t peer, uint64_t to_incarnation,
                  struct message *message);

// Hands what is there over to `carried` (which must be empty) and goes on empty, with the same
// tokens and head.
void effects_hand_over(struct effects *effects, struct effects *carried);
bool effects_empty(const struct effects *effects);

void effects_put(struct effects *effects, enum effect_store store, enum store_table table,
                 struct slice key, struct slice value);
void effects_remove(struct effects *effects, enum effect_store store, enum store_table table,
                    struct slice key);

// A token for all that was written to this store until now.
uint64_t effects_token(struct effects *effects, enum effect_store store);

void effects_reply(struct effects *effects, uint64_t handle, const struct reply *reply);
void effects_route(struct effects *effects, uint64_t peer, const char *address);

// Asks for a tick at `at_us` at the latest.
static inline void effects_wake(struct effects *effects, uint64_t at_us)
{
    if (at_us < effects->wake_us)
        effects->wake_us = at_us;
}

static inline bool effects_over_budget(const struct effects *effects)
{
    return effects->bytes.length > EFFECTS_BYTES_BUDGET;
}

static inline struct slice effects_bytes(const struct effects *effects, struct effect_span span)
{
    return slice_of(effects->bytes.bytes + span.offset, span.length);
}

#endif
