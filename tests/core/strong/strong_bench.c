#include "strong_bench.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LEASE_MS = 1000, FIRST_US = 1000 * 1000 };

static void keep_answer(void *context, struct effects *effects, uint64_t handle,
                        const struct reply *reply)
{
    struct strong_bench *bench = context;
    (void)effects;
    assert_in_range(handle, 1, bench->answer_count);
    struct bench_answer *answer = &bench->answers[handle];
    assert_false(answer->given);
    answer->given = true;
    answer->error = reply->error;
    answer->existed = reply->existed;
    answer->stamp = reply->stamp;
    answer->awaited = reply->awaited;
    answer->cursor_slot = reply->cursor.slot;
    buf_append_slice(&answer->value, reply->value);
    buf_append_slice(&answer->entries, reply->entries);
    buf_append_slice(&answer->cursor_key, reply->cursor.key);
}

// Opens the node's process on what its store holds.
static void start(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    struct identity identity = {.store_id = BENCH_STORE_ID(id), .incarnation = node->incarnation};
    struct cluster_map none;
    cluster_map_init(&none);
    agreement_init(&node->agreement, &identity, &none, NULL, id, bench->now_us);
    effects_init(&node->effects);
    node->effects.incarnation = identity.incarnation;
    enum err error = strong_init(&node->strong, &node->agreement, &node->reader, id, bench->now_us);
    assert_int_equal(error, ERR_OK);
    node->strong.answer = keep_answer;
    node->strong.answer_context = bench;
}

static void stop(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    strong_release(&node->strong);
    agreement_release(&node->agreement);
    effects_release(&node->effects);
}

void bench_restart(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    stop(bench, id);
    memory_store_forget(&node->memory);
    node->incarnation++;
    node->durable_token = 0;
    for (unsigned other = 1; other <= bench->node_count; other++) {
        bench_lose(bench, id, (node_id)other, MESSAGE_KIND_COUNT);
        bench_lose(bench, (node_id)other, id, MESSAGE_KIND_COUNT);
    }
    start(bench, id);
}

struct strong_bench *bench_new(unsigned count)
{
    struct strong_bench *bench = memory_zeroed(1, sizeof *bench);
    assert_in_range(count, 1, BENCH_NODES_MAX);
    bench->node_count = count;
    bench->now_us = FIRST_US;
    bench->min_in_sync = 1;
    bench->answers = memory_zeroed(BENCH_ANSWERS_MAX + 1, sizeof *bench->answers);
    cluster_map_init(&bench->map);
    for (unsigned from = 0; from <= BENCH_NODES_MAX; from++)
        for (unsigned to = 0; to <= BENCH_NODES_MAX; to++)
            list_init(&bench->queues[from][to]);
    for (unsigned id = 1; id <= count; id++) {
        struct bench_node *node = memory_zeroed(1, sizeof *node);
        memory_store_init(&node->memory);
        node->reader = memory_store_reader(&node->memory);
        node->incarnation = 1;
        bench->nodes[id] = node;
        start(bench, (node_id)id);
    }
    return bench;
}

void bench_free(struct strong_bench *bench)
{
    bench_lose_all(bench);
    for (unsigned id = 1; id <= bench->node_count; id++) {
        struct bench_node *node = bench->nodes[id];
        stop(bench, (node_id)id);
        memory_store_release(&node->memory);
        free(node);
    }
    for (uint64_t i = 1; i <= bench->answer_count; i++) {
        buf_release(&bench->answers[i].value);
        buf_release(&bench->answers[i].entries);
        buf_release(&bench->answers[i].cursor_key);
    }
    free(bench->answers);
    cluster_map_release(&bench->map);
    free(bench);
}

// --- maps

struct replica_set bench_set(node_set in_sync, node_set joining, uint64_t join_epoch,
                             node_id primary)
{
    return (struct replica_set){.in_sync = in_sync,
                                .joining = joining,
                                .target = in_sync | joining,
                                .join_epoch = join_epoch,
                                .primary = primary,
                                .target_primary = primary};
}

static void make_map(struct strong_bench *bench, node_set live, const struct replica_set *set,
                     bool whole)
{
    struct cluster_map *map = &bench->map;
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    uint64_t epoch = map->epoch + 1;
    cluster_map_release(map);
    map->cluster = (struct cluster_id){.high = 1, .low = 2};
    map->epoch = epoch;
    map->lease_ms = LEASE_MS;
    map->voters = 1;
    map->next_keyspace_id = BENCH_KEYSPACE + 1;
    map->node_count = (uint8_t)bench->node_count;
    for (unsigned i = 0; i < bench->node_count; i++) {
        struct map_node *node = &map->nodes[i];
        *node =
            (struct map_node){.id = (node_id)(i + 1),
                              .state = node_set_has(live, (node_id)(i + 1)) ? NODE_UP : NODE_DOWN,
                              .store_id = BENCH_STORE_ID(i + 1),
                              .incarnation = bench->nodes[i + 1]->incarnation};
        snprintf(node->peer_address, sizeof node->peer_address, "127.0.0.1:%u", 5101 + i);
        snprintf(node->http_address, sizeof node->http_address, "127.0.0.1:%u", 5001 + i);
    }
    struct replica_set rest = bench_set(node_bit(1), 0, 0, node_set_has(live, 1) ? 1 : NODE_NONE);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slots[slot] = whole ? *set : rest;
    slots[slot_of_key(slice_of_text(BENCH_TAG))] = *set;
    struct map_keyspace *keyspace = &map->keyspaces[map->keyspace_count++];
    keyspace->keyspace = (struct keyspace){.id = BENCH_KEYSPACE,
                                           .name = KEYSPACE_DEFAULT,
                                           .strategy = STRATEGY_FULL,
                                           .replication_factor = 3,
                                           .min_in_sync = bench->min_in_sync};
    map_keyspace_intern(keyspace, slots);
    free(slots);
    assert_int_equal(cluster_map_check(map), ERR_OK);
}

void bench_make_map(struct strong_bench *bench, node_set live, const struct replica_set *set)
{
    make_map(bench, live, set, false);
}

void bench_make_whole_map(struct strong_bench *bench, node_set live, const struct replica_set *set)
{
    make_map(bench, live, set, true);
}

void bench_absorb(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    struct effects *effects = &node->effects;
    for (size_t i = 0; i < effects->send_count; i++) {
        struct bench_message *sent = memory_zeroed(1, sizeof *sent);
        struct message message;
        uint64_t to = effects->sends[i].peer - BENCH_STORE_ID(0);
        assert_in_range(to, 1, bench->node_count);
        buf_init(&sent->bytes, EFFECTS_BYTES_MAX);
        buf_append_slice(&sent->bytes, effects_bytes(effects, effects->sends[i].message));
        assert_int_equal(message_decode(buf_slice(&sent->bytes), &message), ERR_OK);
        sent->kind = message.kind;
        list_append(&bench->queues[id][to], &sent->link);
    }
    for (size_t i = 0; i < effects->write_count; i++) {
        const struct effect_write *write = &effects->writes[i];
        assert_int_equal(write->store, EFFECT_DATA);
        memory_store_queue(&node->memory, write->table, write->remove,
                           effects_bytes(effects, write->key),
                           effects_bytes(effects, write->value));
    }
    effects_clear(effects);
    strong_invariants(&node->strong);
}

void bench_tell(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    cluster_map_release(&node->agreement.map);
    cluster_map_copy(&node->agreement.map, &bench->map);
    node->agreement.lease.held_until_us = UINT64_MAX;
    node->effects.epoch = bench->map.epoch;
    strong_on_map(&node->strong, &node->effects, bench->now_us);
    bench_absorb(bench, id);
}

void bench_map(struct strong_bench *bench, node_set live, const struct replica_set *set)
{
    bench_make_map(bench, live, set);
    for (node_id id = node_set_first(live); id != NODE_NONE; id = node_set_after(live, id))
        bench_tell(bench, id);
}

// --- requests

uint64_t bench_request(struct strong_bench *bench, node_id id, const struct request *request)
{
    struct bench_node *node = bench->nodes[id];
    struct request copy = *request;
    assert_true(bench->answer_count < BENCH_ANSWERS_MAX);
    struct bench_answer *answer = &bench->answers[++bench->answer_count];
    buf_init(&answer->value, VALUE_BYTES_MAX);
    buf_init(&answer->entries, VALUE_BYTES_MAX);
    buf_init(&answer->cursor_key, KEY_BYTES_MAX);
    copy.keyspace = BENCH_KEYSPACE;
    assert_int_equal(request_check(&copy), ERR_OK);
    uint64_t handle = bench->answer_count;
    strong_request(&node->strong, &node->effects, bench->now_us, handle, &copy);
    bench_absorb(bench, id);
    return handle;
}

uint64_t bench_put(struct strong_bench *bench, node_id id, const char *key, const char *value)
{
    struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text(key), .value = slice_of_text(value)};
    return bench_request(bench, id, &request);
}

uint64_t bench_delete(struct strong_bench *bench, node_id id, const char *key)
{
    return bench_request(bench, id,
                         &(struct request){.kind = REQUEST_DELETE, .key = slice_of_text(key)});
}

uint64_t bench_read(struct strong_bench *bench, node_id id, const char *key)
{
    return bench_request(bench, id,
                         &(struct request){.kind = REQUEST_READ, .key = slice_of_text(key)});
}

const struct bench_answer *bench_answer(const struct strong_bench *bench, uint64_t handle)
{
    assert_in_range(handle, 1, bench->answer_count);
    return &bench->answers[handle];
}

enum err bench_error(const struct strong_bench *bench, uint64_t handle)
{
    const struct bench_answer *answer = bench_answer(bench, handle);
    return answer->given ? answer->error : ERR_COUNT;
}

bool bench_gave(const struct strong_bench *bench, uint64_t handle, const char *value)
{
    const struct bench_answer *answer = bench_answer(bench, handle);
    return answer->given && answer->error == ERR_OK &&
           slice_equal(buf_slice(&answer->value), slice_of_text(value));
}

// --- looking

const struct flight *bench_flight(const struct strong_bench *bench, node_id id, const char *key)
{
    return flights_find(&bench->nodes[id]->strong.flights, BENCH_KEYSPACE, slice_of_text(key));
}

enum err bench_stored(const struct strong_bench *bench, node_id id, const char *key,
                      struct record *out)
{
    struct slice bytes = slice_of_text(key);
    return record_store_get(&bench->nodes[id]->reader, BENCH_KEYSPACE, slot_of_key(bytes), bytes,
                            out);
}

bool bench_holds(const struct strong_bench *bench, node_id id, const char *key, const char *value)
{
    struct record record;
    return bench_stored(bench, id, key, &record) == ERR_OK && !record.dead &&
           slice_equal(record.value, slice_of_text(value));
}

bool bench_wants_promotion(const struct strong_bench *bench, node_id id)
{
    struct wants *wants = memory_zeroed(1, sizeof *wants);
    strong_wants(&bench->nodes[id]->strong, wants);
    bool wanted = wants->promote_count == 1 && wants->promotes[0].node == id &&
                  slot_set_has(&wants->promotes[0].slots, slot_of_key(slice_of_text(BENCH_TAG)));
    free(wants);
    return wanted;
}
