// Replicas of space_bench.h that hold sessions, over a network whose every message the test can
// deliver, lose, or deliver late.
//
// A replica's peer id is its number and 1. Each call that makes a replica do something is one step;
// what it sent stands in the queue afterwards.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_BENCH_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_BENCH_H

#include "core/epidemic/session.h"
#include "space_bench.h"

struct session_packet {
    unsigned from;
    unsigned to;
    struct slice bytes; // owned
};

// Of the session that ended last at a replica.
struct session_outcome {
    enum session_verdict verdict;
    enum session_verdict out_verdict;
    bool compared;
    bool clean;
};

struct session_peer {
    struct session_world world;
    struct list sessions;
    struct session_outcome last;
    uint64_t ended;
    uint64_t news;
    uint64_t control_bytes; // of sessions that ended
    uint64_t operations_sent;
};

struct session_bench {
    struct space_bench *spaces;
    struct session_peer peers[BENCH_REPLICAS_MAX];
    struct session_packet *queue; // in the order in which they were sent
    size_t queue_count;
    size_t queue_capacity;
    uint64_t now_us;
    uint64_t next_id;
    struct {
        uint64_t messages;
        uint64_t bytes;
        uint64_t operation_bytes;
        uint64_t flights; // half round trips, by session_bench_fly
    } sent;
};

struct session_bench *session_bench_new(unsigned count, const struct space_setting *setting);
void session_bench_free(struct session_bench *bench);

struct space *session_bench_space(struct session_bench *bench, unsigned replica);

// Ends a step: its messages stand in the queue, its writes are a batch.
void session_bench_step(struct session_bench *bench, unsigned replica);
// What was written is durable, and its sessions know.
void session_bench_sync(struct session_bench *bench, unsigned replica);

// The same, for very much at once.
void session_bench_sync_much(struct session_bench *bench, unsigned replica);

// All that the primary knows is stable, and long ago; it says so to those who are named by bits of
// `told`, and there and here what is garbage goes.
void session_bench_age(struct session_bench *bench, unsigned primary, unsigned told);

// --- sessions

void session_bench_open(struct session_bench *bench, unsigned from, unsigned to, bool audit);
size_t session_bench_count(const struct session_bench *bench, unsigned replica);
// The first of a replica's, NULL without one.
struct session *session_bench_session(struct session_bench *bench, unsigned replica);

// Delivers a message of the queue; sync: and everything there becomes durable.
void session_bench_deliver(struct session_bench *bench, size_t packet, bool sync);
void session_bench_lose(struct session_bench *bench, size_t packet);
void session_bench_lose_all(struct session_bench *bench);
// Copies it to the end of the queue.
void session_bench_repeat(struct session_bench *bench, size_t packet);
enum message_kind session_bench_kind(const struct session_bench *bench, size_t packet);

// Delivers what is in the queue now; false when there was nothing.
bool session_bench_fly(struct session_bench *bench);
// Until nothing is under way any more. Fails the test past a bound.
void session_bench_run(struct session_bench *bench);
// Delivers until a message of this kind is the next one for `to`; false when none comes.
bool session_bench_run_to(struct session_bench *bench, unsigned to, enum message_kind kind);
// So much later: what is idle ends.
void session_bench_wait(struct session_bench *bench, uint64_t us);
// Opens a session and lets it end; what came in at the opener.
struct session_outcome session_bench_exchange(struct session_bench *bench, unsigned from,
                                              unsigned to, bool audit);
// Exchanges until the two are equal, at most `most` times; false if they never are.
bool session_bench_make_equal(struct session_bench *bench, unsigned a, unsigned b, unsigned most);

// Dies, with its sessions, and starts again on what is durable and `batches` more.
void session_bench_crash(struct session_bench *bench, unsigned replica, uint32_t batches);
void session_bench_restore(struct session_bench *bench, unsigned replica,
                           const struct space_disk *disk);

#endif
