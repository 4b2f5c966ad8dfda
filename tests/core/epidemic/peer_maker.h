// Peers to test with, at one moment.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_PEER_MAKER_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_PEER_MAKER_H

#include "core/epidemic/peers.h"

#define PEER_MAKER_SELF 99u
#define PEER_MAKER_NOW_US (UINT64_C(1000) * 1000 * 1000)

// Adds one that is not greeted yet; NULL as peers_add says. Checks the invariants.
struct peer *peer_maker_add_at(struct peers *peers, uint64_t id, const char *address,
                               bool is_member);

// No member, at "host<id>:7000".
struct peer *peer_maker_add(struct peers *peers, uint64_t id);

// Also greeted; it keeps the one space, and is heard at PEER_MAKER_NOW_US.
struct peer *peer_maker_add_here(struct peers *peers, uint64_t id, uint64_t space);

// Or heard too long before.
struct peer *peer_maker_add_silent(struct peers *peers, uint64_t id, uint64_t space);

void peer_maker_keep(struct peer *peer, const uint64_t *spaces, size_t count);

#endif
