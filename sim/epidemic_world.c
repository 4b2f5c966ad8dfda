#include "sim/epidemic_world.h"

#include "base/check.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CLUSTER_HIGH UINT64_C(0x6570696465)
#define CLUSTER_LOW UINT64_C(0x6d6963)

static const char keyspace_name[] = "notes";

enum { RESTART_US_MAX = 5 * 1000 * 1000 };

// --- what is told

void epidemic_world_violation(struct epidemic_world *world, const char *format, ...)
{
    if (world->violation != NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->violation_text, sizeof world->violation_text, format, arguments);
    va_end(arguments);
    world->violation = world->violation_text;
    epidemic_world_trace(world, "violation: %s", world->violation);
}

void epidemic_world_trace(struct epidemic_world *world, const char *format, ...)
{
    char line[512];
    int start = snprintf(line, sizeof line, "%12" PRIu64 " ", epidemic_world_now_us(world));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + start, sizeof line - (size_t)start, format, arguments);
    va_end(arguments);
    world->trace_hash = hash64(slice_of_text(line), world->trace_hash);
    if (world->tracing)
        puts(line);
}

static uint32_t index_of(uint64_t store_id)
{
    return (uint32_t)store_id - 1;
}

static void watch_net(void *context, enum net_sim_fate fate, uint64_t from, uint64_t to,
                      struct slice bytes)
{
    struct epidemic_world *world = context;
    struct message message;
    if (fate == NET_SIM_SENT)
        return;
    // Of messages the hash takes the bytes: a line for each would cost more than the run.
    uint64_t words[] = {epidemic_world_now_us(world), fate, from, to};
    world->trace_hash = hash64(slice_of(words, sizeof words), world->trace_hash);
    world->trace_hash = hash64(bytes, world->trace_hash);
    if (!world->tracing || message_decode(bytes, &message) != ERR_OK)
        return;
    printf("%12" PRIu64 " %s %s %" PRIu32 " -> %" PRIu32 " (%zu bytes)\n",
           epidemic_world_now_us(world), net_sim_fate_name(fate), message_name(message.kind),
           index_of(from), index_of(to), bytes.length);
}

uint64_t epidemic_world_now_us(const struct epidemic_world *world)
{
    return timeline_now_us(world->timeline);
}

struct slice epidemic_world_key(uint32_t key, char text[EPIDEMIC_KEY_BYTES])
{
    snprintf(text, EPIDEMIC_KEY_BYTES, "k%" PRIu32, key);
    return slice_of_text(text);
}

uint32_t epidemic_world_key_of(const struct epidemic_world *world, struct slice name)
{
    char text[EPIDEMIC_KEY_BYTES] = "";
    uint64_t key;
    if (name.length < 2 || name.length >= sizeof text)
        return UINT32_MAX;
    memcpy(text, name.bytes, name.length);
    bool good = text[0] == 'k' && number_parse(text + 1, 0, world->keys - 1, &key);
    return good ? (uint32_t)key : UINT32_MAX;
}

// --- the map

static void add_member(struct epidemic_world *world, struct cluster_map *map, uint32_t index)
{
    struct map_node *node = &map->nodes[map->node_count++];
    struct signing_key key = signing_key_of(&world->secrets[index]);
    *node = (struct map_node){
        .id = (node_id)(index + 1), .state = NODE_UP, .store_id = world->peers[index].store_id};
    memcpy(node->key, key.bytes, sizeof node->key);
}

static void make_first_map(struct epidemic_world *world)
{
    world->maps = memory_zeroed(EPIDEMIC_WORLD_MAPS_MAX, sizeof *world->maps);
    struct cluster_map *map = &world->maps[0];
    cluster_map_init(map);
    map->epoch = 1;
    for (uint32_t i = 0; i < world->member_count; i++)
        add_member(world, map, i);
    map->optimistic_count = 1;
    map->optimistic[0] = optimistic_default();
    map->optimistic[0].id = EPIDEMIC_WORLD_KEYSPACE;
    memcpy(map->optimistic[0].name, keyspace_name, sizeof keyspace_name);
    map->optimistic[0].primary = map->nodes[0].id;
    map->optimistic[0].primary_epoch = 1;
    world->map_count = 1;
}

void epidemic_world_move_primary(struct epidemic_world *world, uint32_t member)
{
    if (world->map_count == EPIDEMIC_WORLD_MAPS_MAX)
        return;
    struct cluster_map *map = &world->maps[world->map_count];
    cluster_map_init(map);
    cluster_map_copy(map, map - 1);
    map->epoch++;
    map->optimistic[0].primary = member < world->member_count ? (node_id)(member + 1) : NODE_NONE;
    map->optimistic[0].primary_epoch = map->epoch;
    world->map_count++;
    epidemic_world_trace(world, "epoch %" PRIu64 ": the primary is peer %" PRIu32, map->epoch,
                         member);
    struct epidemic_peer *primary = epidemic_world_primary_of(world);
    if (primary != NULL)
        epidemic_world_tell_map(world, primary);
}

struct epidemic_peer *epidemic_world_primary_of(struct epidemic_world *world)
{
    node_id primary = world->maps[world->map_count - 1].optimistic[0].primary;
    return primary != NODE_NONE ? &world->peers[primary - 1] : NULL;
}

void epidemic_world_tell_map(struct epidemic_world *world, struct epidemic_peer *peer)
{
    peer->map = world->map_count - 1;
    epidemic_peer_tell_primary(peer);
    if (peer->core == NULL)
        return;
    effects_wake(&peer->effects, 0);
    epidemic_peer_after_step(peer);
}

void epidemic_world_primary(struct epidemic_world *world, const struct epidemic_peer *peer,
                            struct replica_primary *out)
{
    const struct cluster_map *map = &world->maps[peer->map];
    bool is_member = peer->index < world->member_count;
    *out = (struct replica_primary){.map = map, .keyspace = &map->optimistic[0]};
    if (!is_member)
        return;
    out->self = (node_id)(peer->index + 1);
    out->is_self = map->optimistic[0].primary == out->self;
    out->secret = &world->secrets[peer->index];
}

// --- its peers

int32_t epidemic_world_draw_rate(struct epidemic_world *world)
{
    uint64_t draw = rng_below(&world->rng, 2 * EPIDEMIC_WORLD_RATE_PPM_MAX + 1);
    return world->clocks_drift ? (int32_t)draw - EPIDEMIC_WORLD_RATE_PPM_MAX : 0;
}

bool epidemic_world_hears(struct epidemic_world *world, const struct epidemic_peer *peer,
                          uint64_t from)
{
    const struct epidemic_peer *sender = &world->peers[index_of(from)];
    return peer->offline == 0 && sender->offline == 0 && sender->side == peer->side;
}

static void introduce_one(struct epidemic_world *world, struct epidemic_peer *peer,
                          const struct epidemic_peer *other)
{
    bool is_member = other->index < world->member_count && !other->unreachable;
    if (other != peer)
        epidemic_peer_meet(peer, other, is_member);
}

// The next one around that can be connected to, so that all are connected, and some at random.
void epidemic_world_introduce(struct epidemic_world *world, struct epidemic_peer *peer)
{
    if (world->peer_count < 2)
        return;
    uint32_t next = (peer->index + 1) % world->peer_count;
    while (world->peers[next].unreachable)
        next = (next + 1) % world->peer_count;
    introduce_one(world, peer, &world->peers[next]);
    for (uint32_t i = 1; i < world->contacts; i++)
        introduce_one(world, peer, &world->peers[rng_below(&world->rng, world->peer_count)]);
}

void epidemic_world_start_all(struct epidemic_world *world)
{
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (world->peers[i].core == NULL)
            epidemic_peer_start(&world->peers[i]);
}

void epidemic_world_on_reply(struct epidemic_world *world, struct epidemic_peer *peer,
                             uint64_t handle, const struct reply *reply)
{
    if (handle != EPIDEMIC_WORLD_BUNDLE_HANDLE)
        epidemic_load_on_reply(world, peer, handle, reply);
    else if (world->on_bundle != NULL)
        world->on_bundle(world->bundle_context, peer, reply);
}

void epidemic_world_add_counts(struct epidemic_counts *to, const struct epidemic_counts *from)
{
    to->payload_bytes += from->payload_bytes;
    to->control_bytes += from->control_bytes;
    to->payloads += from->payloads;
    to->sessions += from->sessions;
    to->sessions_opened += from->sessions_opened;
    for (unsigned i = 0; i < SESSION_VERDICT_COUNT; i++)
        to->verdicts[i] += from->verdicts[i];
}

void epidemic_world_on_crash(struct epidemic_world *world, struct epidemic_peer *peer)
{
    world->crashes++;
    epidemic_world_add_counts(&world->counts, &peer->core->counts);
    epidemic_load_on_crash(&world->load, peer);
}

static void on_restart(void *context, void *argument)
{
    struct epidemic_peer *peer = context;
    (void)argument;
    peer->restart = TIMELINE_NO_EVENT;
    if (peer->core == NULL)
        epidemic_peer_start(peer);
}

// Its process ends, as the daemon does when its store has failed, and is started again soon.
void epidemic_world_on_broken_disk(struct epidemic_world *world, struct epidemic_peer *peer,
                                   enum err error)
{
    epidemic_world_trace(world, "peer %" PRIu32 ": %s", peer->index, err_name(error));
    epidemic_peer_crash(peer);
    epidemic_world_restart_later(world, peer, 1 + rng_below(&world->rng, RESTART_US_MAX));
}

void epidemic_world_restart_later(struct epidemic_world *world, struct epidemic_peer *peer,
                                  uint64_t us)
{
    timeline_cancel(world->timeline, peer->restart);
    peer->restart =
        timeline_add(world->timeline, epidemic_world_now_us(world) + us, on_restart, peer, NULL);
}

// --- its life

static void draw_secrets(struct epidemic_world *world)
{
    for (uint32_t i = 0; i < world->member_count; i++)
        for (unsigned j = 0; j < SIGNING_SECRET_BYTES; j++)
            world->secrets[i].bytes[j] = (uint8_t)rng_u64(&world->rng);
}

// Who reaches nobody else reaches the first peer.
static void draw_unreachable(struct epidemic_world *world, uint32_t in_ten)
{
    for (uint32_t i = 1; i < world->peer_count && in_ten > 0; i++) {
        world->peers[i].unreachable = rng_below(&world->rng, 10) < in_ten;
        world->peers[i].is_nameless = world->peers[i].unreachable && rng_one_in(&world->rng, 2);
    }
}

void epidemic_world_init(struct epidemic_world *world, const struct epidemic_world_setting *setting)
{
    CHECK(setting->peers >= 1 && setting->peers <= EPIDEMIC_WORLD_PEERS_MAX);
    CHECK(setting->keys >= 1 && setting->keys <= EPIDEMIC_WORLD_KEYS_MAX);
    memset(world, 0, sizeof *world);
    rng_init(&world->rng, setting->seed);
    rng_init(&world->look_rng, rng_u64(&world->rng));
    world->timeline = timeline_new();
    world->net = net_sim_new(world->timeline, rng_u64(&world->rng), &setting->net);
    net_sim_set_watch(world->net, watch_net, world);
    world->space =
        space_id_of(CLUSTER_HIGH, CLUSTER_LOW, EPIDEMIC_WORLD_KEYSPACE, slice_of(NULL, 0));
    world->replica = setting->replica;
    world->replica.space.secret = rng_u64(&world->rng);
    world->peers_max = setting->peers_max;
    world->contacts = setting->contacts;
    world->bytes_per_s = setting->bytes_per_s;
    world->sync = setting->sync;
    world->clocks_drift = setting->clocks_drift;
    world->keys = setting->keys;
    world->tracing = setting->tracing;
    world->trace_hash = setting->seed;
    epidemic_oracle_init(&world->oracle, setting->keys);
    epidemic_load_init(&world->load, rng_u64(&world->rng));
    world->peer_count = setting->peers;
    world->peers = memory_zeroed(setting->peers, sizeof *world->peers);
    for (uint32_t i = 0; i < setting->peers; i++)
        epidemic_peer_init(&world->peers[i], world, i);
    draw_unreachable(world, setting->unreachable_in_ten);
    world->member_count =
        setting->peers < EPIDEMIC_WORLD_MEMBERS_MAX ? setting->peers : EPIDEMIC_WORLD_MEMBERS_MAX;
    draw_secrets(world);
    make_first_map(world);
}

void epidemic_world_release(struct epidemic_world *world)
{
    epidemic_load_stop(world);
    for (uint32_t i = 0; i < world->peer_count; i++)
        epidemic_peer_release(&world->peers[i]);
    epidemic_load_release(&world->load);
    for (uint32_t i = 0; i < world->map_count; i++)
        cluster_map_release(&world->maps[i]);
    free(world->maps);
    free(world->peers);
    epidemic_oracle_release(&world->oracle);
    net_sim_free(world->net);
    timeline_free(world->timeline);
}
