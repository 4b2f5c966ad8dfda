#include "sim/epidemic_faults_parts.h"

#include "base/check.h"

#include <stdlib.h>

enum {
    ONLINE_MS_LEAST = 1000,
    OFFLINE_TIMES_LEAST = 2,
    OFFLINE_TIMES_MOST = 9,
    PEERS_TOLD_SINGLY_MAX = 64
};

static uint64_t now_us(const struct epidemic_faults *faults)
{
    return epidemic_world_now_us(faults->world);
}

struct epidemic_peer *epidemic_fault_draw_peer(struct epidemic_faults *faults)
{
    struct epidemic_world *world = faults->world;
    return &world->peers[rng_below(&faults->rng, world->peer_count)];
}

uint64_t epidemic_fault_draw_short_us(struct epidemic_faults *faults)
{
    return 1 + rng_below(&faults->rng, faults->scene->short_us);
}

uint64_t epidemic_fault_draw_long_us(struct epidemic_faults *faults)
{
    uint64_t half_us = faults->scene->long_us / 2;
    return half_us + rng_below(&faults->rng, half_us + 1);
}

uint64_t epidemic_fault_draw_time_us(struct epidemic_faults *faults)
{
    return rng_one_in(&faults->rng, 2) ? epidemic_fault_draw_short_us(faults)
                                       : epidemic_fault_draw_long_us(faults);
}

// --- what ends

static void end_fault(struct epidemic_fault_end *end);

static void on_end(void *context, void *argument)
{
    (void)argument;
    end_fault(context);
}

void epidemic_fault_ends(struct epidemic_faults *faults, enum epidemic_fault_kind kind,
                         const uint32_t *peers, uint32_t count, uint64_t us)
{
    struct epidemic_fault_end *end = memory_new(sizeof *end + count * sizeof end->peers[0]);
    *end = (struct epidemic_fault_end){.faults = faults, .kind = kind, .count = count};
    if (count > 0)
        memcpy(end->peers, peers, count * sizeof end->peers[0]);
    list_append(&faults->ends, &end->link);
    end->event = timeline_add(faults->world->timeline, now_us(faults) + us, on_end, end, NULL);
}

void epidemic_fault_ends_of(struct epidemic_faults *faults, enum epidemic_fault_kind kind,
                            const struct epidemic_peer *peer, uint64_t us)
{
    epidemic_fault_ends(faults, kind, &peer->index, 1, us);
}

// --- processes

static bool crash(struct epidemic_faults *faults, struct epidemic_peer *peer, uint64_t us)
{
    if (peer->core == NULL)
        return false;
    epidemic_peer_crash(peer);
    epidemic_world_restart_later(faults->world, peer, us);
    return true;
}

static bool crash_one(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    bool soon = faults->scene->starts_soon || !rng_one_in(&faults->rng, 4);
    return crash(faults, epidemic_fault_draw_peer(faults),
                 soon ? epidemic_fault_draw_short_us(faults) : epidemic_fault_draw_long_us(faults));
}

static bool crash_several(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_world *world = faults->world;
    uint64_t us = epidemic_fault_draw_time_us(faults);
    bool any = false;
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (rng_one_in(&faults->rng, 2))
            any |= crash(faults, &world->peers[i], us + epidemic_fault_draw_short_us(faults));
    return any;
}

// --- the map

void epidemic_fault_move_primary_from(struct epidemic_faults *faults,
                                      const struct epidemic_peer *from)
{
    struct epidemic_world *world = faults->world;
    uint32_t first = (uint32_t)rng_below(&faults->rng, world->member_count);
    uint32_t member = first == from->index ? (first + 1) % world->member_count : first;
    if (world->map_count == EPIDEMIC_WORLD_MAPS_MAX)
        return;
    epidemic_world_move_primary(world, member);
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (world->peer_count <= PEERS_TOLD_SINGLY_MAX)
            epidemic_fault_ends_of(faults, EPIDEMIC_FAULT_PRIMARY, &world->peers[i],
                                   epidemic_fault_draw_time_us(faults));
        else
            epidemic_world_tell_map(world, &world->peers[i]);
}

static bool move_primary(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_world *world = faults->world;
    const struct epidemic_peer *primary = epidemic_world_primary_of(world);
    if (world->member_count < 2 || world->map_count == EPIDEMIC_WORLD_MAPS_MAX)
        return false;
    epidemic_fault_move_primary_from(faults, primary);
    return true;
}

static void tell_map(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    epidemic_world_tell_map(faults->world, &faults->world->peers[end->peers[0]]);
}

// --- who comes and goes

// Online a share of the time, and the rest offline.
static void on_turn(void *context, void *argument)
{
    struct epidemic_roamer *roamer = context;
    struct epidemic_faults *faults = roamer->faults;
    struct epidemic_peer *peer = &faults->world->peers[roamer->peer];
    uint64_t online_us = (ONLINE_MS_LEAST + 2 * faults->world->replica.anti_entropy_ms) * 1000;
    (void)argument;
    roamer->is_offline = !roamer->is_offline;
    peer->offline += roamer->is_offline ? 1 : UINT32_MAX;
    uint64_t us_max = 2 * online_us * (roamer->is_offline ? faults->offline_times : 1);
    uint64_t at_us = now_us(faults) + 1 + rng_below(&faults->rng, us_max);
    roamer->event = timeline_add(faults->world->timeline, at_us, on_turn, roamer, NULL);
}

static void start_roaming(struct epidemic_faults *faults)
{
    struct epidemic_world *world = faults->world;
    faults->offline_times =
        OFFLINE_TIMES_LEAST + rng_below(&faults->rng, OFFLINE_TIMES_MOST - OFFLINE_TIMES_LEAST + 1);
    faults->roamers = memory_zeroed(world->peer_count, sizeof *faults->roamers);
    for (uint32_t i = 0; i < world->peer_count; i++) {
        faults->roamers[i] = (struct epidemic_roamer){.faults = faults, .peer = i};
        on_turn(&faults->roamers[i], NULL);
    }
}

static void stop_roaming(struct epidemic_faults *faults)
{
    for (uint32_t i = 0; faults->roamers != NULL && i < faults->world->peer_count; i++) {
        struct epidemic_roamer *roamer = &faults->roamers[i];
        timeline_cancel(faults->world->timeline, roamer->event);
        if (roamer->is_offline)
            faults->world->peers[i].offline--;
    }
    free(faults->roamers);
    faults->roamers = NULL;
}

// --- their course

static const struct {
    epidemic_fault_begin *begin;
    epidemic_fault_finish *finish; // NULL: it does not last
} kinds[EPIDEMIC_FAULT_COUNT] = {
    [EPIDEMIC_FAULT_NET_STORM] = {epidemic_fault_net_storm, epidemic_fault_end_storm},
    [EPIDEMIC_FAULT_NET_SLOW] = {epidemic_fault_net_slow, epidemic_fault_end_storm},
    [EPIDEMIC_FAULT_KINDS_LOST] = {epidemic_fault_hold_kinds, epidemic_fault_end_holding},
    [EPIDEMIC_FAULT_KINDS_LATE] = {epidemic_fault_hold_kinds, epidemic_fault_end_holding},
    [EPIDEMIC_FAULT_PARTITION] = {epidemic_fault_partition, epidemic_fault_end_partition},
    [EPIDEMIC_FAULT_PAIR_APART] = {epidemic_fault_pair_apart, epidemic_fault_unblock},
    [EPIDEMIC_FAULT_OFFLINE] = {epidemic_fault_offline, epidemic_fault_come_back},
    [EPIDEMIC_FAULT_ABSENCE] = {epidemic_fault_absence, epidemic_fault_return},
    [EPIDEMIC_FAULT_CRASH] = {crash_one, NULL},
    [EPIDEMIC_FAULT_CRASH_SEVERAL] = {crash_several, NULL},
    [EPIDEMIC_FAULT_DESTROY] = {epidemic_fault_destroy, NULL},
    [EPIDEMIC_FAULT_BACKUP] = {epidemic_fault_back_up, NULL},
    [EPIDEMIC_FAULT_RESTORE] = {epidemic_fault_restore, NULL},
    [EPIDEMIC_FAULT_CLONE] = {epidemic_fault_clone, NULL},
    [EPIDEMIC_FAULT_DISK_FULL] = {epidemic_fault_fill_disk, NULL},
    [EPIDEMIC_FAULT_ROOM_LOW] = {epidemic_fault_lower_room, epidemic_fault_end_room},
    [EPIDEMIC_FAULT_LEAVE] = {epidemic_fault_leave, epidemic_fault_end_leave},
    [EPIDEMIC_FAULT_PRIMARY] = {move_primary, tell_map},
    [EPIDEMIC_FAULT_DAMAGE] = {epidemic_fault_damage, epidemic_fault_end_damage},
    [EPIDEMIC_FAULT_EXPORT] = {epidemic_fault_export, NULL},
    [EPIDEMIC_FAULT_IMPORT] = {epidemic_fault_import, NULL},
    [EPIDEMIC_FAULT_CLOCK] = {epidemic_fault_clock, NULL},
    [EPIDEMIC_FAULT_AUDIT] = {epidemic_fault_audit, NULL},
    [EPIDEMIC_FAULT_SWEEP] = {epidemic_fault_sweep, NULL},
};

static void end_fault(struct epidemic_fault_end *end)
{
    struct epidemic_faults *faults = end->faults;
    timeline_cancel(faults->world->timeline, end->event);
    list_remove(&end->link);
    kinds[end->kind].finish(faults, end);
    free(end);
}

static enum epidemic_fault_kind draw_kind(struct epidemic_faults *faults)
{
    const unsigned *weights = faults->scene->weights;
    unsigned kind = 0;
    uint64_t draw = rng_below(&faults->rng, faults->weight);
    while (draw >= weights[kind])
        draw -= weights[kind++];
    return (enum epidemic_fault_kind)kind;
}

static void next_later(struct epidemic_faults *faults);

static void on_time(void *context, void *argument)
{
    struct epidemic_faults *faults = context;
    enum epidemic_fault_kind kind = draw_kind(faults);
    (void)argument;
    if (faults->world->violation == NULL && kinds[kind].begin(faults, kind)) {
        faults->counts[kind]++;
        epidemic_world_trace(faults->world, "fault: %s", epidemic_fault_name(kind));
    }
    next_later(faults);
}

static void next_later(struct epidemic_faults *faults)
{
    uint64_t at_us = now_us(faults) + 1 + rng_below(&faults->rng, faults->scene->gap_us_max);
    faults->event = timeline_add(faults->world->timeline, at_us, on_time, faults, NULL);
}

void epidemic_faults_start(struct epidemic_faults *faults)
{
    if (faults->scene->roaming)
        start_roaming(faults);
    if (faults->scene->meets)
        epidemic_meetings_start(&faults->meetings, faults);
    if (faults->weight > 0)
        next_later(faults);
}

static void mend_peer(struct epidemic_faults *faults, struct epidemic_peer *peer)
{
    peer->side = 0;
    CHECK(peer->offline == 0);
    if (peer->core == NULL)
        epidemic_peer_start(peer);
    if (peer->is_damaged)
        epidemic_fault_recount(faults, peer);
}

void epidemic_faults_stop(struct epidemic_faults *faults)
{
    struct epidemic_world *world = faults->world;
    timeline_cancel(world->timeline, faults->event);
    faults->event = TIMELINE_NO_EVENT;
    stop_roaming(faults);
    epidemic_meetings_stop(&faults->meetings);
    while (!list_empty(&faults->ends))
        end_fault(LIST_ITEM(faults->ends.next, struct epidemic_fault_end, link));
    struct net_sim_faults sound = {.delay = faults->scene->world.net.delay};
    net_sim_set_faults(world->net, &sound);
    for (uint32_t i = 0; i < world->peer_count && world->violation == NULL; i++)
        mend_peer(faults, &world->peers[i]);
    // Whose contacts are all gone is told of others, as by whoever runs it.
    for (uint32_t i = 0; i < world->peer_count && world->violation == NULL; i++) {
        epidemic_world_introduce(world, &world->peers[i]);
        epidemic_world_tell_map(world, &world->peers[i]);
    }
}

void epidemic_faults_init(struct epidemic_faults *faults, struct epidemic_world *world,
                          const struct epidemic_scene *scene)
{
    *faults = (struct epidemic_faults){.world = world, .scene = scene};
    rng_init(&faults->rng, rng_u64(&world->rng));
    list_init(&faults->ends);
    faults->backups = memory_zeroed(world->peer_count, sizeof(struct store_sim *));
    for (unsigned i = 0; i < EPIDEMIC_BUNDLES_MAX; i++)
        buf_init(&faults->bundles[i], EPIDEMIC_BUNDLE_BYTES_MAX);
    for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
        faults->weight += scene->weights[i];
    world->on_bundle = epidemic_fault_on_bundle;
    world->bundle_context = faults;
}

void epidemic_faults_release(struct epidemic_faults *faults)
{
    CHECK(list_empty(&faults->ends));
    for (uint32_t i = 0; i < faults->world->peer_count; i++)
        store_sim_free(faults->backups[i]);
    free(faults->backups);
    for (unsigned i = 0; i < EPIDEMIC_BUNDLES_MAX; i++)
        buf_release(&faults->bundles[i]);
    faults->world->on_bundle = NULL;
}
