#include "core/map/prefixes.h"

#include "base/check.h"
#include "base/rule.h"

#include <stdlib.h>

enum { ASK_AGAIN_US = 300 * 1000 };

void prefixes_release(struct prefixes *prefixes)
{
    free(prefixes->tables);
    *prefixes = (struct prefixes){.told = 0};
}

static bool has_sources(const struct prefixes *prefixes)
{
    return prefixes->tables != NULL;
}

static bool is_awaited(const struct cluster_map *map, node_id id,
                       const struct prefix_source *source)
{
    const struct map_node *node = cluster_map_node(map, id);
    return node != NULL && node->store_id == source->store_id &&
           node->incarnation < source->incarnation;
}

static bool has_keyspaces_of(const struct prefixes *prefixes, const struct cluster_map *map)
{
    bool same = prefixes->table_count == map->keyspace_count;
    for (unsigned i = 0; same && i < map->keyspace_count; i++)
        same = prefixes->tables[i].keyspace == map->keyspaces[i].keyspace.id;
    return same;
}

// Lists only shrink while suspects wait.
static bool lists_longest(const struct prefix_table *table, const struct map_keyspace *keyspace)
{
    bool all = true;
    for (unsigned slot = 0; all && slot < SLOTS; slot++)
        all = (table->longest[slot] & ~map_keyspace_slot(keyspace, (uint16_t)slot)->in_sync) == 0;
    return all;
}

void prefixes_on_map(struct prefixes *prefixes, const struct cluster_map *map)
{
    bool still = has_keyspaces_of(prefixes, map);
    for (unsigned i = 0; still && i < prefixes->table_count; i++)
        still = lists_longest(&prefixes->tables[i], &map->keyspaces[i]);
    for (node_id id = 1; still && id <= NODES_MAX; id++)
        still = prefixes->sources[id].store_id == 0 || is_awaited(map, id, &prefixes->sources[id]);
    if (has_sources(prefixes) && !still)
        prefixes_release(prefixes);
}

static void begin(struct prefixes *prefixes, const struct cluster_map *map)
{
    prefixes->tables = memory_zeroed(map->keyspace_count, sizeof *prefixes->tables);
    prefixes->table_count = map->keyspace_count;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        prefixes->tables[i].keyspace = map->keyspaces[i].keyspace.id;
}

static void ask(const struct prefixes *prefixes, struct effects *effects,
                struct prefix_source *source, uint64_t now_us)
{
    struct message message = {
        .kind = MESSAGE_PREFIX_WANT,
        .prefix_want = {.keyspace = prefixes->tables[source->keyspace].keyspace,
                        .slot = source->slot}};
    source->asked_us = now_us;
    effects_send(effects, source->store_id, source->incarnation, &message);
    effects_wake(effects, now_us + ASK_AGAIN_US);
}

void prefixes_pull(struct prefixes *prefixes, struct effects *effects,
                   const struct cluster_map *map, node_id node, uint64_t incarnation,
                   uint64_t now_us)
{
    uint64_t store_id = cluster_map_node(map, node)->store_id;
    struct prefix_source *source = &prefixes->sources[node];
    if (map->keyspace_count == 0)
        return;
    if (source->store_id != 0 &&
        (source->store_id != store_id || source->incarnation != incarnation))
        prefixes_release(prefixes);
    if (!has_sources(prefixes))
        begin(prefixes, map);
    if (source->store_id == 0)
        *source = (struct prefix_source){.store_id = store_id, .incarnation = incarnation};
    else if (node_set_has(prefixes->told, node) || now_us < source->asked_us + ASK_AGAIN_US)
        return;
    ask(prefixes, effects, source, now_us);
}

void prefix_put(struct buf *out, const struct stamp *greatest)
{
    buf_append_u8(out, greatest != NULL);
    if (greatest != NULL)
        stamp_encode(out, *greatest);
}

static void take_one(struct prefix_table *table, unsigned slot, node_id node, struct stamp greatest)
{
    node_set *longest = &table->longest[slot];
    int order = *longest != 0 ? stamp_compare(greatest, table->greatest[slot]) : 1;
    if (order < 0 || (order > 0 && *longest != 0 && !RULE(LONGEST_PREFIX)))
        return;
    *longest = (order > 0 ? 0 : *longest) | node_bit(node);
    table->greatest[slot] = greatest;
}

// All or nothing; of slots that do not list the node, nothing.
static bool take(struct prefix_table *table, const struct map_keyspace *keyspace, node_id node,
                 unsigned first, struct slice bytes)
{
    struct stamp greatest[PREFIX_SLOTS];
    bool is_there[PREFIX_SLOTS];
    struct cursor in = cursor_of(bytes);
    for (unsigned i = 0; i < PREFIX_SLOTS; i++) {
        uint8_t flag = cursor_u8(&in);
        in.failed |= flag > 1;
        is_there[i] = flag == 1;
        greatest[i] = is_there[i] ? stamp_decode(&in) : (struct stamp){0};
    }
    if (cursor_finish(&in) != ERR_OK)
        return false;
    for (unsigned i = 0; i < PREFIX_SLOTS; i++)
        if (is_there[i] &&
            node_set_has(map_keyspace_slot(keyspace, (uint16_t)(first + i))->in_sync, node))
            take_one(table, first + i, node, greatest[i]);
    return true;
}

static node_id source_of(const struct prefixes *prefixes, uint64_t peer, uint64_t incarnation)
{
    for (node_id id = 1; id <= NODES_MAX; id++)
        if (prefixes->sources[id].store_id == peer &&
            prefixes->sources[id].incarnation == incarnation)
            return id;
    return NODE_NONE;
}

_Static_assert(SLOTS % PREFIX_SLOTS == 0, "an answer is about whole rows of slots");

bool prefixes_on_told(struct prefixes *prefixes, struct effects *effects,
                      const struct cluster_map *map, uint64_t peer, const struct message *message,
                      uint64_t now_us)
{
    const struct message_prefix *told = &message->prefix;
    node_id node = peer != 0 ? source_of(prefixes, peer, message->from_incarnation) : NODE_NONE;
    struct prefix_source *source = &prefixes->sources[node];
    if (node == NODE_NONE || node_set_has(prefixes->told, node) ||
        cluster_map_node(map, node) == NULL)
        return false;
    struct prefix_table *table = &prefixes->tables[source->keyspace];
    if (told->keyspace != table->keyspace || told->slot != source->slot ||
        !take(table, &map->keyspaces[source->keyspace], node, source->slot, told->greatest))
        return false;
    source->slot += PREFIX_SLOTS;
    if (source->slot == SLOTS) {
        source->slot = 0;
        source->keyspace++;
    }
    if (source->keyspace < prefixes->table_count) {
        ask(prefixes, effects, source, now_us);
        return false;
    }
    prefixes->told |= node_bit(node);
    return true;
}

bool prefixes_has_told(const struct prefixes *prefixes, node_id node, uint64_t incarnation)
{
    return node_set_has(prefixes->told, node) && prefixes->sources[node].incarnation == incarnation;
}

node_set prefixes_longest(const struct prefixes *prefixes, uint32_t keyspace, unsigned slot)
{
    for (unsigned i = 0; i < prefixes->table_count; i++)
        if (prefixes->tables[i].keyspace == keyspace)
            return prefixes->tables[i].longest[slot];
    return 0;
}
