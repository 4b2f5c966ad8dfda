// What users of a simulated optimistic keyspace do: puts, deletes and reads of a few keys at
// whichever peer they are.
//
// Promise: each answer is compared with what the peer showed just before: conditions hold or do not
// as they should, reads tell the winner, and a write that was acknowledged is one that the oracle
// knows.
#ifndef BRUSIO_SIM_EPIDEMIC_LOAD_H
#define BRUSIO_SIM_EPIDEMIC_LOAD_H

#include "base/list.h"
#include "base/random.h"
#include "model/request.h"

struct epidemic_world;
struct epidemic_peer;

#define EPIDEMIC_LOAD_VALUE_BYTES_MAX (96u << 10)

struct epidemic_load {
    struct rng rng;
    struct rng expiry_rng; // of its own, so that runs without expiry go as they would
    uint64_t gap_us_max;   // between two actions,
    uint32_t burst;        // but after about so many (0: never)
    uint64_t pause_us_max; // there is a pause
    uint64_t value_bytes_max;
    uint32_t deletes_in_ten; // of writes
    uint32_t expire_in_ten;  // of puts
    uint32_t reads_in_ten;   // of actions
    uint32_t left;           // actions
    uint64_t event;

    uint64_t handle;     // the last one given
    uint32_t key;        // of the write under way
    uint32_t written;    // the operation of the request under way; UINT32_MAX: none yet
    enum err expected;   // its answer, when it is no write that succeeds
    bool reads;          // it is a read
    bool asks;           // a peer is asked just now
    struct list waiting; // writes that are not answered

    uint64_t puts, deletes, reads_done, mismatches, refused; // answers
};

// Draws its mix from `seed`; does nothing until it is started.
void epidemic_load_init(struct epidemic_load *load, uint64_t seed);
void epidemic_load_release(struct epidemic_load *load);

// So many actions from now on, until they are done or it is stopped.
void epidemic_load_start(struct epidemic_world *world, uint32_t actions);
void epidemic_load_stop(struct epidemic_world *world);

// One write, at a peer that takes part; at another, nothing. `size`: of the value, in bytes.
void epidemic_load_put(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key,
                       size_t size);
void epidemic_load_delete(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key);

// The world's: an own operation of the peer under way was found; an answer; a crash.
void epidemic_load_on_written(struct epidemic_load *load, uint32_t number);
void epidemic_load_on_reply(struct epidemic_world *world, struct epidemic_peer *peer,
                            uint64_t handle, const struct reply *reply);
void epidemic_load_on_crash(struct epidemic_load *load, const struct epidemic_peer *peer);

#endif
