#include "loss_bench.h"

#include "base/check.h"
#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "core/map/prefixes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ASKER = A };

void loss_map(struct strong_bench *bench, node_set in_sync, node_set joining)
{
    uint64_t join_epoch = joining != 0 ? bench->map.epoch + 1 : 0;
    struct replica_set set = bench_set(in_sync, joining, join_epoch, A);
    set.target = ALL;
    bench_map(bench, ALL, &set);
}

struct strong_bench *loss_bench_new(void)
{
    struct strong_bench *bench = bench_new(J);
    loss_map(bench, LIST, 0);
    bench_run(bench);
    return bench;
}

struct stamp loss_put(struct strong_bench *bench, const char *key, const char *value)
{
    uint64_t handle = bench_put(bench, A, key, value);
    bench_run(bench);
    assert_int_equal(bench_error(bench, handle), ERR_OK);
    return bench_answer(bench, handle)->stamp;
}

// The answer does not name the stamp of a death.
struct stamp loss_delete_later(struct strong_bench *bench, const char *key)
{
    bench_delete(bench, A, key);
    const struct flight *flight = bench_flight(bench, A, key);
    assert_non_null(flight);
    assert_true(flight->record.dead);
    return flight->record.stamp;
}

struct stamp loss_delete(struct strong_bench *bench, const char *key)
{
    struct stamp stamp = loss_delete_later(bench, key);
    bench_run(bench);
    assert_null(bench_flight(bench, A, key));
    return stamp;
}

bool loss_is_gone(const struct strong_bench *bench, node_id id, const char *key)
{
    struct record record;
    return bench_stored(bench, id, key, &record) == ERR_NOT_FOUND;
}

unsigned loss_slot(void)
{
    return slot_of_key(slice_of_text(BENCH_TAG));
}

// The answer about the row that begins with `slot`, to be dropped.
static struct bench_message *answer_of(struct strong_bench *bench, node_id id, unsigned slot)
{
    struct bench_node *node = bench->nodes[id];
    struct message_prefix_want want = {.keyspace = BENCH_KEYSPACE, .slot = slot};
    strong_tell_prefix(&node->strong, &node->effects, BENCH_STORE_ID(ASKER), &want);
    bench_absorb(bench, id);
    return bench_take(bench, id, ASKER, MESSAGE_PREFIX);
}

struct told loss_told(struct strong_bench *bench, node_id id, unsigned slot)
{
    unsigned first = slot / PREFIX_SLOTS * PREFIX_SLOTS;
    struct told told = {.is_prefix = false};
    struct message message;
    struct bench_message *answer = answer_of(bench, id, first);
    assert_int_equal(message_decode(buf_slice(&answer->bytes), &message), ERR_OK);
    assert_int_equal(message.prefix.keyspace, BENCH_KEYSPACE);
    assert_int_equal(message.prefix.slot, first);
    struct cursor in = cursor_of(message.prefix.greatest);
    for (unsigned i = first; i < first + PREFIX_SLOTS; i++) {
        bool is_prefix = cursor_u8(&in) == 1;
        struct stamp greatest = is_prefix ? stamp_decode(&in) : (struct stamp){0};
        if (i == slot)
            told = (struct told){.is_prefix = is_prefix, .greatest = greatest};
    }
    assert_int_equal(cursor_finish(&in), ERR_OK);
    bench_drop(answer);
    return told;
}

struct told loss_told_at_tag(struct strong_bench *bench, node_id id)
{
    return loss_told(bench, id, loss_slot());
}

bool loss_prefix_is(struct strong_bench *bench, node_id id, struct stamp greatest)
{
    struct told told = loss_told_at_tag(bench, id);
    return told.is_prefix && told.greatest.counter == greatest.counter;
}

struct memory_store loss_keep(const struct strong_bench *bench, node_id id)
{
    const struct memory_store *from = &bench->nodes[id]->memory;
    struct memory_store kept;
    memory_store_init(&kept);
    for (size_t i = 0; i < from->pair_count; i++)
        memory_store_queue(&kept, from->pairs[i].table, false, buf_slice(&from->pairs[i].key),
                           buf_slice(&from->pairs[i].value));
    memory_store_apply(&kept, SIZE_MAX);
    return kept;
}

void loss_of_power(struct strong_bench *bench, node_id id, struct memory_store *kept)
{
    struct bench_node *node = bench->nodes[id];
    memory_store_release(&node->memory);
    node->memory = *kept;
    bench_restart(bench, id);
}

static void admit(struct wants *wants, const struct bench_node *node, node_id id)
{
    struct want_admit admit = {
        .store_id = BENCH_STORE_ID(id), .incarnation = node->incarnation, .claim = CLAIM_SUSPECT};
    assert_true(address_copy(admit.peer_address, slice_of_text("peer:1")));
    assert_true(address_copy(admit.http_address, slice_of_text("http:1")));
    wants_add_admit(wants, &admit);
}

static void ask_all(struct strong_bench *bench, struct prefixes *prefixes, node_id id)
{
    struct effects effects;
    struct message told;
    uint64_t incarnation = bench->nodes[id]->incarnation;
    effects_init(&effects);
    prefixes_pull(prefixes, &effects, &bench->map, id, incarnation, bench->now_us);
    for (unsigned slot = 0; slot < SLOTS; slot += PREFIX_SLOTS) {
        struct bench_message *answer = answer_of(bench, id, slot);
        assert_int_equal(message_decode(buf_slice(&answer->bytes), &told), ERR_OK);
        prefixes_on_told(prefixes, &effects, &bench->map, BENCH_STORE_ID(id), &told, bench->now_us);
        bench_drop(answer);
    }
    assert_true(prefixes_has_told(prefixes, id, incarnation));
    effects_release(&effects);
}

node_set loss_chosen(struct strong_bench *bench)
{
    struct prefixes prefixes = {0};
    struct cluster_map next;
    struct wants *wants = memory_zeroed(1, sizeof *wants);
    node_set chosen = 0;
    cluster_map_init(&next);
    wants_clear(wants);
    wants->prefixes = &prefixes;
    for (unsigned id = 1; id <= bench->node_count; id++) {
        admit(wants, bench->nodes[id], (node_id)id);
        ask_all(bench, &prefixes, (node_id)id);
    }
    if (next_map_compute(&bench->map, wants, &next)) {
        assert_int_equal(map_step_check(&bench->map, &next), ERR_OK);
        chosen = map_keyspace_slot(&next.keyspaces[0], (uint16_t)loss_slot())->in_sync;
    }
    cluster_map_release(&next);
    prefixes_release(&prefixes);
    free(wants);
    return chosen;
}
