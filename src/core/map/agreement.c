// The learner and the shared ground of acceptor.c and proposer.c.

#include "core/map/agreement.h"

#include "base/check.h"
#include "base/rule.h"
#include "core/map/agreement_parts.h"

enum { MAP_ASK_INTERVAL_US = 20 * 1000, RELEASE_INTERVAL_US = 20 * 1000 };

void agreement_init(struct agreement *agreement, const struct identity *identity,
                    struct cluster_map *map, const struct acceptor_state *acceptor, uint64_t seed,
                    uint64_t now_us)
{
    memset(agreement, 0, sizeof *agreement);
    agreement->identity = *identity;
    rng_init(&agreement->rng, seed);
    agreement->map = *map;
    cluster_map_init(map);
    agreement->was_named = agreement->map.epoch > 0;
    lease_init(&agreement->lease);
    agreement->lease.now_us = now_us;
    grants_init(&agreement->grants, &agreement->map, now_us);
    buf_init(&agreement->accepted_map, CLUSTER_MAP_BYTES_MAX);
    buf_init(&agreement->value, CLUSTER_MAP_BYTES_MAX);
    if (acceptor == NULL || acceptor->base_epoch != agreement->map.epoch)
        return;
    agreement->promised = acceptor->promised;
    agreement->accepted = acceptor->accepted;
    agreement->counter_seen = acceptor->promised.counter;
    buf_append_slice(&agreement->accepted_map, acceptor->accepted_map);
    acceptor_withhold(agreement, true);
}

void agreement_release(struct agreement *agreement)
{
    cluster_map_release(&agreement->map);
    buf_release(&agreement->accepted_map);
    buf_release(&agreement->value);
}

node_id agreement_self(const struct agreement *agreement)
{
    const struct map_node *self =
        cluster_map_node_of_store(&agreement->map, agreement->identity.store_id);
    return self != NULL ? self->id : NODE_NONE;
}

bool agreement_is_named(const struct agreement *agreement)
{
    const struct map_node *self =
        cluster_map_node_of_store(&agreement->map, agreement->identity.store_id);
    return self != NULL && self->incarnation == agreement->identity.incarnation;
}

bool agreement_is_voter(const struct agreement *agreement)
{
    const struct map_node *self =
        cluster_map_node_of_store(&agreement->map, agreement->identity.store_id);
    // A store whose incarnation went back has forgotten what it promised.
    return self != NULL && agreement->identity.incarnation >= self->incarnation &&
           node_set_has(agreement->map.voters, self->id);
}

bool agreement_serves(const struct agreement *agreement)
{
    return !agreement->releasing && (!RULE(LEASE) || lease_is_held(&agreement->lease));
}

void agreement_ask_leases(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    const struct cluster_map *map = &agreement->map;
    struct message message = {.kind = MESSAGE_LEASE_WANT, .lease_want = {.sent_us = now_us}};
    for (node_id id = node_set_first(map->voters); id != NODE_NONE;
         id = node_set_after(map->voters, id))
        agreement_send(agreement, effects, id, &message);
}

void agreement_send(const struct agreement *agreement, struct effects *effects, node_id to,
                    struct message *message)
{
    const struct map_node *node = cluster_map_node(&agreement->map, to);
    if (node != NULL)
        effects_send(effects, node->store_id, node->incarnation, message);
}

void agreement_send_all(const struct agreement *agreement, struct effects *effects, node_set to,
                        struct message *message)
{
    to &= ~node_bit(agreement_self(agreement));
    for (node_id id = node_set_first(to); id != NODE_NONE; id = node_set_after(to, id))
        agreement_send(agreement, effects, id, message);
}

void agreement_send_map(const struct agreement *agreement, struct effects *effects, uint64_t peer)
{
    if (agreement->map.epoch == 0)
        return;
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, &agreement->map);
    struct message message = {.kind = MESSAGE_MAP, .map = {.map = buf_slice(&bytes)}};
    effects_send(effects, peer, 0, &message);
    buf_release(&bytes);
}

void agreement_ask_map(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                       uint64_t peer)
{
    if (now_us < agreement->map_asked_us + MAP_ASK_INTERVAL_US && agreement->map_asked_us != 0)
        return;
    agreement->map_asked_us = now_us;
    struct message message = {.kind = MESSAGE_MAP_WANT};
    effects_send(effects, peer, 0, &message);
}

// Everything that spoke of the instance before is done with.
static void begin_instance(struct agreement *agreement)
{
    agreement->promised = (struct ballot){0};
    agreement->accepted = (struct ballot){0};
    buf_clear(&agreement->accepted_map);
    if (RULE(RELEASE_EPOCH))
        agreement->released = 0;
    agreement->confirmed = 0;
    agreement->releasing = false;
    agreement->deferred_count = 0;
    agreement->withheld_token = 0;
    agreement->grants.withheld = 0;
    agreement->grants.none = false;
    agreement->phase = PROPOSER_IDLE;
    agreement->counter_seen = 0;
    agreement->retry_us = 0;
    agreement->refusals = 0;
}

// Leases that were granted by others, or in epochs that this voter never saw, are unknown to it.
static void revise_leases(struct agreement *agreement, const struct cluster_map *next,
                          uint64_t now_us)
{
    const struct cluster_map *before = &agreement->map;
    lease_on_map(&agreement->lease, before, next);
    grants_on_map(&agreement->grants, before, next, now_us);
    if (RULE(NEW_VOTER_WAIT) &&
        (next->voters != before->voters || next->epoch != before->epoch + 1))
        grants_to_everybody(&agreement->grants, now_us, next->lease_ms);
}

void agreement_learn(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                     struct cluster_map *map)
{
    const struct cluster_id *own =
        agreement->map.epoch > 0 ? &agreement->map.cluster : &agreement->identity.cluster;
    bool foreign = !cluster_id_is_zero(*own) && !cluster_id_equal(map->cluster, *own);
    agreement->foreign_seen |= foreign;
    // Voters of an older generation were lost for ever: whatever is decided in it since is void.
    if (foreign || map->generation < agreement->map.generation ||
        map->epoch <= agreement->map.epoch) {
        cluster_map_release(map);
        return;
    }
    revise_leases(agreement, map, now_us);
    cluster_map_release(&agreement->map);
    agreement->map = *map;
    cluster_map_init(map);
    begin_instance(agreement);
    effects->epoch = agreement->map.epoch;
    bool named_first = agreement_self(agreement) != NODE_NONE && !agreement->was_named;
    bool met_first = agreement->roams && cluster_id_is_zero(agreement->identity.cluster);
    if (named_first || met_first) {
        agreement->was_named = named_first;
        agreement->identity.cluster = agreement->map.cluster;
        voter_store_put_identity(effects, &agreement->identity);
    }
    // Who was never a member has nothing to keep: started again, it joins as if for the first time.
    if (!agreement->was_named && !agreement->roams)
        return;
    // One batch: the acceptor's older state goes with the map that ended its instance.
    voter_store_put_map(effects, &agreement->map);
    voter_store_put_acceptor(effects, &(struct acceptor_state){.base_epoch = agreement->map.epoch});
    effects_token(effects, EFFECT_VOTER);
}

void agreement_spread(const struct agreement *agreement, struct effects *effects)
{
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, &agreement->map);
    struct message message = {.kind = MESSAGE_MAP, .map = {.map = buf_slice(&bytes)}};
    agreement_send_all(agreement, effects, cluster_map_members(&agreement->map), &message);
    buf_release(&bytes);
}

static void on_map(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                   const struct message *message)
{
    struct cluster_map map;
    cluster_map_init(&map);
    if (cluster_map_decode(message->map.map, &map) == ERR_OK)
        agreement_learn(agreement, effects, now_us, &map);
}

// Every voter must hear of it: said again until the next map ends it.
static void send_release(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    struct message release = {.kind = MESSAGE_RELEASE};
    agreement_send_all(agreement, effects, agreement->map.voters, &release);
    agreement->release_sent_us = now_us;
}

static void on_release_want(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    agreement->releasing = true;
    node_set self = node_bit(agreement_self(agreement));
    agreement->released |= self;
    agreement->confirmed |= agreement_is_named(agreement) ? self : 0;
    send_release(agreement, effects, now_us);
    proposer_on_release(agreement, effects, now_us);
}

static void on_lease_want(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                          const struct map_node *from, const struct message *message)
{
    if (!agreement_is_voter(agreement) || message->from_incarnation != from->incarnation ||
        !grants_ask(&agreement->grants, from->id, now_us, agreement->map.lease_ms))
        return;
    struct message lease = {.kind = MESSAGE_LEASE,
                            .lease = {.sent_us = message->lease_want.sent_us}};
    effects_send(effects, from->store_id, from->incarnation, &lease);
}

void agreement_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                          uint64_t peer, const struct message *message)
{
    const struct map_node *from = cluster_map_node_of_store(&agreement->map, peer);
    if (message->kind == MESSAGE_MAP) {
        on_map(agreement, effects, now_us, message);
    } else if (message->kind == MESSAGE_MAP_WANT) {
        if (message->epoch < agreement->map.epoch)
            agreement_send_map(agreement, effects, peer);
    } else if (from != NULL && message->epoch == agreement->map.epoch) {
        if (message->kind == MESSAGE_LEASE_WANT) {
            on_lease_want(agreement, effects, now_us, from, message);
        } else if (message->kind == MESSAGE_LEASE) {
            if (message->to_incarnation == agreement->identity.incarnation)
                lease_on_grant(&agreement->lease, &agreement->map, from->id,
                               message->lease.sent_us);
        } else if (message->kind == MESSAGE_RELEASE_WANT) {
            on_release_want(agreement, effects, now_us);
        } else if (message->kind == MESSAGE_RELEASE &&
                   message->from_incarnation >= from->incarnation) {
            // A later process speaks for the one that the map names: that one is gone.
            agreement->released |= node_bit(from->id);
            agreement->confirmed &= ~node_bit(from->id);
            agreement->confirmed |=
                message->from_incarnation == from->incarnation ? node_bit(from->id) : 0;
            agreement->grants.refused_until_us[from->id] = 0;
            proposer_on_release(agreement, effects, now_us);
        } else if (message->kind == MESSAGE_PREPARE || message->kind == MESSAGE_ACCEPT) {
            acceptor_on_message(agreement, effects, now_us, peer, message);
        } else {
            proposer_on_message(agreement, effects, now_us, from->id, message);
        }
    }
    agreement_invariants(agreement);
}

void agreement_tick(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    proposer_tick(agreement, effects, now_us);
    if (agreement->releasing) {
        if (now_us >= agreement->release_sent_us + RELEASE_INTERVAL_US)
            send_release(agreement, effects, now_us);
        effects_wake(effects, agreement->release_sent_us + RELEASE_INTERVAL_US);
    }
    agreement_invariants(agreement);
}

void agreement_invariants(const struct agreement *agreement)
{
    CHECK(ballot_compare(&agreement->promised, &agreement->accepted) >= 0);
    CHECK(agreement->phase == PROPOSER_IDLE || agreement->value.length > 0);
    CHECK(agreement->phase == PROPOSER_IDLE || agreement_is_voter(agreement));
    CHECK(agreement->deferred_count <= DEFERRED_ANSWERS_MAX);
}
