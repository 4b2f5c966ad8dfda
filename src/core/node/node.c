#include "core/node/node.h"

#include "base/check.h"
#include "core/map/next_map.h"
#include "core/node/membership.h"
#include "core/node/peering.h"
#include "core/node/router.h"

#include <stdlib.h>

// A node ticks several times in this: without a step for so long it was not running.
enum { AWAY_US = 400 * 1000 };

// The last message taken from each member. An id may go to another store after a removal.
struct link_state {
    uint64_t store_id;
    uint64_t incarnation;
    uint64_t sequence;
};

struct node {
    struct agreement agreement;
    struct coordinator coordinator;
    struct strong strong;
    struct router router;
    struct membership membership;
    struct peering peering;
    struct link_state links[NODES_MAX + 1];
    uint64_t epoch_seen; // the last map that every core heard of
};

static void first_map(const struct node_config *config, const struct identity *identity,
                      struct rng *rng, struct cluster_map *out)
{
    struct cluster_id cluster = {.high = rng_u64(rng), .low = rng_u64(rng)};
    struct want_admit self;
    membership_self(config, identity, &self);
    next_map_first(cluster, &self, config->strategy, config->replication_factor, out);
}

// Every core hears of a newer map, once.
static void hear_of_map(struct node *node, struct effects *effects, uint64_t now_us)
{
    if (node->agreement.map.epoch == node->epoch_seen)
        return;
    node->epoch_seen = node->agreement.map.epoch;
    effects->epoch = node->epoch_seen;
    membership_on_map(&node->membership, effects);
    coordinator_on_map(&node->coordinator, &node->agreement.map, now_us);
    strong_on_map(&node->strong, effects, now_us);
    router_on_map(&node->router, effects, now_us);
    peering_on_map(&node->peering, effects, now_us);
}

static void tell_wants(struct node *node, struct effects *effects, uint64_t now_us)
{
    struct wants *wants = &node->membership.outgoing;
    bool dirty = node->strong.wants_changed || node->router.changes_dirty;
    if (!membership_tells_now(&node->membership, effects, now_us, dirty))
        return;
    node->strong.wants_changed = false;
    node->router.changes_dirty = false;
    wants_clear(wants);
    membership_stop_wants(&node->membership, wants, node->strong.ordered_count == 0, now_us);
    strong_wants(&node->strong, wants);
    router_wants(&node->router, wants);
    membership_tell(&node->membership, effects, now_us, &node->coordinator);
}

// What every step ends with.
static void settle(struct node *node, struct effects *effects, uint64_t now_us)
{
    hear_of_map(node, effects, now_us);
    tell_wants(node, effects, now_us);
    coordinator_tick(&node->coordinator, &node->agreement, effects, now_us);
    hear_of_map(node, effects, now_us);
}

enum err node_new(const struct node_config *config, const struct identity *identity,
                  const struct node_stores *stores, uint64_t now_us, struct effects *effects,
                  struct node **out)
{
    struct rng rng;
    struct cluster_map map;
    struct acceptor_state acceptor;
    rng_init(&rng, config->seed);
    cluster_map_init(&map);
    enum err error = voter_store_map(stores->voter, &map);
    if (error != ERR_OK &&
        (error != ERR_NOT_FOUND || (!config->init && config->join_address == NULL &&
                                    !(config->roams && config->hears_beacons))))
        return error;
    enum err acceptor_error = voter_store_acceptor(stores->voter, &acceptor);
    if (acceptor_error != ERR_OK && acceptor_error != ERR_NOT_FOUND) {
        cluster_map_release(&map);
        return acceptor_error;
    }
    bool first = error == ERR_NOT_FOUND && config->init;
    if (first)
        first_map(config, identity, &rng, &map);
    struct node *node = memory_zeroed(1, sizeof *node);
    agreement_init(&node->agreement, identity, &map, acceptor_error == ERR_OK ? &acceptor : NULL,
                   rng_u64(&rng), now_us);
    if (first) {
        node->agreement.identity.cluster = node->agreement.map.cluster;
        voter_store_put_identity(effects, &node->agreement.identity);
        voter_store_put_map(effects, &node->agreement.map);
        effects_token(effects, EFFECT_VOTER);
    }
    node->agreement.roams = config->roams;
    node->agreement.was_named &= !config->roams; // it has a map, as one that was never in it
    coordinator_init(&node->coordinator, config->repair_delay_ms);
    coordinator_on_map(&node->coordinator, &node->agreement.map, now_us);
    membership_init(&node->membership, config, &node->agreement);
    error = strong_init(&node->strong, &node->agreement, stores->data, rng_u64(&rng), now_us);
    router_init(&node->router, &node->agreement, &node->strong, rng_u64(&rng));
    peering_init(&node->peering, config, &node->agreement, stores->data, rng_u64(&rng));
    node->strong.sync_bytes_per_s = config->sync_bytes_per_s;
    node->strong.answer = router_answer;
    node->strong.answer_context = &node->router;
    effects->incarnation = identity->incarnation;
    effects->epoch = node->agreement.map.epoch;
    if (error != ERR_OK) {
        node_free(node);
        return error;
    }
    settle(node, effects, now_us);
    effects_wake(effects, now_us);
    *out = node;
    return ERR_OK;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    peering_release(&node->peering);
    coordinator_release(&node->coordinator);
    router_release(&node->router);
    strong_release(&node->strong);
    agreement_release(&node->agreement);
    free(node);
}

// What is urgent needs no order: agreement takes it all, but for the ping, which is only heard, and
// wishes. (JOIN is taken before.)
static bool is_agreement(enum message_kind kind)
{
    return message_is_urgent(kind) && kind != MESSAGE_PING && kind != MESSAGE_WANTS;
}

// Sync asks again for what is lost and knows what it asked for: it needs no order.
static bool is_sync(enum message_kind kind)
{
    return kind == MESSAGE_SYNC_OPEN || kind == MESSAGE_SYNC_SYMBOLS || kind == MESSAGE_SYNC_MORE ||
           kind == MESSAGE_SYNC_FETCH || kind == MESSAGE_SYNC_RECORDS;
}

// Between the processes that the map names, and newer than everything that was taken from that
// peer.
static bool is_in_order(struct node *node, const struct map_node *from,
                        const struct message *message)
{
    struct link_state *link = &node->links[from->id];
    if (message->from_incarnation != from->incarnation ||
        message->to_incarnation != node->agreement.identity.incarnation)
        return false;
    if (is_sync(message->kind))
        return true;
    if (link->store_id == from->store_id && link->incarnation == message->from_incarnation &&
        message->sequence <= link->sequence)
        return false;
    *link = (struct link_state){.store_id = from->store_id,
                                .incarnation = message->from_incarnation,
                                .sequence = message->sequence};
    return true;
}

static void hand_on(struct node *node, struct effects *effects, uint64_t now_us, uint64_t peer,
                    const struct message *message)
{
    const struct map_node *from = cluster_map_node_of_store(&node->agreement.map, peer);
    if (from == NULL)
        return;
    if (message->kind == MESSAGE_WANTS)
        coordinator_on_wants(&node->coordinator, message->wants.wants);
    else if (!is_in_order(node, from, message))
        return;
    else if (message->kind == MESSAGE_ANSWER)
        router_on_answer(&node->router, effects, now_us, &message->answer);
    else if (message->kind == MESSAGE_FORWARD)
        router_on_forward(&node->router, effects, now_us, peer, message->from_incarnation,
                          message->epoch == node->agreement.map.epoch, &message->forward);
    else
        strong_on_message(&node->strong, effects, now_us, from->id, message);
}

// Epochs differ: whoever is behind gets the map.
static bool is_of_this_epoch(struct node *node, struct effects *effects, uint64_t now_us,
                             uint64_t peer, const struct message *message)
{
    uint64_t epoch = node->agreement.map.epoch;
    if (message->epoch > epoch)
        agreement_ask_map(&node->agreement, effects, now_us, peer);
    else if (message->epoch < epoch && message->kind != MESSAGE_MAP &&
             message->kind != MESSAGE_MAP_WANT)
        membership_help(&node->membership, effects, now_us, peer);
    return message->epoch == epoch;
}

static void hear(struct node *node, uint64_t now_us, uint64_t peer, const struct message *message)
{
    const struct map_node *from = cluster_map_node_of_store(&node->agreement.map, peer);
    if (from == NULL || message->from_incarnation < from->incarnation)
        return;
    if (message->from_incarnation > from->incarnation) {
        coordinator_on_restarted(&node->coordinator, from->id, message->from_incarnation, now_us);
        return;
    }
    coordinator_on_heard(&node->coordinator, from->id, now_us);
    if (message->kind != MESSAGE_PING || message->epoch != node->agreement.map.epoch)
        return;
    strong_on_room(&node->strong, from->id, message->ping.full);
    coordinator_on_lapsed(&node->coordinator, from->id, message->ping.lapsed, now_us);
    coordinator_watch(&node->coordinator, &node->agreement, now_us);
}

// Who may lack the end of what it had reported tells a member what it has, until a map names it.
static void on_prefix(struct node *node, struct effects *effects, uint64_t now_us, uint64_t peer,
                      const struct message *message)
{
    const struct agreement *agreement = &node->agreement;
    if (message->kind == MESSAGE_PREFIX)
        coordinator_on_prefix(&node->coordinator, agreement, effects, peer, message, now_us);
    else if (message->to_incarnation == agreement->identity.incarnation &&
             membership_is_suspect(&node->membership) &&
             cluster_map_node_of_store(&agreement->map, peer) != NULL)
        strong_tell_prefix(&node->strong, effects, peer, &message->prefix_want);
}

// Who gave a roaming peer its first map, wherever that was asked for, is somebody to greet: it may
// be the only one who is there, and may not have heard yet who asked.
static void on_map(struct node *node, struct effects *effects, uint64_t now_us, uint64_t peer,
                   const struct message *message)
{
    char address[ADDRESS_BYTES_MAX + 1] = "";
    const char *asked_at = membership_asked_at(&node->membership, peer);
    if (asked_at != NULL)
        memcpy(address, asked_at, strlen(asked_at) + 1);
    agreement_on_message(&node->agreement, effects, now_us, peer, message);
    if (address[0] != '\0' && node->agreement.map.epoch > 0)
        epidemic_meet(&node->peering.epidemic, effects, peer, slice_of_text(address), false);
}

static void on_message(struct node *node, struct effects *effects, uint64_t now_us, uint64_t peer,
                       struct slice bytes)
{
    struct message message;
    if (message_decode(bytes, &message) != ERR_OK)
        return;
    if (epidemic_takes(message.kind)) {
        peering_on_message(&node->peering, effects, now_us, peer, &message);
        return;
    }
    hear(node, now_us, peer, &message);
    if (message.kind == MESSAGE_JOIN) {
        membership_on_join(&node->membership, effects, now_us, peer, &message.join);
        return;
    }
    if (message.kind == MESSAGE_PREFIX_WANT || message.kind == MESSAGE_PREFIX) {
        on_prefix(node, effects, now_us, peer, &message);
        return;
    }
    bool current = is_of_this_epoch(node, effects, now_us, peer, &message);
    if (message.kind == MESSAGE_MAP)
        on_map(node, effects, now_us, peer, &message);
    else if (is_agreement(message.kind))
        agreement_on_message(&node->agreement, effects, now_us, peer, &message);
    else if ((current || message.kind == MESSAGE_ANSWER || message.kind == MESSAGE_FORWARD) &&
             message.kind != MESSAGE_PING)
        hand_on(node, effects, now_us, peer, &message);
}

static void tick(struct node *node, struct effects *effects, uint64_t now_us)
{
    membership_tick(&node->membership, effects, now_us, strong_is_full(&node->strong));
    agreement_tick(&node->agreement, effects, now_us);
    hear_of_map(node, effects, now_us);
    coordinator_watch(&node->coordinator, &node->agreement, now_us);
    strong_tick(&node->strong, effects, now_us);
    router_tick(&node->router, effects, now_us);
    peering_tick(&node->peering, effects, now_us, strong_is_full(&node->strong));
}

// What is no business of the optimistic keyspaces here. A roaming peer has no other business.
static void request_elsewhere(struct node *node, struct effects *effects,
                              const struct node_event *event)
{
    bool here = event->request->kind <= REQUEST_CHANGE;
    if (here && !node->membership.roams)
        router_request(&node->router, effects, event->now_us, event->handle, event->request);
    else
        effects_reply(effects, event->handle,
                      &(struct reply){.error = here ? ERR_ROAMING : ERR_NOT_FOUND});
}

void node_step(struct node *node, const struct node_event *event, struct effects *effects)
{
    uint64_t last_us = node->agreement.lease.now_us;
    if (event->now_us >= last_us + AWAY_US)
        grants_forgive(&node->agreement.grants, last_us, event->now_us);
    node->agreement.lease.now_us = event->now_us;
    if (event->utc_ms != 0)
        peering_tell_utc(&node->peering, event->now_us, event->utc_ms);
    switch (event->kind) {
    case NODE_EVENT_TICK:
        tick(node, effects, event->now_us);
        break;
    case NODE_EVENT_MESSAGE:
        on_message(node, effects, event->now_us, event->peer, event->message);
        break;
    case NODE_EVENT_DATA_DURABLE:
        node->router.now_us = event->now_us;
        strong_on_durable(&node->strong, effects, event->now_us, event->token);
        peering_on_durable(&node->peering, effects, event->now_us, event->token);
        break;
    case NODE_EVENT_VOTER_SYNCED:
        agreement_on_synced(&node->agreement, effects, event->token);
        break;
    case NODE_EVENT_REQUEST:
        if (!peering_request(&node->peering, effects, event->now_us, event->handle, event->request))
            request_elsewhere(node, effects, event);
        break;
    case NODE_EVENT_STOP:
        membership_stop(&node->membership, event->now_us);
        node->strong.draining = true;
        break;
    case NODE_EVENT_DATA_FAILED:
        membership_stop(&node->membership, event->now_us);
        strong_on_data_failed(&node->strong, effects, event->now_us);
        break;
    case NODE_EVENT_BEACON:
        membership_on_beacon(&node->membership, effects, event->now_us, event->peer,
                             event->address);
        peering_on_beacon(&node->peering, effects, event->now_us, event->peer, event->address);
        break;
    }
    settle(node, effects, event->now_us);
}

const struct cluster_map *node_map(const struct node *node)
{
    return node->agreement.map.epoch > 0 ? &node->agreement.map : NULL;
}

static void count_slots(const struct node *node, struct node_status *status)
{
    const struct cluster_map *map = &node->agreement.map;
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            const struct replica_set *set = map_keyspace_slot(&map->keyspaces[i], (uint16_t)slot);
            status->slots_in_sync += node_set_has(set->in_sync, status->self);
            status->slots_joining += node_set_has(set->joining, status->self);
            status->slots_awaited += node_set_has(set->target & ~set->in_sync, status->self);
        }
    }
}

bool node_is_foreign(const struct node *node)
{
    return node->agreement.foreign_seen && membership_is_joining(&node->membership);
}

bool node_is_removed(const struct node *node)
{
    return membership_is_removed(&node->membership);
}

bool node_has_left(const struct node *node)
{
    return membership_has_left(&node->membership);
}

bool node_is_serving(const struct node *node)
{
    return node->strong.live && node->strong.ready && agreement_serves(&node->agreement);
}

struct node_status node_status(const struct node *node)
{
    const struct strong *strong = &node->strong;
    struct node_status status = {.self = agreement_self(&node->agreement),
                                 .store_id = node->agreement.identity.store_id,
                                 .incarnation = node->agreement.identity.incarnation,
                                 .epoch = node->agreement.map.epoch,
                                 .serving = node_is_serving(node),
                                 .roams = node->membership.roams,
                                 .lease_held = lease_is_held(&node->agreement.lease),
                                 .in_flight =
                                     strong->flights.table.count - strong->flights.kept_count,
                                 .sync_records = strong->sync_records,
                                 .sync_bytes = strong->sync_bytes};
    count_slots(node, &status);
    return status;
}

const struct epidemic *node_epidemic(const struct node *node)
{
    return &node->peering.epidemic;
}

void node_follow(struct node *node)
{
    peering_follow(&node->peering);
}
