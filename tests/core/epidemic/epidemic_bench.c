#include "epidemic_bench.h"

#include "base/check.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { START_US = 1000 * 1000, CAPACITY_FIRST = 16, CHECKED_BYTES = 16 << 10 };

static void tell_primary(struct epidemic_bench *bench, unsigned peer);

static void *grown(void *list, size_t count, size_t *capacity, size_t each)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity > 0 ? *capacity * 2 : CAPACITY_FIRST;
    return memory_resize(list, *capacity * each);
}

static struct epidemic_bench_peer *at(struct epidemic_bench *bench, unsigned peer)
{
    assert_true(peer < bench->count && bench->peers[peer].is_up);
    return &bench->peers[peer];
}

struct epidemic *epidemic_bench_core(struct epidemic_bench *bench, unsigned peer)
{
    return &at(bench, peer)->epidemic;
}

struct replica *epidemic_bench_replica(struct epidemic_bench *bench, unsigned peer)
{
    struct replica *replica = epidemic_replica(&at(bench, peer)->epidemic, EPIDEMIC_BENCH_SPACE);
    assert_non_null(replica);
    return replica;
}

struct space *epidemic_bench_space(struct epidemic_bench *bench, unsigned peer)
{
    return &epidemic_bench_replica(bench, peer)->space;
}

// --- carrying effects out

static unsigned peer_of(const struct epidemic_bench *bench, uint64_t store_id)
{
    uint64_t index = store_id - EPIDEMIC_BENCH_ID(0);
    return index < bench->count ? (unsigned)index : EPIDEMIC_BENCH_PEERS_MAX;
}

static void carry_writes(struct epidemic_bench *bench, struct epidemic_bench_peer *peer)
{
    const struct effects *effects = &peer->effects;
    for (size_t i = 0; i < effects->write_count; i++) {
        const struct effect_write *write = &effects->writes[i];
        assert_int_equal(write->store, EFFECT_DATA);
        space_disk_queue(&peer->disk, write->table, write->remove,
                         effects_bytes(effects, write->key), effects_bytes(effects, write->value));
    }
    if (effects->write_count == 0)
        return;
    // All that was written in a step has a token by its end, or has with the next one.
    peer->batches =
        grown(peer->batches, peer->batch_count, &peer->batch_capacity, sizeof *peer->batches);
    peer->token = effects->tokens[EFFECT_DATA];
    peer->batches[peer->batch_count++] = (struct epidemic_bench_batch){
        .batch = space_disk_commit(&peer->disk),
        .token = peer->token,
        .due_us = peer->holds ? UINT64_MAX : bench->now_us + bench->sync_us};
}

static void carry_sends(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = &bench->peers[number];
    for (size_t i = 0; i < peer->effects.send_count; i++) {
        const struct effect_send *send = &peer->effects.sends[i];
        struct slice bytes = effects_bytes(&peer->effects, send->message);
        unsigned to = peer_of(bench, send->peer);
        struct message message;
        assert_int_equal(message_decode(bytes, &message), ERR_OK);
        assert_in_range(bytes.length, 1, MESSAGE_BYTES_MAX);
        peer->sent[message.kind]++;
        peer->sent_bytes += bytes.length;
        if (to == EPIDEMIC_BENCH_PEERS_MAX || bench->cut[number][to] ||
            rng_one_in(&bench->rng, bench->lost_one_in) ||
            (bench->lets_pass != NULL && !bench->lets_pass(bench, number, to, &message)))
            continue;
        bench->packets = grown(bench->packets, bench->packet_count, &bench->packet_capacity,
                               sizeof *bench->packets);
        struct epidemic_bench_packet *packet = &bench->packets[bench->packet_count++];
        *packet =
            (struct epidemic_bench_packet){.from = number,
                                           .to = to,
                                           .due_us = bench->now_us + bench->delay_us +
                                                     rng_below(&bench->rng, bench->jitter_us + 1)};
        buf_init(&packet->bytes, MESSAGE_BYTES_MAX);
        buf_append_slice(&packet->bytes, bytes);
    }
}

static void carry_replies(struct epidemic_bench *bench, unsigned number)
{
    const struct effects *effects = &bench->peers[number].effects;
    for (size_t i = 0; i < effects->reply_count; i++) {
        struct reply reply;
        assert_true(effects->replies[i].handle < bench->reply_count);
        assert_int_equal(reply_decode(effects_bytes(effects, effects->replies[i].reply), &reply),
                         ERR_OK);
        struct epidemic_bench_reply *taken = &bench->replies[effects->replies[i].handle];
        const struct epidemic_bench_peer *peer = &bench->peers[number];
        assert_int_equal(taken->peer, number);
        assert_int_equal(taken->error, ERR_COUNT);
        if (reply.error == ERR_OK && taken->batch != 0 && peer->batch_count > 0)
            assert_true(peer->batches[0].batch > taken->batch);
        taken->error = reply.error;
        taken->existed = reply.existed;
        taken->is_stable = reply.is_stable;
        taken->expiry_ms = reply.expiry_ms;
        taken->stamp = reply.stamp;
        taken->at_us = bench->now_us;
        taken->bundle = reply.bundle;
        taken->slot = reply.cursor.slot;
        buf_append_slice(&taken->key, reply.cursor.key);
        buf_append_slice(&taken->value, reply.value);
        buf_append_slice(&taken->versions, reply.versions);
        buf_append_slice(&taken->entries, reply.entries);
    }
}

// Which costs time by what waits for the store: of many steps then, some.
static void check(struct epidemic_bench *bench, const struct epidemic *epidemic)
{
    if (overlay_bytes(&epidemic->overlay) < CHECKED_BYTES || rng_one_in(&bench->rng, 64))
        epidemic_invariants(epidemic);
}

void epidemic_bench_carry(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    if (peer->effects.wake_us < peer->wake_us)
        peer->wake_us = peer->effects.wake_us;
    carry_writes(bench, peer);
    carry_sends(bench, number);
    carry_replies(bench, number);
    effects_clear(&peer->effects);
    check(bench, &peer->epidemic);
}

// --- events

static void begin(struct epidemic_bench *bench, unsigned peer)
{
    tell_primary(bench, peer);
}

static void tick(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    begin(bench, number);
    peer->wake_us = UINT64_MAX;
    peer->ticks++;
    epidemic_tick(&peer->epidemic, &peer->effects, bench->now_us);
    epidemic_bench_carry(bench, number);
}

void epidemic_bench_deliver(struct epidemic_bench *bench, unsigned from, unsigned to,
                            const struct message *message)
{
    struct epidemic_bench_peer *peer = at(bench, to);
    begin(bench, to);
    epidemic_on_message(&peer->epidemic, &peer->effects, bench->now_us, EPIDEMIC_BENCH_ID(from),
                        message);
    epidemic_bench_carry(bench, to);
}

// The first batches are durable, and the peer hears of the last of them.
static void report(struct epidemic_bench *bench, unsigned number, size_t batches)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    struct epidemic_bench_batch last = peer->batches[batches - 1];
    peer->batch_count -= batches;
    memmove(peer->batches, peer->batches + batches, peer->batch_count * sizeof *peer->batches);
    space_disk_sync(&peer->disk, last.batch);
    begin(bench, number);
    epidemic_on_durable(&peer->epidemic, &peer->effects, bench->now_us, last.token);
    epidemic_bench_carry(bench, number);
}

void epidemic_bench_sync(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    if (peer->batch_count > 0)
        report(bench, number, peer->batch_count);
}

static void spoil(struct epidemic_bench *bench, struct buf *bytes)
{
    for (uint64_t left = 1 + rng_below(&bench->rng, 8); left > 0; left--)
        bytes->bytes[rng_below(&bench->rng, bytes->length)] =
            rng_one_in(&bench->rng, 2) ? 0 : (uint8_t)rng_u64(&bench->rng);
}

static void deliver(struct epidemic_bench *bench, size_t index)
{
    struct epidemic_bench_packet packet = bench->packets[index];
    struct message message;
    bool spoilt = rng_one_in(&bench->rng, bench->spoilt_one_in);
    bench->packet_count--;
    memmove(&bench->packets[index], &bench->packets[index + 1],
            (bench->packet_count - index) * sizeof packet);
    if (spoilt)
        spoil(bench, &packet.bytes);
    enum err error = message_decode(buf_slice(&packet.bytes), &message);
    assert_true(spoilt || error == ERR_OK);
    if (error == ERR_OK && bench->peers[packet.to].is_up && !bench->cut[packet.from][packet.to])
        epidemic_bench_deliver(bench, packet.from, packet.to, &message);
    buf_release(&packet.bytes);
}

// The packet that is due first, the oldest of equals; packet_count without one until then.
static size_t next_packet(const struct epidemic_bench *bench, uint64_t *until_us)
{
    size_t best = bench->packet_count;
    for (size_t i = 0; i < bench->packet_count; i++) {
        if (bench->packets[i].due_us < *until_us ||
            (best == bench->packet_count && bench->packets[i].due_us == *until_us)) {
            best = i;
            *until_us = bench->packets[i].due_us;
        }
    }
    return best;
}

// Does what comes first until then; false when there is nothing.
static bool step(struct epidemic_bench *bench, uint64_t until_us)
{
    uint64_t at_us = until_us;
    enum { NOTHING, SYNC, TICK } kind = NOTHING;
    unsigned who = 0;
    size_t packet = next_packet(bench, &at_us);
    bool has_packet = packet < bench->packet_count;
    for (unsigned i = 0; i < bench->count; i++) {
        const struct epidemic_bench_peer *peer = &bench->peers[i];
        bool is_free = kind == NOTHING && !has_packet;
        if (peer->is_up && peer->batch_count > 0 &&
            (peer->batches[0].due_us < at_us || (is_free && peer->batches[0].due_us == at_us))) {
            kind = SYNC;
            who = i;
            at_us = peer->batches[0].due_us;
        }
        is_free = kind == NOTHING && !has_packet;
        if (peer->is_up && (peer->wake_us < at_us || (is_free && peer->wake_us == at_us))) {
            kind = TICK;
            who = i;
            at_us = peer->wake_us;
        }
    }
    if (at_us > bench->now_us)
        bench->now_us = at_us;
    if (kind == SYNC)
        report(bench, who, 1);
    else if (kind == TICK)
        tick(bench, who);
    else if (has_packet)
        deliver(bench, packet);
    return kind != NOTHING || has_packet;
}

void epidemic_bench_run(struct epidemic_bench *bench, uint64_t pass_us)
{
    uint64_t until_us = bench->now_us + pass_us;
    while (step(bench, until_us))
        ;
    bench->now_us = until_us;
}

// --- runs

void epidemic_bench_start_bare(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = &bench->peers[number];
    struct epidemic_config config = {.self = EPIDEMIC_BENCH_ID(number),
                                     .address = "here:1",
                                     .seed = rng_u64(&bench->rng),
                                     .peers_max = 100,
                                     .bytes_per_s = bench->bytes_per_s};
    assert_false(peer->is_up);
    peer->is_up = true;
    peer->store = space_disk_reader(&peer->disk);
    peer->wake_us = bench->now_us;
    effects_init(&peer->effects);
    epidemic_init(&peer->epidemic, &config, &peer->store);
}

void epidemic_bench_join(struct epidemic_bench *bench, unsigned number, uint64_t space)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    assert_int_equal(epidemic_join(&peer->epidemic, space, EPIDEMIC_BENCH_KEYSPACE,
                                   slice_of(NULL, 0), &bench->setting, bench->now_us),
                     ERR_OK);
    peer->wake_us = bench->now_us;
}

void epidemic_bench_start(struct epidemic_bench *bench, unsigned number)
{
    epidemic_bench_start_bare(bench, number);
    epidemic_bench_join(bench, number, EPIDEMIC_BENCH_SPACE);
}

void epidemic_bench_crash(struct epidemic_bench *bench, unsigned number, size_t batches)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    assert_true(batches <= peer->batch_count);
    if (batches > 0)
        space_disk_sync(&peer->disk, peer->batches[batches - 1].batch);
    space_disk_lose(&peer->disk);
    epidemic_release(&peer->epidemic);
    effects_release(&peer->effects);
    peer->batch_count = 0;
    peer->is_up = false;
}

static void make_map(struct epidemic_bench *bench)
{
    struct cluster_map *map = &bench->maps[0];
    cluster_map_init(map);
    map->epoch = 1;
    map->node_count = (uint8_t)bench->count;
    for (unsigned i = 0; i < bench->count; i++) {
        bench->peers[i].secret = (struct signing_secret){{(uint8_t)(i + 1)}};
        struct signing_key key = signing_key_of(&bench->peers[i].secret);
        map->nodes[i].id = (node_id)(i + 1);
        map->nodes[i].store_id = EPIDEMIC_BENCH_ID(i);
        memcpy(map->nodes[i].key, key.bytes, sizeof map->nodes[i].key);
    }
    map->optimistic_count = 1;
    map->optimistic[0] = optimistic_default();
    map->optimistic[0].id = EPIDEMIC_BENCH_KEYSPACE;
    memcpy(map->optimistic[0].name, "notes", sizeof "notes");
}

struct epidemic_bench *epidemic_bench_new_down(unsigned count)
{
    struct epidemic_bench *bench = memory_zeroed(1, sizeof *bench);
    assert_in_range(count, 1, EPIDEMIC_BENCH_PEERS_MAX);
    bench->now_us = START_US;
    bench->delay_us = 1 * MS;
    bench->sync_us = 5 * MS;
    bench->count = count;
    bench->setting = (struct replica_setting){.space = {.secret = 77},
                                              .rumor_k = 2,
                                              .rumor_ms = 100,
                                              .anti_entropy_ms = 1000,
                                              .audit_ms = 3600 * 1000,
                                              .retention_ms = 10 * 1000,
                                              .stability_ms = 200};
    rng_init(&bench->rng, 7);
    for (unsigned i = 0; i < count; i++) {
        space_disk_init(&bench->peers[i].disk);
        bench->peers[i].has_lease = true;
    }
    make_map(bench);
    return bench;
}

struct epidemic_bench *epidemic_bench_new(unsigned count)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(count);
    for (unsigned i = 0; i < count; i++)
        epidemic_bench_start(bench, i);
    return bench;
}

void epidemic_bench_free(struct epidemic_bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++) {
        if (bench->peers[i].is_up)
            epidemic_bench_crash(bench, i, 0);
        space_disk_release(&bench->peers[i].disk);
        free(bench->peers[i].batches);
    }
    for (size_t i = 0; i < bench->packet_count; i++)
        buf_release(&bench->packets[i].bytes);
    for (size_t i = 0; i < bench->reply_count; i++) {
        buf_release(&bench->replies[i].key);
        buf_release(&bench->replies[i].value);
        buf_release(&bench->replies[i].versions);
        buf_release(&bench->replies[i].entries);
    }
    free(bench->packets);
    free(bench->replies);
    free(bench);
}

// --- who knows whom

void epidemic_bench_meet(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    struct epidemic_bench_peer *one = at(bench, peer);
    epidemic_meet(&one->epidemic, &one->effects, EPIDEMIC_BENCH_ID(other), slice_of_text("here:1"),
                  false);
    epidemic_bench_carry(bench, peer);
}

void epidemic_bench_meet_all(struct epidemic_bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++)
        for (unsigned j = 0; j < bench->count; j++)
            if (i != j && bench->peers[i].is_up)
                epidemic_bench_meet(bench, i, j);
}

void epidemic_bench_isolate(struct epidemic_bench *bench, unsigned peer, bool cut)
{
    for (unsigned i = 0; i < bench->count; i++)
        if (i != peer)
            bench->cut[peer][i] = bench->cut[i][peer] = cut;
}

// --- the map

static void tell_primary(struct epidemic_bench *bench, unsigned number)
{
    struct epidemic_bench_peer *peer = at(bench, number);
    const struct cluster_map *map = &bench->maps[peer->map];
    node_id self = (node_id)(number + 1);
    const struct replica_primary primary = {.is_self = map->optimistic[0].primary == self &&
                                                       peer->has_lease,
                                            .self = self,
                                            .secret = &peer->secret,
                                            .map = map,
                                            .keyspace = &map->optimistic[0]};
    epidemic_set_primary(&peer->epidemic, EPIDEMIC_BENCH_SPACE, &primary);
}

static unsigned next_map(struct epidemic_bench *bench, unsigned peer)
{
    unsigned newest = 0;
    while (newest + 1 < 4 && bench->maps[newest + 1].epoch > 0)
        newest++;
    assert_in_range(newest, 0, 2);
    struct cluster_map *map = &bench->maps[newest + 1];
    *map = bench->maps[newest];
    map->epoch++;
    map->optimistic[0].primary = (node_id)(peer + 1);
    map->optimistic[0].primary_epoch = map->epoch;
    return newest + 1;
}

void epidemic_bench_primary(struct epidemic_bench *bench, unsigned peer)
{
    unsigned map = next_map(bench, peer);
    for (unsigned i = 0; i < bench->count; i++)
        bench->peers[i].map = map;
}

void epidemic_bench_primary_told(struct epidemic_bench *bench, unsigned peer, unsigned told)
{
    bench->peers[told].map = next_map(bench, peer);
}
