// Faults of disks.
#include "sim/epidemic_faults_parts.h"

#include "base/check.h"
#include "sim/epidemic_damage.h"

#include <inttypes.h>

// Gives a peer another disk (NULL: an empty one). Who loses what it has published is primary no
// more: it is another node from now on, or one that has to catch up.
static bool change_disk(struct epidemic_faults *faults, struct epidemic_peer *peer,
                        struct store_sim *disk, bool own)
{
    struct epidemic_world *world = faults->world;
    epidemic_peer_crash(peer);
    epidemic_peer_change_disk(peer, disk, own);
    epidemic_world_trace(world, "peer %" PRIu32 " has %s disk", peer->index,
                         disk == NULL ? "an empty"
                         : own        ? "an older copy of its"
                                      : "another's");
    if (peer == epidemic_world_primary_of(world))
        epidemic_fault_move_primary_from(faults, peer);
    bool at_once = faults->scene->meets;
    epidemic_world_restart_later(world, peer, at_once ? 0 : epidemic_fault_draw_short_us(faults));
    return true;
}

bool epidemic_fault_empty_disk(struct epidemic_faults *faults, struct epidemic_peer *peer)
{
    return change_disk(faults, peer, NULL, false);
}

bool epidemic_fault_destroy(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    return epidemic_fault_empty_disk(faults, epidemic_fault_draw_peer(faults));
}

bool epidemic_fault_back_up(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (peer->core == NULL)
        return false;
    store_sim_free(faults->backups[peer->index]);
    faults->backups[peer->index] = epidemic_peer_copy_disk(peer);
    epidemic_world_trace(faults->world, "peer %" PRIu32 " is backed up", peer->index);
    return true;
}

bool epidemic_fault_restore(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_world *world = faults->world;
    uint32_t first = epidemic_fault_draw_peer(faults)->index;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        uint32_t index = (first + i) % world->peer_count;
        struct store_sim *backup = faults->backups[index];
        if (backup == NULL)
            continue;
        faults->backups[index] = NULL;
        return change_disk(faults, &world->peers[index], backup, true);
    }
    return false;
}

bool epidemic_fault_clone(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    struct epidemic_peer *from = epidemic_fault_draw_peer(faults);
    struct epidemic_peer *to = epidemic_fault_draw_peer(faults);
    if (from->core == NULL || from == to)
        return false;
    return change_disk(faults, to, epidemic_peer_copy_disk(from), false);
}

bool epidemic_fault_fill_disk(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    (void)kind;
    const struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (peer->core == NULL)
        return false;
    uint64_t batch = store_sim_committed(peer->disk) + 1 + rng_below(&faults->rng, 4);
    store_sim_fail_batch(peer->disk, batch, ERR_FULL);
    return true;
}

bool epidemic_fault_lower_room(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    store_sim_set_room(peer->disk, STORE_ROOM_LOW);
    epidemic_world_trace(faults->world, "peer %" PRIu32 " has little room", peer->index);
    epidemic_fault_ends_of(faults, kind, peer, epidemic_fault_draw_time_us(faults));
    return true;
}

void epidemic_fault_recount(struct epidemic_faults *faults, struct epidemic_peer *peer)
{
    struct replica *replica = epidemic_peer_replica(peer);
    bool equal;
    if (replica == NULL)
        return;
    enum err error = space_recount(&replica->space, &peer->effects, &equal);
    if (error != ERR_OK)
        epidemic_world_violation(faults->world, "peer %" PRIu32 " cannot be counted: %s",
                                 peer->index, err_name(error));
    else if (!equal && !peer->is_damaged)
        epidemic_world_violation(faults->world, "peer %" PRIu32 ": its digests are wrong",
                                 peer->index);
    if (!equal)
        epidemic_world_trace(faults->world, "peer %" PRIu32 " finds that it is damaged",
                             peer->index);
    peer->is_damaged = false;
    epidemic_peer_after_step(peer);
}

// One at a time: peers that know of themselves that they are damaged vouch for nothing, and what
// only these have had would be vouched for by nobody.
static bool any_is_damaged(const struct epidemic_world *world)
{
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct replica *replica = epidemic_peer_replica(&world->peers[i]);
        if (replica == NULL || replica->space.damaged || world->peers[i].is_damaged)
            return true;
    }
    return false;
}

bool epidemic_fault_damage(struct epidemic_faults *faults, enum epidemic_fault_kind kind)
{
    struct epidemic_peer *peer = epidemic_fault_draw_peer(faults);
    if (any_is_damaged(faults->world))
        return false;
    epidemic_peer_crash(peer);
    bool damaged = epidemic_damage(faults->world, peer, &faults->rng);
    epidemic_peer_start(peer);
    if (!damaged)
        return false;
    peer->is_damaged = true;
    epidemic_fault_ends_of(faults, kind, peer, epidemic_fault_draw_time_us(faults));
    return true;
}

// --- their ends

void epidemic_fault_end_room(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    store_sim_set_room(faults->world->peers[end->peers[0]].disk, STORE_ROOM_PLENTY);
}

void epidemic_fault_end_damage(struct epidemic_faults *faults, const struct epidemic_fault_end *end)
{
    epidemic_fault_recount(faults, &faults->world->peers[end->peers[0]]);
}
