// What a store that lost its end still has of each slot: a prefix of what was reported there.
//
// A mark names the slots in which the node was listed, and so had everything. It is written when
// the map says so, after all that a join brought, and taken back when the map lists the node no
// more, before anything that another join brings; and a store loses only the end of what was
// written. So whoever finds a slot marked finds all of it up to some write.
//
// A certificate that goes takes its stamp away; the greatest one stays noted, so that who has
// swept a delete does not seem to have less than who never heard of it. A joiner is told the note
// of the primary that it syncs with, and writes it before it reports: by then it has everything
// that was written up to there.

#include "base/check.h"
#include "base/rule.h"
#include "core/map/prefixes.h"
#include "core/strong/strong_parts.h"

enum { NAME_BYTES_MAX = 16 };

struct name {
    uint8_t bytes[NAME_BYTES_MAX];
    size_t length;
};

static struct name name_of(const char *what, uint32_t keyspace)
{
    struct name name = {.length = strlen(what)};
    CHECK(name.length + 6 <= NAME_BYTES_MAX);
    memcpy(name.bytes, what, name.length);
    for (unsigned i = 0; i < 4; i++)
        name.bytes[name.length++] = (uint8_t)(keyspace >> (8 * (3 - i)));
    return name;
}

static struct name mark_name(uint32_t keyspace)
{
    return name_of("prefix:", keyspace);
}

static struct name swept_name(uint32_t keyspace, uint16_t slot)
{
    struct name name = name_of("swept:", keyspace);
    name.bytes[name.length++] = (uint8_t)(slot >> 8);
    name.bytes[name.length++] = (uint8_t)slot;
    return name;
}

static struct slice slice_of_name(const struct name *name)
{
    return slice_of(name->bytes, name->length);
}

// --- what was swept

static struct stamp swept_at(const struct store *store, uint32_t keyspace, uint16_t slot)
{
    struct slice bytes;
    struct name name = swept_name(keyspace, slot);
    if (store->ops->get(store->self, STORE_META, slice_of_name(&name), &bytes) != ERR_OK)
        return (struct stamp){0};
    struct cursor in = cursor_of(bytes);
    struct stamp stamp = stamp_decode(&in);
    return cursor_finish(&in) == ERR_OK ? stamp : (struct stamp){0};
}

uint64_t prefix_swept(const struct store *store, uint32_t keyspace, uint16_t slot)
{
    return swept_at(store, keyspace, slot).counter;
}

void prefix_on_swept(const struct strong *strong, struct effects *effects, uint32_t keyspace,
                     uint16_t slot, struct stamp greatest)
{
    // What this process noted may not be in the store yet, and the store has what others did.
    if (!RULE(PREFIX_SWEPT) ||
        greatest.counter < slot_pasts_deleted(&strong->pasts, keyspace, slot) ||
        stamp_compare(greatest, swept_at(strong->data, keyspace, slot)) <= 0)
        return;
    struct name name = swept_name(keyspace, slot);
    struct buf bytes;
    buf_init(&bytes, STORE_VALUE_BYTES_MAX);
    stamp_encode(&bytes, greatest);
    effects_put(effects, EFFECT_DATA, STORE_META, slice_of_name(&name), buf_slice(&bytes));
    buf_release(&bytes);
}

void prefix_forget(struct effects *effects, uint32_t keyspace, uint16_t slot)
{
    struct name name = swept_name(keyspace, slot);
    effects_remove(effects, EFFECT_DATA, STORE_META, slice_of_name(&name));
}

// --- marks

static struct holding *mark_of(struct strong *strong, uint32_t keyspace)
{
    for (unsigned i = 0; i < strong->mark_count; i++)
        if (strong->marks[i].keyspace == keyspace)
            return &strong->marks[i];
    return NULL;
}

static bool write_mark(struct strong *strong, struct effects *effects,
                       const struct map_keyspace *keyspace, node_id self)
{
    struct slot_set listed;
    slot_set_clear(&listed);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (node_set_has(map_keyspace_slot(keyspace, (uint16_t)slot)->in_sync, self) ||
            !RULE(PREFIX_MARKS))
            slot_set_add(&listed, slot);
    struct holding *mark = mark_of(strong, keyspace->keyspace.id);
    if (mark != NULL && memcmp(&mark->slots, &listed, sizeof listed) == 0)
        return false;
    if (mark == NULL) {
        CHECK(strong->mark_count < KEYSPACES_MAX);
        mark = &strong->marks[strong->mark_count++];
        mark->keyspace = keyspace->keyspace.id;
    }
    mark->slots = listed;
    struct name name = mark_name(mark->keyspace);
    struct buf bytes;
    buf_init(&bytes, STORE_VALUE_BYTES_MAX);
    slot_set_encode(&bytes, &listed);
    effects_put(effects, EFFECT_DATA, STORE_META, slice_of_name(&name), buf_slice(&bytes));
    buf_release(&bytes);
    return true;
}

void prefix_on_map(struct strong *strong, struct effects *effects, node_id self)
{
    const struct cluster_map *map = &strong->agreement->map;
    bool written = false;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        written |= write_mark(strong, effects, &map->keyspaces[i], self);
    if (written)
        effects_token(effects, EFFECT_DATA);
}

// --- telling

static bool see_record(void *context, struct slice key, const struct record *record)
{
    struct stamp *greatest = context;
    (void)key;
    if (stamp_compare(record->stamp, *greatest) > 0)
        *greatest = record->stamp;
    return true;
}

static void put_slot(const struct strong *strong, uint32_t keyspace, uint16_t slot, bool marked,
                     struct buf *out)
{
    struct stamp greatest = swept_at(strong->data, keyspace, slot);
    marked = marked && record_store_scan(strong->data, keyspace, slot, slice_of(NULL, 0),
                                         see_record, &greatest) == ERR_OK;
    prefix_put(out, marked ? &greatest : NULL);
}

static void read_mark(const struct strong *strong, uint32_t keyspace, struct slot_set *out)
{
    struct slice bytes;
    struct name name = mark_name(keyspace);
    slot_set_clear(out);
    if (strong->data->ops->get(strong->data->self, STORE_META, slice_of_name(&name), &bytes) !=
        ERR_OK)
        return;
    struct cursor in = cursor_of(bytes);
    slot_set_decode(&in, out);
    if (cursor_finish(&in) != ERR_OK)
        slot_set_clear(out);
}

void strong_tell_prefix(const struct strong *strong, struct effects *effects, uint64_t peer,
                        const struct message_prefix_want *want)
{
    struct slot_set marked;
    struct buf greatest;
    if (want->keyspace > UINT32_MAX || want->slot >= SLOTS || want->slot % PREFIX_SLOTS != 0)
        return;
    uint32_t keyspace = (uint32_t)want->keyspace;
    read_mark(strong, keyspace, &marked);
    buf_init(&greatest, MESSAGE_RECORDS_BYTES_MAX);
    for (unsigned i = 0; i < PREFIX_SLOTS; i++) {
        uint16_t slot = (uint16_t)(want->slot + i);
        put_slot(strong, keyspace, slot, slot_set_has(&marked, slot), &greatest);
    }
    struct message message = {
        .kind = MESSAGE_PREFIX,
        .prefix = {.keyspace = keyspace, .slot = want->slot, .greatest = buf_slice(&greatest)}};
    effects_send(effects, peer, 0, &message);
    buf_release(&greatest);
}
