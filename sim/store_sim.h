// The store port in virtual time: a disk that outlives the processes that open it.
//
// Promise
//  1. Batches are applied and reported in order, some time after they were given, several at once
//     when they were given during one sync (group commit).
//  2. get and scan show every reported batch. What they show of later ones is drawn from the seed,
//     once for each store: nothing, everything that was committed, or a part that grows. Never the
//     open batch.
//  3. Bytes that get and scan gave are freed as soon as the port allows it, so that a sanitizer
//     sees whoever keeps them.
//  4. After a crash the store holds the reported batches and as many of the unreported ones, from
//     the oldest on, as the caller says.
//  5. The same calls with the same seed give the same reports at the same times.
//
// Invariants
//  1. Visible batches are a prefix of the committed ones, which holds every reported one that did
//     not fail.
//  2. A batch that is to fail, and those after it, are never visible.
//
// A store is of durability `commit`, where what was reported survives everything, until it is made
// steady: then it is of durability `interval`, where what was reported survives the process, and a
// loss of power once a sync each second has taken it.
#ifndef BRUSIO_SIM_STORE_SIM_H
#define BRUSIO_SIM_STORE_SIM_H

#include "port/store.h"
#include "sim/delay.h"
#include "sim/timeline.h"

#define STORE_SIM_BATCH_WRITES_MAX (1u << 20)
#define STORE_SIM_UNREPORTED_MAX (1u << 16) // batches (checked)

enum store_sim_sight {
    STORE_SIM_SEES_REPORTED,
    STORE_SIM_SEES_COMMITTED,
    STORE_SIM_SEES_SOME,
    STORE_SIM_SIGHT_COUNT
};

struct store_sim;

// Borrows the timeline. Gives an empty store to be ended by store_sim_free. `sync` is how long a
// sync takes.
struct store_sim *store_sim_new(struct timeline *timeline, uint64_t seed, const struct delay *sync);
void store_sim_free(struct store_sim *store);

// Opens the store, which must be closed (checked); batches count from 1 again. `done` is called
// from the timeline only.
struct store store_sim_open(struct store_sim *store, store_done *done, void *context);
bool store_sim_is_open(const struct store_sim *store);

// How many batches were committed since it was opened, and how many of them are not reported yet.
uint64_t store_sim_committed(const struct store_sim *store);
uint64_t store_sim_unreported(const struct store_sim *store);

// Ends the process and closes the store. Of the unreported batches the first `survivors` stay (all,
// when there are fewer; none from a failed batch on); the others and the open one are lost. Reports
// nothing more.
void store_sim_crash(struct store_sim *store, uint64_t survivors);

// Makes a store that was never opened (checked) one of durability `interval`.
void store_sim_make_steady(struct store_sim *store);

// As store_sim_crash, for a machine that loses power: none of the unreported batches stays, and of
// the reported ones that no sync has taken yet the first `survivors`. A steady store is suspect
// from then on, until it is trusted, as it may have lost some.
void store_sim_lose_power(struct store_sim *store, uint64_t survivors);
// How many batches such a loss could take.
uint64_t store_sim_unsynced(const struct store_sim *store);
bool store_sim_is_suspect(const struct store_sim *store);
void store_sim_trust(struct store_sim *store);

// For syncs that begin from now on.
void store_sim_set_sync(struct store_sim *store, const struct delay *sync);

// Overrides what the seed chose. The store must have no unreported batch (checked).
void store_sim_set_sight(struct store_sim *store, enum store_sim_sight sight);

// Batch number `batch`, which must not be committed yet (checked), and all after it will fail with
// `error` (ERR_FULL, ERR_IO or ERR_CORRUPT) until the store is opened again.
void store_sim_fail_batch(struct store_sim *store, uint64_t batch, enum err error);

// get and scan answer `error` until this is set to ERR_OK.
void store_sim_fail_reads(struct store_sim *store, enum err error);

// The page of record number `index` (modulo how many there are) is damaged from now on: get and
// scan answer ERR_CORRUPT where they meet its key, also in later processes. False when there is no
// record.
bool store_sim_damage_page(struct store_sim *store, uint64_t index);
void store_sim_mend_page(struct store_sim *store);
bool store_sim_has_damage(const struct store_sim *store);

// What `room` answers from now on: STORE_ROOM_PLENTY at first. It refuses nothing by itself.
void store_sim_set_room(struct store_sim *store, enum store_room room);

// How many pairs of a table are durable.
size_t store_sim_pairs(const struct store_sim *store, enum store_table table);

#endif
