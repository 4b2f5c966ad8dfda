// Peers of session_bench.h at random: writes, sessions interleaved message by message, rumors, what
// is stable, garbage, splits, lost, late and repeated messages, crashes and old disks. After each
// step the peer at which it happened is looked at, by session_oracle.h.
//
// Promise: one seed, one storm.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_STORM_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_STORM_H

#include "base/random.h"
#include "session_bench.h"
#include "session_oracle.h"

#define STORM_PEERS_MAX 4u
#define STORM_HORIZONS_MAX 16u
#define STORM_ACTIONS_MAX 16u

struct session_storm {
    uint64_t seed;
    struct session_bench *bench;
    struct session_oracle oracle;
    struct rng rng;
    unsigned peers;                                // 0 is the primary
    struct knowledge horizons[STORM_HORIZONS_MAX]; // what was stable at one time or another
    unsigned horizon_count;
    unsigned newest; // of them
    struct space_disk old[STORM_PEERS_MAX];
    bool has_old[STORM_PEERS_MAX];
    unsigned weights[STORM_ACTIONS_MAX]; // of each thing that can happen: each seed has its own mix
    unsigned side;                       // bit p: peer p is on the other side of a split
};

// `peers` 0: 2 to STORM_PEERS_MAX, drawn. To be ended by session_storm_end.
void session_storm_begin(struct session_storm *storm, uint64_t seed, unsigned peers);
void session_storm_end(struct session_storm *storm);

// So many things happen; in the second quarter of them some peers are away.
void session_storm_run(struct session_storm *storm, unsigned steps);
// Everything under way is lost, and there is room: no session is left.
void session_storm_calm(struct session_storm *storm);
// Whole sessions until all are equal. Fails the test if they are not after `most` of them.
void session_storm_converge(struct session_storm *storm, unsigned most);

// Fails the test unless the peer is as it must be; what it wrote is known from now on.
void session_storm_look(struct session_storm *storm, unsigned peer);

#endif
