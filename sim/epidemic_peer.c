#include "sim/epidemic_peer.h"

#include "base/check.h"
#include "sim/epidemic_checks.h"
#include "sim/epidemic_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TURN_US_MAX = 200,
    WAKE_LEAST_US = 1000,
    CLOCK_START_US_MAX = 1000000000,
    LATE_US_MAX = 2000,
    STEP_BYTES_LEAST = 64,
    STEP_SIZES = 6,
    BATCHES_FIRST = 4
};

static uint64_t now_us(const struct epidemic_peer *peer)
{
    struct clock clock = clock_sim_port(peer->clock);
    return clock.ops->now_us(clock.self);
}

uint64_t epidemic_peer_utc_ms(const struct epidemic_peer *peer)
{
    struct clock clock = clock_sim_port(peer->clock);
    return clock.ops->wall_ms(clock.self);
}

static const char *named_address(const struct epidemic_peer *peer)
{
    return peer->is_nameless ? "" : peer->address;
}

static void tell_utc(struct epidemic_peer *peer)
{
    epidemic_tell_utc(peer->core, now_us(peer), epidemic_peer_utc_ms(peer));
}

struct replica *epidemic_peer_replica(const struct epidemic_peer *peer)
{
    return peer->core != NULL ? epidemic_replica(peer->core, peer->world->space) : NULL;
}

static bool join(struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    enum err error = epidemic_join(peer->core, world->space, EPIDEMIC_WORLD_KEYSPACE,
                                   slice_of(NULL, 0), &world->replica, now_us(peer));
    if (error != ERR_OK)
        epidemic_world_violation(world, "peer %" PRIu32 " cannot take part: %s", peer->index,
                                 err_name(error));
    return error == ERR_OK;
}

// Takes part from now on, over whatever its disk has.
static bool take_part(struct epidemic_peer *peer)
{
    if (!join(peer))
        return false;
    epidemic_checks_on_start(peer->world, peer);
    epidemic_peer_tell_primary(peer);
    effects_wake(&peer->effects, now_us(peer));
    return true;
}

// What it had of the keyspace that it left is gone.
static void on_left(void *context, uint32_t keyspace, struct slice channel)
{
    struct epidemic_peer *peer = context;
    (void)keyspace;
    (void)channel;
    peer->leaving = false;
    peer->has_left = true;
}

// --- carrying effects out

static void carry_writes(struct epidemic_peer *peer)
{
    const struct effects *effects = &peer->effects;
    for (size_t i = 0; i < effects->write_count; i++) {
        const struct effect_write *write = &effects->writes[i];
        struct slice key = effects_bytes(effects, write->key);
        peer->unwritten = true;
        if (write->remove)
            peer->store.ops->remove(peer->store.self, write->table, key);
        else
            peer->store.ops->put(peer->store.self, write->table, key,
                                 effects_bytes(effects, write->value));
    }
}

static void carry_messages(struct epidemic_peer *peer)
{
    const struct effects *effects = &peer->effects;
    for (size_t i = 0; i < effects->route_count; i++) {
        struct slice address = effects_bytes(effects, effects->routes[i].address);
        peer->net.ops->route(peer->net.self, effects->routes[i].peer,
                             address.length > 0 ? (const char *)address.bytes : NULL);
    }
    for (size_t i = 0; i < effects->send_count && peer->offline == 0; i++)
        peer->net.ops->send(peer->net.self, effects->sends[i].peer, effects->sends[i].lane,
                            effects_bytes(effects, effects->sends[i].message));
}

static void carry_replies(struct epidemic_peer *peer)
{
    const struct effects *effects = &peer->effects;
    for (size_t i = 0; i < effects->reply_count; i++) {
        struct reply reply;
        enum err error = reply_decode(effects_bytes(effects, effects->replies[i].reply), &reply);
        CHECK(error == ERR_OK);
        epidemic_world_on_reply(peer->world, peer, effects->replies[i].handle, &reply);
    }
}

static void carry_wake(struct epidemic_peer *peer)
{
    struct clock clock = clock_sim_port(peer->clock);
    if (peer->effects.wake_us >= peer->wake_us)
        return;
    peer->wake_us = peer->effects.wake_us;
    uint64_t least = now_us(peer) + WAKE_LEAST_US;
    clock.ops->wake_at(clock.self, peer->wake_us > least ? peer->wake_us : least);
}

// --- the turns of its event loop

static void push_batch(struct epidemic_peer *peer, struct epidemic_batch batch)
{
    if (peer->batch_count == peer->batch_capacity) {
        uint32_t capacity = peer->batch_capacity > 0 ? 2 * peer->batch_capacity : BATCHES_FIRST;
        struct epidemic_batch *batches = memory_new(capacity * sizeof *batches);
        CHECK(capacity <= EPIDEMIC_PEER_BATCHES_MAX);
        for (uint32_t i = 0; i < peer->batch_count; i++)
            batches[i] = peer->batches[(peer->batch_first + i) % peer->batch_capacity];
        free(peer->batches);
        peer->batches = batches;
        peer->batch_first = 0;
        peer->batch_capacity = capacity;
    }
    peer->batches[(peer->batch_first + peer->batch_count++) % peer->batch_capacity] = batch;
}

static void end_turn(void *context, void *argument)
{
    struct epidemic_peer *peer = context;
    uint64_t token = peer->effects.tokens[EFFECT_DATA];
    (void)argument;
    peer->turn = TIMELINE_NO_EVENT;
    if (token != peer->token_committed || peer->unwritten) {
        uint64_t number = peer->store.ops->commit(peer->store.self);
        push_batch(peer, (struct epidemic_batch){.number = number, .token = token});
        peer->token_committed = token;
        peer->unwritten = false;
    }
    peer->net.ops->flush(peer->net.self);
}

void epidemic_peer_after_step(struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    if (peer->has_left && !peer->away)
        (void)take_part(peer);
    peer->has_left = false;
    (void)overlay_token(&peer->core->overlay, &peer->effects);
    epidemic_checks_after_step(world, peer);
    carry_writes(peer);
    carry_messages(peer);
    carry_replies(peer);
    carry_wake(peer);
    bool idle = peer->effects.send_count == 0 && peer->effects.route_count == 0 &&
                !peer->unwritten && peer->effects.tokens[EFFECT_DATA] == peer->token_committed;
    effects_clear(&peer->effects);
    if (peer->turn != TIMELINE_NO_EVENT || idle)
        return;
    uint64_t at_us = timeline_now_us(world->timeline) + rng_below(&world->rng, TURN_US_MAX);
    peer->turn = timeline_add(world->timeline, at_us, end_turn, peer, NULL);
}

static void on_message(void *context, uint64_t from, struct slice bytes)
{
    struct epidemic_peer *peer = context;
    struct message message;
    // Nothing stands between two of whom one did not hear the other.
    if (!epidemic_world_hears(peer->world, peer, from)) {
        net_sim_cut(peer->world->net, peer->store_id, from);
        return;
    }
    if (message_decode(bytes, &message) != ERR_OK) {
        epidemic_world_violation(peer->world, "peer %" PRIu32 " was sent a message that is none",
                                 peer->index);
        return;
    }
    epidemic_on_message(peer->core, &peer->effects, now_us(peer), from, &message);
    epidemic_peer_after_step(peer);
}

static void on_done(void *context, uint64_t number, enum err error)
{
    struct epidemic_peer *peer = context;
    uint64_t token = 0;
    if (error != ERR_OK) {
        epidemic_world_on_broken_disk(peer->world, peer, error);
        return;
    }
    while (peer->batch_count > 0 && peer->batches[peer->batch_first].number <= number) {
        token = peer->batches[peer->batch_first].token;
        peer->batch_first = (peer->batch_first + 1) % peer->batch_capacity;
        peer->batch_count--;
    }
    if (token == 0)
        return;
    epidemic_on_durable(peer->core, &peer->effects, now_us(peer), token);
    epidemic_peer_after_step(peer);
    if (peer->batch_count == 0 && !peer->unwritten)
        epidemic_checks_on_durable(peer);
}

static void on_wake(void *context)
{
    struct epidemic_peer *peer = context;
    if (peer->core == NULL)
        return;
    peer->wake_us = UINT64_MAX;
    peer->core->room_low = peer->store.ops->room(peer->store.self) != STORE_ROOM_PLENTY;
    epidemic_peer_tell_primary(peer);
    tell_utc(peer);
    epidemic_tick(peer->core, &peer->effects, now_us(peer));
    epidemic_peer_after_step(peer);
}

// --- its machine

void epidemic_peer_init(struct epidemic_peer *peer, struct epidemic_world *world, uint32_t index)
{
    *peer = (struct epidemic_peer){.world = world, .index = index};
    uint64_t apart_ms = hash64(slice_of(&index, sizeof index), 0) % EPIDEMIC_WORLD_UTC_APART_MS;
    struct clock_sim_setting setting = {.start_us = 1 + rng_below(&world->rng, CLOCK_START_US_MAX),
                                        .wall_start_ms = EPIDEMIC_WORLD_UTC_MS + apart_ms,
                                        .rate_ppm = epidemic_world_draw_rate(world),
                                        .late_us_max = LATE_US_MAX,
                                        .seed = rng_u64(&world->rng)};
    peer->clock = clock_sim_new(world->timeline, &setting, on_wake, peer);
    peer->disk = store_sim_new(world->timeline, rng_u64(&world->rng), &world->sync);
    peer->disks = 1;
    peer->store_id = epidemic_peer_store_id(index, peer->disks);
    snprintf(peer->address, sizeof peer->address, "peer-%" PRIu32 ":1", index);
    effects_init(&peer->effects);
}

void epidemic_peer_release(struct epidemic_peer *peer)
{
    epidemic_peer_crash(peer);
    timeline_cancel(peer->world->timeline, peer->restart);
    clock_sim_free(peer->clock);
    store_sim_free(peer->disk);
    effects_release(&peer->effects);
    free(peer->batches);
    epidemic_marks_release(&peer->marks);
    epidemic_marks_release(&peer->marks_durable);
    epidemic_marks_release(&peer->marks_stable);
    knowledge_release(&peer->stable);
    knowledge_release(&peer->stable_durable);
    knowledge_release(&peer->known_durable);
}

// --- its life

static void forget_process(struct epidemic_peer *peer)
{
    struct clock clock = clock_sim_port(peer->clock);
    timeline_cancel(peer->world->timeline, peer->turn);
    peer->turn = TIMELINE_NO_EVENT;
    epidemic_release(peer->core);
    free(peer->core);
    peer->core = NULL;
    peer->batch_count = 0;
    peer->unwritten = false;
    peer->has_left = false;
    peer->token_committed = 0;
    clock.ops->wake_at(clock.self, UINT64_MAX);
    effects_release(&peer->effects);
    effects_init(&peer->effects);
}

// So little of a bundle in one step that much happens between two, at most of the peers.
static size_t step_bytes(const struct epidemic_peer *peer)
{
    return (size_t)STEP_BYTES_LEAST << peer->index % STEP_SIZES;
}

void epidemic_peer_start(struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    CHECK(peer->core == NULL);
    timeline_cancel(world->timeline, peer->restart);
    peer->restart = TIMELINE_NO_EVENT;
    struct epidemic_config config = {.self = peer->store_id,
                                     .address = named_address(peer),
                                     .seed = rng_u64(&world->rng),
                                     .peers_max = world->peers_max,
                                     .bytes_per_s = world->bytes_per_s,
                                     .step_bytes = step_bytes(peer)};
    peer->store = store_sim_open(peer->disk, on_done, peer);
    peer->core = memory_new(sizeof *peer->core);
    epidemic_init(peer->core, &config, &peer->store);
    peer->core->on_left = on_left;
    peer->core->context = peer;
    effects_clear(&peer->effects);
    peer->wake_us = UINT64_MAX;
    if ((!peer->away || peer->leaving) && !take_part(peer)) {
        forget_process(peer);
        store_sim_crash(peer->disk, 0);
        return;
    }
    // What an earlier run began.
    if (peer->leaving)
        epidemic_leave_on(peer->core, world->space);
    peer->net = net_sim_attach(world->net, peer->store_id, peer->address, on_message, peer);
    net_sim_set_unreachable(world->net, peer->store_id, peer->unreachable);
    epidemic_world_trace(world, "peer %" PRIu32 " starts", peer->index);
    epidemic_world_introduce(world, peer);
    effects_wake(&peer->effects, now_us(peer));
    epidemic_peer_after_step(peer);
}

void epidemic_peer_crash(struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    if (peer->core == NULL)
        return;
    uint64_t unreported = store_sim_unreported(peer->disk);
    uint64_t draw = rng_below(&world->rng, 3);
    uint64_t some = rng_below(&world->rng, unreported + 1);
    epidemic_world_on_crash(world, peer);
    forget_process(peer);
    store_sim_crash(peer->disk, draw == 0 ? 0 : draw == 1 ? unreported : some);
    net_sim_detach(world->net, peer->store_id);
    epidemic_world_trace(world, "peer %" PRIu32 " is gone", peer->index);
}

void epidemic_peer_join(struct epidemic_peer *peer)
{
    peer->away = false;
    // What it had has to go first.
    if (peer->core == NULL || peer->leaving)
        return;
    (void)take_part(peer);
    epidemic_peer_after_step(peer);
}

bool epidemic_peer_leave(struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    if (epidemic_peer_replica(peer) == NULL)
        return false;
    bool left = epidemic_leave(peer->core, world->space) == ERR_OK;
    if (left) {
        peer->away = true;
        peer->leaving = true;
        epidemic_world_trace(world, "peer %" PRIu32 " leaves", peer->index);
        epidemic_checks_on_left(world, peer);
    }
    epidemic_peer_after_step(peer);
    return left;
}

// --- steps

void epidemic_peer_meet(struct epidemic_peer *peer, const struct epidemic_peer *other,
                        bool is_member)
{
    epidemic_meet(peer->core, &peer->effects, other->store_id, slice_of_text(named_address(other)),
                  is_member);
}

void epidemic_peer_request(struct epidemic_peer *peer, const struct request *request,
                           uint64_t handle)
{
    tell_utc(peer);
    epidemic_request(peer->core, &peer->effects, now_us(peer), handle, peer->world->space, request);
    epidemic_peer_after_step(peer);
}

void epidemic_peer_tell_primary(struct epidemic_peer *peer)
{
    struct replica_primary primary;
    if (epidemic_peer_replica(peer) == NULL)
        return;
    epidemic_world_primary(peer->world, peer, &primary);
    epidemic_set_primary(peer->core, peer->world->space, &primary);
}
