// What users and operators do to a peer beside reading and writing.
#include "sim/epidemic_faults_parts.h"

#include <inttypes.h>

enum { CLOCK_STEP_MAX = 1 << 22 };

bool epidemic_fault_leave(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (!epidemic_peer_leave(peer))
        return false;
    if (peer == epidemic_world_primary_of(faults->world))
        epidemic_fault_move_primary_from(faults, peer);
    epidemic_fault_ends_of(faults, kind, peer, epidemic_fault_draw_time_us(faults));
    return true;
}

void epidemic_fault_on_bundle(void *context, struct epidemic_peer *peer, const struct reply *reply)
{
    struct epidemic_faults *faults = context;
    if (reply->error != ERR_OK || reply->value.length == 0)
        return;
    uint32_t place = faults->bundle_count < EPIDEMIC_BUNDLES_MAX
                         ? faults->bundle_count++
                         : (uint32_t)rng_below(&faults->rng, EPIDEMIC_BUNDLES_MAX);
    buf_clear(&faults->bundles[place]);
    buf_append_slice(&faults->bundles[place], reply->value);
    epidemic_world_trace(faults->world, "peer %" PRIu32 ": bundle %" PRIu32 " has %zu bytes",
                         peer->index, place, reply->value.length);
}

bool epidemic_fault_export(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    const struct epidemic_peer *other = epidemic_fault_draw_peer(faults);
    if (epidemic_peer_replica(peer) == NULL)
        return false;
    struct request request = {.kind = REQUEST_EXPORT,
                              .keyspace = EPIDEMIC_WORLD_KEYSPACE,
                              .since = rng_one_in(&faults->rng, 4) ? 0 : other->store_id};
    epidemic_peer_request(peer, &request, EPIDEMIC_WORLD_BUNDLE_HANDLE);
    return true;
}

bool epidemic_fault_import(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (epidemic_peer_replica(peer) == NULL || faults->bundle_count == 0)
        return false;
    uint64_t place = rng_below(&faults->rng, faults->bundle_count);
    struct request request = {.kind = REQUEST_IMPORT,
                              .keyspace = EPIDEMIC_WORLD_KEYSPACE,
                              .value = buf_slice(&faults->bundles[place])};
    epidemic_world_trace(faults->world, "peer %" PRIu32 " imports bundle %" PRIu64, peer->index,
                         place);
    epidemic_peer_request(peer, &request, EPIDEMIC_WORLD_BUNDLE_HANDLE);
    return true;
}

bool epidemic_fault_clock(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct replica *replica = epidemic_peer_replica(epidemic_fault_draw_peer(faults));
    if (replica == NULL)
        return false;
    uint64_t step = rng_below(&faults->rng, CLOCK_STEP_MAX);
    replica->space.clock = rng_one_in(&faults->rng, 20) ? OPERATION_COUNTER_MAX - step
                           : replica->space.clock < OPERATION_COUNTER_MAX - step
                               ? replica->space.clock + step
                               : OPERATION_COUNTER_MAX;
    return true;
}

bool epidemic_fault_audit(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    // What the primary finds in order lets the horizon move.
    struct epidemic_peer *peer = rng_one_in(&faults->rng, 2)
                                     ? epidemic_fault_draw_peer(faults)
                                     : epidemic_world_primary_of(faults->world);
    const struct epidemic_peer *other = epidemic_fault_draw_peer(faults);
    if (epidemic_peer_replica(peer) == NULL)
        return false;
    struct clock clock = clock_sim_port(peer->clock);
    bool opened = epidemic_exchange(peer->core, &peer->effects, clock.ops->now_us(clock.self),
                                    faults->world->space, other->store_id, true);
    epidemic_peer_after_step(peer);
    return opened;
}

bool epidemic_fault_sweep(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_world *world = faults->world;
    (void)kind;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        struct epidemic_peer *peer = &world->peers[i];
        struct replica *replica = epidemic_peer_replica(peer);
        if (replica == NULL || rng_one_in(&faults->rng, 3))
            continue;
        replica->next_sweep_us = 0;
        epidemic_wake_for(peer->core, replica);
        effects_wake(&peer->effects, 0);
        epidemic_peer_after_step(peer);
    }
    return true;
}

void epidemic_fault_end_leave(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    struct epidemic_peer *peer = &faults->world->peers[end->peers[0]];
    if (peer->away)
        epidemic_peer_join(peer);
}
