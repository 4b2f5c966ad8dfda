// Peers of optimistic keyspaces in one thread of virtual time: whole `struct epidemic`s over disks
// in memory, and a network that a test slows, cuts, robs and shuffles.
//
// Promise: messages arrive `delay_us` after they were sent, in order, unless the test says
// otherwise; what a peer writes is durable `sync_us` after the step, or when the test says so.
// Every reply is kept; a second one to the same request fails the test, and so does one that speaks
// of what is not on the disk. After each step the invariants are checked.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_EPIDEMIC_BENCH_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_EPIDEMIC_BENCH_H

#include "core/epidemic/epidemic.h"
#include "space_disk.h"

#define EPIDEMIC_BENCH_PEERS_MAX 32u
#define EPIDEMIC_BENCH_SPACE UINT64_C(0x5afe5afe00000001)
#define EPIDEMIC_BENCH_KEYSPACE 7u
#define EPIDEMIC_BENCH_ID(peer) (1000u + (peer))
#define MS UINT64_C(1000)
#define SECOND (1000 * MS)

struct epidemic_bench_batch {
    uint32_t batch;
    uint64_t token;
    uint64_t due_us;
};

struct epidemic_bench_peer {
    struct epidemic epidemic;
    bool is_up;
    struct space_disk disk;
    struct store store;
    struct effects effects;
    bool holds; // its disk: nothing gets durable until epidemic_bench_sync
    struct epidemic_bench_batch *batches; // owned, oldest first
    size_t batch_count, batch_capacity;
    uint64_t token;
    uint64_t wake_us;
    uint64_t ticks;
    struct signing_secret secret; // of the node
    bool has_lease;
    unsigned map; // index of the map that it knows
    uint64_t sent[MESSAGE_KIND_COUNT];
    uint64_t sent_bytes;
};

struct epidemic_bench_packet {
    unsigned from;
    unsigned to;
    uint64_t due_us;
    struct buf bytes;
};

struct epidemic_bench_reply {
    unsigned peer;
    uint32_t batch; // 0, or all up to this one is durable before the answer
    enum err error; // ERR_COUNT while there is none
    bool existed;
    bool is_stable;
    uint64_t expiry_ms;
    struct stamp stamp;
    uint64_t at_us;
    struct bundle_counts bundle;
    uint16_t slot; // of the cursor
    struct buf key;
    struct buf value;
    struct buf versions;
    struct buf entries;
};

struct epidemic_bench {
    uint64_t now_us;
    uint64_t delay_us;
    uint64_t jitter_us;     // more of it, drawn for each message
    uint64_t lost_one_in;   // 0: none
    uint64_t spoilt_one_in; // some bytes of these are others; 0: none
    uint64_t sync_us;
    struct replica_setting setting; // of peers that are started from now on
    uint64_t bytes_per_s;           // the same
    unsigned count;
    struct epidemic_bench_peer peers[EPIDEMIC_BENCH_PEERS_MAX];
    bool cut[EPIDEMIC_BENCH_PEERS_MAX][EPIDEMIC_BENCH_PEERS_MAX]; // from, to
    // Whether a message is to go on its way; NULL: each is. It may be changed in place.
    bool (*lets_pass)(struct epidemic_bench *bench, unsigned from, unsigned to,
                      const struct message *message);
    void *context;                         // the test's
    struct epidemic_bench_packet *packets; // owned
    size_t packet_count, packet_capacity;
    struct epidemic_bench_reply *replies; // owned
    size_t reply_count, reply_capacity;
    struct cluster_map maps[4]; // each peer knows one of them; all name all peers as nodes
    struct rng rng;
};

// Peers that are up and know nobody, with rounds of rumors and sessions of some 100 ms and 1 s.
struct epidemic_bench *epidemic_bench_new(unsigned count);
// The same, whose peers are to be started by the test, after it changed the setting.
struct epidemic_bench *epidemic_bench_new_down(unsigned count);
void epidemic_bench_free(struct epidemic_bench *bench);

struct epidemic *epidemic_bench_core(struct epidemic_bench *bench, unsigned peer);
struct replica *epidemic_bench_replica(struct epidemic_bench *bench, unsigned peer);
struct space *epidemic_bench_space(struct epidemic_bench *bench, unsigned peer);

// --- runs

// Ends the run; what was not durable is lost, but for the first `batches` of it.
void epidemic_bench_crash(struct epidemic_bench *bench, unsigned peer, size_t batches);
// Begins another on what the disk has, keeping EPIDEMIC_BENCH_SPACE.
void epidemic_bench_start(struct epidemic_bench *bench, unsigned peer);
// The same, keeping nothing yet.
void epidemic_bench_start_bare(struct epidemic_bench *bench, unsigned peer);
void epidemic_bench_join(struct epidemic_bench *bench, unsigned peer, uint64_t space);
// All that was written is durable, and the peer hears so.
void epidemic_bench_sync(struct epidemic_bench *bench, unsigned peer);

// Time passes.
void epidemic_bench_run(struct epidemic_bench *bench, uint64_t pass_us);

// `peer` is told where `other` is; all of all.
void epidemic_bench_meet(struct epidemic_bench *bench, unsigned peer, unsigned other);
void epidemic_bench_meet_all(struct epidemic_bench *bench);
void epidemic_bench_isolate(struct epidemic_bench *bench, unsigned peer, bool cut);

// Ends a step that the test itself began in a peer's core.
void epidemic_bench_carry(struct epidemic_bench *bench, unsigned peer);
// A message reaches a peer at once.
void epidemic_bench_deliver(struct epidemic_bench *bench, unsigned from, unsigned to,
                            const struct message *message);

// --- requests: each gives the number of its reply

size_t epidemic_bench_ask(struct epidemic_bench *bench, unsigned peer,
                          const struct request *request);
size_t epidemic_bench_put(struct epidemic_bench *bench, unsigned peer, const char *key,
                          const char *value);
size_t epidemic_bench_put_bytes(struct epidemic_bench *bench, unsigned peer, const char *key,
                                size_t bytes);
size_t epidemic_bench_delete(struct epidemic_bench *bench, unsigned peer, const char *key);
size_t epidemic_bench_exchange(struct epidemic_bench *bench, unsigned peer, unsigned other);
// Of a request that is answered at once.
enum err epidemic_bench_error(const struct epidemic_bench *bench, size_t reply);

// What a reader sees, as text: "value", or "winner|next|..."; "-" for nothing, else the error's
// name. Valid until the next call.
const char *epidemic_bench_read(struct epidemic_bench *bench, unsigned peer, const char *key);
const char *epidemic_bench_read_stable(struct epidemic_bench *bench, unsigned peer,
                                       const char *key);

// --- looking

// Whether all peers that are up know and show the same.
bool epidemic_bench_all_equal(struct epidemic_bench *bench);
uint64_t epidemic_bench_sent(const struct epidemic_bench *bench, enum message_kind kind);

// --- the map

// The peer makes operations stable from the next map on, which everybody knows (or only `told`).
void epidemic_bench_primary(struct epidemic_bench *bench, unsigned peer);
void epidemic_bench_primary_told(struct epidemic_bench *bench, unsigned peer, unsigned told);

#endif
