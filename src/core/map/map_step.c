#include "core/map/map_step.h"

// An id and a store stay together: another store under an old id would inherit what the old one
// held.
static bool nodes_follow(const struct cluster_map *base, const struct cluster_map *next)
{
    for (unsigned i = 0; i < next->node_count; i++) {
        const struct map_node *node = &next->nodes[i];
        const struct map_node *before = cluster_map_node(base, node->id);
        if (before != cluster_map_node_of_store(base, node->store_id) ||
            (before != NULL && before->incarnation > node->incarnation))
            return false;
    }
    return true;
}

// Nodes whose process is another one than in `base`: what was promised to the old one does not
// bind.
static node_set restarted(const struct cluster_map *base, const struct cluster_map *next)
{
    node_set set = 0;
    for (unsigned i = 0; i < next->node_count; i++) {
        const struct map_node *before = cluster_map_node(base, next->nodes[i].id);
        if (before != NULL && before->incarnation != next->nodes[i].incarnation)
            set |= node_bit(next->nodes[i].id);
    }
    return set;
}

struct step {
    const struct cluster_map *base;
    const struct cluster_map *next;
    node_set restarted;
    node_set live_after;
};

static bool slot_follows(const struct step *step, const struct replica_set *before,
                         const struct replica_set *after)
{
    node_set may_be_promoted = before->joining & ~step->restarted;
    node_set promoted = after->in_sync & ~before->in_sync;
    node_set dropped = before->in_sync & ~after->in_sync;
    if ((promoted & ~may_be_promoted) != 0)
        return false;
    if (dropped != 0 && (before->in_sync & after->in_sync & step->live_after) == 0)
        return false;
    if (after->joining == 0 || after->join_epoch == step->next->epoch)
        return true;
    return after->join_epoch == before->join_epoch && (after->joining & ~may_be_promoted) == 0;
}

// Neighbouring slots mostly share their sets: each pair is judged once in a row.
static bool keyspace_follows(const struct step *step, const struct map_keyspace *before,
                             const struct map_keyspace *after)
{
    unsigned last_before = SLOTS;
    unsigned last_after = SLOTS;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (before->set_of_slot[slot] == last_before && after->set_of_slot[slot] == last_after)
            continue;
        last_before = before->set_of_slot[slot];
        last_after = after->set_of_slot[slot];
        if (!slot_follows(step, &before->sets[last_before], &after->sets[last_after]))
            return false;
    }
    return true;
}

static bool begins_without_joins(const struct map_keyspace *keyspace)
{
    for (unsigned i = 0; i < keyspace->set_count; i++)
        if (keyspace->sets[i].joining != 0)
            return false;
    return true;
}

static bool keyspaces_follow(const struct step *step)
{
    if (step->next->next_keyspace_id < step->base->next_keyspace_id)
        return false;
    for (unsigned i = 0; i < step->next->keyspace_count; i++) {
        const struct map_keyspace *after = &step->next->keyspaces[i];
        const struct map_keyspace *before = cluster_map_keyspace(step->base, after->keyspace.id);
        bool is_new = before == NULL && after->keyspace.id >= step->base->next_keyspace_id;
        if (is_new ? !begins_without_joins(after)
                   : before == NULL || !keyspace_follows(step, before, after))
            return false;
    }
    return true;
}

// An optimistic keyspace stays what it is, but for its primary; numbers are never used again.
static bool optimistic_follow(const struct cluster_map *base, const struct cluster_map *next)
{
    for (unsigned i = 0; i < next->optimistic_count; i++) {
        const struct optimistic *after = &next->optimistic[i];
        const struct optimistic *before = cluster_map_optimistic(base, after->id);
        bool is_new = before == NULL && after->id >= base->next_keyspace_id;
        bool same = before != NULL && before->secret == after->secret &&
                    before->is_signed == after->is_signed &&
                    before->is_family == after->is_family && strcmp(before->name, after->name) == 0;
        bool handed_on = before != NULL && before->primary != after->primary;
        uint64_t since = is_new || handed_on ? next->epoch
                         : before != NULL    ? before->primary_epoch
                                             : 0;
        if ((!is_new && !same) || (after->primary != NODE_NONE && after->primary_epoch != since))
            return false;
    }
    return true;
}

enum err map_step_check(const struct cluster_map *base, const struct cluster_map *next)
{
    struct step step = {.base = base,
                        .next = next,
                        .restarted = restarted(base, next),
                        .live_after = cluster_map_live(next)};
    bool same_cluster = cluster_id_equal(base->cluster, next->cluster) &&
                        base->generation == next->generation && base->lease_ms == next->lease_ms &&
                        next->epoch == base->epoch + 1;
    bool legal = same_cluster && cluster_map_check(next) == ERR_OK && nodes_follow(base, next) &&
                 keyspaces_follow(&step) && optimistic_follow(base, next);
    return legal ? ERR_OK : ERR_ILLEGAL;
}

static node_set dropped_live(const struct map_keyspace *before, const struct map_keyspace *after,
                             node_set live)
{
    node_set dropped = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        dropped |= map_keyspace_slot(before, (uint16_t)slot)->in_sync &
                   ~map_keyspace_slot(after, (uint16_t)slot)->in_sync & live;
    return dropped;
}

static node_set served_keyspace(const struct map_keyspace *keyspace, node_set live)
{
    node_set serving = 0;
    for (unsigned i = 0; i < keyspace->set_count; i++)
        serving |= keyspace->sets[i].in_sync & live;
    return serving;
}

node_set map_step_restricted(const struct cluster_map *base, const struct cluster_map *next)
{
    node_set live = cluster_map_live(base);
    node_set restricted = live & ~cluster_map_live(next);
    for (unsigned i = 0; i < base->keyspace_count; i++) {
        const struct map_keyspace *before = &base->keyspaces[i];
        const struct map_keyspace *after = cluster_map_keyspace(next, before->keyspace.id);
        restricted |=
            after != NULL ? dropped_live(before, after, live) : served_keyspace(before, live);
    }
    // A process that is gone, or that no map has named yet, believes in nothing.
    return restricted & ~restarted(base, next);
}

static node_set staying(const struct map_keyspace *before, const struct map_keyspace *after,
                        node_set live)
{
    node_set nodes = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set listed = map_keyspace_slot(before, (uint16_t)slot)->in_sync;
        node_set stay = map_keyspace_slot(after, (uint16_t)slot)->in_sync;
        nodes |= (listed & ~stay & live) != 0 ? listed & stay : 0;
    }
    return nodes;
}

node_set map_step_relied_on(const struct cluster_map *base, const struct cluster_map *next)
{
    node_set live = cluster_map_live(base);
    node_set relied_on = 0;
    for (unsigned i = 0; i < base->keyspace_count; i++) {
        const struct map_keyspace *before = &base->keyspaces[i];
        const struct map_keyspace *after = cluster_map_keyspace(next, before->keyspace.id);
        relied_on |= after != NULL ? staying(before, after, live) : 0;
    }
    return relied_on & live & cluster_map_live(next) & ~restarted(base, next);
}
