// How messages, syncs and time move on the bench.

#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS_MAX = 1000 };

// --- messages

static bool is_kind(const struct bench_message *message, enum message_kind kind)
{
    return kind == MESSAGE_KIND_COUNT || message->kind == kind;
}

static struct bench_message *first_of(const struct strong_bench *bench, node_id from, node_id to,
                                      enum message_kind kind)
{
    const struct list *queue = &bench->queues[from][to];
    for (struct list *link = queue->next; link != queue; link = link->next)
        if (is_kind(LIST_ITEM(link, struct bench_message, link), kind))
            return LIST_ITEM(link, struct bench_message, link);
    return NULL;
}

size_t bench_count(const struct strong_bench *bench, node_id from, node_id to,
                   enum message_kind kind)
{
    const struct list *queue = &bench->queues[from][to];
    size_t count = 0;
    for (struct list *link = queue->next; link != queue; link = link->next)
        count += is_kind(LIST_ITEM(link, struct bench_message, link), kind);
    return count;
}

struct bench_message *bench_take(struct strong_bench *bench, node_id from, node_id to,
                                 enum message_kind kind)
{
    struct bench_message *message = first_of(bench, from, to, kind);
    if (message == NULL)
        fail_msg("no %s from %u to %u", kind == MESSAGE_KIND_COUNT ? "message" : message_name(kind),
                 from, to);
    list_remove(&message->link);
    return message;
}

void bench_hand(struct strong_bench *bench, node_id from, node_id to, struct bench_message *message)
{
    struct bench_node *node = bench->nodes[to];
    struct message decoded;
    assert_int_equal(message_decode(buf_slice(&message->bytes), &decoded), ERR_OK);
    if (decoded.epoch == node->agreement.map.epoch) {
        strong_on_message(&node->strong, &node->effects, bench->now_us, from, &decoded);
        bench_absorb(bench, to);
    }
    bench_drop(message);
}

void bench_drop(struct bench_message *message)
{
    buf_release(&message->bytes);
    free(message);
}

size_t bench_deliver(struct strong_bench *bench, node_id from, node_id to)
{
    size_t count = bench_count(bench, from, to, MESSAGE_KIND_COUNT);
    for (size_t i = 0; i < count; i++)
        bench_deliver_kind(bench, from, to, MESSAGE_KIND_COUNT);
    return count;
}

void bench_deliver_kind(struct strong_bench *bench, node_id from, node_id to,
                        enum message_kind kind)
{
    bench_hand(bench, from, to, bench_take(bench, from, to, kind));
}

size_t bench_lose(struct strong_bench *bench, node_id from, node_id to, enum message_kind kind)
{
    size_t count = bench_count(bench, from, to, kind);
    for (size_t i = 0; i < count; i++)
        bench_drop(bench_take(bench, from, to, kind));
    return count;
}

void bench_lose_all(struct strong_bench *bench)
{
    for (unsigned from = 1; from <= bench->node_count; from++)
        for (unsigned to = 1; to <= bench->node_count; to++)
            bench_lose(bench, (node_id)from, (node_id)to, MESSAGE_KIND_COUNT);
}

// --- syncs and time

void bench_repeat_durable(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    strong_on_durable(&node->strong, &node->effects, bench->now_us, node->durable_token);
    bench_absorb(bench, id);
}

void bench_durable(struct strong_bench *bench, node_id id)
{
    struct bench_node *node = bench->nodes[id];
    memory_store_apply(&node->memory, SIZE_MAX);
    node->durable_token = node->effects.tokens[EFFECT_DATA];
    bench_repeat_durable(bench, id);
}

static const struct bench_stop {
    node_id from;
    node_id to;
    enum message_kind kind;
} never = {.from = NODE_NONE, .to = NODE_NONE, .kind = MESSAGE_KIND_COUNT};

static bool stops(const struct strong_bench *bench, const struct bench_stop *stop)
{
    return bench_count(bench, stop->from, stop->to, stop->kind) > 0;
}

static bool move_messages(struct strong_bench *bench, const struct bench_stop *stop)
{
    bool moved = false;
    for (unsigned from = 1; from <= bench->node_count; from++)
        for (unsigned to = 1; to <= bench->node_count; to++) {
            if (node_set_has(bench->cut[from], (node_id)to))
                bench_lose(bench, (node_id)from, (node_id)to, MESSAGE_KIND_COUNT);
            size_t left = bench_count(bench, (node_id)from, (node_id)to, MESSAGE_KIND_COUNT);
            for (; left > 0 && !stops(bench, stop); left--) {
                bench_deliver_kind(bench, (node_id)from, (node_id)to, MESSAGE_KIND_COUNT);
                moved = true;
            }
        }
    return moved;
}

static bool sync_stores(struct strong_bench *bench, const struct bench_stop *stop)
{
    bool moved = false;
    for (unsigned id = 1; id <= bench->node_count && !stops(bench, stop); id++) {
        struct bench_node *node = bench->nodes[id];
        uint64_t token = node->effects.tokens[EFFECT_DATA];
        moved |= node->memory.write_count > 0;
        bench_durable(bench, (node_id)id);
        moved |= node->effects.tokens[EFFECT_DATA] != token;
    }
    return moved;
}

static void run(struct strong_bench *bench, const struct bench_stop *stop)
{
    bool moves = true;
    for (unsigned round = 0; moves && !stops(bench, stop); round++) {
        assert_in_range(round, 0, ROUNDS_MAX);
        moves = move_messages(bench, stop);
        moves |= sync_stores(bench, stop);
    }
}

void bench_run(struct strong_bench *bench)
{
    run(bench, &never);
}

void bench_run_until(struct strong_bench *bench, node_id from, node_id to, enum message_kind kind)
{
    struct bench_stop stop = {.from = from, .to = to, .kind = kind};
    run(bench, &stop);
    assert_true(stops(bench, &stop));
}

void bench_pass(struct strong_bench *bench, uint64_t pass_us)
{
    bench->now_us += pass_us;
    for (unsigned id = 1; id <= bench->node_count; id++) {
        struct bench_node *node = bench->nodes[id];
        strong_tick(&node->strong, &node->effects, bench->now_us);
        bench_absorb(bench, (node_id)id);
    }
}

void bench_live(struct strong_bench *bench, unsigned count, uint64_t pass_us)
{
    for (unsigned i = 0; i < count; i++) {
        bench_pass(bench, pass_us);
        bench_run(bench);
    }
}
