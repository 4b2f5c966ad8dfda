#include "model/cluster_map.h"

#include "base/check.h"
#include "base/hash.h"
#include "model/stamp.h"

#include <stdlib.h>

void cluster_map_init(struct cluster_map *map)
{
    memset(map, 0, sizeof *map);
}

void cluster_map_release(struct cluster_map *map)
{
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        free(map->keyspaces[i].sets);
        free(map->keyspaces[i].set_of_slot);
    }
    cluster_map_init(map);
}

void cluster_map_copy(struct cluster_map *to, const struct cluster_map *from)
{
    *to = *from;
    for (unsigned i = 0; i < from->keyspace_count; i++) {
        const struct map_keyspace *source = &from->keyspaces[i];
        struct map_keyspace *copy = &to->keyspaces[i];
        copy->sets = memory_copy(source->sets, source->set_count * sizeof *source->sets);
        copy->set_of_slot = memory_copy(source->set_of_slot, SLOTS * sizeof *source->set_of_slot);
    }
}

const struct map_node *cluster_map_node(const struct cluster_map *map, node_id id)
{
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].id == id)
            return &map->nodes[i];
    return NULL;
}

const struct map_node *cluster_map_node_of_store(const struct cluster_map *map, uint64_t store_id)
{
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].store_id == store_id)
            return &map->nodes[i];
    return NULL;
}

const struct map_keyspace *cluster_map_keyspace(const struct cluster_map *map, uint32_t id)
{
    for (unsigned i = 0; i < map->keyspace_count; i++)
        if (map->keyspaces[i].keyspace.id == id)
            return &map->keyspaces[i];
    return NULL;
}

const struct map_keyspace *cluster_map_keyspace_named(const struct cluster_map *map,
                                                      struct slice name)
{
    for (unsigned i = 0; i < map->keyspace_count; i++)
        if (slice_equal(slice_of_text(map->keyspaces[i].keyspace.name), name))
            return &map->keyspaces[i];
    return NULL;
}

const struct optimistic *cluster_map_optimistic(const struct cluster_map *map, uint32_t id)
{
    for (unsigned i = 0; i < map->optimistic_count; i++)
        if (map->optimistic[i].id == id)
            return &map->optimistic[i];
    return NULL;
}

const struct optimistic *cluster_map_optimistic_named(const struct cluster_map *map,
                                                      struct slice name)
{
    for (unsigned i = 0; i < map->optimistic_count; i++)
        if (slice_equal(slice_of_text(map->optimistic[i].name), name))
            return &map->optimistic[i];
    return NULL;
}

node_set cluster_map_members(const struct cluster_map *map)
{
    node_set members = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        members |= node_bit(map->nodes[i].id);
    return members;
}

node_set cluster_map_settlers(const struct cluster_map *map)
{
    node_set settlers = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        if (!map->nodes[i].leaving && !map->nodes[i].replaced)
            settlers |= node_bit(map->nodes[i].id);
    return settlers;
}

node_set cluster_map_in_state(const struct cluster_map *map, enum node_state state)
{
    node_set nodes = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].state == state)
            nodes |= node_bit(map->nodes[i].id);
    return nodes;
}

node_set cluster_map_live(const struct cluster_map *map)
{
    return cluster_map_in_state(map, NODE_UP);
}

void map_keyspace_expand(const struct map_keyspace *keyspace, struct replica_set *out)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        out[slot] = keyspace->sets[keyspace->set_of_slot[slot]];
}

bool address_copy(char to[ADDRESS_BYTES_MAX + 1], struct slice from)
{
    if (from.length > ADDRESS_BYTES_MAX ||
        (from.length > 0 && memchr(from.bytes, 0, from.length) != NULL))
        return false;
    if (from.length > 0)
        memcpy(to, from.bytes, from.length);
    to[from.length] = '\0';
    return true;
}

bool replica_set_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->in_sync == b->in_sync && a->joining == b->joining && a->target == b->target &&
           a->join_epoch == b->join_epoch && a->primary == b->primary &&
           a->target_primary == b->target_primary;
}

static uint64_t replica_set_hash(const struct replica_set *set)
{
    uint64_t words[5] = {set->in_sync, set->joining, set->target, set->join_epoch,
                         (uint64_t)set->primary << 8 | set->target_primary};
    return hash64(slice_of(words, sizeof words), 0);
}

// Sets while they are numbered: a hash table with open addressing over set numbers + 1.
enum { INTERN_BUCKETS = 2 * SLOTS, INTERN_SETS_FIRST = 64 };

struct interning {
    uint16_t *buckets;
    struct replica_set *sets;
    unsigned count;
    unsigned capacity;
};

static void interning_init(struct interning *interning)
{
    *interning = (struct interning){.buckets = memory_zeroed(INTERN_BUCKETS, sizeof(uint16_t))};
}

// The number of a set; a new one gets the next. At most SLOTS distinct ones.
static uint16_t intern_one(struct interning *interning, const struct replica_set *set)
{
    uint64_t at = replica_set_hash(set) % INTERN_BUCKETS;
    for (; interning->buckets[at] != 0; at = (at + 1) % INTERN_BUCKETS)
        if (replica_set_equal(&interning->sets[interning->buckets[at] - 1], set))
            return (uint16_t)(interning->buckets[at] - 1);
    CHECK(interning->count < SLOTS);
    if (interning->count == interning->capacity) {
        interning->capacity = interning->capacity > 0 ? interning->capacity * 2 : INTERN_SETS_FIRST;
        interning->sets =
            memory_resize(interning->sets, interning->capacity * sizeof *interning->sets);
    }
    interning->sets[interning->count++] = *set;
    interning->buckets[at] = (uint16_t)interning->count;
    return (uint16_t)(interning->count - 1);
}

void map_keyspace_intern(struct map_keyspace *keyspace, const struct replica_set *slots)
{
    struct interning interning;
    interning_init(&interning);
    if (keyspace->set_of_slot == NULL)
        keyspace->set_of_slot = memory_zeroed(SLOTS, sizeof *keyspace->set_of_slot);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        bool repeats = slot > 0 && replica_set_equal(&slots[slot], &slots[slot - 1]);
        keyspace->set_of_slot[slot] =
            repeats ? keyspace->set_of_slot[slot - 1] : intern_one(&interning, &slots[slot]);
    }
    free(keyspace->sets);
    free(interning.buckets);
    keyspace->sets = interning.sets;
    keyspace->set_count = (uint16_t)interning.count;
}

bool map_keyspace_sets_are_distinct(const struct map_keyspace *keyspace)
{
    struct interning interning;
    interning_init(&interning);
    for (unsigned i = 0; i < keyspace->set_count; i++)
        intern_one(&interning, &keyspace->sets[i]);
    bool distinct = interning.count == keyspace->set_count;
    free(interning.buckets);
    free(interning.sets);
    return distinct;
}

static bool nodes_are_valid(const struct cluster_map *map)
{
    node_id last = NODE_NONE;
    for (unsigned i = 0; i < map->node_count; i++) {
        const struct map_node *node = &map->nodes[i];
        if (node->id <= last || node->id > NODES_MAX || node->store_id == 0 ||
            (unsigned)node->state >= NODE_STATE_COUNT)
            return false;
        for (unsigned j = 0; j < i; j++)
            if (map->nodes[j].store_id == node->store_id)
                return false;
        last = node->id;
    }
    return true;
}

static bool set_is_valid(const struct cluster_map *map, const struct replica_set *set,
                         node_set members, node_set live)
{
    node_set named = set->in_sync | set->joining | set->target | node_bit(set->target_primary);
    node_set serving = set->in_sync & live;
    bool primary_fits =
        set->primary == NODE_NONE ? serving == 0 : node_set_has(serving, set->primary);
    return set->in_sync != 0 && (named & ~members) == 0 && (set->in_sync & set->joining) == 0 &&
           (set->joining == 0) == (set->join_epoch == 0) && set->join_epoch <= map->epoch &&
           set->target_primary <= NODES_MAX && primary_fits;
}

static bool keyspace_is_valid(const struct cluster_map *map, unsigned index, node_set members,
                              node_set live)
{
    const struct map_keyspace *keyspace = &map->keyspaces[index];
    if (keyspace->keyspace.id >= map->next_keyspace_id)
        return false;
    for (unsigned i = 0; i < index; i++) {
        const struct keyspace *other = &map->keyspaces[i].keyspace;
        if (other->id == keyspace->keyspace.id || strcmp(other->name, keyspace->keyspace.name) == 0)
            return false;
    }
    for (unsigned i = 0; i < keyspace->set_count; i++)
        if (!set_is_valid(map, &keyspace->sets[i], members, live))
            return false;
    return true;
}

static bool optimistic_fits(const struct cluster_map *map, unsigned index, node_set members)
{
    const struct optimistic *optimistic = &map->optimistic[index];
    struct slice name = slice_of_text(optimistic->name);
    return optimistic_is_valid(optimistic) && optimistic->id < map->next_keyspace_id &&
           (node_bit(optimistic->primary) & ~members) == 0 &&
           optimistic->primary_epoch <= map->epoch &&
           cluster_map_keyspace(map, optimistic->id) == NULL &&
           cluster_map_keyspace_named(map, name) == NULL &&
           cluster_map_optimistic(map, optimistic->id) == optimistic &&
           cluster_map_optimistic_named(map, name) == optimistic;
}

enum err cluster_map_check(const struct cluster_map *map)
{
    node_set members = cluster_map_members(map);
    node_set live = cluster_map_live(map);
    bool valid = nodes_are_valid(map) && map->epoch >= 1 && map->epoch <= STAMP_EPOCH_MAX &&
                 map->voters != 0 && (map->voters & ~members) == 0 &&
                 node_set_count(map->voters) <= VOTERS_MAX;
    for (unsigned i = 0; valid && i < map->keyspace_count; i++)
        valid = keyspace_is_valid(map, i, members, live);
    for (unsigned i = 0; valid && i < map->optimistic_count; i++)
        valid = optimistic_fits(map, i, members);
    return valid ? ERR_OK : ERR_INVALID;
}
