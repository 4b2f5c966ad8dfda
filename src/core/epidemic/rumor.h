// Rumor mongering: which operations a node still tells others of, and when it loses interest in one
// (Demers et al., 1987, section 1.4).
//
// Promise: an operation that was heated is offered in every contact that has room for it, until
// enough rounds of telling it were in vain; then it is forgotten here. Correctness never rests on
// this: what rumors miss, anti-entropy brings.
//
// Time goes in rounds, which the caller ends: each second or so, or in step with all others. In a
// round a node may tell an operation to nobody, to one, or, when others come to ask, to several.
// One of them that needed it is news enough to start counting afresh; only a round in which it was
// told and nobody needed it brings it nearer to its end. A peer that never answers, and an answer
// that is lost, count as nothing.
//
// Invariants
//  1. At most `items_max` operations are hot, each once, and each is in exactly one of two queues:
//     `fresh`, never offered since it was heated, or `told`.
//  2. A counter is below k; one that reaches k takes its operation out.
//  3. Only what was offered has answers: nobody cools an operation that was told to no one.
//
// It holds names, not operations; it chooses no peer, sends nothing, and does not know who needs
// what: the caller says so.
#ifndef BRUSIO_CORE_EPIDEMIC_RUMOR_H
#define BRUSIO_CORE_EPIDEMIC_RUMOR_H

#include "base/list.h"
#include "base/random.h"
#include "base/table.h"
#include "core/epidemic/dot.h"

#include <stddef.h>

#define RUMOR_K_DEFAULT 4u
#define RUMOR_K_MAX 64u
#define RUMOR_ITEMS_MAX 65536u

struct rumor_setting {
    uint32_t k;         // 1 to RUMOR_K_MAX: so many rounds in vain, or on average so many
    uint32_t items_max; // 1 to RUMOR_ITEMS_MAX: hot at once
    bool blind;         // answers are not waited for: each round of telling counts as in vain
    bool coin;          // a round in vain ends it by a chance of 1/k, instead of the k-th surely
};

struct rumor {
    struct rumor_setting setting;
    struct rng rng;
    uint64_t hash_seed;
    struct table items;   // by dot
    struct list fresh;    // oldest first
    struct list told;     // offered longest ago first
    uint64_t crowded_out; // operations that went cold for want of room, since the start
};

// Nothing is hot. The setting must be within its bounds (checked) and is copied. Allocates nothing
// until the first operation is heated.
void rumor_init(struct rumor *rumor, const struct rumor_setting *setting, uint64_t seed);
void rumor_release(struct rumor *rumor);

// The operation was written here, or came from somebody and was news: it is hot from now on. When
// it is hot already, nothing changes. When there is no room, what has been told and waits longest
// for its next turn goes cold for it, or, when nothing has been told yet, the oldest.
void rumor_heat(struct rumor *rumor, struct dot dot);

// The operations to tell in one contact, each once: those never told before first, then those that
// were told longest ago. Writes up to `most` dots to `out` and returns how many.
size_t rumor_offer(struct rumor *rumor, size_t most, struct dot *out);

// Somebody who was told answers: it needed the operation, or knew it. Ignored when the operation is
// not hot any more or was never offered, as a peer may say anything.
void rumor_answer(struct rumor *rumor, struct dot dot, bool needed);

// Ends the round: counts, and forgets what has gone cold.
void rumor_end_round(struct rumor *rumor);

// How many operations are hot.
size_t rumor_count(const struct rumor *rumor);
bool rumor_is_hot(const struct rumor *rumor, struct dot dot);

// Aborts unless the invariants hold; costs time in proportion to what is hot.
void rumor_invariants(const struct rumor *rumor);

#endif
