// Peers that a node is to find again after a restart, though no map names them.
//
// Promise: roaming peers that were heard meet again while all members are away; nobody's
// correctness rests on it (rule R5). Members are in the map, and not here.
//
// Invariants
//  1. At most REMEMBERED_MAX, each once, with an address that is not empty.
//  2. Who is heard comes before who is not and stays where it is, so that a list of many peers, all
//     there, does not change.
#ifndef BRUSIO_CORE_NODE_REMEMBERED_H
#define BRUSIO_CORE_NODE_REMEMBERED_H

#include "core/epidemic/peers.h"

#define REMEMBERED_MAX 64u
#define REMEMBERED_BYTES_MAX (1u + REMEMBERED_MAX * (8u + 2u + ADDRESS_BYTES_MAX))

struct remembered_peer {
    uint64_t store_id;
    char address[ADDRESS_BYTES_MAX + 1];
};

struct remembered {
    struct remembered_peer peers[REMEMBERED_MAX];
    unsigned count;
};

// Takes in who is heard now; who is not heard stays behind these while there is room. Whether
// somebody came, went, or is elsewhere than before.
bool remembered_revise(struct remembered *remembered, const struct peers *peers, uint64_t now_us);

// Appends at most REMEMBERED_BYTES_MAX bytes.
void remembered_encode(struct buf *out, const struct remembered *remembered);
// Total over any bytes: ERR_INVALID, and nobody is remembered, for what breaks invariant 1.
WARN_UNUSED enum err remembered_decode(struct slice bytes, struct remembered *out);

#endif
