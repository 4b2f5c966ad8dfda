// A hot store on a simulated disk and its naive twin: the list of all states that the store went
// through.
//
// Promise: each function checks what may be checked, and ends the test when it does not hold.
#ifndef BRUSIO_TESTS_SIM_HOT_TWIN_H
#define BRUSIO_TESTS_SIM_HOT_TWIN_H

#include "adapter/hot_store.h"
#include "sim/file_sim.h"
#include "sim/store_sim.h"

enum { TWIN_KEYS = 9, TWIN_STATES_MAX = 2000, TWIN_VALUE_BYTES_MAX = 1500 };

// The number of the batch that wrote each key last, 0 when it is absent.
struct twin_state {
    uint32_t keys[TWIN_KEYS];
};

struct hot_twin {
    struct rng rng;
    struct file_sim *disk;
    struct timeline *timeline;
    struct store_sim *base;
    struct hot_store *store; // NULL while nobody has it open
    uint8_t boot;            // tells the machine's runs apart

    struct twin_state states[TWIN_STATES_MAX]; // after each batch, from 0 on
    uint32_t first;                            // the state of batch 0 of this opening
    uint32_t committed;                        // the state after all that was handed over
    uint32_t reported;                         // what the death of the process must leave
    uint32_t synced;                           // what a loss of power must leave
    uint32_t ceiling;                          // no later state may appear
    bool failed;
    bool sync_failed;
    bool clean;      // nobody has had it open since it was closed in order
    bool suspicious; // the next opening must be suspect
    bool maybe;      // it may be
};

void hot_twin_init(struct hot_twin *twin, uint64_t seed);
void hot_twin_release(struct hot_twin *twin);

// Arms one fault of the disk.
void hot_twin_fail(struct hot_twin *twin);

// The process dies at one of the next operations of the disk, in the midst of whatever call.
void hot_twin_halt(struct hot_twin *twin);

// Opens, and compares when that went well; gives the error.
enum err hot_twin_open(struct hot_twin *twin);

// Commits one random batch.
void hot_twin_write(struct hot_twin *twin);

// One random call, of the store or of who syncs its log.
void hot_twin_step(struct hot_twin *twin);

// Closes in order. False when the store had failed.
bool hot_twin_close(struct hot_twin *twin);

void hot_twin_kill(struct hot_twin *twin);
void hot_twin_cut_power(struct hot_twin *twin);

#endif
