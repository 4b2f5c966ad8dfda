#include "core/strong/joiner.h"

#include "base/check.h"

#include <stdlib.h>

enum {
    SESSION_SLOTS_MAX = 4096,
    RESEND_FIRST_US = 10 * 1000, // doubled by each: an authority may just be taking over
    RESENDS_MAX = 5,
    FETCH_HASHES_MAX = 2048,
    SYMBOLS_FEW = 512,
    BURST_US = 100 * 1000 // of sync at full speed, after a while without
};

struct joiner *joiner_new(void)
{
    struct joiner *joiner = memory_zeroed(1, sizeof *joiner);
    sync_items_init(&joiner->items, 0);
    riblt_decoder_init(&joiner->decoder, 0);
    return joiner;
}

void joiner_abort(struct joiner *joiner)
{
    sync_items_release(&joiner->items);
    riblt_decoder_release(&joiner->decoder);
    joiner->phase = SYNC_IDLE;
}

void joiner_free(struct joiner *joiner)
{
    if (joiner == NULL)
        return;
    joiner_abort(joiner);
    for (unsigned i = 0; i < joiner->progress_count; i++)
        free(joiner->progress[i]);
    free(joiner);
}

static struct sync_progress *progress_of(const struct joiner *joiner, uint32_t keyspace)
{
    for (unsigned i = 0; i < joiner->progress_count; i++)
        if (joiner->progress[i]->keyspace == keyspace)
            return joiner->progress[i];
    return NULL;
}

static struct sync_progress *progress_made(struct joiner *joiner, uint32_t keyspace)
{
    struct sync_progress *progress = progress_of(joiner, keyspace);
    if (progress == NULL && joiner->progress_count < KEYSPACES_MAX) {
        progress = memory_zeroed(1, sizeof *progress);
        progress->keyspace = keyspace;
        joiner->progress[joiner->progress_count++] = progress;
    }
    return progress;
}

static bool is_synced(const struct joiner *joiner, uint32_t keyspace, uint16_t slot,
                      uint64_t join_epoch)
{
    const struct sync_progress *progress = progress_of(joiner, keyspace);
    return progress != NULL && progress->synced_join[slot] == join_epoch;
}

bool joiner_lacks(const struct strong *strong, uint32_t keyspace, uint16_t slot)
{
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    return strong->live && set != NULL && node_set_has(set->joining, strong->self) &&
           set->primary != NODE_NONE && !is_synced(strong->joiner, keyspace, slot, set->join_epoch);
}

// Gathers the slots of the next session: all that share the first one's join id and authority.
static bool choose_slots(const struct strong *strong, const struct map_keyspace *keyspace)
{
    struct joiner *joiner = strong->joiner;
    unsigned count = 0;
    slot_set_clear(&joiner->slots);
    for (unsigned slot = 0; slot < SLOTS && count < SESSION_SLOTS_MAX; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
        if (!joiner_lacks(strong, keyspace->keyspace.id, (uint16_t)slot))
            continue;
        if (count == 0) {
            joiner->join_epoch = set->join_epoch;
            joiner->authority = set->primary;
        }
        if (set->join_epoch == joiner->join_epoch && set->primary == joiner->authority) {
            slot_set_add(&joiner->slots, slot);
            count++;
        }
    }
    joiner->keyspace = keyspace->keyspace.id;
    return count > 0;
}

static void send_open(struct strong *strong, struct effects *effects)
{
    struct joiner *joiner = strong->joiner;
    struct buf digests;
    buf_init(&digests, MESSAGE_RECORDS_BYTES_MAX);
    slot_set_encode(&digests, &joiner->slots);
    for (unsigned i = 0; i < joiner->items.fold_count; i++)
        buf_append_u64_be(&digests, joiner->items.folds[i]);
    struct message message = {.kind = MESSAGE_SYNC_OPEN,
                              .sync_open = {.session = joiner->session,
                                            .salt = joiner->items.salt,
                                            .keyspace = joiner->keyspace,
                                            .join_epoch = joiner->join_epoch,
                                            .digests = buf_slice(&digests)}};
    agreement_send(strong->agreement, effects, joiner->authority, &message);
    buf_release(&digests);
}

static void send_more(struct strong *strong, struct effects *effects)
{
    struct joiner *joiner = strong->joiner;
    uint32_t received = joiner->decoder.received;
    // Doubling while little was sent; then less, for the last batch is mostly more than is needed.
    uint32_t count = received < SYMBOLS_FEW ? received : received / 4;
    count = count < RIBLT_BATCH_SYMBOLS_MAX ? count : RIBLT_BATCH_SYMBOLS_MAX;
    struct message message = {.kind = MESSAGE_SYNC_MORE,
                              .sync_more = {.session = joiner->session,
                                            .first = received,
                                            .count = count > 0 ? count : 1}};
    agreement_send(strong->agreement, effects, joiner->authority, &message);
}

static void send_fetch(struct strong *strong, struct effects *effects)
{
    struct joiner *joiner = strong->joiner;
    const struct riblt_items *wanted = &joiner->decoder.remote_only;
    struct buf hashes;
    buf_init(&hashes, MESSAGE_RECORDS_BYTES_MAX);
    for (uint32_t i = joiner->fetch_next;
         i < wanted->count && i - joiner->fetch_next < FETCH_HASHES_MAX; i++) {
        riblt_item_encode(&hashes, wanted->items[i]);
    }
    struct message message = {.kind = MESSAGE_SYNC_FETCH,
                              .sync_fetch = {.session = joiner->session,
                                             .number = joiner->fetch_number,
                                             .hashes = buf_slice(&hashes)}};
    agreement_send(strong->agreement, effects, joiner->authority, &message);
    buf_release(&hashes);
}

static uint64_t resend_at_us(const struct joiner *joiner)
{
    return joiner->sent_us + ((uint64_t)RESEND_FIRST_US << joiner->resends);
}

static void send_phase(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct joiner *joiner = strong->joiner;
    joiner->sent_us = now_us;
    effects_wake(effects, resend_at_us(joiner));
    if (joiner->phase == SYNC_OPENING)
        send_open(strong, effects);
    else if (joiner->phase == SYNC_DECODING)
        send_more(strong, effects);
    else if (joiner->phase == SYNC_FETCHING)
        send_fetch(strong, effects);
}

static void wait_for_durable(struct strong *strong, struct effects *effects, enum sync_phase phase)
{
    strong->joiner->phase = phase;
    strong->joiner->token = effects_token(effects, EFFECT_DATA);
}

static void begin(struct strong *strong, struct effects *effects)
{
    const struct cluster_map *map = &strong->agreement->map;
    unsigned i = 0;
    if (!strong->joiner->joins)
        return;
    while (i < map->keyspace_count && !choose_slots(strong, &map->keyspaces[i]))
        i++;
    if (i < map->keyspace_count)
        wait_for_durable(strong, effects, SYNC_SETTLING);
}

static void open_session(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct joiner *joiner = strong->joiner;
    joiner->session = rng_u64(&strong->rng) >> 1;
    joiner->resends = 0;
    sync_items_init(&joiner->items, rng_u64(&strong->rng) >> 1);
    riblt_decoder_init(&joiner->decoder, joiner->items.salt);
    slot_set_clear(&joiner->differing);
    if (sync_items_list(&joiner->items, strong->data, NULL, joiner->keyspace, &joiner->slots) !=
        ERR_OK) {
        joiner_abort(joiner);
        return;
    }
    joiner->phase = SYNC_OPENING;
    send_phase(strong, effects, now_us);
}

static bool is_still_wanted(const struct strong *strong)
{
    const struct joiner *joiner = strong->joiner;
    const struct slot_set *slots = &joiner->slots;
    for (unsigned slot = slot_set_next(slots, 0); slot < SLOTS;
         slot = slot_set_next(slots, slot + 1)) {
        const struct replica_set *set = strong_slot(strong, joiner->keyspace, (uint16_t)slot);
        if (!joiner_lacks(strong, joiner->keyspace, (uint16_t)slot) ||
            set->join_epoch != joiner->join_epoch || set->primary != joiner->authority)
            return false;
    }
    return true;
}

// Whether this node joins anywhere, by the newest map.
static bool joins_anywhere(const struct strong *strong)
{
    const struct cluster_map *map = &strong->agreement->map;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++)
            if (node_set_has(map->keyspaces[i].sets[j].joining, strong->self))
                return strong->live;
    return false;
}

void joiner_on_map(struct strong *strong, struct effects *effects)
{
    strong->joiner->joins = joins_anywhere(strong);
    if (strong->joiner->phase != SYNC_IDLE && !is_still_wanted(strong))
        joiner_abort(strong->joiner);
    if (strong->joiner->phase == SYNC_IDLE)
        begin(strong, effects);
}

static void fetch_or_persist(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct joiner *joiner = strong->joiner;
    if (joiner->fetch_next == joiner->decoder.remote_only.count) {
        wait_for_durable(strong, effects, SYNC_PERSISTING);
        return;
    }
    joiner->fetch_number++;
    joiner->phase = now_us < joiner->paced_us ? SYNC_PACING : SYNC_FETCHING;
    if (joiner->phase == SYNC_FETCHING)
        send_phase(strong, effects, now_us);
    else
        effects_wake(effects, joiner->paced_us);
}

static void pace(struct strong *strong, uint64_t now_us, size_t bytes)
{
    struct joiner *joiner = strong->joiner;
    if (strong->sync_bytes_per_s == 0)
        return;
    uint64_t from_us = now_us > BURST_US ? now_us - BURST_US : 0;
    if (joiner->paced_us < from_us)
        joiner->paced_us = from_us;
    joiner->paced_us += (uint64_t)bytes * 1000000 / strong->sync_bytes_per_s;
}

// The first symbols tell what the session is about: the decoder starts from this node's items
// there.
static bool begin_decoding(struct joiner *joiner, const struct message_sync_symbols *symbols)
{
    struct cursor differing = cursor_of(symbols->differing);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (slot >= symbols->end)
            slot_set_remove(&joiner->slots, slot);
    slot_set_decode_within(&differing, &joiner->slots, &joiner->differing);
    if (cursor_finish(&differing) != ERR_OK)
        return false;
    for (size_t i = 0; i < joiner->items.count; i++) {
        const struct sync_item *item = &joiner->items.items[i];
        if (slot_set_has(&joiner->differing, item->slot) &&
            riblt_decoder_add(&joiner->decoder, item->hash) != ERR_OK)
            return false;
    }
    sync_items_sort(&joiner->items);
    return true;
}

void joiner_on_symbols(struct strong *strong, struct effects *effects, uint64_t now_us,
                       const struct message_sync_symbols *symbols)
{
    struct joiner *joiner = strong->joiner;
    struct riblt_symbols batch = {0};
    if ((joiner->phase != SYNC_OPENING && joiner->phase != SYNC_DECODING) ||
        symbols->session != joiner->session)
        return;
    enum err error = ERR_OK;
    if (joiner->phase == SYNC_OPENING && (!begin_decoding(joiner, symbols) ||
                                          !joiner_note_deletes(strong, effects, symbols->deletes)))
        error = ERR_INVALID;
    joiner->phase = SYNC_DECODING;
    bool any = slot_set_next(&joiner->differing, 0) < SLOTS;
    if (error == ERR_OK && any)
        error = riblt_symbols_decode(symbols->symbols, &batch);
    if (error == ERR_OK && any)
        error = riblt_decoder_take(&joiner->decoder, &batch);
    riblt_symbols_release(&batch);
    joiner->resends = 0;
    if (error != ERR_OK && error != ERR_MISMATCH) {
        joiner_abort(joiner);
    } else if (any && !riblt_decoder_done(&joiner->decoder)) {
        send_phase(strong, effects, now_us);
    } else {
        joiner_remove_extra(strong, effects);
        joiner->fetch_next = 0;
        fetch_or_persist(strong, effects, now_us);
    }
}

void joiner_on_records(struct strong *strong, struct effects *effects, uint64_t now_us,
                       const struct message_sync_records *records)
{
    struct joiner *joiner = strong->joiner;
    if (joiner->phase != SYNC_FETCHING || records->session != joiner->session ||
        records->number != joiner->fetch_number)
        return;
    uint32_t left = joiner->decoder.remote_only.count - joiner->fetch_next;
    if (records->fetched > left || records->fetched == 0 ||
        !joiner_apply(strong, effects, now_us, records->records)) {
        joiner_abort(joiner);
        return;
    }
    pace(strong, now_us, records->records.length);
    joiner->resends = 0;
    joiner->fetch_next += (uint32_t)records->fetched;
    fetch_or_persist(strong, effects, now_us);
}

static void finish_session(struct strong *strong, struct effects *effects)
{
    struct joiner *joiner = strong->joiner;
    struct sync_progress *progress = progress_made(joiner, joiner->keyspace);
    const struct slot_set *slots = &joiner->slots;
    for (unsigned slot = slot_set_next(slots, 0); progress != NULL && slot < SLOTS;
         slot = slot_set_next(slots, slot + 1))
        progress->synced_join[slot] = joiner->join_epoch;
    strong->wants_changed = true;
    joiner_abort(joiner);
    begin(strong, effects);
}

void joiner_on_durable(struct strong *strong, struct effects *effects, uint64_t now_us,
                       uint64_t token)
{
    struct joiner *joiner = strong->joiner;
    if (token < joiner->token)
        return;
    if (joiner->phase == SYNC_SETTLING)
        open_session(strong, effects, now_us);
    else if (joiner->phase == SYNC_PERSISTING)
        finish_session(strong, effects);
}

void joiner_tick(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct joiner *joiner = strong->joiner;
    bool waits = joiner->phase == SYNC_OPENING || joiner->phase == SYNC_DECODING ||
                 joiner->phase == SYNC_FETCHING;
    if (waits && now_us >= resend_at_us(joiner)) {
        if (++joiner->resends > RESENDS_MAX)
            joiner_abort(joiner);
        else
            send_phase(strong, effects, now_us);
    }
    if (joiner->phase == SYNC_PACING && now_us >= joiner->paced_us) {
        joiner->phase = SYNC_FETCHING;
        send_phase(strong, effects, now_us);
    }
    if (joiner->phase == SYNC_IDLE)
        begin(strong, effects);
    else if (joiner->phase == SYNC_PACING)
        effects_wake(effects, joiner->paced_us);
    else if (waits)
        effects_wake(effects, resend_at_us(joiner));
}

// Gathers the slots of the lowest join id above `after_epoch` that are synced and not yet promoted.
static bool next_promotion(const struct strong *strong, const struct map_keyspace *keyspace,
                           struct want_promote *promote, uint64_t after_epoch)
{
    uint64_t lowest = UINT64_MAX;
    uint32_t id = keyspace->keyspace.id;
    slot_set_clear(&promote->slots);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
        if (!node_set_has(set->joining, strong->self) || set->join_epoch <= after_epoch ||
            set->join_epoch > lowest ||
            !is_synced(strong->joiner, id, (uint16_t)slot, set->join_epoch))
            continue;
        if (set->join_epoch < lowest)
            slot_set_clear(&promote->slots);
        lowest = set->join_epoch;
        slot_set_add(&promote->slots, slot);
    }
    promote->join_epoch = lowest;
    return lowest != UINT64_MAX;
}

void joiner_wants(const struct strong *strong, struct wants *out)
{
    const struct cluster_map *map = &strong->agreement->map;
    for (unsigned i = 0; strong->joiner->joins && i < map->keyspace_count; i++) {
        struct want_promote promote = {.keyspace = map->keyspaces[i].keyspace.id,
                                       .node = strong->self,
                                       .incarnation = strong->agreement->identity.incarnation};
        for (uint64_t epoch = 0; next_promotion(strong, &map->keyspaces[i], &promote, epoch);
             epoch = promote.join_epoch)
            wants_add_promote(out, &promote);
    }
}
