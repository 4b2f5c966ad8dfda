// The cluster map as bytes: sets once each, then runs of slots that share one.

#include "model/cluster_map.h"

#include "base/check.h"

// The first format knew neither keys of nodes nor optimistic keyspaces.
enum { MAP_FORMAT_FIRST = 1, MAP_FORMAT = 2, NODE_LEAVING = 1, NODE_REPLACED = 2 };

static void encode_node(struct buf *out, const struct map_node *node)
{
    buf_append_u8(out, node->id);
    buf_append_u8(out, (uint8_t)node->state);
    buf_append_u8(
        out, (uint8_t)((node->leaving ? NODE_LEAVING : 0) | (node->replaced ? NODE_REPLACED : 0)));
    buf_append_u64_be(out, node->store_id);
    buf_append_varint(out, node->incarnation);
    buf_append_counted(out, slice_of_text(node->peer_address));
    buf_append_counted(out, slice_of_text(node->http_address));
    buf_append(out, node->key, NODE_KEY_BYTES);
}

static void encode_set(struct buf *out, const struct replica_set *set)
{
    buf_append_varint(out, set->in_sync);
    buf_append_varint(out, set->joining);
    buf_append_varint(out, set->target);
    buf_append_varint(out, set->join_epoch);
    buf_append_u8(out, set->primary);
    buf_append_u8(out, set->target_primary);
}

static unsigned run_length(const struct map_keyspace *keyspace, unsigned slot)
{
    unsigned end = slot + 1;
    while (end < SLOTS && keyspace->set_of_slot[end] == keyspace->set_of_slot[slot])
        end++;
    return end - slot;
}

static void encode_keyspace(struct buf *out, const struct map_keyspace *keyspace)
{
    keyspace_encode(out, &keyspace->keyspace);
    buf_append_varint(out, keyspace->set_count);
    for (unsigned i = 0; i < keyspace->set_count; i++)
        encode_set(out, &keyspace->sets[i]);
    for (unsigned slot = 0; slot < SLOTS;) {
        unsigned length = run_length(keyspace, slot);
        buf_append_varint(out, keyspace->set_of_slot[slot]);
        buf_append_varint(out, length);
        slot += length;
    }
}

void cluster_map_encode(struct buf *out, const struct cluster_map *map)
{
    buf_append_u8(out, MAP_FORMAT);
    buf_append_u64_be(out, map->cluster.high);
    buf_append_u64_be(out, map->cluster.low);
    buf_append_varint(out, map->generation);
    buf_append_varint(out, map->epoch);
    buf_append_varint(out, map->voters);
    buf_append_varint(out, map->lease_ms);
    buf_append_varint(out, map->next_keyspace_id);
    buf_append_u8(out, map->node_count);
    for (unsigned i = 0; i < map->node_count; i++)
        encode_node(out, &map->nodes[i]);
    buf_append_u8(out, map->keyspace_count);
    for (unsigned i = 0; i < map->keyspace_count; i++)
        encode_keyspace(out, &map->keyspaces[i]);
    buf_append_u8(out, map->optimistic_count);
    for (unsigned i = 0; i < map->optimistic_count; i++)
        optimistic_encode(out, &map->optimistic[i]);
}

static void decode_node(struct cursor *in, uint8_t format, struct map_node *out)
{
    out->id = cursor_u8(in);
    uint8_t state = cursor_u8(in);
    in->failed |= state >= NODE_STATE_COUNT;
    out->state = in->failed ? NODE_UP : (enum node_state)state;
    uint8_t flags = cursor_u8(in);
    in->failed |= (flags & ~(NODE_LEAVING | NODE_REPLACED)) != 0;
    out->leaving = (flags & NODE_LEAVING) != 0;
    out->replaced = (flags & NODE_REPLACED) != 0;
    out->store_id = cursor_u64_be(in);
    out->incarnation = cursor_varint(in);
    in->failed |= !address_copy(out->peer_address, cursor_counted(in));
    in->failed |= !address_copy(out->http_address, cursor_counted(in));
    struct slice key = cursor_bytes(in, format >= MAP_FORMAT ? NODE_KEY_BYTES : 0);
    if (key.length > 0)
        memcpy(out->key, key.bytes, NODE_KEY_BYTES);
}

static void decode_set(struct cursor *in, struct replica_set *out)
{
    out->in_sync = cursor_varint(in);
    out->joining = cursor_varint(in);
    out->target = cursor_varint(in);
    out->join_epoch = cursor_varint(in);
    out->primary = cursor_u8(in);
    out->target_primary = cursor_u8(in);
}

// Sets are numbered by first use and runs are as long as can be: any other spelling is refused.
static void decode_runs(struct cursor *in, struct map_keyspace *out)
{
    unsigned used = 0;
    unsigned last = SLOTS;
    for (unsigned slot = 0; slot < SLOTS && !in->failed;) {
        unsigned set = (unsigned)cursor_varint_max(in, out->set_count - 1u);
        unsigned length = (unsigned)cursor_varint_max(in, SLOTS - slot);
        if (in->failed || length == 0 || set > used || set == last) {
            in->failed = true;
            return;
        }
        used += set == used;
        last = set;
        for (unsigned i = 0; i < length; i++)
            out->set_of_slot[slot++] = (uint16_t)set;
    }
    in->failed |= used != out->set_count;
}

static void decode_keyspace(struct cursor *in, struct map_keyspace *out)
{
    keyspace_decode(in, &out->keyspace);
    out->set_count = (uint16_t)cursor_varint_max(in, SLOTS);
    if (in->failed || out->set_count == 0) {
        in->failed = true;
        return;
    }
    out->sets = memory_zeroed(out->set_count, sizeof *out->sets);
    out->set_of_slot = memory_zeroed(SLOTS, sizeof *out->set_of_slot);
    for (unsigned i = 0; i < out->set_count && !in->failed; i++)
        decode_set(in, &out->sets[i]);
    decode_runs(in, out);
    in->failed = in->failed || !map_keyspace_sets_are_distinct(out);
}

// Gives the format.
static uint8_t decode_head(struct cursor *in, struct cluster_map *out)
{
    uint8_t format = cursor_u8(in);
    in->failed |= format < MAP_FORMAT_FIRST || format > MAP_FORMAT;
    out->cluster.high = cursor_u64_be(in);
    out->cluster.low = cursor_u64_be(in);
    out->generation = cursor_varint(in);
    out->epoch = cursor_varint(in);
    out->voters = cursor_varint(in);
    out->lease_ms = (uint32_t)cursor_varint_max(in, UINT32_MAX);
    out->next_keyspace_id = (uint32_t)cursor_varint_max(in, UINT32_MAX);
    return format;
}

enum err cluster_map_decode(struct slice bytes, struct cluster_map *out)
{
    struct cursor in = cursor_of(bytes);
    uint8_t format = decode_head(&in, out);
    unsigned nodes = cursor_u8(&in);
    in.failed |= nodes > NODES_MAX;
    for (unsigned i = 0; i < nodes && !in.failed; i++)
        decode_node(&in, format, &out->nodes[out->node_count++]);
    unsigned keyspaces = cursor_u8(&in);
    in.failed |= keyspaces > KEYSPACES_MAX;
    for (unsigned i = 0; i < keyspaces && !in.failed; i++)
        decode_keyspace(&in, &out->keyspaces[out->keyspace_count++]);
    unsigned optimistic = format >= MAP_FORMAT ? cursor_u8(&in) : 0;
    in.failed |= optimistic > OPTIMISTIC_MAX;
    for (unsigned i = 0; i < optimistic && !in.failed; i++)
        optimistic_decode(&in, &out->optimistic[out->optimistic_count++]);
    if (cursor_finish(&in) == ERR_OK && cluster_map_check(out) == ERR_OK)
        return ERR_OK;
    cluster_map_release(out);
    return ERR_INVALID;
}
