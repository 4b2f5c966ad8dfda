// One seed's random schedule over the bench: clients, a network that loses and delays, disks,
// crashes, and maps that follow each other while nodes learn them late, or not at all.
//
// Promise
//  1. The same seed and options give the same schedule.
//  2. Nothing happens that could not happen to the cores in a cluster:
//     - a map is a legal step from the one before (map_step.h), made by the policy of slots
//       (next_slots.h) from targets and failures that the seed draws and from wishes that nodes
//       told; a wish counts only for the epoch in which it was told;
//     - whoever a map restricts has released, or has no lease any more, before anybody learns that
//       map, and holds none before it learns that map or a later one itself;
//     - messages are taken only in their epoch and between the incarnations that the receiver's map
//       names, and only in the order of sending, sync's excepted, as by node.c;
//     - a crash loses what was not reported durable, by whole batches;
//     - writes are asked again as a gateway does (router.c).
//  3. `violation` says what went wrong: key_history.h judges what clients are told. In each lull,
//     when all messages arrive, everything in flight must land, every join must end, and all live
//     replicas must hold the same and answer reads.
//
// A seed draws a scene, which says what happens often, and how often within that. A scene knows of
// no rule: it is what an unlucky cluster could meet.
//
// It does not model how maps are agreed on, nor the time that leases take.
#ifndef BRUSIO_TESTS_CORE_STRONG_STRONG_STORM_H
#define BRUSIO_TESTS_CORE_STRONG_STRONG_STORM_H

#include "base/random.h"
#include "key_history.h"
#include "strong_bench.h"

#include <stdio.h>

#define STORM_KEYS_MAX 2
#define STORM_MAPS_KEPT 8
#define STORM_WISHES_MAX 64
#define STORM_CALLS_MAX 8
#define STORM_GIVEN_UP_MAX 64
#define STORM_BATCHES_MAX 256

// What one step may be.
#define STORM_STEP_TABLE(X)                                                                        \
    X(DELIVER) /* the first message of some pair, or one that overtakes others */                  \
    X(LOSE)    /* one message */                                                                   \
    X(CUT)     /* a link breaks with all that is under way there */                                \
    X(MEND)                                                                                        \
    X(DURABLE) /* some of a node's batches */                                                      \
    X(TICK)    /* time passes, and one node sees it */                                             \
    X(READ)                                                                                        \
    X(PUT)                                                                                         \
    X(DELETE)                                                                                      \
    X(SWAP)    /* a put or delete with a condition */                                              \
    X(AGAIN)   /* a write whose last try came to nothing, or is given up */                        \
    X(TELL)    /* a node learns a map, mostly the newest */                                        \
    X(WISH)    /* a node tells its wishes */                                                       \
    X(MAP)     /* the next one is decided */                                                       \
    X(RELEASE) /* a node stops serving in this epoch */                                            \
    X(LAPSE)   /* a lease runs out */                                                              \
    X(CRASH)                                                                                       \
    X(START)

enum storm_step {
#define X(name) STORM_##name,
    STORM_STEP_TABLE(X)
#undef X
        STORM_STEP_COUNT
};

// What the next map may be about, beside wishes.
#define STORM_CHANGE_TABLE(X)                                                                      \
    X(NOTHING)                                                                                     \
    X(DOWN)                                                                                        \
    X(UP)                                                                                          \
    X(FAIL)                                                                                        \
    X(RECOVER)                                                                                     \
    X(ADMIT)   /* a process that was started again */                                              \
    X(TARGET)  /* who should hold the slot */                                                      \
    X(PRIMARY) /* another one */                                                                   \
    X(SHRINK)  /* the list, of those who are down */                                               \
    X(SHUFFLE) /* who is up and who is the primary */

enum storm_change {
#define X(name) STORM_CHANGE_##name,
    STORM_CHANGE_TABLE(X)
#undef X
        STORM_CHANGE_COUNT
};

struct storm_scene {
    const char *name;
    unsigned share;                   // of all seeds
    uint16_t steps[STORM_STEP_COUNT]; // weights
    uint16_t changes[STORM_CHANGE_COUNT];
    unsigned rounds;
    unsigned steps_most;       // in a round
    enum storm_change opening; // what each begins with
    unsigned overtake_one_in;  // messages; 0: never
    unsigned late_one_in;      // `late` ones are mostly overtaken by what comes after them; 0: not
    enum message_kind late;
    unsigned burst_in_ten;  // how often a map follows the one before at once
    bool victim;            // changes of nodes are about one of them, mostly
    unsigned prompt_in_ten; // how often a node learns a map as soon as it is decided
    unsigned deaf_in_ten;   // how often the victim does not learn it when others do
};

// A try whose answer nobody waits for any more.
struct storm_given_up {
    uint64_t handle;
    unsigned key;
    uint64_t number;
    bool deletes;
};

// A client's write, or read that waits.
struct storm_call {
    bool open;
    unsigned key;
    uint64_t number; // in the key's history
    struct request request;
    uint8_t value[KEY_VALUE_BYTES];
    uint64_t handle; // on the bench, of the last try; 0: it was answered
    node_id node;    // where that is asked
    uint64_t sent_epoch;
    struct stamp sent_stamp;
    bool lost_try;
    unsigned tries;
};

// What a node wished of the next map, in an epoch.
struct storm_wish {
    uint64_t epoch;
    node_id node;
    uint64_t incarnation;
    bool promotes;
    uint64_t join_epoch;
    bool shrinks;
};

// Everything written up to here is one or more whole batches.
struct storm_batch {
    size_t write_count;
    uint64_t token;
};

struct storm_node {
    bool asleep; // its process is dead
    bool leased;
    uint64_t restricted_epoch;                       // of the last map that restricted this process
    uint64_t taken_incarnation[BENCH_NODES_MAX + 1]; // of the last message from each
    uint64_t taken_sequence[BENCH_NODES_MAX + 1];
    struct storm_batch batches[STORM_BATCHES_MAX]; // that are not reported
    unsigned batch_count;
};

struct storm {
    struct rng rng;
    struct strong_bench *bench;
    struct storm_scene scene; // with the seed's weights
    node_id victim;
    unsigned key_count;
    bool late_wishes;      // those of older epochs count too
    unsigned heard_in_ten; // how many wishes come in time for the next map
    struct key_history histories[STORM_KEYS_MAX];
    struct stamp seen[STORM_KEYS_MAX]; // what conditions name
    struct storm_call calls[STORM_CALLS_MAX];
    struct storm_given_up given_up[STORM_GIVEN_UP_MAX];
    unsigned given_up_count;
    struct storm_node nodes[BENCH_NODES_MAX + 1];
    struct cluster_map *maps[STORM_MAPS_KEPT]; // the last ones, by epoch; owned
    struct replica_set *slots;                 // room for SLOTS of them
    struct storm_wish wishes[STORM_WISHES_MAX];
    unsigned wish_count;
    struct wants *wants;
    const char *violation;
    FILE *trace; // NULL: none
};

// Gives a storm of 3 or 4 nodes, to be ended by storm_free. `trace` is borrowed, or NULL.
struct storm *storm_new(uint64_t seed, bool late_wishes, FILE *trace);
void storm_free(struct storm *storm);

// Some rounds of random steps, each followed by a lull, until something is wrong.
void storm_run(struct storm *storm);

#endif
