// Several nodes' strong keyspaces on a bench: maps are made by hand, and messages, syncs and time
// move only when the test moves them, so that a test is one exact schedule.
//
// Promise: what a node sends waits in the queue of its pair, where the test delivers, loses or
// takes it out; what it writes waits until bench_durable. A message whose epoch is not the
// receiver's newest is dropped on delivery, as core/node does. Every message goes through its
// encoding.
//
// It does not keep the order of links: the test is the network. Nobody asks for maps, promotions or
// leases.
#ifndef BRUSIO_TESTS_CORE_STRONG_STRONG_BENCH_H
#define BRUSIO_TESTS_CORE_STRONG_STRONG_BENCH_H

#include "core/strong/joiner.h"
#include "core/strong/strong_parts.h"
#include "memory_store.h"

#define BENCH_NODES_MAX 4
#define BENCH_ANSWERS_MAX 20000
#define BENCH_KEYSPACE 7u
// The tests' keys carry this hash tag, so that they share one slot.
#define BENCH_TAG "{t}"
#define BENCH_STORE_ID(id) (100u + (id))

struct bench_answer {
    bool given;
    enum err error;
    bool existed;
    struct stamp stamp;
    node_set awaited;
    struct buf value;
    struct buf entries;
    uint16_t cursor_slot;
    struct buf cursor_key;
};

struct bench_message {
    struct list link;
    enum message_kind kind;
    struct buf bytes;
};

struct bench_node {
    struct agreement agreement;
    struct strong strong;
    struct effects effects;
    struct memory_store memory;
    struct store reader;
    uint64_t incarnation;
    uint64_t durable_token; // the last one that was reported
};

struct strong_bench {
    struct bench_node *nodes[BENCH_NODES_MAX + 1]; // by id
    unsigned node_count;
    // Of struct bench_message, from and to.
    struct list queues[BENCH_NODES_MAX + 1][BENCH_NODES_MAX + 1];
    node_set cut[BENCH_NODES_MAX + 1]; // bench_run loses what this sender has for them
    struct cluster_map map;            // the newest one
    uint64_t now_us;
    uint8_t min_in_sync; // of maps that are made from now on
    struct bench_answer *answers;
    uint64_t answer_count;
};

// Nodes 1 to `count` that know no map. To be ended by bench_free.
struct strong_bench *bench_new(unsigned count);
void bench_free(struct strong_bench *bench);

// A set whose target is `in_sync | joining`. `join_epoch` 0 without joiners.
struct replica_set bench_set(node_set in_sync, node_set joining, uint64_t join_epoch,
                             node_id primary);

// Makes the next epoch's map and tells nobody: `set` is for the slot of BENCH_TAG; all others are
// node 1's alone. Nodes not in `live` are down.
void bench_make_map(struct strong_bench *bench, node_set live, const struct replica_set *set);
// The same with `set` for every slot.
void bench_make_whole_map(struct strong_bench *bench, node_set live, const struct replica_set *set);
void bench_tell(struct strong_bench *bench, node_id id);
// bench_make_map and bench_tell for the live ones.
void bench_map(struct strong_bench *bench, node_set live, const struct replica_set *set);

// The process dies with what it had queued, and starts again as the next incarnation, which only
// maps that are made from now on name. It knows no map.
void bench_restart(struct strong_bench *bench, node_id id);

// After a step of a node: puts what it asked for into the queues, and checks the node's invariants.
void bench_absorb(struct strong_bench *bench, node_id id);

// Each gives a handle for bench_answer. Text in keys and values; `request` without its keyspace.
uint64_t bench_request(struct strong_bench *bench, node_id id, const struct request *request);
uint64_t bench_put(struct strong_bench *bench, node_id id, const char *key, const char *value);
uint64_t bench_delete(struct strong_bench *bench, node_id id, const char *key);
uint64_t bench_read(struct strong_bench *bench, node_id id, const char *key);

const struct bench_answer *bench_answer(const struct strong_bench *bench, uint64_t handle);
// ERR_COUNT while there is no answer.
enum err bench_error(const struct strong_bench *bench, uint64_t handle);
// Whether it was answered with this value.
bool bench_gave(const struct strong_bench *bench, uint64_t handle, const char *value);

// How many messages wait for this pair: of one kind, or all for MESSAGE_KIND_COUNT.
size_t bench_count(const struct strong_bench *bench, node_id from, node_id to,
                   enum message_kind kind);
// Delivers what waits for the pair now, in order; gives the number.
size_t bench_deliver(struct strong_bench *bench, node_id from, node_id to);
// Delivers the first message of this kind (one must be there).
void bench_deliver_kind(struct strong_bench *bench, node_id from, node_id to,
                        enum message_kind kind);
// Takes the first message of this kind out (one must be there): to be given to bench_hand or
// bench_drop.
struct bench_message *bench_take(struct strong_bench *bench, node_id from, node_id to,
                                 enum message_kind kind);
void bench_hand(struct strong_bench *bench, node_id from, node_id to,
                struct bench_message *message);
void bench_drop(struct bench_message *message);
// Loses what waits for the pair, of one kind or all; gives the number.
size_t bench_lose(struct strong_bench *bench, node_id from, node_id to, enum message_kind kind);
void bench_lose_all(struct strong_bench *bench);

// What this node wrote becomes visible and durable, and it hears so.
void bench_durable(struct strong_bench *bench, node_id id);
// Hears again what it heard by the last bench_durable; nothing more is durable.
void bench_repeat_durable(struct strong_bench *bench, node_id id);
// Delivers and syncs until nothing moves; what is cut is lost. No time passes.
void bench_run(struct strong_bench *bench);
// The same, but stops as soon as a message of this kind waits for the pair; it must come.
void bench_run_until(struct strong_bench *bench, node_id from, node_id to, enum message_kind kind);
// Time passes and everyone ticks, once.
void bench_pass(struct strong_bench *bench, uint64_t pass_us);
// bench_pass and bench_run, `count` times.
void bench_live(struct strong_bench *bench, unsigned count, uint64_t pass_us);

// The key's flight at a node, NULL without one; kept ones are found too.
const struct flight *bench_flight(const struct strong_bench *bench, node_id id, const char *key);
// What the store shows: ERR_NOT_FOUND without a record. `out` borrows until the next sync.
enum err bench_stored(const struct strong_bench *bench, node_id id, const char *key,
                      struct record *out);
// Whether the store has this value for the key.
bool bench_holds(const struct strong_bench *bench, node_id id, const char *key, const char *value);
// Whether a joiner has the slot of BENCH_TAG in sync and asks to be promoted.
bool bench_wants_promotion(const struct strong_bench *bench, node_id id);

#endif
