// The live replica that a joiner reconciles with: the primary of the slots, in an epoch no older
// than the join.

#include "base/check.h"
#include "base/rule.h"
#include "core/reconcile/riblt.h"
#include "core/strong/strong_parts.h"
#include "core/strong/sync_items.h"

#include <stdlib.h>

// A slot that differs has, most often, one record that changed: two items, and about 1.4 symbols
// for each.
enum { SYMBOLS_SPARE = 16, SYMBOLS_PER_TEN_SLOTS = 28, RECORDS_BYTES = 1u << 20 };

// One session for each joiner: a new one takes the place of the old.
struct authority {
    uint64_t session;
    uint32_t keyspace;
    uint64_t join_epoch;
    struct slot_set slots;
    struct slot_set differing;
    struct sync_items items;
    struct riblt_encoder encoder;
    uint32_t symbols_sent;
};

struct authorities {
    struct authority *of_node[NODES_MAX + 1];
};

struct authorities *authorities_new(void)
{
    return memory_zeroed(1, sizeof(struct authorities));
}

static void end_session(struct authorities *authorities, node_id joiner)
{
    struct authority *authority = authorities->of_node[joiner];
    if (authority == NULL)
        return;
    sync_items_release(&authority->items);
    riblt_encoder_release(&authority->encoder);
    free(authority);
    authorities->of_node[joiner] = NULL;
}

void authorities_free(struct authorities *authorities)
{
    if (authorities == NULL)
        return;
    for (unsigned id = 0; id <= NODES_MAX; id++)
        end_session(authorities, (node_id)id);
    free(authorities);
}

// Whether this node is the authority of this very join in all of these slots.
static bool is_authority(const struct strong *strong, node_id joiner, uint32_t keyspace,
                         uint64_t join_epoch, const struct slot_set *slots)
{
    for (unsigned slot = slot_set_next(slots, 0); slot < SLOTS;
         slot = slot_set_next(slots, slot + 1)) {
        const struct replica_set *set = strong_slot(strong, keyspace, (uint16_t)slot);
        if (set == NULL || !strong_is_primary(strong, set) || !node_set_has(set->joining, joiner) ||
            set->join_epoch != join_epoch)
            return false;
    }
    return true;
}

void authorities_on_map(struct strong *strong)
{
    for (unsigned id = 1; id <= NODES_MAX; id++) {
        const struct authority *authority = strong->authorities->of_node[id];
        if (authority != NULL && !is_authority(strong, (node_id)id, authority->keyspace,
                                               authority->join_epoch, &authority->slots))
            end_session(strong->authorities, (node_id)id);
    }
}

// Just after the last slot of the set.
static unsigned slots_end(const struct slot_set *slots)
{
    unsigned end = 0;
    for (unsigned slot = slot_set_next(slots, 0); slot < SLOTS;
         slot = slot_set_next(slots, slot + 1))
        end = slot + 1;
    return end;
}

static void append_deletes(const struct authority *authority, struct buf *out)
{
    struct slot_set deleted;
    struct buf counters;
    unsigned index = 0;
    slot_set_clear(&deleted);
    buf_init(&counters, MESSAGE_RECORDS_BYTES_MAX);
    for (unsigned slot = slot_set_next(&authority->slots, 0); slot < SLOTS;
         slot = slot_set_next(&authority->slots, slot + 1)) {
        uint64_t counter = authority->items.deletes[index++];
        if (counter == 0 || !slot_set_has(&authority->differing, slot))
            continue;
        slot_set_add(&deleted, slot);
        buf_append_varint(&counters, counter);
    }
    slot_set_encode_within(out, &deleted, &authority->differing);
    buf_append_slice(out, buf_slice(&counters));
    buf_release(&counters);
}

static void send_symbols(struct strong *strong, struct effects *effects, node_id to,
                         struct authority *authority, uint32_t first, uint32_t count)
{
    struct buf differing;
    struct buf deletes;
    struct buf symbols;
    buf_init(&differing, MESSAGE_RECORDS_BYTES_MAX);
    buf_init(&deletes, MESSAGE_RECORDS_BYTES_MAX);
    buf_init(&symbols, MESSAGE_RECORDS_BYTES_MAX);
    if (first == 0) {
        slot_set_encode_within(&differing, &authority->differing, &authority->slots);
        append_deletes(authority, &deletes);
    }
    if (count > 0 && riblt_encoder_encode(&authority->encoder, first, count, &symbols) != ERR_OK)
        goto done;
    if (first + count > authority->symbols_sent)
        authority->symbols_sent = first + count;
    struct message message = {.kind = MESSAGE_SYNC_SYMBOLS,
                              .sync_symbols = {.session = authority->session,
                                               .first = first,
                                               .end = slots_end(&authority->slots),
                                               .differing = buf_slice(&differing),
                                               .deletes = buf_slice(&deletes),
                                               .symbols = buf_slice(&symbols)}};
    agreement_send(strong->agreement, effects, to, &message);
done:
    buf_release(&differing);
    buf_release(&deletes);
    buf_release(&symbols);
}

// A record in flight here is another item than the same record committed: a joiner that has it, as
// a leftover, must fetch it, and hold it in flight too.
static void tag_in_flight(const struct strong *strong, struct authority *authority)
{
    struct sync_items *items = &authority->items;
    for (size_t i = 0; i < items->count && strong->flights.table.count > 0; i++) {
        struct sync_item *item = &items->items[i];
        struct slice key = sync_item_key(items, item);
        struct flight *flight = flights_find(&strong->flights, authority->keyspace, key);
        if (flight == NULL || flight->kept || flight->committed || !RULE(JOINER_IN_FLIGHT))
            continue;
        item->hash = riblt_item(item_hash(items->salt + 1, key, item->stamp));
        slot_set_add(&authority->differing, item->slot);
    }
}

// Compares the joiner's folded digests with this node's; puts the items of slots that differ into
// the encoder.
static enum err compare(const struct strong *strong, struct authority *authority,
                        struct cursor *folds)
{
    unsigned index = 0;
    const struct slot_set *slots = &authority->slots;
    for (unsigned slot = slot_set_next(slots, 0); slot < SLOTS;
         slot = slot_set_next(slots, slot + 1))
        if (cursor_u64_be(folds) != authority->items.folds[index++])
            slot_set_add(&authority->differing, slot);
    tag_in_flight(strong, authority);
    for (size_t i = 0; i < authority->items.count; i++) {
        const struct sync_item *item = &authority->items.items[i];
        if (!slot_set_has(&authority->differing, item->slot))
            continue;
        enum err error = riblt_encoder_add(&authority->encoder, item->hash);
        if (error != ERR_OK)
            return error;
    }
    sync_items_sort(&authority->items);
    return folds->failed ? ERR_INVALID : ERR_OK;
}

static struct authority *session_of(const struct strong *strong, node_id joiner, uint64_t session)
{
    struct authority *authority = strong->authorities->of_node[joiner];
    return authority != NULL && authority->session == session ? authority : NULL;
}

static uint32_t at_most_a_batch(uint32_t count)
{
    return count < RIBLT_BATCH_SYMBOLS_MAX ? count : RIBLT_BATCH_SYMBOLS_MAX;
}

void authority_on_open(struct strong *strong, struct effects *effects, node_id from,
                       const struct message_sync_open *open)
{
    // Before the takeover is done, not everything that is in flight is known here.
    if (!strong->ready)
        return;
    struct authority *same = session_of(strong, from, open->session);
    if (same != NULL) {
        // Asked again: the answer was lost. Another listing would give other symbols.
        send_symbols(strong, effects, from, same, 0, at_most_a_batch(same->symbols_sent));
        return;
    }
    struct cursor in = cursor_of(open->digests);
    struct authority *authority = memory_zeroed(1, sizeof *authority);
    authority->session = open->session;
    authority->keyspace = (uint32_t)open->keyspace;
    authority->join_epoch = open->join_epoch;
    slot_set_decode(&in, &authority->slots);
    sync_items_init(&authority->items, open->salt);
    riblt_encoder_init(&authority->encoder, open->salt);
    end_session(strong->authorities, from);
    strong->authorities->of_node[from] = authority;
    if (in.failed ||
        !is_authority(strong, from, authority->keyspace, authority->join_epoch,
                      &authority->slots) ||
        sync_items_list(&authority->items, strong->data, &strong->pasts, authority->keyspace,
                        &authority->slots) != ERR_OK ||
        compare(strong, authority, &in) != ERR_OK) {
        end_session(strong->authorities, from);
        return;
    }
    unsigned differing = slot_set_count(&authority->differing);
    uint32_t count = at_most_a_batch(differing * SYMBOLS_PER_TEN_SLOTS / 10 + SYMBOLS_SPARE);
    send_symbols(strong, effects, from, authority, 0, differing > 0 ? count : 0);
}

void authority_on_more(struct strong *strong, struct effects *effects, node_id from,
                       const struct message_sync_more *more)
{
    struct authority *authority = session_of(strong, from, more->session);
    // In order only: memory grows with the first index.
    if (authority != NULL && more->first <= authority->symbols_sent && more->count >= 1 &&
        more->count <= RIBLT_BATCH_SYMBOLS_MAX)
        send_symbols(strong, effects, from, authority, (uint32_t)more->first,
                     (uint32_t)more->count);
}

// What this node has of the key now: the record that was listed, or a newer one.
static void append_current(const struct strong *strong, const struct authority *authority,
                           const struct sync_item *item, struct buf *out)
{
    struct slice key = sync_item_key(&authority->items, item);
    struct flight *flight = flights_find(&strong->flights, authority->keyspace, key);
    if (flight != NULL && !flight->kept) {
        buf_append_u8(out, flight->committed ? SYNC_ENTRY_COMMITTED : SYNC_ENTRY_IN_FLIGHT);
        buf_append_counted(out, key);
        buf_append_counted(out, slice_of(flight->record_bytes, flight->record_length));
        return;
    }
    struct store_key name;
    struct slice record;
    store_key_make(&name, authority->keyspace, item->slot, key);
    if (strong->data->ops->get(strong->data->self, STORE_RECORDS, store_key_slice(&name),
                               &record) != ERR_OK) {
        buf_append_u8(out, SYNC_ENTRY_GONE);
        return;
    }
    buf_append_u8(out, SYNC_ENTRY_COMMITTED);
    buf_append_counted(out, key);
    buf_append_counted(out, record);
}

void authority_on_fetch(struct strong *strong, struct effects *effects, node_id from,
                        const struct message_sync_fetch *fetch)
{
    struct authority *authority = session_of(strong, from, fetch->session);
    if (authority == NULL)
        return;
    struct buf records;
    struct cursor in = cursor_of(fetch->hashes);
    uint64_t fetched = 0;
    buf_init(&records, MESSAGE_RECORDS_BYTES_MAX);
    while (cursor_left(&in) >= RIBLT_ITEM_BYTES && records.length < RECORDS_BYTES) {
        struct hash128 hash = riblt_item_decode(&in);
        const struct sync_item *item = sync_items_find(&authority->items, hash);
        if (item != NULL)
            append_current(strong, authority, item, &records);
        else
            buf_append_u8(&records, SYNC_ENTRY_GONE);
        fetched++;
    }
    struct message message = {.kind = MESSAGE_SYNC_RECORDS,
                              .sync_records = {.session = fetch->session,
                                               .number = fetch->number,
                                               .fetched = fetched,
                                               .records = buf_slice(&records)}};
    agreement_send(strong->agreement, effects, from, &message);
    buf_release(&records);
}
