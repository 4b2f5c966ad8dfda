// A store that loses a header without a word: neither the core nor the store notices.
#ifndef BRUSIO_SIM_EPIDEMIC_DAMAGE_H
#define BRUSIO_SIM_EPIDEMIC_DAMAGE_H

#include "sim/epidemic_world.h"

// Takes one stored operation that the peer knows, drawn at random, out of the disk of a peer that
// is down, and tells the oracle which key is at risk. False when there is none.
bool epidemic_damage(struct epidemic_world *world, struct epidemic_peer *peer, struct rng *rng);

#endif
