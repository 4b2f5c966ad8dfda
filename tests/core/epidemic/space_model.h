// The naive twin of the replicas of a bench: every operation that was ever written, which of them
// each replica knows, and what follows from that by the definition alone (rule R9): live are the
// puts that no applied operation covers.
//
// It drives the bench itself, so that it hears of everything.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_MODEL_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_MODEL_H

#include "space_bench.h"

#define MODEL_FACTS_MAX 4096u
#define MODEL_KEYS 5u
#define MODEL_BATCHES_MAX 256u

// An operation that was written.
struct fact {
    struct operation operation; // key and value are not set
    struct sha256 id;
    unsigned key;
};

// Which facts a replica knows; which came bare.
struct belief {
    uint8_t known[MODEL_FACTS_MAX / 8];
    uint8_t header[MODEL_FACTS_MAX / 8];
};

struct model_copy {
    bool is_there;
    struct space_disk disk;
    struct belief belief;
};

struct model_replica {
    struct belief now;
    struct belief durable;
    // What a crash may leave of it: after each batch since the last sync.
    struct belief batches[MODEL_BATCHES_MAX];
    uint32_t batch_count;
    uint64_t origin; // whose facts were recorded up to
    uint64_t recorded;
    struct model_copy copy;
};

struct space_model {
    struct space_bench *bench;
    struct fact facts[MODEL_FACTS_MAX];
    unsigned fact_count;
    struct model_replica replicas[BENCH_REPLICAS_MAX];
    struct rng rng;
    uint64_t written; // makes each value another
};

struct space_model *model_new(unsigned count, uint64_t seed);
void model_free(struct space_model *model);

// Something at random.
void model_write(struct space_model *model, unsigned replica);
// Some of what `from` has, in any order; then, if `closes`, all of it and the close, with whatever
// a horizon asks for.
void model_rumors(struct space_model *model, unsigned from, unsigned to);
void model_session(struct space_model *model, unsigned from, unsigned to, bool closes);
void model_sync(struct space_model *model, unsigned replica);
void model_crash(struct space_model *model, unsigned replica);
void model_copy_disk(struct space_model *model, unsigned replica);
void model_restore_disk(struct space_model *model, unsigned replica);
void model_sweep(struct space_model *model, unsigned replica);
// What the primary knows is stable, and the horizon what it is told (NULL: nothing new).
void model_publish(struct space_model *model, unsigned primary, const struct knowledge *horizon);
void model_tell(struct space_model *model, unsigned primary, unsigned to);

// Fails the test unless the replica knows and shows what it must. False, for who wants to see a
// mistake: when it does not.
bool model_agrees(struct space_model *model, unsigned replica);
// The same for what is stable, if the replica may answer for it: the primary may.
bool model_agrees_on_stable(struct space_model *model, unsigned replica, bool is_primary);

bool model_has(const uint8_t *set, unsigned fact);
// The name of a key; and which operation this is, -1 for none.
const char *model_key(unsigned key);
int model_find(const struct space_model *model, struct dot dot, const struct sha256 *id);

#endif
