// Stores that lose their end, and who is chosen then: what the tests of prefixes share.
#ifndef BRUSIO_TESTS_CORE_STRONG_LOSS_BENCH_H
#define BRUSIO_TESTS_CORE_STRONG_LOSS_BENCH_H

#include "strong_bench.h"

#define KEY BENCH_TAG "k"
#define OTHER BENCH_TAG "other"

enum { A = 1, C = 2, J = 3, SWEEPS = 300, SWEEP_US = 1000 };

#define LIST (node_bit(A) | node_bit(C))
#define ALL (LIST | node_bit(J))

// Three nodes, of which A and C are listed for the slot of BENCH_TAG; A is its primary.
struct strong_bench *loss_bench_new(void);
// The next map, told to all: who is listed for the slot, and who joins.
void loss_map(struct strong_bench *bench, node_set in_sync, node_set joining);

// Each writes at A, runs, and gives the stamp of the write, which must have ended well.
struct stamp loss_put(struct strong_bench *bench, const char *key, const char *value);
struct stamp loss_delete(struct strong_bench *bench, const char *key);
// Begins only; what A sends and writes then waits.
struct stamp loss_delete_later(struct strong_bench *bench, const char *key);
// Whether the node has neither a record nor a certificate.
bool loss_is_gone(const struct strong_bench *bench, node_id id, const char *key);

// One slot of an answer.
struct told {
    bool is_prefix;
    struct stamp greatest;
};

// The slot of BENCH_TAG.
unsigned loss_slot(void);

// What a node tells of a slot, by an answer of its own.
struct told loss_told(struct strong_bench *bench, node_id id, unsigned slot);
struct told loss_told_at_tag(struct strong_bench *bench, node_id id);
// Whether it tells a prefix of the slot of BENCH_TAG that ends with this stamp.
bool loss_prefix_is(struct strong_bench *bench, node_id id, struct stamp greatest);

// What the node's store shows now, to be given to loss_of_power.
struct memory_store loss_keep(const struct strong_bench *bench, node_id id);
// The node is started again on what was kept, as if all that it wrote since were lost. Ends `kept`.
void loss_of_power(struct strong_bench *bench, node_id id, struct memory_store *kept);

// After all were started again: one asks them by the newest map, and computes the next one. Who
// stays in the list of the slot of BENCH_TAG; 0 when there is no next map.
node_set loss_chosen(struct strong_bench *bench);

#endif
