// What one write costs when nothing goes wrong: many peers, a sound net, the settings that
// keyspaces have when nobody chose others.
//
// Promise: two runs with equal settings are the same, event for event.
#ifndef BRUSIO_SIM_EPIDEMIC_QUIET_H
#define BRUSIO_SIM_EPIDEMIC_QUIET_H

#include "sim/epidemic_world.h"

struct epidemic_quiet_setting {
    uint64_t seed;
    uint32_t peers; // 2 to EPIDEMIC_WORLD_PEERS_MAX
};

struct epidemic_quiet_result {
    bool passed; // everybody has it in time and for its price, and nothing was violated
    char violation[256];
    uint64_t rounds;      // of rumors, from the write until everybody has it
    uint64_t rounds_max;  // log2 n + ln n + 4 are right: Demers et al., 1987, section 1.4
    uint64_t cold_rounds; // until nobody tells of it any more
    uint32_t residue;     // peers that have it not, when nobody tells of it any more
    uint64_t payloads;    // times that it was sent
    uint64_t payload_bytes;
    uint64_t control_bytes; // all else that peers sent from the write until it was cold,
    uint64_t idle_bytes;    // and in as long a time after
};

// So often is an operation sent to each peer, at most, on average.
#define EPIDEMIC_QUIET_PAYLOADS_MAX 1.10

void epidemic_quiet_run(const struct epidemic_quiet_setting *setting,
                        struct epidemic_quiet_result *out);

#endif
