#include "space_bench.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { READ_BYTES = 4096, SEED_FIRST = 1000 };

// --- runs

static struct bench_replica *at(struct space_bench *bench, unsigned replica)
{
    assert_true(replica < bench->count && bench->replicas[replica].is_up);
    return &bench->replicas[replica];
}

struct space *bench_space(struct space_bench *bench, unsigned replica)
{
    return &at(bench, replica)->space;
}

struct effects *bench_effects(struct space_bench *bench, unsigned replica)
{
    return &at(bench, replica)->effects;
}

enum err bench_start(struct space_bench *bench, unsigned replica)
{
    struct bench_replica *it = &bench->replicas[replica];
    assert_false(it->is_up);
    it->store = space_disk_reader(&it->disk);
    overlay_init(&it->overlay, &it->store);
    effects_init(&it->effects);
    enum err error =
        space_open(&it->space, BENCH_SPACE, &bench->setting, &it->overlay, bench->seed++);
    it->is_up = error == ERR_OK;
    if (!it->is_up) {
        overlay_release(&it->overlay);
        effects_release(&it->effects);
    }
    return error;
}

static void stop(struct bench_replica *it)
{
    space_release(&it->space);
    overlay_release(&it->overlay);
    effects_release(&it->effects);
    it->is_up = false;
}

struct space_bench *bench_new(unsigned count, const struct space_setting *setting)
{
    struct space_bench *bench = memory_zeroed(1, sizeof *bench);
    assert_true(count <= BENCH_REPLICAS_MAX);
    bench->count = count;
    bench->seed = SEED_FIRST;
    bench->setting.secret = 77;
    if (setting != NULL)
        bench->setting = *setting;
    for (unsigned i = 0; i < count; i++) {
        space_disk_init(&bench->replicas[i].disk);
        assert_int_equal(bench_start(bench, i), ERR_OK);
    }
    return bench;
}

void bench_free(struct space_bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++) {
        if (bench->replicas[i].is_up)
            stop(&bench->replicas[i]);
        space_disk_release(&bench->replicas[i].disk);
    }
    free(bench);
}

void bench_step(struct space_bench *bench, unsigned replica)
{
    struct bench_replica *it = at(bench, replica);
    it->token = overlay_token(&it->overlay, &it->effects);
    for (size_t i = 0; i < it->effects.write_count; i++) {
        const struct effect_write *write = &it->effects.writes[i];
        assert_int_equal(write->store, EFFECT_DATA);
        space_disk_queue(&it->disk, write->table, write->remove,
                         effects_bytes(&it->effects, write->key),
                         effects_bytes(&it->effects, write->value));
    }
    it->writes += it->effects.write_count;
    it->batch = space_disk_commit(&it->disk);
    effects_clear(&it->effects);
}

void bench_sync(struct space_bench *bench, unsigned replica)
{
    struct bench_replica *it = at(bench, replica);
    space_disk_sync(&it->disk, it->batch);
    overlay_on_durable(&it->overlay, it->token);
}

void bench_crash(struct space_bench *bench, unsigned replica, uint32_t batches)
{
    struct bench_replica *it = at(bench, replica);
    if (it->disk.queue_count > 0)
        space_disk_sync(&it->disk, it->disk.queue[0].batch + batches - 1);
    space_disk_lose(&it->disk);
    stop(it);
}

void bench_restart(struct space_bench *bench, unsigned replica)
{
    bench_sync(bench, replica);
    bench_crash(bench, replica, 0);
    assert_int_equal(bench_start(bench, replica), ERR_OK);
}

void bench_restore(struct space_bench *bench, unsigned replica, const struct space_disk *disk)
{
    if (bench->replicas[replica].is_up)
        stop(&bench->replicas[replica]);
    space_disk_copy(&bench->replicas[replica].disk, disk);
    assert_int_equal(bench_start(bench, replica), ERR_OK);
}

// --- writing and reading

enum err bench_write(struct space_bench *bench, unsigned replica, const struct space_write *write,
                     struct space_written *out)
{
    struct bench_replica *it = at(bench, replica);
    enum err error = space_write(&it->space, &it->effects, write, out);
    bench_step(bench, replica);
    return error;
}

struct dot bench_put(struct space_bench *bench, unsigned replica, const char *key,
                     const char *value)
{
    struct space_write write = {.key = slice_of_text(key), .value = slice_of_text(value)};
    struct space_written written;
    assert_int_equal(bench_write(bench, replica, &write, &written), ERR_OK);
    return written.dot;
}

struct dot bench_delete(struct space_bench *bench, unsigned replica, const char *key)
{
    struct space_write write = {.key = slice_of_text(key), .dead = true};
    struct space_written written;
    assert_int_equal(bench_write(bench, replica, &write, &written), ERR_OK);
    return written.dot;
}

static bool append_value(void *context, const struct space_version *version)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, READ_BYTES - used, "%s%.*s", used > 0 ? "|" : "",
             (int)version->value.length, (const char *)version->value.bytes);
    return true;
}

static const char *read_as_text(struct space_bench *bench, unsigned replica, const char *key,
                                enum space_view view)
{
    static char text[READ_BYTES];
    text[0] = '\0';
    enum err error =
        space_read(bench_space(bench, replica), slice_of_text(key), view, append_value, text);
    if (error == ERR_NOT_FOUND)
        return "-";
    if (error == ERR_UNAVAILABLE)
        return "?";
    assert_int_equal(error, ERR_OK);
    return text;
}

const char *bench_read(struct space_bench *bench, unsigned replica, const char *key)
{
    return read_as_text(bench, replica, key, SPACE_LATEST);
}

const char *bench_read_stable(struct space_bench *bench, unsigned replica, const char *key)
{
    return read_as_text(bench, replica, key, SPACE_STABLE);
}

// --- operations on their way

void bench_parcels_release(struct bench_parcels *parcels)
{
    for (uint32_t i = 0; i < parcels->count; i++)
        buf_release(&parcels->list[i].bytes);
    free(parcels->list);
    *parcels = (struct bench_parcels){0};
}

static bool pack(void *context, const struct operation *operation, enum operation_form form,
                 uint64_t id_head)
{
    struct bench_parcels *out = context;
    struct sha256 id = operation_id_of(operation);
    assert_true(sha256_head(&id) == id_head);
    if (out->count == out->capacity) {
        out->capacity = out->capacity > 0 ? 2 * out->capacity : 16;
        out->list = memory_resize(out->list, out->capacity * sizeof *out->list);
    }
    struct bench_parcel *parcel = &out->list[out->count++];
    parcel->dot = operation->dot;
    parcel->form = form;
    buf_init(&parcel->bytes, OPERATION_BYTES_MAX);
    operation_encode(&parcel->bytes, operation, form);
    return true;
}

void bench_pack(struct space_bench *bench, unsigned from, const struct knowledge *lacking,
                struct bench_parcels *out)
{
    struct space *space = bench_space(bench, from);
    struct knowledge none = {0};
    struct knowledge all = {0};
    struct knowledge missing = {0};
    knowledge_copy(&all, &space->known);
    assert_int_equal(knowledge_merge(&all, &space->strays), ERR_OK);
    knowledge_missing(&all, lacking != NULL ? lacking : &none, &missing);
    for (uint32_t i = 0; i < missing.count; i++)
        for (uint32_t j = 0; j < missing.origins[i].count; j++)
            assert_int_equal(space_walk_origin(space, missing.origins[i].origin,
                                               missing.origins[i].list[j], pack, out),
                             ERR_OK);
    knowledge_release(&all);
    knowledge_release(&missing);
}

enum space_outcome bench_apply(struct space_bench *bench, unsigned to,
                               const struct operation *operation, enum operation_form form,
                               enum space_source source)
{
    struct bench_replica *it = at(bench, to);
    enum space_outcome outcome = space_apply(&it->space, &it->effects, operation, form, source);
    bench_step(bench, to);
    return outcome;
}

enum space_outcome bench_deliver(struct space_bench *bench, unsigned to,
                                 const struct bench_parcel *parcel, enum space_source source)
{
    struct operation operation;
    enum operation_form form;
    struct cursor in = cursor_of(buf_slice(&parcel->bytes));
    operation_decode(&in, BENCH_SPACE, &operation, &form);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    return bench_apply(bench, to, &operation, form, source);
}

void bench_send(struct space_bench *bench, unsigned from, unsigned to)
{
    struct bench_parcels parcels = {0};
    bench_pack(bench, from, &bench_space(bench, to)->known, &parcels);
    for (uint32_t i = 0; i < parcels.count; i++) {
        enum space_outcome outcome = bench_deliver(bench, to, &parcels.list[i], SPACE_FROM_SESSION);
        assert_true(outcome != SPACE_REFUSED && outcome != SPACE_BAD);
    }
    assert_int_equal(space_apply_close(bench_space(bench, to), bench_effects(bench, to),
                                       &bench_space(bench, from)->known),
                     ERR_OK);
    bench_step(bench, to);
    bench_parcels_release(&parcels);
}

void bench_exchange(struct space_bench *bench, unsigned a, unsigned b)
{
    bench_send(bench, a, b);
    bench_send(bench, b, a);
}

void bench_audit(struct space_bench *bench, unsigned from, unsigned to)
{
    struct bench_parcels parcels = {0};
    bench_pack(bench, from, NULL, &parcels);
    for (uint32_t i = 0; i < parcels.count; i++)
        if (parcels.list[i].form == OPERATION_PUT)
            bench_deliver(bench, to, &parcels.list[i], SPACE_FROM_AUDIT);
    bench_parcels_release(&parcels);
}

// --- stability

void bench_publish(struct space_bench *bench, unsigned primary, const struct knowledge *horizon)
{
    static const struct knowledge none;
    struct space *space = bench_space(bench, primary);
    bench_sync(bench, primary);
    assert_int_equal(space_stabilise(space, bench_effects(bench, primary), &space->known,
                                     horizon != NULL ? horizon : &none),
                     ERR_OK);
    bench_step(bench, primary);
}

void bench_tell(struct space_bench *bench, unsigned primary, unsigned to)
{
    struct space *space = bench_space(bench, primary);
    assert_int_equal(space_stabilise(bench_space(bench, to), bench_effects(bench, to),
                                     &space->stable, &space->horizon),
                     ERR_OK);
    bench_step(bench, to);
}

// --- looking

void bench_check(struct space_bench *bench, unsigned replica)
{
    struct bench_replica *it = at(bench, replica);
    bool equal = false;
    space_invariants(&it->space);
    overlay_invariants(&it->overlay);
    assert_int_equal(space_recount(&it->space, &it->effects, &equal), ERR_OK);
    assert_true(equal);
    assert_int_equal(it->effects.write_count, 0);
}

bool bench_live_equal(struct space_bench *bench, unsigned a, unsigned b)
{
    return space_digests_equal(&bench_space(bench, a)->digests, &bench_space(bench, b)->digests);
}

bool bench_equal(struct space_bench *bench, unsigned a, unsigned b)
{
    return knowledge_equal(&bench_space(bench, a)->known, &bench_space(bench, b)->known) &&
           bench_live_equal(bench, a, b);
}
