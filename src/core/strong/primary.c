// The primary of a slot: orders writes, collects ACKs, commits.

#include "base/check.h"
#include "base/rule.h"
#include "core/strong/strong_parts.h"

// The newest version of a key while requests are ordered on it, one after the other.
struct order {
    uint16_t slot; // of the key
    bool present;
    struct stamp stamp;            // zero when there never was a version
    struct operation_id operation; // that wrote it
    bool replaced;                 // it was not the key's first value
    bool changed;
    struct record record; // when changed
};

static enum err read_base(const struct strong *strong, uint32_t keyspace, uint16_t slot,
                          struct slice key, struct order *order)
{
    struct record base;
    *order = (struct order){.slot = slot};
    enum err error = record_store_get(strong->data, keyspace, slot, key, &base);
    if (error == ERR_NOT_FOUND)
        return ERR_OK;
    if (error == ERR_OK) {
        order->present = !base.dead;
        order->stamp = base.stamp;
        order->operation = base.operation;
        order->replaced = base.replaced;
    }
    return error;
}

static bool condition_holds(const struct request *request, const struct order *order)
{
    switch (request->condition) {
    case CONDITION_ABSENT:
        return !order->present;
    case CONDITION_PRESENT:
        return order->present;
    case CONDITION_STAMP:
        return order->present && stamp_compare(order->stamp, request->expected) == 0;
    case CONDITION_NONE:
    case CONDITION_COUNT:
        break;
    }
    return true;
}

// The newest version was written by this very operation: it is done, and not done twice.
static bool is_repeated(const struct request *request, const struct order *order)
{
    return !operation_id_is_zero(request->operation) && !stamp_is_zero(order->stamp) &&
           order->present == (request->kind == REQUEST_PUT) &&
           operation_id_equal(request->operation, order->operation);
}

// An operation that an earlier primary may have taken is done anew only if nothing can have
// happened to the key since: not if its version is as young, nor if there is none and it may have
// been deleted meanwhile, for a deleted key leaves no record.
static bool is_past_knowing(const struct strong *strong, const struct request *request,
                            const struct order *order)
{
    uint64_t epoch = request->first_epoch;
    if (epoch == 0)
        return false;
    // A version below that of the first try: that one was never committed, and never will be, for
    // what is ordered from now on is above it.
    if (!stamp_is_zero(order->stamp) && !stamp_is_zero(request->first_stamp))
        return stamp_compare(order->stamp, request->first_stamp) >= 0;
    if (!stamp_is_zero(order->stamp))
        return stamp_epoch(order->stamp) >= epoch;
    return !slot_pasts_is_quiet(&strong->pasts, request->keyspace, order->slot, epoch);
}

// Whether some replica of the key has no room for one more value. Deletes make room.
static bool has_no_room(const struct strong *strong, uint32_t keyspace, uint16_t slot)
{
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    node_set live = cluster_map_live(&strong->agreement->map);
    return ((set->in_sync | set->joining) & live & strong->full) != 0 || strong_is_full(strong);
}

// The answer to one put or delete on top of `order`, which moves on when it writes.
static struct reply order_one(struct strong *strong, struct order *order,
                              const struct request *request)
{
    struct reply reply = {.error = ERR_OK, .existed = order->present};
    if (order->present)
        reply.stamp = order->stamp;
    if (is_repeated(request, order)) {
        reply.existed = order->replaced;
        reply.stamp = order->stamp;
        return reply;
    }
    if (is_past_knowing(strong, request, order)) {
        reply.error = ERR_UNKNOWN;
        return reply;
    }
    if (!condition_holds(request, order)) {
        reply.error = ERR_MISMATCH;
        return reply;
    }
    bool deletes = request->kind == REQUEST_DELETE;
    if (deletes && !order->present) {
        reply.error = ERR_NOT_FOUND;
        return reply;
    }
    if (!deletes && has_no_room(strong, request->keyspace, order->slot)) {
        reply.error = ERR_FULL;
        return reply;
    }
    struct stamp stamp = stamp_make(strong_epoch(strong), ++strong->sequence, strong->self);
    if (!RULE(EPOCH_STAMPS))
        stamp.counter = order->stamp.counter + 1;
    order->changed = true;
    order->replaced = order->present;
    order->present = !deletes;
    order->stamp = stamp;
    order->operation = request->operation;
    order->record = (struct record){.stamp = stamp,
                                    .operation = request->operation,
                                    .replaced = order->replaced,
                                    .dead = deletes,
                                    .value = deletes ? slice_of(NULL, 0) : request->value};
    reply.stamp = stamp;
    return reply;
}

void primary_send_inv(struct strong *strong, struct effects *effects, struct flight *flight,
                      uint64_t now_us)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    node_set live = cluster_map_live(&strong->agreement->map);
    struct message message = {
        .kind = MESSAGE_INV,
        .inv = {.keyspace = flight->keyspace,
                .key = flight_key(flight),
                .record = slice_of(flight->record_bytes, flight->record_length)}};
    agreement_send_all(strong->agreement, effects,
                       (set->in_sync | set->joining) & live & ~flight->acked, &message);
    flight_touch(&strong->flights, flight, now_us);
}

void primary_adopt(struct strong *strong, struct effects *effects, struct flight *flight,
                   uint64_t now_us)
{
    if (RULE(FRESH_ACKS))
        flight->acked = 0;
    strong->ordered_count += !flight->ordered;
    flight->ordered = true;
    flight->epoch = strong_epoch(strong);
    flight->adopted_us = now_us;
    primary_send_inv(strong, effects, flight, now_us);
    primary_try_commit(strong, effects, flight, now_us);
}

// Writes the ordered record and sends it out; `decided` are those whose answers rest on it.
static void launch(struct strong *strong, struct effects *effects, uint64_t now_us,
                   uint32_t keyspace, uint16_t slot, struct slice key, const struct order *order,
                   struct list *decided)
{
    struct flight *flight = flights_find(&strong->flights, keyspace, key);
    if (flight != NULL)
        flight_end(&strong->flights, effects, flight); // a kept one
    flight = flights_add(&strong->flights, keyspace, slot, key, now_us);
    flight_write(&strong->flights, effects, flight, &order->record);
    list_move_all(&flight->writers, decided);
    primary_adopt(strong, effects, flight, now_us);
}

static void order_fresh(struct strong *strong, struct effects *effects, uint64_t now_us,
                        uint64_t handle, const struct request *request, uint16_t slot)
{
    struct order order;
    struct reply reply = {.error =
                              read_base(strong, request->keyspace, slot, request->key, &order)};
    if (reply.error == ERR_OK)
        reply = order_one(strong, &order, request);
    if (!order.changed) {
        strong->answer(strong->answer_context, effects, handle, &reply);
        return;
    }
    struct list decided;
    list_init(&decided);
    struct pending *pending = pendings_add_decided(&strong->pendings, handle, &reply, true, now_us);
    list_append(&decided, &pending->link);
    launch(strong, effects, now_us, request->keyspace, slot, request->key, &order, &decided);
}

// What keeps this node from ordering in a slot: ERR_OK (nothing), ERR_RETRY (it is not the primary,
// has no lease, or is about to leave), ERR_BUSY (not yet: park), ERR_UNAVAILABLE (too few
// replicas).
static enum err may_order(const struct strong *strong, const struct replica_set *set,
                          uint32_t keyspace)
{
    if (set == NULL || !strong_is_primary(strong, set))
        return ERR_RETRY;
    bool leaseless = !strong->agreement->releasing && !agreement_serves(strong->agreement);
    if (leaseless || strong->draining)
        return ERR_RETRY;
    if (!strong->ready || strong->agreement->releasing)
        return ERR_BUSY;
    if (strong->sequence >= STAMP_SEQUENCE_MAX - PENDINGS_MAX)
        return ERR_BUSY;
    const struct map_keyspace *map = cluster_map_keyspace(&strong->agreement->map, keyspace);
    node_set live = cluster_map_live(&strong->agreement->map);
    return node_set_count(set->in_sync & live) < map->keyspace.min_in_sync ? ERR_UNAVAILABLE
                                                                           : ERR_OK;
}

static struct reply unavailable(const struct strong *strong, const struct replica_set *set)
{
    node_set live = cluster_map_live(&strong->agreement->map);
    return (struct reply){.error = ERR_UNAVAILABLE,
                          .awaited = (set->in_sync | set->target) & ~live};
}

static void park(struct strong *strong, uint64_t now_us, uint64_t handle,
                 const struct request *request)
{
    struct pending *pending = pendings_add(&strong->pendings, handle, request, now_us);
    list_append(&strong->parked, &pending->link);
}

void primary_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request)
{
    uint16_t slot = slot_of_key(request->key);
    const struct replica_set *set = strong_slot(strong, request->keyspace, slot);
    enum err error = may_order(strong, set, request->keyspace);
    struct reply reply = {.error = error};
    if (error == ERR_BUSY) {
        park(strong, now_us, handle, request);
        return;
    }
    if (error == ERR_UNAVAILABLE)
        reply = unavailable(strong, set);
    struct flight *flight = flights_find(&strong->flights, request->keyspace, request->key);
    bool queued = flight != NULL && !flight->kept && !(flight->committed && flight->persisted);
    if (error == ERR_OK && queued) {
        struct pending *pending = pendings_add(&strong->pendings, handle, request, now_us);
        list_append(&flight->waiting, &pending->link);
        return;
    }
    if (error == ERR_OK && (strong->ordered_count >= FLIGHTS_ORDERED_MAX ||
                            strong->flights.bytes >= FLIGHTS_BYTES_MAX))
        reply.error = ERR_BUSY;
    if (reply.error == ERR_OK)
        order_fresh(strong, effects, now_us, handle, request, slot);
    else
        strong->answer(strong->answer_context, effects, handle, &reply);
}

// Decides each in turn; answers at once what rests on nothing uncommitted.
static void order_queue(struct strong *strong, struct effects *effects, struct list *queue,
                        struct order *order, struct list *decided)
{
    struct list *link;
    while ((link = list_take_first(queue)) != NULL) {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        bool changed = order->changed;
        struct stamp before = order->stamp;
        struct reply reply = order_one(strong, order, &pending->request);
        bool wrote = stamp_compare(before, order->stamp) != 0;
        if (!changed && !wrote) {
            strong_answer(strong, effects, pending, &reply);
            continue;
        }
        pending_decide(pending, &reply, wrote);
        list_append(decided, &pending->link);
    }
}

void primary_run_queue(struct strong *strong, struct effects *effects, uint64_t now_us,
                       struct list *queue)
{
    if (list_empty(queue))
        return;
    // The first pending may be answered and gone before its key is used.
    const struct request *first = &LIST_ITEM(queue->next, struct pending, link)->request;
    uint8_t key_bytes[KEY_BYTES_MAX];
    uint32_t keyspace = first->keyspace;
    struct slice key = slice_of(key_bytes, first->key.length);
    memcpy(key_bytes, first->key.bytes, first->key.length);
    uint16_t slot = slot_of_key(key);
    struct order order;
    bool writes_only = true;
    for (struct list *link = queue->next; link != queue; link = link->next) {
        enum request_kind kind = LIST_ITEM(link, struct pending, link)->request.kind;
        writes_only &= kind == REQUEST_PUT || kind == REQUEST_DELETE;
    }
    if (!writes_only ||
        may_order(strong, strong_slot(strong, keyspace, slot), keyspace) != ERR_OK ||
        flights_find(&strong->flights, keyspace, key) != NULL ||
        read_base(strong, keyspace, slot, key, &order) != ERR_OK) {
        list_move_all(&strong->parked, queue);
        strong->look_at_parked = true;
        return;
    }
    struct list decided;
    list_init(&decided);
    order_queue(strong, effects, queue, &order, &decided);
    if (order.changed)
        launch(strong, effects, now_us, keyspace, slot, key, &order, &decided);
}

static void want_shrink(struct strong *strong, const struct flight *flight)
{
    struct slot_set slots;
    slot_set_clear(&slots);
    slot_set_add(&slots, flight->slot);
    strong->wants_changed |= wants_add_shrink(&strong->wants, flight->keyspace, &slots);
}

static void send_val(struct strong *strong, struct effects *effects, const struct flight *flight)
{
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    node_set live = cluster_map_live(&strong->agreement->map);
    struct message message = {.kind = MESSAGE_VAL,
                              .val = {.keyspace = flight->keyspace,
                                      .stamp = flight->record.stamp,
                                      .key = flight_key(flight)}};
    agreement_send_all(strong->agreement, effects, (set->in_sync | set->joining) & live, &message);
}

void primary_try_commit(struct strong *strong, struct effects *effects, struct flight *flight,
                        uint64_t now_us)
{
    if (!flight->ordered || !flight->persisted)
        return;
    const struct replica_set *set = strong_slot(strong, flight->keyspace, flight->slot);
    node_set live = cluster_map_live(&strong->agreement->map);
    node_set held = flight->acked | node_bit(strong->self);
    node_set needed = set->in_sync | set->joining;
    if (!RULE(WHOLE_LIST))
        needed &= live;
    if ((needed & ~live) != 0)
        want_shrink(strong, flight);
    else if ((needed & ~held) == 0) {
        send_val(strong, effects, flight);
        commit_flight(strong, effects, flight, now_us);
    }
}

void primary_on_ack(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                    const struct message_ack *ack)
{
    struct flight *flight = flights_find(&strong->flights, (uint32_t)ack->keyspace, ack->key);
    if (flight == NULL || !flight->ordered || stamp_compare(flight->record.stamp, ack->stamp) != 0)
        return;
    flight->acked |= node_bit(from);
    primary_try_commit(strong, effects, flight, now_us);
}

void primary_on_check(struct strong *strong, struct effects *effects, node_id from,
                      const struct message_check *check)
{
    uint32_t keyspace = (uint32_t)check->keyspace;
    if (!key_is_valid(check->key))
        return;
    uint16_t slot = slot_of_key(check->key);
    const struct replica_set *set = strong_slot(strong, keyspace, slot);
    struct flight *flight = flights_find(&strong->flights, keyspace, check->key);
    if (set == NULL || !strong_is_primary(strong, set) || !strong->ready ||
        (flight != NULL && !flight->kept))
        return;
    // Nothing is in flight here: what a replica still holds in flight was committed, and its VAL
    // was lost. A certificate may be gone already.
    struct record record;
    enum err error = record_store_get(strong->data, keyspace, slot, check->key, &record);
    bool same = error == ERR_OK && stamp_compare(record.stamp, check->stamp) == 0;
    if (!same && !(error == ERR_NOT_FOUND && check->dead))
        return;
    struct message message = {
        .kind = MESSAGE_VAL,
        .val = {.keyspace = keyspace, .stamp = check->stamp, .key = check->key}};
    agreement_send(strong->agreement, effects, from, &message);
}
