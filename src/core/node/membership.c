#include "core/node/membership.h"

#include "base/check.h"

// A lease is renewed five times while it lasts; one that is not held is asked for more often.
enum {
    PING_INTERVAL_US = 200 * 1000,
    ROAMING_PING_INTERVAL_US = 2 * 1000 * 1000,
    LEASE_INTERVAL_US = 200 * 1000,
    LEASE_AGAIN_US = 20 * 1000,
    JOIN_INTERVAL_US = 100 * 1000,
    FOUND_KEPT_US = 2 * 1000 * 1000, // who is found by a beacon has so long to answer
    TELL_INTERVAL_US = 50 * 1000,
    TELLS_PER_VOTER = 4,
    CANDIDATE_AGE_MAX_US = 2 * 1000 * 1000,
    HELP_INTERVAL_US = 50 * 1000,
    RELEASED_LONG_US = 500 * 1000,
    DRAIN_US = 200 * 1000
};

void membership_self(const struct node_config *config, const struct identity *identity,
                     struct want_admit *out)
{
    *out = (struct want_admit){.store_id = identity->store_id,
                               .incarnation = identity->incarnation,
                               .claim = config->claim};
    struct signing_key key = signing_key_of(&identity->secret);
    memcpy(out->key, key.bytes, sizeof out->key);
    CHECK(address_copy(out->peer_address, slice_of_text(config->peer_address)));
    CHECK(address_copy(out->http_address, slice_of_text(config->http_address)));
}

void membership_init(struct membership *membership, const struct node_config *config,
                     struct agreement *agreement)
{
    memset(membership, 0, sizeof *membership);
    membership->agreement = agreement;
    membership_self(config, &agreement->identity, &membership->self);
    if (config->join_address != NULL)
        CHECK(address_copy(membership->join_address, slice_of_text(config->join_address)));
    membership->roams = config->roams;
    membership->dirty = true;
}

// This node's bit while the newest map calls it up.
static node_set own_bit_if_up(const struct membership *membership)
{
    const struct map_node *self =
        cluster_map_node_of_store(&membership->agreement->map, membership->self.store_id);
    return self != NULL && self->state == NODE_UP ? node_bit(self->id) : 0;
}

void membership_stop(struct membership *membership, uint64_t now_us)
{
    membership->stop_us = now_us;
    membership->dirty = true;
}

void membership_stop_wants(struct membership *membership, struct wants *wants, bool drained,
                           uint64_t now_us)
{
    if (membership->stop_us == 0)
        return;
    membership->leaves |= drained || now_us >= membership->stop_us + DRAIN_US;
    if (membership->leaves)
        wants->stopping |= own_bit_if_up(membership);
}

bool membership_has_left(const struct membership *membership)
{
    return membership->stop_us != 0 && own_bit_if_up(membership) == 0;
}

bool membership_is_removed(const struct membership *membership)
{
    return membership->agreement->was_named &&
           cluster_map_node_of_store(&membership->agreement->map, membership->self.store_id) ==
               NULL;
}

static bool is_named(const struct membership *membership, const struct want_admit *admit)
{
    const struct map_node *node =
        cluster_map_node_of_store(&membership->agreement->map, admit->store_id);
    return node != NULL && node->incarnation >= admit->incarnation;
}

bool membership_is_suspect(const struct membership *membership)
{
    return membership->self.claim == CLAIM_SUSPECT && !is_named(membership, &membership->self);
}

bool membership_is_joining(const struct membership *membership)
{
    return membership->join_address[0] != '\0';
}

void membership_on_map(struct membership *membership, struct effects *effects)
{
    const struct cluster_map *map = &membership->agreement->map;
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].store_id != membership->self.store_id)
            effects_route(effects, map->nodes[i].store_id, map->nodes[i].peer_address);
    bool arrived = membership->roams || is_named(membership, &membership->self);
    if (membership->join_address[0] != '\0' && arrived) {
        effects_route(effects, PEER_SEED, NULL);
        membership->join_address[0] = '\0';
    }
    membership->found = PEER_SEED;
    unsigned kept = 0;
    for (unsigned i = 0; i < membership->candidate_count; i++)
        if (!is_named(membership, &membership->candidates[i].admit))
            membership->candidates[kept++] = membership->candidates[i];
    membership->candidate_count = kept;
    membership->dirty = true;
    membership->attempt = 0;
    membership->released_us = 0;
    membership->leases_asked_us = 0;
}

void membership_help(struct membership *membership, struct effects *effects, uint64_t now_us,
                     uint64_t peer)
{
    for (unsigned i = 0; i < HELPED_MAX; i++)
        if (membership->helped[i].peer == peer &&
            now_us < membership->helped[i].at_us + HELP_INTERVAL_US)
            return;
    membership->helped[membership->helped_next] = (struct helped){.peer = peer, .at_us = now_us};
    membership->helped_next = (membership->helped_next + 1) % HELPED_MAX;
    agreement_send_map(membership->agreement, effects, peer);
}

void membership_on_join(struct membership *membership, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message_join *join)
{
    struct want_admit admit = {
        .store_id = join->store_id, .incarnation = join->incarnation, .fresh = join->fresh};
    if (join->claim >= CLAIM_COUNT)
        return;
    admit.claim = (enum claim)join->claim;
    if (join->store_id != peer || peer == membership->self.store_id ||
        !address_copy(admit.peer_address, join->peer_address) ||
        !address_copy(admit.http_address, join->http_address) || join->key.length != NODE_KEY_BYTES)
        return;
    memcpy(admit.key, join->key.bytes, NODE_KEY_BYTES);
    effects_route(effects, peer, admit.peer_address);
    const struct cluster_id *own = &membership->agreement->map.cluster;
    struct cluster_id of = {.high = join->cluster_high, .low = join->cluster_low};
    bool foreign = !cluster_id_is_zero(of) && !cluster_id_equal(of, *own);
    // A node of another cluster is shown this one's map, and sees that it is in the wrong place.
    // So is one that was removed.
    bool removed = !join->fresh &&
                   cluster_map_node_of_store(&membership->agreement->map, join->store_id) == NULL;
    if (foreign || removed || is_named(membership, &admit)) {
        membership_help(membership, effects, now_us, peer);
        return;
    }
    unsigned at = 0;
    while (at < membership->candidate_count &&
           membership->candidates[at].admit.store_id != admit.store_id)
        at++;
    if (at == CANDIDATES_MAX)
        return;
    if (at < membership->candidate_count &&
        membership->candidates[at].admit.incarnation > admit.incarnation)
        return;
    membership->dirty |= at == membership->candidate_count;
    membership->candidate_count += at == membership->candidate_count;
    membership->candidates[at] = (struct candidate){.admit = admit, .asked_us = now_us};
}

bool membership_tells_now(struct membership *membership, struct effects *effects, uint64_t now_us,
                          bool dirty)
{
    effects_wake(effects, membership->told_us + TELL_INTERVAL_US);
    return dirty || membership->dirty || now_us >= membership->told_us + TELL_INTERVAL_US;
}

// Who released and hears of no next map asks for any.
static bool released_for_long(struct membership *membership, uint64_t now_us)
{
    if (!membership->agreement->releasing)
        return false;
    if (membership->released_us == 0)
        membership->released_us = now_us;
    return now_us >= membership->released_us + RELEASED_LONG_US;
}

static void add_own_wants(struct membership *membership, uint64_t now_us)
{
    struct wants *wants = &membership->outgoing;
    unsigned kept = 0;
    for (unsigned i = 0; i < membership->candidate_count; i++)
        if (now_us < membership->candidates[i].asked_us + CANDIDATE_AGE_MAX_US)
            membership->candidates[kept++] = membership->candidates[i];
    membership->candidate_count = kept;
    for (unsigned i = 0; i < kept; i++)
        wants_add_admit(wants, &membership->candidates[i].admit);
    bool known =
        cluster_map_node_of_store(&membership->agreement->map, membership->self.store_id) != NULL;
    if (known && !is_named(membership, &membership->self))
        wants_add_admit(wants, &membership->self);
    wants->bump |= released_for_long(membership, now_us);
}

void membership_tell(struct membership *membership, struct effects *effects, uint64_t now_us,
                     struct coordinator *coordinator)
{
    const struct cluster_map *map = &membership->agreement->map;
    bool due = now_us >= membership->told_us + TELL_INTERVAL_US;
    membership->told_us = now_us;
    membership->dirty = false;
    if (map->epoch == 0)
        return;
    add_own_wants(membership, now_us);
    if (wants_empty(&membership->outgoing))
        return;
    struct buf bytes;
    buf_init(&bytes, MESSAGE_BYTES_MAX);
    wants_encode(&bytes, &membership->outgoing);
    node_id to = coordinator_rank(map, membership->attempt / TELLS_PER_VOTER);
    membership->attempt += due;
    struct message message = {.kind = MESSAGE_WANTS, .wants = {.wants = buf_slice(&bytes)}};
    if (to == agreement_self(membership->agreement))
        coordinator_on_wants(coordinator, buf_slice(&bytes));
    else if (!bytes.overflown)
        agreement_send(membership->agreement, effects, to, &message);
    buf_release(&bytes);
}

static void ask_to_join(struct membership *membership, struct effects *effects, uint64_t now_us)
{
    const struct cluster_map *map = &membership->agreement->map;
    struct message message = {.kind = MESSAGE_JOIN,
                              .join = {.store_id = membership->self.store_id,
                                       .incarnation = membership->self.incarnation,
                                       .cluster_high = membership->agreement->identity.cluster.high,
                                       .cluster_low = membership->agreement->identity.cluster.low,
                                       .fresh = !membership->agreement->was_named,
                                       .claim = membership->self.claim,
                                       .peer_address = slice_of_text(membership->self.peer_address),
                                       .http_address = slice_of_text(membership->self.http_address),
                                       .key = slice_of(membership->self.key, NODE_KEY_BYTES)}};
    membership->join_us = now_us;
    if (membership->join_address[0] != '\0') {
        effects_route(effects, PEER_SEED, membership->join_address);
        effects_send(effects, PEER_SEED, 0, &message);
    }
    agreement_send_all(membership->agreement, effects, map->voters, &message);
}

void membership_on_beacon(struct membership *membership, struct effects *effects, uint64_t now_us,
                          uint64_t store_id, struct slice address)
{
    bool is_kept = membership->found != PEER_SEED && now_us < membership->found_us + FOUND_KEPT_US;
    if (!membership->roams || membership->agreement->map.epoch > 0 || is_kept ||
        store_id == PEER_SEED || store_id == membership->self.store_id || address.length == 0 ||
        !address_copy(membership->found_address, address))
        return;
    membership->found = store_id;
    membership->found_us = now_us;
    effects_wake(effects, now_us);
}

const char *membership_asked_at(const struct membership *membership, uint64_t peer)
{
    if (!membership->roams || membership->agreement->map.epoch > 0)
        return NULL;
    if (membership->found != PEER_SEED && peer == membership->found)
        return membership->found_address;
    return membership->join_address[0] != '\0' ? membership->join_address : NULL;
}

static void ask_for_map_there(struct membership *membership, struct effects *effects, uint64_t peer,
                              const char *address)
{
    struct message message = {.kind = MESSAGE_MAP_WANT};
    // Whoever is asked learns first where to answer.
    struct message hello = {
        .kind = MESSAGE_PEER_HELLO,
        .peer_hello = {.answer = true, .address = slice_of_text(membership->self.peer_address)}};
    effects_route(effects, peer, address);
    effects_send(effects, peer, 0, &hello);
    effects_send(effects, peer, 0, &message);
}

// A roaming peer hears of the map from whoever it was told of or found, and then from members.
static void ask_for_map(struct membership *membership, struct effects *effects, uint64_t now_us)
{
    bool was_told = membership->join_address[0] != '\0';
    if (!was_told && membership->found == PEER_SEED)
        return;
    if (membership->join_us == 0 || now_us >= membership->join_us + JOIN_INTERVAL_US) {
        membership->join_us = now_us;
        if (was_told)
            ask_for_map_there(membership, effects, PEER_SEED, membership->join_address);
        if (membership->found != PEER_SEED)
            ask_for_map_there(membership, effects, membership->found, membership->found_address);
    }
    effects_wake(effects, membership->join_us + JOIN_INTERVAL_US);
}

static void send_ping(struct membership *membership, struct effects *effects, uint64_t now_us,
                      bool full)
{
    const struct cluster_map *map = &membership->agreement->map;
    struct message ping = {.kind = MESSAGE_PING,
                           .ping = {.lapsed = membership->lapsed, .full = full}};
    agreement_send_all(membership->agreement, effects, cluster_map_members(map), &ping);
    membership->ping_us = now_us;
}

// Whoever falls silent is told of at once.
static void look_for_lapsed(struct membership *membership, struct effects *effects, uint64_t now_us)
{
    const struct agreement *agreement = membership->agreement;
    if (!agreement_is_voter(agreement)) {
        membership->lapsed = 0;
        return;
    }
    node_set lapsed = grants_lapsed(&agreement->grants, &agreement->map, now_us);
    if ((lapsed & ~membership->lapsed) != 0)
        membership->ping_us = 0;
    membership->lapsed = lapsed;
    effects_wake(effects, grants_next_lapse_us(&agreement->grants, &agreement->map, now_us));
}

// A lease that was lost, or that other voters are to grant now, is asked for soon again.
static void renew_lease(struct membership *membership, struct effects *effects, uint64_t now_us)
{
    uint64_t asked_us = membership->leases_asked_us;
    uint64_t pause_us =
        lease_is_held(&membership->agreement->lease) ? LEASE_INTERVAL_US : LEASE_AGAIN_US;
    if (membership->leaves || agreement_self(membership->agreement) == NODE_NONE)
        return;
    if (asked_us == 0 || now_us >= asked_us + pause_us) {
        agreement_ask_leases(membership->agreement, effects, now_us);
        membership->leases_asked_us = now_us;
    }
    effects_wake(effects, membership->leases_asked_us + pause_us);
}

void membership_tick(struct membership *membership, struct effects *effects, uint64_t now_us,
                     bool full)
{
    if (membership_is_removed(membership))
        return;
    if (membership->roams) {
        ask_for_map(membership, effects, now_us);
        if (now_us >= membership->ping_us + ROAMING_PING_INTERVAL_US)
            send_ping(membership, effects, now_us, full);
        effects_wake(effects, membership->ping_us + ROAMING_PING_INTERVAL_US);
        return;
    }
    if (!is_named(membership, &membership->self)) {
        if (membership->join_us == 0 || now_us >= membership->join_us + JOIN_INTERVAL_US)
            ask_to_join(membership, effects, now_us);
        effects_wake(effects, membership->join_us + JOIN_INTERVAL_US);
    }
    look_for_lapsed(membership, effects, now_us);
    if (now_us >= membership->ping_us + PING_INTERVAL_US)
        send_ping(membership, effects, now_us, full);
    effects_wake(effects, membership->ping_us + PING_INTERVAL_US);
    renew_lease(membership, effects, now_us);
}
