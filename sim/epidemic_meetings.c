#include "sim/epidemic_meetings.h"

#include "base/check.h"
#include "sim/epidemic_faults_parts.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    MILLISECOND_US = 1000,
    SECOND_US = 1000000,
    LOOK_US = 400 * MILLISECOND_US,
    LOOKS_MAX = 40,
    VALUE_BYTES = 8
};

static uint64_t draw_between(struct epidemic_faults *faults, uint64_t least, uint64_t most)
{
    return least + rng_below(&faults->rng, most - least + 1);
}

static struct epidemic_peer *draw_present(struct epidemic_meetings *meetings)
{
    struct epidemic_peer *peer = epidemic_fault_draw_peer(meetings->faults);
    return meetings->is_away[peer->index] ? epidemic_world_primary_of(meetings->faults->world)
                                          : peer;
}

static uint64_t write_all(struct epidemic_meetings *meetings)
{
    struct epidemic_faults *faults = meetings->faults;
    for (uint32_t key = 0; key < faults->world->keys; key++)
        if (!rng_one_in(&faults->rng, 4))
            epidemic_load_put(faults->world, epidemic_fault_draw_peer(faults), key, VALUE_BYTES);
    meetings->step = MEETING_PART;
    return draw_between(faults, SECOND_US, 5 * SECOND_US);
}

static uint64_t part(struct epidemic_meetings *meetings)
{
    struct epidemic_faults *faults = meetings->faults;
    struct epidemic_world *world = faults->world;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        struct epidemic_peer *peer = &world->peers[i];
        if (peer == epidemic_world_primary_of(world) || rng_one_in(&faults->rng, 2))
            continue;
        meetings->is_away[i] = true;
        peer->offline++;
        epidemic_world_trace(world, "peer %" PRIu32 " is away", i);
    }
    meetings->step = MEETING_DELETE;
    return draw_between(faults, 1, SECOND_US);
}

static uint64_t delete_some(struct epidemic_meetings *meetings)
{
    struct epidemic_faults *faults = meetings->faults;
    for (uint32_t key = 0; key < faults->world->keys; key++) {
        struct epidemic_peer *peer = draw_present(meetings);
        if (!rng_one_in(&faults->rng, 4))
            epidemic_load_delete(faults->world, peer, key);
        else if (rng_one_in(&faults->rng, 2))
            epidemic_load_put(faults->world, peer, key, VALUE_BYTES);
    }
    meetings->looks = 0;
    meetings->step = MEETING_DROP;
    return SECOND_US;
}

// Those who stayed drop what they may, as soon as the primary has all of it under its horizon.
static uint64_t drop(struct epidemic_meetings *meetings)
{
    struct epidemic_faults *faults = meetings->faults;
    const struct epidemic_peer *primary = epidemic_world_primary_of(faults->world);
    const struct replica *replica = epidemic_peer_replica(primary);
    bool done =
        replica != NULL && knowledge_contains(&replica->space.horizon, &replica->space.known);
    if (!done && meetings->looks++ < LOOKS_MAX) {
        (void)epidemic_fault_audit(faults, EPIDEMIC_FAULT_AUDIT);
        return LOOK_US;
    }
    (void)epidemic_fault_sweep(faults, EPIDEMIC_FAULT_SWEEP);
    meetings->step = MEETING_MEET;
    return draw_between(faults, LOOK_US, SECOND_US);
}

static uint64_t meet(struct epidemic_meetings *meetings)
{
    struct epidemic_faults *faults = meetings->faults;
    struct epidemic_world *world = faults->world;
    struct epidemic_peer *anew = epidemic_fault_draw_peer(faults);
    uint64_t delay_us = draw_between(faults, 20 * MILLISECOND_US, SECOND_US);
    struct net_sim_faults slow = {.delay = {.us_min = 50, .us_max = delay_us}};
    net_sim_set_faults(world->net, &slow);
    for (uint32_t i = 0; i < world->peer_count; i++) {
        world->peers[i].offline -= meetings->is_away[i];
        meetings->is_away[i] = false;
    }
    epidemic_world_trace(world, "all meet; messages take up to %" PRIu64 " us", delay_us);
    if (anew != epidemic_world_primary_of(world))
        (void)epidemic_fault_empty_disk(faults, anew);
    meetings->step = MEETING_WRITE;
    return draw_between(faults, 4 * delay_us, 20 * delay_us);
}

static void on_time(void *context, void *argument)
{
    static uint64_t (*const steps[])(struct epidemic_meetings *) = {
        [MEETING_WRITE] = write_all, [MEETING_PART] = part, [MEETING_DELETE] = delete_some,
        [MEETING_DROP] = drop,       [MEETING_MEET] = meet,
    };
    struct epidemic_meetings *meetings = context;
    struct epidemic_world *world = meetings->faults->world;
    (void)argument;
    meetings->event = TIMELINE_NO_EVENT;
    if (world->violation != NULL)
        return;
    if (meetings->step == MEETING_WRITE)
        net_sim_set_faults(world->net, &meetings->faults->scene->world.net);
    uint64_t at_us = epidemic_world_now_us(world);
    at_us += steps[meetings->step](meetings);
    meetings->event = timeline_add(world->timeline, at_us, on_time, meetings, NULL);
}

void epidemic_meetings_start(struct epidemic_meetings *meetings, struct epidemic_faults *faults)
{
    *meetings = (struct epidemic_meetings){.faults = faults, .step = MEETING_WRITE};
    meetings->is_away = memory_zeroed(faults->world->peer_count, sizeof *meetings->is_away);
    on_time(meetings, NULL);
}

void epidemic_meetings_stop(struct epidemic_meetings *meetings)
{
    if (meetings->faults == NULL)
        return;
    struct epidemic_world *world = meetings->faults->world;
    timeline_cancel(world->timeline, meetings->event);
    for (uint32_t i = 0; i < world->peer_count; i++)
        world->peers[i].offline -= meetings->is_away[i];
    free(meetings->is_away);
    *meetings = (struct epidemic_meetings){0};
}
