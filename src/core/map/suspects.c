#include "core/map/suspects.h"

#include "core/map/prefixes.h"

static node_id started_again(const struct cluster_map *map, const struct want_admit *admit)
{
    const struct map_node *node = cluster_map_node_of_store(map, admit->store_id);
    return node != NULL && admit->incarnation > node->incarnation ? node->id : NODE_NONE;
}

node_set suspects_holders(const struct cluster_map *map, const struct wants *wants,
                          node_set unheard)
{
    node_set holders = cluster_map_live(map) & ~unheard;
    for (unsigned i = 0; i < wants->admit_count; i++) {
        node_id id = started_again(map, &wants->admits[i]);
        holders &= id != NODE_NONE ? ~node_bit(id) : ~UINT64_C(0);
    }
    return holders;
}

node_id suspects_who_asks(const struct cluster_map *map, const struct want_admit *admit)
{
    return admit->claim == CLAIM_SUSPECT ? started_again(map, admit) : NODE_NONE;
}

node_set suspects_of(const struct cluster_map *map, const struct wants *wants)
{
    node_set suspects = 0;
    for (unsigned i = 0; i < wants->admit_count; i++) {
        node_id id = suspects_who_asks(map, &wants->admits[i]);
        suspects |= id != NODE_NONE ? node_bit(id) : 0;
    }
    return suspects;
}

static node_set who_told(const struct cluster_map *map, const struct wants *wants)
{
    node_set told = 0;
    for (unsigned i = 0; wants->prefixes != NULL && i < wants->admit_count; i++) {
        node_id id = started_again(map, &wants->admits[i]);
        if (id != NODE_NONE && prefixes_has_told(wants->prefixes, id, wants->admits[i].incarnation))
            told |= node_bit(id);
    }
    return told;
}

struct question {
    const struct wants *wants;
    node_set holders;
    node_set told;
    node_set able; // may be what is left of a list
};

// Whether one of those that are listed can be left of the list, alone.
static bool is_settled(const struct question *question, uint32_t keyspace, unsigned slot,
                       node_set listed, node_set group)
{
    if ((listed & ~(group & question->told)) != 0)
        return false;
    return (prefixes_longest(question->wants->prefixes, keyspace, slot) & listed &
            question->able) != 0;
}

// Those of `group` that a slot of the keyspace keeps out.
static node_set kept_out(const struct question *question, const struct map_keyspace *keyspace,
                         node_set group)
{
    node_set out = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set listed = map_keyspace_slot(keyspace, (uint16_t)slot)->in_sync;
        if ((listed & group & ~out) != 0 && (listed & question->holders) == 0 &&
            !is_settled(question, keyspace->keyspace.id, slot, listed, group))
            out |= listed & group;
    }
    return out;
}

node_set suspects_admissible(const struct cluster_map *map, const struct wants *wants,
                             node_set holders)
{
    node_set group = suspects_of(map, wants);
    struct question question = {.wants = wants,
                                .holders = holders,
                                .told = who_told(map, wants),
                                .able = ~cluster_map_in_state(map, NODE_FAILED)};
    for (node_set out = group; group != 0 && out != 0;) {
        out = 0;
        // One that this map creates has no lists yet.
        for (unsigned i = 0; i < map->keyspace_count; i++)
            if (map->keyspaces[i].set_count > 0)
                out |= kept_out(&question, &map->keyspaces[i], group);
        group &= ~out;
    }
    return group;
}
