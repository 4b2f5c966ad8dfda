// A replica of one key, and a naive twin that keeps every operation for ever, to compare it with.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_VERSION_PEER_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_VERSION_PEER_H

#include "base/random.h"
#include "core/epidemic/versions.h"

enum { HISTORY_MAX = 20 };

// Operations, in the order in which they were written.
struct history {
    uint32_t count;
    bool twins; // some dot is used twice
    struct {
        struct operation operation;
        struct sha256 id;
        bool elsewhere; // of another key: it takes a number, no more
    } list[HISTORY_MAX];
};

// A replica of the key, and its twin: what came of which operation of the history.
struct version_peer {
    struct versions versions;
    struct knowledge known;
    struct knowledge stable;
    struct knowledge horizon;
    bool seen[HISTORY_MAX];   // its header came
    bool valued[HISTORY_MAX]; // and, before its dot was known, its value
};

void version_peer_init(struct version_peer *peer);
void version_peer_release(struct version_peer *peer);

// What follows says whether the replica is as its twin, and sound, after it.

// An operation of the history arrives.
bool version_peer_take(const struct history *history, struct version_peer *peer, uint32_t which,
                       enum operation_form form);
// In any form that it can have.
bool version_peer_take_somehow(const struct history *history, struct version_peer *peer,
                               uint32_t which, struct rng *rng);
// What does not change what is live: some of the history becomes stable, known here or not; the key
// is tidied, written and read.
bool version_peer_upkeep(const struct history *history, struct version_peer *peer, struct rng *rng);
// An audit that asks again for what is known changes nothing that is live.
bool version_peer_audit(const struct history *history, struct version_peer *peer, struct rng *rng);
// Adopts a horizon, and drops what is under it.
bool version_peer_collect(const struct history *history, struct version_peer *peer,
                          const struct knowledge *horizon);

#endif
