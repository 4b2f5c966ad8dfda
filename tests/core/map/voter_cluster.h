// A few agreements in one thread of virtual time, over a network and disks whose faults one seed
// draws.
//
// Promise: after every step it asserts that
//  1. all that learn the map of an epoch learn the same bytes, and each is a legal step from the
//     one before;
//  2. no promise and no acceptance is sent before the disk holds it;
//  3. whoever a decided map restricts has released the epoch before, or is another process by now;
//  4. a tick asks for the next one in the future only.
#ifndef BRUSIO_TESTS_CORE_MAP_VOTER_CLUSTER_H
#define BRUSIO_TESTS_CORE_MAP_VOTER_CLUSTER_H

#include "base/random.h"
#include "core/map/agreement.h"
#include "small_disk.h"

#define MACHINES_MAX 5
#define PACKETS_MAX 512
#define EPOCHS_MAX 512

struct machine {
    bool up;
    struct identity identity;
    struct agreement agreement;
    struct effects effects;
    struct small_disk disk;
    uint64_t wake_us;
    uint64_t sync_us; // when its oldest batch is synced
    unsigned cut;     // bits of machines that it cannot send to
    uint64_t clock_start_us;
    int rate_ppm; // how much faster its clock runs
    uint64_t asked_us;
};

struct packet {
    uint64_t due_us;
    unsigned from;
    unsigned to;
    struct buf bytes;
};

struct voter_cluster {
    struct rng rng;
    uint64_t now_us;
    uint64_t act_us; // when the schedule does something
    bool faulty;
    bool besieges; // all that happens is about one machine
    unsigned victim;
    unsigned machine_count;
    struct machine machines[MACHINES_MAX];
    struct packet packets[PACKETS_MAX];
    unsigned packet_count;
    struct buf decided[EPOCHS_MAX]; // the maps that were learned
    uint64_t epoch_max;
    bool violated; // two maps of one epoch, or one that restricts a node that still serves
};

// `machines` nodes, the first `voters` of which are the voters of epoch 1. The others know no map
// yet.
void voter_cluster_init(struct voter_cluster *cluster, unsigned machines, unsigned voters,
                        uint64_t seed);
void voter_cluster_release(struct voter_cluster *cluster);

// From now on, while faulty, all is about one machine: it is cut off and heard again, by one
// machine at a time; the others take it down and up again, change the voters, and crash.
void voter_cluster_besiege(struct voter_cluster *cluster, unsigned victim);

// Goes on until this time. Clocks start and run differently, within the bound that is assumed.
// While `faulty`, messages are lost, repeated, late and out of order,
// syncs are late, links are cut, machines crash and start again, and every voter proposes what it
// likes.
void voter_cluster_run(struct voter_cluster *cluster, uint64_t until_us);

// No faults from now on; every machine is up.
void voter_cluster_calm(struct voter_cluster *cluster);

// Whether all know the map of this epoch or a later one.
bool voter_cluster_knows(const struct voter_cluster *cluster, uint64_t epoch);

#endif
