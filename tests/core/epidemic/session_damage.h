// A store that loses, or shows again, what it had, behind the back of its space. Everything must be
// durable; the space knows nothing of it until it counts again.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_DAMAGE_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_DAMAGE_H

#include "session_bench.h"

// Every header of the key is gone.
void session_damage_lose_key(struct session_bench *bench, unsigned replica, const char *key);
// The key has this version, live, and nothing else.
void session_damage_revive(struct session_bench *bench, unsigned replica, const char *key,
                           const struct bench_parcel *version);
// Everything is gone but what is known.
void session_damage_lose_all(struct session_bench *bench, unsigned replica);

// The space counts, and must find that it is damaged.
void session_damage_find(struct session_bench *bench, unsigned replica);

#endif
