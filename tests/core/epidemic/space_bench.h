// Replicas of one space, each with a disk of its own, which exchange operations by hand: to write,
// to deliver in any order, to crash, to restore an older disk.
//
// Each call that changes a replica is one step: what it wrote is one batch of its disk, and not
// durable until bench_sync.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_BENCH_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_BENCH_H

#include "core/epidemic/space.h"
#include "space_disk.h"

#define BENCH_SPACE UINT64_C(0x5afe5afe00000001)
#define BENCH_REPLICAS_MAX 8u

struct bench_replica {
    struct space_disk disk;
    struct store store;
    struct overlay overlay;
    struct effects effects;
    struct space space;
    bool is_up;
    uint32_t batch;  // the last one
    uint64_t token;  // that names it
    uint64_t writes; // to the store, so far
};

struct space_bench {
    struct space_setting setting;
    struct bench_replica replicas[BENCH_REPLICAS_MAX];
    unsigned count;
    uint64_t seed; // of the next run of any replica
};

// Replicas that are up, and empty. `setting` NULL: neither signed nor choosy. Gives a bench, to be
// ended by bench_free.
struct space_bench *bench_new(unsigned count, const struct space_setting *setting);
void bench_free(struct space_bench *bench);

struct space *bench_space(struct space_bench *bench, unsigned replica);
struct effects *bench_effects(struct space_bench *bench, unsigned replica);

// Ends a step: what was written becomes a batch. The functions below do it themselves.
void bench_step(struct space_bench *bench, unsigned replica);
// Everything is durable, and the replica knows.
void bench_sync(struct space_bench *bench, unsigned replica);

// --- runs

// Ends the run; what was not synced is lost, but for the first `batches` of it.
void bench_crash(struct space_bench *bench, unsigned replica, uint32_t batches);
// Begins another, on what the disk has. The error of space_open.
WARN_UNUSED enum err bench_start(struct space_bench *bench, unsigned replica);
// Syncs, ends, begins.
void bench_restart(struct space_bench *bench, unsigned replica);
// Ends the run, and begins one on a copy of that disk.
void bench_restore(struct space_bench *bench, unsigned replica, const struct space_disk *disk);

// --- writing and reading

WARN_UNUSED enum err bench_write(struct space_bench *bench, unsigned replica,
                                 const struct space_write *write, struct space_written *out);
// These must succeed.
struct dot bench_put(struct space_bench *bench, unsigned replica, const char *key,
                     const char *value);
struct dot bench_delete(struct space_bench *bench, unsigned replica, const char *key);

// What a reader sees, as text: "value", or "winner|next|..."; "-" for nothing, "?" when it is not
// held here. Valid until the next call.
const char *bench_read(struct space_bench *bench, unsigned replica, const char *key);
const char *bench_read_stable(struct space_bench *bench, unsigned replica, const char *key);

// --- operations on their way

struct bench_parcel {
    struct dot dot;
    enum operation_form form;
    struct buf bytes; // operation_encode's
};

struct bench_parcels {
    struct bench_parcel *list; // owned
    uint32_t count;
    uint32_t capacity;
};

void bench_parcels_release(struct bench_parcels *parcels);

// Adds what `from` has stored and `lacking` has not (NULL: all).
void bench_pack(struct space_bench *bench, unsigned from, const struct knowledge *lacking,
                struct bench_parcels *out);

enum space_outcome bench_deliver(struct space_bench *bench, unsigned to,
                                 const struct bench_parcel *parcel, enum space_source source);
enum space_outcome bench_apply(struct space_bench *bench, unsigned to,
                               const struct operation *operation, enum operation_form form,
                               enum space_source source);

// A whole session one way, without a horizon: everything, then the close.
void bench_send(struct space_bench *bench, unsigned from, unsigned to);
// Both ways.
void bench_exchange(struct space_bench *bench, unsigned a, unsigned b);

// What an audit does: `to` takes each live version of `from` that it has not live.
void bench_audit(struct space_bench *bench, unsigned from, unsigned to);

// --- stability

// What a primary does: what it knows is stable, and the horizon what `horizon` says (NULL:
// nothing).
void bench_publish(struct space_bench *bench, unsigned primary, const struct knowledge *horizon);
// The primary's word reaches another.
void bench_tell(struct space_bench *bench, unsigned primary, unsigned to);

// --- looking

// Fails the test unless digests and counts are those of a recount, and invariants hold.
void bench_check(struct space_bench *bench, unsigned replica);
// Whether what is known, and what is live, is the same.
bool bench_equal(struct space_bench *bench, unsigned a, unsigned b);
bool bench_live_equal(struct space_bench *bench, unsigned a, unsigned b);

#endif
