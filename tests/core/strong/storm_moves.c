// How messages, disks and time move in a storm.

#include "storm_parts.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { PASS_US_MAX = 40 * 1000 };

// --- messages

static bool is_sync(enum message_kind kind)
{
    return kind == MESSAGE_SYNC_OPEN || kind == MESSAGE_SYNC_SYMBOLS || kind == MESSAGE_SYNC_MORE ||
           kind == MESSAGE_SYNC_FETCH || kind == MESSAGE_SYNC_RECORDS;
}

static bool is_cut(const struct storm *storm, node_id from, node_id to)
{
    return node_set_has(storm->bench->cut[from], to);
}

// What node.c takes: between the processes that the map names, and newer than what was taken.
static bool is_taken(struct storm *storm, node_id from, node_id to, const struct message *message)
{
    struct storm_node *node = &storm->nodes[to];
    const struct bench_node *receiver = storm->bench->nodes[to];
    const struct map_node *peer = cluster_map_node(&receiver->agreement.map, from);
    if (node->asleep || peer == NULL || message->epoch != receiver->agreement.map.epoch ||
        message->from_incarnation != peer->incarnation ||
        message->to_incarnation != receiver->incarnation)
        return false;
    if (is_sync(message->kind))
        return true;
    if (node->taken_incarnation[from] == message->from_incarnation &&
        message->sequence <= node->taken_sequence[from])
        return false;
    node->taken_incarnation[from] = message->from_incarnation;
    node->taken_sequence[from] = message->sequence;
    return true;
}

static void hand(struct storm *storm, node_id from, node_id to, struct bench_message *sent)
{
    struct message message;
    assert_int_equal(message_decode(buf_slice(&sent->bytes), &message), ERR_OK);
    // The map that it speaks of may have come just before it.
    if (message.epoch > storm_epoch(storm, to) && !storm_draw(storm, 1, 4))
        storm_tell(storm, to, message.epoch);
    bool taken = is_taken(storm, from, to, &message);
    storm_say(storm, "%u -> %u %s #%u of epoch %u%s", from, to, message_name(message.kind),
              (unsigned)message.sequence, (unsigned)message.epoch, taken ? "" : ", not taken");
    if (taken) {
        bench_hand(storm->bench, from, to, sent);
        storm_look(storm, to);
        return;
    }
    bench_drop(sent);
}

static struct bench_message *message_at(struct list *queue, size_t index)
{
    struct list *link = queue->next;
    while (index-- > 0)
        link = link->next;
    return LIST_ITEM(link, struct bench_message, link);
}

// A random pair with messages under way; false when there is none.
static bool draw_pair(struct storm *storm, bool cut_too, node_id *from, node_id *to)
{
    unsigned count = storm->bench->node_count;
    unsigned at = (unsigned)rng_below(&storm->rng, count * count);
    for (unsigned i = 0; i < count * count; i++, at = (at + 1) % (count * count)) {
        *from = (node_id)(1 + at / count);
        *to = (node_id)(1 + at % count);
        if (!list_empty(&storm->bench->queues[*from][*to]) &&
            (cut_too || !is_cut(storm, *from, *to)))
            return true;
    }
    return false;
}

bool storm_deliver(struct storm *storm)
{
    node_id from;
    node_id to;
    if (!draw_pair(storm, false, &from, &to))
        return false;
    struct list *queue = &storm->bench->queues[from][to];
    size_t index = 0;
    if (rng_one_in(&storm->rng, storm->scene.overtake_one_in))
        index =
            (size_t)rng_below(&storm->rng, bench_count(storm->bench, from, to, MESSAGE_KIND_COUNT));
    struct bench_message *sent = message_at(queue, index);
    // Late ones are overtaken by what comes after them, if there is anything.
    bool late = storm->scene.late_one_in > 0 && !rng_one_in(&storm->rng, storm->scene.late_one_in);
    while (late && sent->kind == storm->scene.late) {
        if (sent->link.next == queue)
            return false;
        sent = LIST_ITEM(sent->link.next, struct bench_message, link);
    }
    list_remove(&sent->link);
    hand(storm, from, to, sent);
    return true;
}

bool storm_deliver_all(struct storm *storm, node_id from, node_id to)
{
    size_t count = bench_count(storm->bench, from, to, MESSAGE_KIND_COUNT);
    for (size_t i = 0; i < count; i++)
        hand(storm, from, to, bench_take(storm->bench, from, to, MESSAGE_KIND_COUNT));
    return count > 0;
}

void storm_lose(struct storm *storm)
{
    node_id from;
    node_id to;
    if (!draw_pair(storm, true, &from, &to))
        return;
    size_t count = bench_count(storm->bench, from, to, MESSAGE_KIND_COUNT);
    struct bench_message *sent =
        message_at(&storm->bench->queues[from][to], (size_t)rng_below(&storm->rng, count));
    storm_say(storm, "%u -> %u %s is lost", from, to, message_name(sent->kind));
    list_remove(&sent->link);
    bench_drop(sent);
}

void storm_cut(struct storm *storm)
{
    struct strong_bench *bench = storm->bench;
    node_id from = (node_id)(1 + rng_below(&storm->rng, bench->node_count));
    node_id to = (node_id)(1 + rng_below(&storm->rng, bench->node_count));
    storm_say(storm, "%u -> %u is cut", from, to);
    bench->cut[from] |= node_bit(to);
    bench_lose(bench, from, to, MESSAGE_KIND_COUNT);
}

void storm_mend(struct storm *storm, bool all)
{
    struct strong_bench *bench = storm->bench;
    for (unsigned from = 1; from <= bench->node_count; from++)
        for (unsigned to = 1; to <= bench->node_count; to++) {
            if (!is_cut(storm, (node_id)from, (node_id)to) || (!all && storm_draw(storm, 1, 2)))
                continue;
            bench_lose(bench, (node_id)from, (node_id)to, MESSAGE_KIND_COUNT);
            bench->cut[from] &= ~node_bit((node_id)to);
        }
}

// --- disks and time

void storm_note_batch(struct storm *storm, node_id id)
{
    struct storm_node *node = &storm->nodes[id];
    const struct bench_node *bench = storm->bench->nodes[id];
    struct storm_batch batch = {.write_count = bench->memory.write_count,
                                .token = bench->effects.tokens[EFFECT_DATA]};
    struct storm_batch last = {.token = bench->durable_token};
    if (node->batch_count > 0)
        last = node->batches[node->batch_count - 1];
    if (batch.write_count == last.write_count && batch.token == last.token)
        return;
    if (node->batch_count == STORM_BATCHES_MAX)
        node->batch_count--;
    node->batches[node->batch_count++] = batch;
}

// The oldest batches are applied; gives the token that covers them.
static uint64_t apply_batches(struct storm *storm, node_id id, unsigned count)
{
    struct storm_node *node = &storm->nodes[id];
    if (count == 0)
        return storm->bench->nodes[id]->durable_token;
    struct storm_batch last = node->batches[count - 1];
    memory_store_apply(&storm->bench->nodes[id]->memory, last.write_count);
    node->batch_count -= count;
    memmove(node->batches, node->batches + count, node->batch_count * sizeof node->batches[0]);
    for (unsigned i = 0; i < node->batch_count; i++)
        node->batches[i].write_count -= last.write_count;
    return last.token;
}

bool storm_durable(struct storm *storm, node_id id, bool all)
{
    struct storm_node *node = &storm->nodes[id];
    if (node->asleep || node->batch_count == 0)
        return false;
    unsigned count =
        all ? node->batch_count : 1 + (unsigned)rng_below(&storm->rng, node->batch_count);
    storm->bench->nodes[id]->durable_token = apply_batches(storm, id, count);
    storm_say(storm, "%u: %u batches are durable", id, count);
    bench_repeat_durable(storm->bench, id);
    storm_look(storm, id);
    return true;
}

void storm_tick(struct storm *storm, node_id id)
{
    struct bench_node *node = storm->bench->nodes[id];
    storm->bench->now_us += rng_below(&storm->rng, PASS_US_MAX);
    if (storm->nodes[id].asleep)
        return;
    storm_renew(storm, id);
    strong_tick(&node->strong, &node->effects, storm->bench->now_us);
    bench_absorb(storm->bench, id);
    storm_look(storm, id);
}

// What it had sent may still arrive; of what it had written a part may be there.
void storm_crash(struct storm *storm, node_id id)
{
    struct strong_bench *bench = storm->bench;
    struct storm_node *node = &storm->nodes[id];
    unsigned kept = (unsigned)rng_below(&storm->rng, node->batch_count + 1);
    apply_batches(storm, id, kept);
    struct list sent[BENCH_NODES_MAX + 1];
    for (unsigned to = 1; to <= bench->node_count; to++) {
        list_init(&sent[to]);
        if (to != id)
            list_move_all(&sent[to], &bench->queues[id][to]);
    }
    bench_restart(bench, id);
    for (unsigned to = 1; to <= bench->node_count; to++)
        list_move_all(&bench->queues[id][to], &sent[to]);
    storm_say(storm, "%u crashes; %u of its last batches are there", id, kept);
    *node = (struct storm_node){.asleep = true};
    for (unsigned i = 0; i < STORM_CALLS_MAX; i++)
        if (storm->calls[i].open && storm->calls[i].node == id)
            storm->calls[i].handle = 0;
}
