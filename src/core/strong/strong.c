#include "core/strong/strong.h"

#include "base/check.h"
#include "base/rule.h"
#include "core/strong/strong_parts.h"

#include <stdlib.h>

enum {
    RESEND_US = 60 * 1000,
    ACK_TIMEOUT_US = 2 * 1000 * 1000,
    STUCK_AGE_MAX_US = 300 * 1000,
    PENDING_AGE_MAX_US = 6 * 1000 * 1000,
    RESENDS_PER_TICK_MAX = 512,
    MARKS_BYTES_MAX = 256 << 20
};

uint64_t strong_epoch(const struct strong *strong)
{
    return strong->agreement->map.epoch;
}

const struct replica_set *strong_slot(const struct strong *strong, uint32_t keyspace, uint16_t slot)
{
    const struct map_keyspace *map = cluster_map_keyspace(&strong->agreement->map, keyspace);
    return map != NULL ? map_keyspace_slot(map, slot) : NULL;
}

bool strong_is_primary(const struct strong *strong, const struct replica_set *set)
{
    return strong->live && set->primary == strong->self;
}

bool strong_serves(const struct strong *strong, uint32_t keyspace, uint16_t slot)
{
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    return strong->live && agreement_serves(strong->agreement) && set != NULL &&
           node_set_has(set->in_sync, strong->self);
}

void strong_answer(struct strong *strong, struct effects *effects, struct pending *pending,
                   const struct reply *reply)
{
    strong->answer(strong->answer_context, effects, pending->handle, reply);
    pendings_remove(&strong->pendings, pending);
}

void strong_answer_error(struct strong *strong, struct effects *effects, struct pending *pending,
                         enum err error)
{
    strong_answer(strong, effects, pending, &(struct reply){.error = error});
}

// --- start

static bool load_mark(void *context, struct slice name, struct slice value)
{
    (void)value;
    buf_append_counted(context, name);
    return true;
}

// A marked record is in flight as it was before the restart: persisted, and not known to be
// committed.
static void load_flight(struct strong *strong, struct slice name, uint64_t now_us)
{
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    struct record record;
    if (!store_key_parse(name, &keyspace, &slot, &key) ||
        record_store_get(strong->data, keyspace, slot, key, &record) != ERR_OK)
        return;
    struct flight *flight = flights_add(&strong->flights, keyspace, slot, key, now_us);
    flight_restore(&strong->flights, flight, &record);
}

static enum err load_marks(struct strong *strong, uint64_t now_us)
{
    struct buf names;
    buf_init(&names, MARKS_BYTES_MAX);
    enum err error = strong->data->ops->scan(strong->data->self, STORE_MARKS, slice_of(NULL, 0),
                                             slice_of(NULL, 0), load_mark, &names);
    struct cursor in = cursor_of(buf_slice(&names));
    while (RULE(KEEP_MARKS) && error == ERR_OK && cursor_left(&in) > 0)
        load_flight(strong, cursor_counted(&in), now_us);
    if (names.overflown)
        error = ERR_CORRUPT;
    buf_release(&names);
    return error;
}

enum err strong_init(struct strong *strong, const struct agreement *agreement,
                     const struct store *data, uint64_t seed, uint64_t now_us)
{
    memset(strong, 0, sizeof *strong);
    strong->agreement = agreement;
    strong->data = data;
    rng_init(&strong->rng, seed);
    flights_init(&strong->flights);
    pendings_init(&strong->pendings);
    list_init(&strong->parked);
    list_init(&strong->takeover_left);
    for (unsigned id = 0; id <= NODES_MAX; id++)
        buf_init(&strong->takeover_after[id], STORE_KEY_BYTES_MAX);
    strong->joiner = joiner_new();
    strong->authorities = authorities_new();
    return load_marks(strong, now_us);
}

void strong_release(struct strong *strong)
{
    struct pending *pending;
    while ((pending = pendings_oldest(&strong->pendings)) != NULL)
        pendings_remove(&strong->pendings, pending);
    flights_release(&strong->flights);
    slot_pasts_release(&strong->pasts);
    for (unsigned id = 0; id <= NODES_MAX; id++)
        buf_release(&strong->takeover_after[id]);
    joiner_free(strong->joiner);
    authorities_free(strong->authorities);
}

// --- a new map

// The slots of a keyspace that this node may have data of. Before the first map after a start: all,
// for there may be leftovers that were not swept.
static struct holding *holding_of(struct strong *strong, uint32_t keyspace)
{
    unsigned at = 0;
    while (at < strong->holding_count && strong->holdings[at].keyspace != keyspace)
        at++;
    if (at == strong->holding_count) {
        CHECK(at < KEYSPACES_MAX);
        strong->holdings[at].keyspace = keyspace;
        memset(&strong->holdings[at].slots, 0xff, sizeof strong->holdings[at].slots);
        strong->holding_count++;
    }
    return &strong->holdings[at];
}

static void give_back_writes(struct strong *strong, struct effects *effects, struct flight *flight)
{
    struct list kept;
    struct list *link;
    list_init(&kept);
    while ((link = list_take_first(&flight->waiting)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        if (strong->live && pending->request.kind == REQUEST_READ)
            list_append(&kept, &pending->link);
        else
            strong_answer_error(strong, effects, pending, ERR_RETRY);
    }
    list_move_all(&flight->waiting, &kept);
}

static void revise_flight(struct strong *strong, struct effects *effects, struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    node_set holders = set != NULL ? set->in_sync | set->joining : 0;
    bool joining = set != NULL && node_set_has(set->joining, strong->self);
    strong->ordered_count -= flight->ordered;
    flight->ordered = false;
    flight->ack_owed = false;
    if (flight->kept) {
        // It remembers one join only: what came by INV before a later one is an older record like
        // any other.
        if (!joining || flight->epoch < set->join_epoch)
            flight_end(&strong->flights, effects, flight);
        return;
    }
    if (!strong->live) {
        // As if dead: what it holds in flight is told when it comes back, or dropped when it joins
        // anew.
        abandon_writers(strong, effects, flight);
        give_back_writes(strong, effects, flight);
        return;
    }
    if (!node_set_has(holders, strong->self) || (joining && flight->epoch < set->join_epoch)) {
        abandon_flight(strong, effects, flight);
        return;
    }
    if (set->primary != strong->self)
        give_back_writes(strong, effects, flight);
}

// Data of slots that this node holds no more, by the newest map, is to be swept.
static void sweep_keyspace_on_map(struct strong *strong, const struct map_keyspace *keyspace)
{
    struct holding *holding = holding_of(strong, keyspace->keyspace.id);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
        bool holds = node_set_has(set->in_sync | set->joining | set->target, strong->self);
        bool held = slot_set_has(&holding->slots, slot);
        if (holds == held)
            continue;
        if (holds) {
            slot_set_add(&holding->slots, slot);
        } else {
            sweep_add(strong, holding->keyspace, slot);
            slot_set_remove(&holding->slots, slot);
        }
    }
}

static void sweep_on_map(struct strong *strong)
{
    const struct cluster_map *map = &strong->agreement->map;
    unsigned kept = 0;
    for (unsigned i = 0; i < strong->holding_count; i++)
        if (cluster_map_keyspace(map, strong->holdings[i].keyspace) != NULL)
            strong->holdings[kept++] = strong->holdings[i];
    strong->holding_count = kept;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        sweep_keyspace_on_map(strong, &map->keyspaces[i]);
}

static void look_at_parked(struct strong *strong, struct effects *effects);

void strong_on_map(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    const struct cluster_map *map = &strong->agreement->map;
    const struct identity *identity = &strong->agreement->identity;
    const struct map_node *node = cluster_map_node_of_store(map, identity->store_id);
    bool named = node != NULL && node->incarnation == identity->incarnation;
    strong->self = named ? node->id : NODE_NONE;
    strong->live = named && node->state == NODE_UP && !strong->failed;
    strong->sequence = 0;
    strong->stuck = 0;
    slot_pasts_on_map(&strong->pasts, map, strong->live ? strong->self : NODE_NONE);
    wants_clear(&strong->wants);
    struct flight *next;
    for (struct flight *flight = flights_next(&strong->flights, NULL); flight != NULL;
         flight = next) {
        next = flights_next(&strong->flights, flight);
        revise_flight(strong, effects, flight);
    }
    if (named)
        sweep_on_map(strong);
    if (named && !strong->failed)
        prefix_on_map(strong, effects, node->id);
    if (strong->sweep_count > 0)
        strong->sweep_token = effects_token(effects, EFFECT_DATA);
    authorities_on_map(strong);
    joiner_on_map(strong, effects);
    takeover_begin(strong, effects, now_us);
    strong->wants_changed = true;
    look_at_parked(strong, effects);
}

void strong_on_room(struct strong *strong, node_id member, bool full)
{
    strong->full &= ~node_bit(member);
    strong->full |= full ? node_bit(member) : 0;
}

bool strong_is_full(const struct strong *strong)
{
    return strong->data->ops->room(strong->data->self) != STORE_ROOM_PLENTY;
}

void strong_on_data_failed(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    strong->failed = true;
    strong_on_map(strong, effects, now_us);
}

// --- requests

static void read_here(const struct strong *strong, const struct request *request, uint16_t slot,
                      struct reply *reply)
{
    struct record record;
    *reply = (struct reply){
        .error = record_store_get(strong->data, request->keyspace, slot, request->key, &record)};
    if (reply->error == ERR_OK && record.dead)
        reply->error = ERR_NOT_FOUND;
    if (reply->error == ERR_OK) {
        reply->stamp = record.stamp;
        reply->value = record.value;
    }
}

bool strong_read_now(const struct strong *strong, const struct request *request,
                     struct reply *reply)
{
    if (request->kind != REQUEST_READ)
        return false;
    uint16_t slot = slot_of_key(request->key);
    if (request->consistency == CONSISTENCY_STRONG) {
        if (!strong_serves(strong, request->keyspace, slot))
            return false;
        struct flight *flight = flights_find(&strong->flights, request->keyspace, request->key);
        if (flight != NULL && !flight->kept)
            return false;
    }
    read_here(strong, request, slot, reply);
    return true;
}

static void read_in_flight(struct strong *strong, struct effects *effects, uint64_t since_us,
                           uint64_t handle, const struct request *request, struct flight *flight)
{
    if (!flight->committed) {
        struct pending *pending = pendings_add(&strong->pendings, handle, request, since_us);
        list_append(&flight->waiting, &pending->link);
        return;
    }
    struct reply reply = {.error = flight->record.dead ? ERR_NOT_FOUND : ERR_OK,
                          .stamp = flight->record.stamp,
                          .value = flight->record.value};
    strong->answer(strong->answer_context, effects, handle, &reply);
}

static void read_request(struct strong *strong, struct effects *effects, uint64_t since_us,
                         uint64_t handle, const struct request *request)
{
    struct reply reply;
    uint16_t slot = slot_of_key(request->key);
    if (strong_read_now(strong, request, &reply)) {
        strong->answer(strong->answer_context, effects, handle, &reply);
    } else if (!strong_serves(strong, request->keyspace, slot)) {
        strong->answer(strong->answer_context, effects, handle,
                       &(struct reply){.error = ERR_RETRY});
    } else {
        struct flight *flight = flights_find(&strong->flights, request->keyspace, request->key);
        read_in_flight(strong, effects, since_us, handle, request, flight);
    }
}

static void dispatch(struct strong *strong, struct effects *effects, uint64_t since_us,
                     uint64_t handle, const struct request *request)
{
    if (strong->pendings.count >= PENDINGS_MAX || strong->pendings.bytes >= PENDINGS_BYTES_MAX)
        strong->answer(strong->answer_context, effects, handle, &(struct reply){.error = ERR_BUSY});
    else if (request->kind == REQUEST_READ)
        read_request(strong, effects, since_us, handle, request);
    else if (request->kind == REQUEST_LIST)
        listing_request(strong, effects, since_us, handle, request);
    else
        primary_request(strong, effects, since_us, handle, request);
}

static void look_at_parked(struct strong *strong, struct effects *effects)
{
    struct list parked;
    struct list *link;
    list_init(&parked);
    list_move_all(&parked, &strong->parked);
    strong->look_at_parked = false;
    while (!effects_over_budget(effects) && (link = list_take_first(&parked)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        pendings_detach(&strong->pendings, pending);
        dispatch(strong, effects, pending->since_us, pending->handle, &pending->request);
        free(pending);
    }
    if (!list_empty(&parked)) {
        list_move_all(&strong->parked, &parked);
        strong->look_at_parked = true;
        effects_wake(effects, 0);
    }
}

void strong_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                    uint64_t handle, const struct request *request)
{
    dispatch(strong, effects, now_us, handle, request);
    if (strong->look_at_parked)
        look_at_parked(strong, effects);
}

// --- messages, completions, time

static void route(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                  const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_INV:
        backup_on_inv(strong, effects, now_us, from, &message->inv);
        break;
    case MESSAGE_ACK:
        primary_on_ack(strong, effects, now_us, from, &message->ack);
        break;
    case MESSAGE_VAL:
        backup_on_val(strong, effects, now_us, from, &message->val);
        break;
    case MESSAGE_CHECK:
        primary_on_check(strong, effects, from, &message->check);
        break;
    case MESSAGE_TAKEOVER_WANT:
        takeover_on_want(strong, effects, from, &message->takeover_want);
        break;
    case MESSAGE_TAKEOVER:
        takeover_on_records(strong, effects, now_us, from, &message->takeover);
        break;
    case MESSAGE_SYNC_OPEN:
        authority_on_open(strong, effects, from, &message->sync_open);
        break;
    case MESSAGE_SYNC_SYMBOLS:
        joiner_on_symbols(strong, effects, now_us, &message->sync_symbols);
        break;
    case MESSAGE_SYNC_MORE:
        authority_on_more(strong, effects, from, &message->sync_more);
        break;
    case MESSAGE_SYNC_FETCH:
        authority_on_fetch(strong, effects, from, &message->sync_fetch);
        break;
    case MESSAGE_SYNC_RECORDS:
        joiner_on_records(strong, effects, now_us, &message->sync_records);
        break;
    default:
        break;
    }
}

void strong_on_message(struct strong *strong, struct effects *effects, uint64_t now_us,
                       node_id from, const struct message *message)
{
    route(strong, effects, now_us, from, message);
    if (strong->look_at_parked)
        look_at_parked(strong, effects);
    effects_wake(effects, now_us + RESEND_US);
}

void strong_on_durable(struct strong *strong, struct effects *effects, uint64_t now_us,
                       uint64_t token)
{
    struct flight *flight;
    strong->durable_token = token;
    while ((flight = flights_next_persisted(&strong->flights, token)) != NULL)
        persisted_flight(strong, effects, flight, now_us);
    joiner_on_durable(strong, effects, now_us, token);
    if (strong->look_at_parked)
        look_at_parked(strong, effects);
}

// Who keeps a record from committing, or a takeover from ending, for too long: a member whose
// lease is renewed and that does not acknowledge, or this one's own disk.
static void note_stuck(struct strong *strong, node_set nodes, uint64_t now_us)
{
    if (nodes == 0)
        return;
    strong->stuck |= nodes;
    strong->stuck_us = now_us;
    strong->wants_changed = true;
}

static void look_for_stuck(struct strong *strong, uint64_t now_us)
{
    if (now_us >= strong->stuck_us + STUCK_AGE_MAX_US)
        strong->stuck = 0;
    if (strong->takeover_wanted != 0 && now_us >= strong->takeover_us + ACK_TIMEOUT_US)
        note_stuck(strong, strong->takeover_wanted, now_us);
}

static void look_for_stuck_flight(struct strong *strong, const struct flight *flight,
                                  uint64_t now_us)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    node_set live = cluster_map_live(&strong->agreement->map);
    if (!flight->ordered || set == NULL || now_us < flight->adopted_us + ACK_TIMEOUT_US)
        return;
    node_set held = flight->acked | (flight->persisted ? node_bit(strong->self) : 0);
    note_stuck(strong, (set->in_sync | set->joining) & live & ~held, now_us);
}

static void resend(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    for (unsigned i = 0; i < RESENDS_PER_TICK_MAX && !list_empty(&strong->flights.by_age); i++) {
        struct flight *flight = LIST_ITEM(strong->flights.by_age.next, struct flight, age_link);
        if (now_us < flight->touched_us + RESEND_US) {
            effects_wake(effects, flight->touched_us + RESEND_US);
            return;
        }
        if (effects_over_budget(effects))
            break;
        look_for_stuck_flight(strong, flight, now_us);
        if (flight->ordered)
            primary_send_inv(strong, effects, flight, now_us);
        else
            backup_send_check(strong, effects, flight, now_us);
    }
    effects_wake(effects, list_empty(&strong->flights.by_age) ? UINT64_MAX : now_us);
}

static void expire(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    struct pending *pending;
    while ((pending = pendings_oldest(&strong->pendings)) != NULL &&
           now_us >= pending->since_us + PENDING_AGE_MAX_US)
        strong_answer_error(strong, effects, pending,
                            pending->decided && pending->wrote ? ERR_UNKNOWN : ERR_TIMEOUT);
    if (pending != NULL)
        effects_wake(effects, pending->since_us + PENDING_AGE_MAX_US);
}

void strong_tick(struct strong *strong, struct effects *effects, uint64_t now_us)
{
    takeover_tick(strong, effects, now_us);
    look_for_stuck(strong, now_us);
    resend(strong, effects, now_us);
    expire(strong, effects, now_us);
    joiner_tick(strong, effects, now_us);
    sweep_tick(strong, effects, now_us);
    if (strong->look_at_parked)
        look_at_parked(strong, effects);
    strong_invariants(strong);
}

void strong_wants(const struct strong *strong, struct wants *out)
{
    for (unsigned i = 0; i < strong->wants.shrink_count; i++)
        wants_add_shrink(out, strong->wants.shrinks[i].keyspace, &strong->wants.shrinks[i].slots);
    if (strong->sequence >= STAMP_SEQUENCE_MAX - PENDINGS_MAX)
        out->bump = true;
    wants_add_stuck(out, strong->self, strong->stuck);
    joiner_wants(strong, out);
}

void strong_invariants(const struct strong *strong)
{
    flights_invariants(&strong->flights);
    CHECK(!strong->live || strong->self != NODE_NONE);
    CHECK(!strong->ready || strong->live);
    CHECK(!strong->ready || strong->takeover_wanted == 0);
    CHECK(strong->ordered_count <= strong->flights.table.count);
    CHECK(strong->ordered_count == 0 || strong->ready);
}
