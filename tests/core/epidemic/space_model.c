#include "space_model.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { DELETE_ONE_IN = 3, NONE = -1 };

static const char *const keys[MODEL_KEYS] = {"a", "b", "c", "d", "e"};

const char *model_key(unsigned key)
{
    return keys[key];
}

// --- sets of facts

bool model_has(const uint8_t *set, unsigned fact)
{
    return (set[fact / 8] >> (fact % 8) & 1) != 0;
}

static void add(uint8_t *set, unsigned fact)
{
    set[fact / 8] |= (uint8_t)(1u << (fact % 8));
}

int model_find(const struct space_model *model, struct dot dot, const struct sha256 *id)
{
    for (unsigned i = 0; i < model->fact_count; i++)
        if (dot_equal(model->facts[i].operation.dot, dot) &&
            sha256_compare(&model->facts[i].id, id) == 0)
            return (int)i;
    return NONE;
}

static unsigned key_of(struct slice key)
{
    unsigned at = 0;
    while (at < MODEL_KEYS && !slice_equal(key, slice_of_text(keys[at])))
        at++;
    assert_true(at < MODEL_KEYS);
    return at;
}

// --- keeping up with the bench

// What the replica wrote by itself: asked for, or issued again.
static void record_own(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    struct space *space = bench_space(model->bench, replica);
    if (space->origin != it->origin)
        it->recorded = 0;
    it->origin = space->origin;
    while (space->origin != 0 && it->recorded + 1 < space->next) {
        struct dot dot = {.origin = space->origin, .sequence = ++it->recorded};
        enum operation_form form;
        assert_true(model->fact_count < MODEL_FACTS_MAX);
        struct fact *fact = &model->facts[model->fact_count];
        assert_int_equal(space_find_dot(space, dot, &fact->operation, &form), ERR_OK);
        fact->id = operation_id_of(&fact->operation);
        fact->key = key_of(fact->operation.key);
        fact->operation.key = fact->operation.value = slice_of(NULL, 0);
        add(it->now.known, model->fact_count++);
    }
}

// After each batch of the bench.
static void note_batch(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    record_own(model, replica);
    it->batches[it->batch_count++] = it->now;
    if (it->batch_count == MODEL_BATCHES_MAX)
        model_sync(model, replica);
}

struct space_model *model_new(unsigned count, uint64_t seed)
{
    struct space_model *model = memory_zeroed(1, sizeof *model);
    model->bench = bench_new(count, NULL);
    model->bench->seed = seed * 1000;
    rng_init(&model->rng, seed);
    for (unsigned i = 0; i < count; i++) {
        bench_restart(model->bench, i); // with seeds of this run
        space_disk_init(&model->replicas[i].copy.disk);
    }
    return model;
}

void model_free(struct space_model *model)
{
    for (unsigned i = 0; i < model->bench->count; i++)
        space_disk_release(&model->replicas[i].copy.disk);
    bench_free(model->bench);
    free(model);
}

void model_sync(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    bench_sync(model->bench, replica);
    it->durable = it->now;
    it->batch_count = 0;
}

void model_crash(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    uint32_t kept = (uint32_t)rng_below(&model->rng, it->batch_count + 1);
    // Batches in which nothing was written are not in the disk's queue: they are all of those.
    if (kept < it->batch_count)
        kept = 0;
    if (kept > 0)
        bench_sync(model->bench, replica);
    bench_crash(model->bench, replica, 0);
    it->now = kept > 0 ? it->batches[kept - 1] : it->durable;
    it->durable = it->now;
    it->batch_count = 0;
    it->origin = 0;
    assert_int_equal(bench_start(model->bench, replica), ERR_OK);
}

void model_copy_disk(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    it->copy.is_there = true;
    it->copy.belief = it->durable;
    space_disk_copy(&it->copy.disk, &model->bench->replicas[replica].disk);
}

void model_restore_disk(struct space_model *model, unsigned replica)
{
    struct model_replica *it = &model->replicas[replica];
    if (!it->copy.is_there)
        return;
    space_disk_lose(&model->bench->replicas[replica].disk);
    bench_restore(model->bench, replica, &it->copy.disk);
    it->now = it->durable = it->copy.belief;
    it->batch_count = 0;
    it->origin = 0;
}

// --- what happens

void model_write(struct space_model *model, unsigned replica)
{
    char value[24];
    struct space_written written;
    struct space_write write = {.key = slice_of_text(keys[rng_below(&model->rng, MODEL_KEYS)]),
                                .dead = rng_one_in(&model->rng, DELETE_ONE_IN)};
    int length = snprintf(value, sizeof value, "v%llu", (unsigned long long)++model->written);
    if (!write.dead)
        write.value = slice_of(value, (size_t)length);
    enum err error = bench_write(model->bench, replica, &write, &written);
    if (error != ERR_OK)
        assert_true(error == ERR_NOT_FOUND && write.dead);
    note_batch(model, replica);
}

static void deliver(struct space_model *model, unsigned to, const struct bench_parcel *parcel,
                    enum space_source source)
{
    struct belief *belief = &model->replicas[to].now;
    struct operation operation;
    enum operation_form form;
    struct cursor in = cursor_of(buf_slice(&parcel->bytes));
    operation_decode(&in, BENCH_SPACE, &operation, &form);
    struct sha256 id = operation_id_of(&operation);
    int fact = model_find(model, operation.dot, &id);
    assert_true(fact != NONE);
    bool is_known = model_has(belief->known, (unsigned)fact);
    enum space_outcome outcome = bench_deliver(model->bench, to, parcel, source);
    if (is_known)
        assert_int_equal(outcome, SPACE_KNOWN);
    else if (form == OPERATION_BARE)
        assert_true(outcome == SPACE_STORED || outcome == SPACE_KNOWN);
    else
        assert_int_equal(outcome, SPACE_NEWS);
    add(form == OPERATION_BARE && !is_known ? belief->header : belief->known, (unsigned)fact);
    note_batch(model, to);
}

static void shuffle(struct space_model *model, struct bench_parcels *parcels)
{
    for (uint32_t i = parcels->count; i > 1; i--) {
        uint32_t other = (uint32_t)rng_below(&model->rng, i);
        struct bench_parcel parcel = parcels->list[i - 1];
        parcels->list[i - 1] = parcels->list[other];
        parcels->list[other] = parcel;
    }
}

static void carry(struct space_model *model, unsigned from, unsigned to, bool lacking_only,
                  bool all, enum space_source source)
{
    struct bench_parcels parcels = {0};
    model_sync(model, from); // what is not durable is told to nobody
    bench_pack(model->bench, from, lacking_only ? &bench_space(model->bench, to)->known : NULL,
               &parcels);
    shuffle(model, &parcels);
    uint32_t count = all ? parcels.count : (uint32_t)rng_below(&model->rng, parcels.count + 1);
    for (uint32_t i = 0; i < count; i++)
        deliver(model, to, &parcels.list[i], source);
    bench_parcels_release(&parcels);
}

void model_rumors(struct space_model *model, unsigned from, unsigned to)
{
    carry(model, from, to, false, false, SPACE_FROM_RUMOR);
}

// --- full reconciliation (rule R13): what only the receiver has live

struct live_list {
    struct space_item items[MODEL_FACTS_MAX];
    unsigned keys[MODEL_FACTS_MAX];
    unsigned count;
};

static bool add_live(void *context, const struct space_item *item)
{
    struct live_list *list = context;
    list->items[list->count] = *item;
    list->keys[list->count++] = key_of(item->key);
    return true;
}

static void list_live(struct space_bench *bench, unsigned replica, struct live_list *out)
{
    out->count = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        assert_int_equal(space_walk_slot(bench_space(bench, replica),
                                         slot_of_key(slice_of_text(keys[i])), add_live, out),
                         ERR_OK);
}

static bool is_listed(const struct live_list *list, const struct space_item *item)
{
    for (unsigned i = 0; i < list->count; i++)
        if (dot_equal(list->items[i].dot, item->dot) && list->items[i].id_head == item->id_head)
            return true;
    return false;
}

static void send_stored(struct space_model *model, unsigned to, const struct operation *operation,
                        enum operation_form form, enum space_source source)
{
    struct bench_parcel parcel = {.dot = operation->dot, .form = form};
    buf_init(&parcel.bytes, OPERATION_BYTES_MAX);
    operation_encode(&parcel.bytes, operation, form);
    deliver(model, to, &parcel, source);
    buf_release(&parcel.bytes);
}

static void judge(struct space_model *model, unsigned from, unsigned to,
                  const struct space_item *item, unsigned key, bool is_behind)
{
    struct space *space = bench_space(model->bench, from);
    struct operation operation;
    enum operation_form form;
    if (!knowledge_has(&space->known, item->dot)) {
        if (space_find_coverer(space, slice_of_text(keys[key]), item->dot, &operation, &form) ==
            ERR_OK)
            send_stored(model, to, &operation, form, SPACE_FROM_SESSION);
        return;
    }
    // Nobody is damaged here: what is known and not live is covered, or dead under the horizon.
    if (space_find_coverer(space, slice_of_text(keys[key]), item->dot, &operation, &form) ==
        ERR_OK) {
        send_stored(model, to, &operation, form, SPACE_FROM_SESSION);
        return;
    }
    assert_true(is_behind && knowledge_has(&space->horizon, item->dot));
    space_drop(bench_space(model->bench, to), bench_effects(model->bench, to), item->dot,
               item->id_head);
    bench_step(model->bench, to);
    note_batch(model, to);
}

static void reconcile(struct space_model *model, unsigned from, unsigned to)
{
    struct live_list *ours = memory_new(sizeof *ours);
    struct live_list *theirs = memory_new(sizeof *theirs);
    list_live(model->bench, from, ours);
    list_live(model->bench, to, theirs);
    for (unsigned i = 0; i < theirs->count; i++)
        if (!is_listed(ours, &theirs->items[i]))
            judge(model, from, to, &theirs->items[i], theirs->keys[i], true);
    free(ours);
    free(theirs);
}

void model_session(struct space_model *model, unsigned from, unsigned to, bool closes)
{
    struct space *source = bench_space(model->bench, from);
    struct space *target = bench_space(model->bench, to);
    carry(model, from, to, true, closes, SPACE_FROM_SESSION);
    if (!closes)
        return;
    if (!knowledge_contains(&target->known, &source->horizon))
        reconcile(model, from, to);
    struct effects *effects = bench_effects(model->bench, to);
    assert_int_equal(space_apply_close(target, effects, &source->known), ERR_OK);
    assert_int_equal(space_stabilise(target, effects, &source->stable, &source->horizon), ERR_OK);
    bench_step(model->bench, to);
    for (unsigned i = 0; i < sizeof model->replicas[to].now.known; i++)
        model->replicas[to].now.known[i] |= model->replicas[from].now.known[i];
    note_batch(model, to);
}

void model_sweep(struct space_model *model, unsigned replica)
{
    space_sweep(bench_space(model->bench, replica), bench_effects(model->bench, replica),
                1 + (uint32_t)rng_below(&model->rng, MODEL_KEYS));
    bench_step(model->bench, replica);
    note_batch(model, replica);
}

void model_publish(struct space_model *model, unsigned primary, const struct knowledge *horizon)
{
    model_sync(model, primary);
    bench_publish(model->bench, primary, horizon);
    note_batch(model, primary);
    model_sync(model, primary);
}

void model_tell(struct space_model *model, unsigned primary, unsigned to)
{
    bench_tell(model->bench, primary, to);
    note_batch(model, to);
}
