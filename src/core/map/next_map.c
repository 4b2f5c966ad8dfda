// Nodes, keyspaces and voters of the next map; next_slots.c has the policy of each slot.

#include "core/map/next_map.h"

#include "base/check.h"
#include "core/map/next_slots.h"
#include "core/map/suspects.h"
#include "core/map/voters.h"
#include "model/stamp.h"

#include <stdlib.h>

static struct map_node *node_of(struct cluster_map *map, node_id id)
{
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].id == id)
            return &map->nodes[i];
    return NULL;
}

// KEYSPACES_MAX when there is none.
static unsigned keyspace_index(const struct cluster_map *map, uint32_t id)
{
    for (unsigned i = 0; i < map->keyspace_count; i++)
        if (map->keyspaces[i].keyspace.id == id)
            return i;
    return KEYSPACES_MAX;
}

static void add_node(struct cluster_map *map, const struct want_admit *admit)
{
    unsigned at = 0;
    while (at < map->node_count && map->nodes[at].id == at + 1)
        at++;
    memmove(&map->nodes[at + 1], &map->nodes[at], (map->node_count - at) * sizeof map->nodes[0]);
    map->node_count++;
    struct map_node *node = &map->nodes[at];
    *node = (struct map_node){.id = (node_id)(at + 1),
                              .state = NODE_UP,
                              .store_id = admit->store_id,
                              .incarnation = admit->incarnation};
    memcpy(node->peer_address, admit->peer_address, sizeof node->peer_address);
    memcpy(node->http_address, admit->http_address, sizeof node->http_address);
    memcpy(node->key, admit->key, sizeof node->key);
}

// What changed so far, and whom the slots' policy must know of.
struct progress {
    bool changed;
    node_set restarted;         // their joins begin anew
    node_set holders;           // live, heard, and not started again: they have what they should
    node_set admissible;        // suspects that may be admitted (suspects.h)
    node_set suspects;          // admitted again, perhaps without all that they should have
    node_set trusted;           // those of them that count by an operator's word
    node_set changed_nodes;     // by an operator, in this map
    uint64_t changed_keyspaces; // a bit for each index
    bool placed[KEYSPACES_MAX]; // keyspaces whose targets must be computed anew
};

static void set_up(struct map_node *node, struct progress *progress)
{
    node->state = NODE_UP;
    if (node->replaced)
        memset(progress->placed, true, sizeof progress->placed);
    node->replaced = false;
}

static void admit(struct cluster_map *map, const struct want_admit *admit,
                  struct progress *progress)
{
    const struct map_node *known = cluster_map_node_of_store(map, admit->store_id);
    if (known == NULL) {
        if (map->node_count == NODES_MAX || !admit->fresh)
            return;
        add_node(map, admit);
        progress->changed = true;
        memset(progress->placed, true, sizeof progress->placed);
        return;
    }
    struct map_node *node = node_of(map, known->id);
    // An operator's word for one that an operator has failed waits until it is recovered.
    if (admit->incarnation <= node->incarnation ||
        (admit->claim == CLAIM_TRUSTED && node->state == NODE_FAILED) ||
        (admit->claim == CLAIM_SUSPECT && !node_set_has(progress->admissible, node->id)))
        return;
    if (admit->claim != CLAIM_WHOLE)
        progress->suspects |= node_bit(node->id);
    if (admit->claim == CLAIM_TRUSTED)
        progress->trusted |= node_bit(node->id);
    node->incarnation = admit->incarnation;
    memcpy(node->peer_address, admit->peer_address, sizeof node->peer_address);
    memcpy(node->http_address, admit->http_address, sizeof node->http_address);
    memcpy(node->key, admit->key, sizeof node->key);
    if (node->state == NODE_DOWN)
        set_up(node, progress);
    progress->changed = true;
    progress->restarted |= node_bit(node->id);
}

// What a coordinator knows of members that fell silent, or are heard again.
static void apply_fate(struct cluster_map *map, const struct wants_fate *fate,
                       struct progress *progress)
{
    for (unsigned i = 0; i < map->node_count; i++) {
        struct map_node *node = &map->nodes[i];
        if (node->state == NODE_UP && node_set_has(fate->down, node->id)) {
            node->state = NODE_DOWN;
        } else if (node->state == NODE_DOWN && node_set_has(fate->up, node->id)) {
            set_up(node, progress);
        } else if (node->state == NODE_DOWN && !node->replaced &&
                   node_set_has(fate->repair, node->id)) {
            node->replaced = true;
            memset(progress->placed, true, sizeof progress->placed);
        } else {
            continue;
        }
        progress->changed = true;
    }
}

// Nobody begins to vote who is not heard: a vote that goes to who is dead may be the last one.
static void choose_voters(struct cluster_map *map, node_set unheard, struct progress *progress)
{
    node_set able = cluster_map_settlers(map) & ~cluster_map_in_state(map, NODE_DOWN) & ~unheard;
    node_set voters = voters_choose(map, able);
    progress->changed |= voters != map->voters;
    map->voters = voters;
}

// Whether the node holds, or is to hold, anything.
static bool holds_slots(const struct cluster_map *map, node_id id)
{
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++) {
            const struct replica_set *set = &map->keyspaces[i].sets[j];
            if (node_set_has(set->in_sync | set->joining | set->target, id) ||
                set->target_primary == id)
                return true;
        }
    }
    return false;
}

// Nodes that leave go once they hold nothing. One that was a voter goes with a later map: that map
// is decided by those who have its vote now, so they know what it knew.
static void remove_drained(struct cluster_map *map, const struct cluster_map *base, node_set spared,
                           struct progress *progress)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < map->node_count; i++) {
        const struct map_node *node = &map->nodes[i];
        bool heard = node->state != NODE_UP || !node_set_has(spared, node->id);
        bool goes = node->leaving && heard && !node_set_has(base->voters, node->id) &&
                    !holds_slots(map, node->id);
        progress->changed |= goes;
        if (!goes)
            map->nodes[kept++] = *node;
    }
    map->node_count = (uint8_t)kept;
}

// Its slots come with fill_keyspace, once all else of the map is what it will be.
static void create_keyspace(struct cluster_map *map, const struct change *change)
{
    struct map_keyspace *created = &map->keyspaces[map->keyspace_count++];
    *created = (struct map_keyspace){.keyspace = {.id = map->next_keyspace_id++,
                                                  .strategy = change->strategy,
                                                  .replication_factor = change->replication_factor,
                                                  .min_in_sync = change->min_in_sync}};
    memcpy(created->keyspace.name, change->name, sizeof created->keyspace.name);
}

// Its primary comes with choose_primaries.
static void create_optimistic(struct cluster_map *map, const struct change *change)
{
    struct optimistic *created = &map->optimistic[map->optimistic_count++];
    *created = change->optimistic;
    created->id = map->next_keyspace_id++;
    created->primary = NODE_NONE;
    created->primary_epoch = 0;
}

// The primary stays while it is up; else the first node that may take its place does. Two at once
// would do no harm: what they find to be stable is joined.
static void choose_primaries(struct cluster_map *map, struct progress *progress)
{
    node_set able = cluster_map_live(map) & cluster_map_settlers(map);
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        struct optimistic *optimistic = &map->optimistic[i];
        node_id primary = node_set_has(able, optimistic->primary) || able == 0
                              ? optimistic->primary
                              : node_set_first(able);
        if (cluster_map_node(map, primary) == NULL)
            primary = NODE_NONE;
        if (primary == optimistic->primary)
            continue;
        optimistic->primary = primary;
        optimistic->primary_epoch = map->epoch;
        progress->changed = true;
    }
}

// A new keyspace is empty: who is live and should hold it is in sync, and nobody has to join.
static void fill_keyspace(const struct cluster_map *map, struct map_keyspace *created)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    next_slots_place(map, &created->keyspace, slots);
    node_set live = cluster_map_live(map);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set live_targets = slots[slot].target & live;
        slots[slot].in_sync = live_targets != 0 ? live_targets : slots[slot].target;
        slots[slot].primary = next_slots_primary(&slots[slot], live, slot);
    }
    map_keyspace_intern(created, slots);
    free(slots);
}

// Wishes may contradict each other: one map fulfils one for each node and keyspace, and whoever
// wished the other is told of its turn by the next. Otherwise two that undo each other would make
// maps without end.
static void set_state(struct cluster_map *map, const struct change *change,
                      struct progress *progress)
{
    struct map_node *node = node_of(map, change->node);
    if (node_set_has(progress->changed_nodes, change->node))
        return;
    if (change->kind == CHANGE_FAIL && node->state != NODE_FAILED)
        node->state = NODE_FAILED;
    else if (change->kind == CHANGE_RECOVER && node->state == NODE_FAILED)
        set_up(node, progress);
    else
        return;
    progress->changed_nodes |= node_bit(change->node);
    progress->changed = true;
}

static void set_options(struct cluster_map *map, const struct change *change,
                        struct progress *progress)
{
    unsigned index = keyspace_index(map, change->keyspace);
    struct keyspace *keyspace = &map->keyspaces[index].keyspace;
    if (next_map_satisfies(map, change) || (progress->changed_keyspaces >> index & 1) != 0)
        return;
    progress->changed_keyspaces |= UINT64_C(1) << index;
    progress->changed = true;
    if (change->kind == CHANGE_MIN_IN_SYNC) {
        keyspace->min_in_sync = change->min_in_sync;
        return;
    }
    keyspace->strategy = change->strategy;
    if (change->replication_factor > 0)
        keyspace->replication_factor = change->replication_factor;
    progress->placed[index] = true;
}

static void begin_removal(struct cluster_map *map, node_id id, struct progress *progress)
{
    struct map_node *node = node_of(map, id);
    if (node->leaving)
        return;
    node->leaving = true;
    progress->changed = true;
    memset(progress->placed, true, sizeof progress->placed);
}

static void apply_change(struct cluster_map *map, const struct change *change, node_set spared,
                         struct progress *progress)
{
    if (next_map_check_change(map, change) != ERR_OK)
        return;
    if (change->kind == CHANGE_FAIL || change->kind == CHANGE_RECOVER) {
        // Who must release and cannot be heard is not asked; the wish stays.
        if (change->kind == CHANGE_RECOVER || !node_set_has(spared, change->node))
            set_state(map, change, progress);
    } else if (change->kind == CHANGE_REMOVE) {
        begin_removal(map, change->node, progress);
    } else if (change->kind == CHANGE_KEYSPACE_CREATE) {
        create_keyspace(map, change);
        progress->changed = true;
    } else if (change->kind == CHANGE_OPTIMISTIC_CREATE) {
        create_optimistic(map, change);
        progress->changed = true;
    } else {
        set_options(map, change, progress);
    }
}

bool next_map_compute(const struct cluster_map *base, const struct wants *wants,
                      struct cluster_map *out)
{
    struct progress progress = {.changed = wants->bump};
    cluster_map_copy(out, base);
    out->epoch = base->epoch + 1;
    apply_fate(out, &wants->fate, &progress);
    // Who is taken for dead loses its lease first: nobody else is to wait for that.
    node_set spared = wants->fate.down != 0 ? ~UINT64_C(0) : wants->spared;
    for (unsigned i = 0; i < wants->change_count; i++)
        apply_change(out, &wants->changes[i], spared, &progress);
    // Who is failed by this very map is nobody to rely on.
    progress.holders = suspects_holders(out, wants, wants->spared);
    progress.admissible = suspects_admissible(out, wants, progress.holders);
    for (unsigned i = 0; i < wants->admit_count; i++)
        admit(out, &wants->admits[i], &progress);
    remove_drained(out, base, spared, &progress);
    choose_voters(out, wants->spared, &progress);
    choose_primaries(out, &progress);
    struct replica_set *slots = memory_new(SLOTS * sizeof *slots);
    struct slots_step step = {.map = out,
                              .wants = wants,
                              .was_live = cluster_map_live(base),
                              .spared = spared,
                              .holders =
                                  progress.holders | (progress.restarted & ~progress.suspects),
                              .suspects = progress.suspects,
                              .trusted = progress.trusted,
                              .restarted = progress.restarted,
                              .moves_left = MOVES_PER_MAP_MAX};
    for (unsigned i = 0; i < out->keyspace_count; i++) {
        if (out->keyspaces[i].keyspace.id >= base->next_keyspace_id) {
            fill_keyspace(out, &out->keyspaces[i]);
            continue;
        }
        map_keyspace_expand(&out->keyspaces[i], slots);
        if (progress.placed[i])
            next_slots_place(out, &out->keyspaces[i].keyspace, slots);
        if (next_slots_compute(&step, out->keyspaces[i].keyspace.id, slots) || progress.placed[i]) {
            map_keyspace_intern(&out->keyspaces[i], slots);
            progress.changed = true;
        }
    }
    free(slots);
    if (!progress.changed || out->epoch > STAMP_EPOCH_MAX)
        cluster_map_release(out);
    return out->epoch != 0;
}

void next_map_first(struct cluster_id cluster, const struct want_admit *node,
                    enum strategy strategy, uint8_t replication_factor, struct cluster_map *out)
{
    out->cluster = cluster;
    out->epoch = 1;
    out->lease_ms = LEASE_MS_DEFAULT;
    add_node(out, node);
    out->voters = node_bit(out->nodes[0].id);
    struct change change = {.kind = CHANGE_KEYSPACE_CREATE,
                            .name = KEYSPACE_DEFAULT,
                            .strategy = strategy,
                            .replication_factor = replication_factor,
                            .min_in_sync = 1};
    create_keyspace(out, &change);
    fill_keyspace(out, &out->keyspaces[0]);
    CHECK(cluster_map_check(out) == ERR_OK);
}

static bool is_named(const struct cluster_map *map, const char *name)
{
    return cluster_map_keyspace_named(map, slice_of_text(name)) != NULL ||
           cluster_map_optimistic_named(map, slice_of_text(name)) != NULL;
}

static enum err check_keyspace_change(const struct cluster_map *map, const struct change *change)
{
    if (change->replication_factor > map->node_count || change->min_in_sync > map->node_count)
        return ERR_INVALID;
    if (change->kind == CHANGE_KEYSPACE_CREATE) {
        if (is_named(map, change->name))
            return ERR_EXISTS;
        return map->keyspace_count == KEYSPACES_MAX ? ERR_TOO_LARGE : ERR_OK;
    }
    return cluster_map_keyspace(map, change->keyspace) != NULL ? ERR_OK : ERR_NOT_FOUND;
}

// Somebody must stay to take what the node has, and who is down or failed may never be back.
static enum err check_removal(const struct cluster_map *map, node_id id)
{
    if (cluster_map_node(map, id) == NULL)
        return ERR_NOT_FOUND;
    if (cluster_map_node(map, id)->leaving)
        return ERR_OK;
    node_set others = cluster_map_settlers(map) & cluster_map_live(map);
    return (others & ~node_bit(id)) != 0 ? ERR_OK : ERR_ILLEGAL;
}

enum err next_map_check_change(const struct cluster_map *map, const struct change *change)
{
    if (change->kind == CHANGE_REMOVE)
        return check_removal(map, change->node);
    if (change->kind == CHANGE_FAIL || change->kind == CHANGE_RECOVER)
        return cluster_map_node(map, change->node) != NULL ? ERR_OK : ERR_NOT_FOUND;
    if (change->kind == CHANGE_OPTIMISTIC_CREATE) {
        if (!optimistic_is_valid(&change->optimistic))
            return ERR_INVALID;
        if (is_named(map, change->optimistic.name))
            return ERR_EXISTS;
        return map->optimistic_count == OPTIMISTIC_MAX ? ERR_TOO_LARGE : ERR_OK;
    }
    return check_keyspace_change(map, change);
}

// In sync wherever it should be and some live node could bring it there.
static bool is_settled(const struct cluster_map *map, node_id id)
{
    node_set live = cluster_map_live(map);
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++) {
            const struct replica_set *set = &map->keyspaces[i].sets[j];
            if (node_set_has(set->target & ~set->in_sync, id) && (set->in_sync & live) != 0)
                return false;
        }
    }
    return true;
}

bool next_map_satisfies(const struct cluster_map *map, const struct change *change)
{
    const struct map_node *node = cluster_map_node(map, change->node);
    const struct map_keyspace *keyspace = cluster_map_keyspace(map, change->keyspace);
    switch (change->kind) {
    case CHANGE_FAIL:
        return node != NULL && node->state == NODE_FAILED;
    case CHANGE_RECOVER:
        return node != NULL && node->state == NODE_UP && is_settled(map, change->node);
    case CHANGE_REMOVE:
        return node == NULL || node->leaving;
    case CHANGE_STRATEGY:
        return keyspace != NULL && keyspace->keyspace.strategy == change->strategy &&
               (change->replication_factor == 0 ||
                keyspace->keyspace.replication_factor == change->replication_factor);
    case CHANGE_KEYSPACE_CREATE:
        return cluster_map_keyspace_named(map, slice_of_text(change->name)) != NULL;
    case CHANGE_OPTIMISTIC_CREATE:
        return cluster_map_optimistic_named(map, slice_of_text(change->optimistic.name)) != NULL;
    case CHANGE_MIN_IN_SYNC:
        return keyspace != NULL && keyspace->keyspace.min_in_sync == change->min_in_sync;
    case CHANGE_NONE:
    case CHANGE_KIND_COUNT:
        break;
    }
    return false;
}
