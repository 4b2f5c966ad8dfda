// Faults of the net, and who is out of its reach.
#include "sim/epidemic_faults_parts.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SECOND_US = 1000000, HELD_KINDS_MAX = 3 };

bool epidemic_fault_net_storm(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct net_sim_faults storm = faults->scene->world.net;
    storm.lose_one_in = 2 + rng_below(&faults->rng, 8);
    storm.duplicate_one_in = 1 + rng_below(&faults->rng, 10);
    storm.delay.us_max += rng_below(&faults->rng, 2 * SECOND_US);
    storm.reorder = true;
    net_sim_set_faults(faults->world->net, &storm);
    epidemic_fault_ends(faults, kind, NULL, 0, epidemic_fault_draw_time_us(faults));
    return true;
}

bool epidemic_fault_net_slow(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct net_sim_faults slow = faults->scene->world.net;
    slow.delay.us_max = SECOND_US / 4 + rng_below(&faults->rng, 2 * SECOND_US);
    net_sim_set_faults(faults->world->net, &slow);
    epidemic_fault_ends(faults, kind, NULL, 0, epidemic_fault_draw_long_us(faults));
    return true;
}

static unsigned draw_message_kind(struct epidemic_faults *faults)
{
    unsigned kind = (unsigned)rng_below(&faults->rng, MESSAGE_KIND_COUNT);
    while (!epidemic_takes((enum message_kind)kind))
        kind = (kind + 1) % MESSAGE_KIND_COUNT;
    return kind;
}

bool epidemic_fault_hold_kinds(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    bool lost = kind == EPIDEMIC_FAULT_KINDS_LOST;
    uint64_t kinds = 0;
    for (uint64_t left = 1 + rng_below(&faults->rng, HELD_KINDS_MAX); left > 0; left--)
        kinds |= UINT64_C(1) << draw_message_kind(faults);
    uint64_t us_max = lost ? 0 : 1 + rng_below(&faults->rng, 5 * SECOND_US);
    uint64_t in_four = 1 + rng_below(&faults->rng, 4);
    held_kinds_begin(&faults->held, faults->world->net, kinds, us_max, in_four,
                     rng_u64(&faults->rng));
    epidemic_fault_ends(faults, kind, NULL, 0, epidemic_fault_draw_time_us(faults));
    return true;
}

bool epidemic_fault_partition(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_world *world = faults->world;
    uint64_t sides = 2 + rng_below(&faults->rng, 2);
    for (uint32_t i = 0; i < world->peer_count; i++)
        world->peers[i].side = (uint32_t)rng_below(&faults->rng, sides);
    epidemic_fault_ends(faults, kind, NULL, 0, epidemic_fault_draw_time_us(faults));
    return true;
}

bool epidemic_fault_pair_apart(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    const struct epidemic_peer *from = epidemic_fault_draw_peer(faults);
    const struct epidemic_peer *to = epidemic_fault_draw_peer(faults);
    if (from == to)
        return false;
    net_sim_block(faults->world->net, from->store_id, to->store_id, true);
    epidemic_fault_ends(faults, kind, NULL, 0, epidemic_fault_draw_time_us(faults));
    return true;
}

bool epidemic_fault_offline(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (peer->offline > 0)
        return false;
    peer->offline++;
    epidemic_world_trace(faults->world, "peer %" PRIu32 " is offline", peer->index);
    epidemic_fault_ends_of(faults, kind, peer, epidemic_fault_draw_time_us(faults));
    return true;
}

bool epidemic_fault_absence(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_world *world = faults->world;
    uint32_t *peers = memory_new(world->peer_count * sizeof *peers);
    uint32_t count = 0;
    // Mostly the primary stays.
    const struct epidemic_peer *primary = epidemic_world_primary_of(world);
    bool spared = !rng_one_in(&faults->rng, 4);
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (rng_one_in(&faults->rng, 2) && world->peers[i].offline == 0 &&
            !(spared && primary == &world->peers[i]))
            peers[count++] = i;
    for (uint32_t i = 0; i < count; i++) {
        world->peers[peers[i]].offline++;
        epidemic_world_trace(world, "peer %" PRIu32 " is absent", peers[i]);
    }
    if (count > 0)
        epidemic_fault_ends(faults, kind, peers, count, epidemic_fault_draw_long_us(faults));
    free(peers);
    return count > 0;
}

void epidemic_fault_come_back(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    for (uint32_t i = 0; i < end->count; i++) {
        struct epidemic_peer *peer = &faults->world->peers[end->peers[i]];
        CHECK(peer->offline > 0);
        peer->offline--;
        epidemic_world_trace(faults->world, "peer %" PRIu32 " is back", peer->index);
    }
}

// At one moment, perhaps over a slow net, and one of them perhaps with nothing that it had.
void epidemic_fault_return(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    struct epidemic_world *world = faults->world;
    epidemic_fault_come_back(faults, end);
    if (world->violation != NULL || faults->event == TIMELINE_NO_EVENT)
        return;
    if (rng_one_in(&faults->rng, faults->scene->slow_one_in))
        (void)epidemic_fault_net_slow(faults, EPIDEMIC_FAULT_NET_SLOW);
    if (rng_one_in(&faults->rng, faults->scene->anew_one_in))
        (void)epidemic_fault_empty_disk(faults, &world->peers[end->peers[0]]);
}

// --- their ends

void epidemic_fault_end_storm(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    (void)end;
    net_sim_set_faults(faults->world->net, &faults->scene->world.net);
}

void epidemic_fault_end_holding(struct epidemic_faults *faults,
                                const struct epidemic_fault_end *end)
{
    (void)end;
    held_kinds_end(&faults->held, faults->world->net);
}

void epidemic_fault_end_partition(struct epidemic_faults *faults,
                                  const struct epidemic_fault_end *end)
{
    (void)end;
    for (uint32_t i = 0; i < faults->world->peer_count; i++)
        faults->world->peers[i].side = 0;
}

void epidemic_fault_unblock(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    (void)end;
    net_sim_unblock_all(faults->world->net);
}
