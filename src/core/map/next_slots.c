#include "core/map/next_slots.h"

#include "base/check.h"
#include "base/rule.h"
#include "core/map/placement.h"
#include "core/map/prefixes.h"

#include <stdlib.h>

void next_slots_place(const struct cluster_map *map, const struct keyspace *keyspace,
                      struct replica_set *slots)
{
    struct placement *before = memory_zeroed(1, sizeof *before);
    struct placement *after = memory_zeroed(1, sizeof *after);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        before->target[slot] = slots[slot].target;
        before->primary[slot] = slots[slot].target_primary;
    }
    node_set settlers = cluster_map_settlers(map);
    placement_compute(keyspace->strategy, keyspace->replication_factor,
                      settlers != 0 ? settlers : cluster_map_members(map), before, after);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        slots[slot].target = after->target[slot];
        slots[slot].target_primary = after->primary[slot];
    }
    free(before);
    free(after);
}

node_id next_slots_primary(const struct replica_set *set, node_set live, unsigned slot)
{
    node_set candidates = set->in_sync & live;
    if (node_set_has(candidates, set->target_primary))
        return set->target_primary;
    if (node_set_has(candidates, set->primary))
        return set->primary;
    return candidates == 0 ? NODE_NONE
                           : node_set_nth(candidates, slot % node_set_count(candidates));
}

static const struct slot_set *shrinks_of(const struct wants *wants, uint32_t keyspace)
{
    for (unsigned i = 0; i < wants->shrink_count; i++)
        if (wants->shrinks[i].keyspace == keyspace)
            return &wants->shrinks[i].slots;
    return NULL;
}

// Joiners of this slot that have reported this very join by the process that the map names.
static node_set reported(const struct slots_step *step, uint32_t keyspace,
                         const struct replica_set *set, unsigned slot)
{
    node_set nodes = 0;
    for (unsigned i = 0; i < step->wants->promote_count; i++) {
        const struct want_promote *promote = &step->wants->promotes[i];
        const struct map_node *node = cluster_map_node(step->map, promote->node);
        if (promote->keyspace == keyspace &&
            (promote->join_epoch == set->join_epoch || !RULE(JOIN_ID)) && node != NULL &&
            node->incarnation == promote->incarnation && slot_set_has(&promote->slots, slot))
            nodes |= node_bit(promote->node);
    }
    return nodes & set->joining;
}

static void begin_joins(struct slots_step *step, struct replica_set *set, node_set live)
{
    node_set missing = set->target & live & ~set->in_sync;
    unsigned count = node_set_count(missing);
    if (count == 0 || set->joining != 0 || (set->in_sync & live) == 0 || step->moves_left < count)
        return;
    step->moves_left -= count;
    set->joining = missing;
    set->join_epoch = step->map->epoch;
}

// A suspect leaves the list to those who surely have everything, and joins again. Without any, one
// stays alone, for of several none may be read beside another: whom an operator trusts, or else who
// has the longest prefix.
static void settle_doubt(const struct slots_step *step, uint32_t keyspace, unsigned slot,
                         node_set live, struct replica_set *set)
{
    node_set doubted = set->in_sync & step->suspects;
    node_set trusted = doubted & step->trusted & live;
    if (doubted == 0)
        return;
    if ((set->in_sync & live & step->holders & ~step->suspects) != 0) {
        set->in_sync &= ~doubted;
    } else if (trusted != 0) {
        set->in_sync = node_bit(node_set_first(trusted));
    } else if (step->wants->prefixes != NULL) {
        node_set longest = prefixes_longest(step->wants->prefixes, keyspace, slot) & doubted & live;
        if (longest != 0)
            set->in_sync = node_bit(node_set_first(longest));
    }
}

static void step_slot(struct slots_step *step, uint32_t keyspace, unsigned slot, node_set live,
                      bool shrink, struct replica_set *set)
{
    node_set promoted = set->joining != 0 ? reported(step, keyspace, set, slot) : 0;
    settle_doubt(step, keyspace, slot, live, set);
    node_set in_sync_before = set->in_sync;
    set->joining &= live & set->target & ~step->restarted;
    promoted &= set->joining;
    set->in_sync |= promoted;
    set->joining &= ~promoted;
    if (set->joining == 0)
        set->join_epoch = 0;
    // One that was in sync before stays, so that no map is carried by newcomers alone; and it is
    // heard: who was just started again, unknown to the map, may lack what it had. Who falls with
    // this very map is not whom a shrink was asked for; it may be one that asked.
    node_set stays = in_sync_before & live & (step->holders | step->suspects);
    if (shrink && stays != 0)
        set->in_sync &= live | step->was_live;
    if ((set->target & ~(set->in_sync & live)) == 0 && (set->target & stays) != 0)
        set->in_sync &= set->target | (live & step->spared);
    begin_joins(step, set, live);
    set->primary = next_slots_primary(set, live, slot);
}

// In how many slots someone who should hold them is neither live nor listed.
static unsigned dropped_count(const struct replica_set *slots, node_set live)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        count += (slots[slot].target & ~live & ~slots[slot].in_sync) != 0;
    return count;
}

bool next_slots_compute(struct slots_step *step, uint32_t keyspace, struct replica_set *slots)
{
    node_set live = cluster_map_live(step->map);
    const struct slot_set *shrinks = shrinks_of(step->wants, keyspace);
    // Each map that shrinks costs a takeover: once many slots had to, as many others do with them.
    unsigned dropped = shrinks != NULL ? dropped_count(slots, live) : 0;
    unsigned more = dropped >= SHRINK_ONE_BY_ONE ? dropped : 0;
    bool changed = false;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct replica_set before = slots[slot];
        bool shrink = shrinks != NULL && slot_set_has(shrinks, slot);
        if (!shrink && more > 0 && (before.in_sync & ~live) != 0) {
            shrink = true;
            more--;
        }
        step_slot(step, keyspace, slot, live, shrink, &slots[slot]);
        changed |= !replica_set_equal(&before, &slots[slot]);
    }
    return changed;
}
