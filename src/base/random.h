// Seeded random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64.
//
// Promise: the same seed gives the same sequence on every machine. Not for secrets: keys and nonces
// come from the operating system, through an adapter.
#ifndef BRUSIO_BASE_RANDOM_H
#define BRUSIO_BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_u64(struct rng *rng);

// Uniform in [0, bound); `bound` at least 1.
uint64_t rng_below(struct rng *rng, uint64_t bound);

// True once in `times` draws on average; `times` 0 means never.
bool rng_one_in(struct rng *rng, uint64_t times);

#endif
