#include "core/node/peering.h"

#include "base/check.h"

enum {
    NOTE_LOOK_US = 1000 * 1000,      // between looks at whom to remember
    NOTE_PAUSE_US = 30 * 1000 * 1000 // after one that had to be written down
};

static uint64_t id_of(const struct peering *peering, uint32_t keyspace, struct slice channel)
{
    struct cluster_id cluster = peering->agreement->map.cluster;
    return space_id_of(cluster.high, cluster.low, keyspace, channel);
}

static struct replica_setting setting_of(const struct peering *peering,
                                         const struct optimistic *optimistic)
{
    return (struct replica_setting){
        .space = {.secret = optimistic->secret,
                  .is_signed = optimistic->is_signed,
                  .fits = optimistic->is_signed ? peering->signed_fits : NULL},
        .rumor_k = optimistic->rumor_k,
        .rumor_ms = optimistic->rumor_ms,
        .anti_entropy_ms = optimistic->anti_entropy_ms,
        .audit_ms = optimistic->audit_ms,
        .retention_ms = optimistic->retention_ms,
        .stability_ms = optimistic->stability_ms,
        .expiry_skew_ms = REPLICA_EXPIRY_SKEW_MS};
}

// Tells the replica who its primary is.
static void tell_primary(struct peering *peering, const struct optimistic *optimistic, uint64_t id)
{
    const struct agreement *agreement = peering->agreement;
    node_id self = agreement_self(agreement);
    struct replica_primary primary = {.is_self = self != NODE_NONE && optimistic->primary == self &&
                                                 lease_is_held(&agreement->lease),
                                      .self = self,
                                      .secret = &agreement->identity.secret,
                                      .map = &agreement->map,
                                      .keyspace = optimistic};
    epidemic_set_primary(&peering->epidemic, id, &primary);
}

static enum err keep(struct peering *peering, const struct optimistic *optimistic,
                     struct slice channel)
{
    struct replica_setting setting = setting_of(peering, optimistic);
    uint64_t id = id_of(peering, optimistic->id, channel);
    enum err error =
        epidemic_join(&peering->epidemic, id, optimistic->id, channel, &setting, peering->now_us);
    if (error == ERR_OK)
        tell_primary(peering, optimistic, id);
    return error == ERR_EXISTS ? ERR_OK : error;
}

static void note(struct peering *peering, uint32_t keyspace, struct slice channel,
                 enum subscription_state state)
{
    const struct subscription subscription = {keyspace, channel, state};
    subscription_note(&peering->epidemic.overlay, peering->effects, &subscription);
}

// A channel is kept across restarts.
static enum err keep_channel(struct peering *peering, const struct optimistic *optimistic,
                             struct slice channel)
{
    if (epidemic_replica(&peering->epidemic, id_of(peering, optimistic->id, channel)) != NULL)
        return ERR_OK;
    enum err error = keep(peering, optimistic, channel);
    if (error != ERR_OK)
        return error;
    note(peering, optimistic->id, channel, SUBSCRIPTION_KEPT);
    return ERR_OK;
}

// Whether `name` is that of the keyspace, or of a channel of it, which goes to `out`.
static bool is_below(const struct optimistic *optimistic, struct slice name, struct slice *out)
{
    struct slice own = slice_of_text(optimistic->name);
    if (name.length < own.length || !slice_equal(slice_of(name.bytes, own.length), own) ||
        (name.length > own.length && name.bytes[own.length] != '/'))
        return false;
    size_t skipped = name.length > own.length ? own.length + 1 : own.length;
    *out = slice_of(name.bytes + skipped, name.length - skipped);
    return true;
}

// Whether a roaming peer's command line names it.
static bool is_told(const struct peering *peering, const struct optimistic *optimistic,
                    struct slice channel)
{
    struct slice wanted;
    for (unsigned i = 0; i < peering->wanted_count; i++)
        if (is_below(optimistic, slice_of_text(peering->wanted[i]), &wanted) &&
            slice_equal(wanted, channel))
            return true;
    return peering->wanted_count == 0 && channel.length == 0;
}

// Whether it is to be kept though nobody asked for it.
static bool is_wanted(struct peering *peering, const struct optimistic *optimistic,
                      struct slice channel)
{
    if (!peering->roams)
        return true;
    return is_told(peering, optimistic, channel) &&
           subscription_state_of(&peering->epidemic.overlay, optimistic->id, channel) <
               SUBSCRIPTION_LEAVING;
}

// What the command line names would come again with the next map.
static void on_left(void *context, uint32_t keyspace, struct slice channel)
{
    struct peering *peering = context;
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, keyspace);
    bool told = optimistic != NULL && is_told(peering, optimistic, channel);
    note(peering, keyspace, channel,
         peering->roams && told ? SUBSCRIPTION_GONE : SUBSCRIPTION_NONE);
}

// Members keep every channel, so that what anybody writes is made stable and found by others.
static void on_channel(void *context, uint64_t id, uint32_t keyspace, struct slice channel)
{
    struct peering *peering = context;
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, keyspace);
    if (optimistic == NULL || !optimistic->is_family || !keyspace_name_is_valid(channel) ||
        id != id_of(peering, keyspace, channel) || !is_wanted(peering, optimistic, channel))
        return;
    // Without room for more, others keep it.
    enum err error = keep_channel(peering, optimistic, channel);
    (void)error;
}

void peering_init(struct peering *peering, const struct node_config *config,
                  const struct agreement *agreement, const struct store *data, uint64_t seed)
{
    memset(peering, 0, sizeof *peering);
    peering->agreement = agreement;
    peering->data = data;
    peering->roams = config->roams;
    peering->wanted = config->keyspaces;
    peering->wanted_count = config->keyspace_count;
    peering->signed_fits = config->signed_fits;
    struct epidemic_config epidemic = {.self = agreement->identity.store_id,
                                       .address = config->peer_address,
                                       .seed = seed,
                                       .peers_max = PEERS_MAX,
                                       .bytes_per_s = config->gossip_bytes_per_s};
    epidemic_init(&peering->epidemic, &epidemic, data);
    peering->epidemic.author = config->author;
    peering->epidemic.on_channel = on_channel;
    peering->epidemic.on_left = on_left;
    peering->epidemic.context = peering;
}

void peering_release(struct peering *peering)
{
    epidemic_release(&peering->epidemic);
}

void peering_tell_utc(struct peering *peering, uint64_t now_us, uint64_t utc_ms)
{
    epidemic_tell_utc(&peering->epidemic, now_us, utc_ms);
}

void peering_follow(struct peering *peering)
{
    peering->epidemic.is_followed = true;
}

static void begin(struct peering *peering, struct effects *effects, uint64_t now_us)
{
    peering->effects = effects;
    peering->now_us = now_us;
}

// --- who is found again after a restart

static struct slice remembered_name(void)
{
    return slice_of_text("peers");
}

static void note_peers(struct peering *peering)
{
    struct buf bytes;
    if (peering->now_us < peering->next_note_us)
        return;
    peering->next_note_us = peering->now_us + NOTE_LOOK_US;
    if (!remembered_revise(&peering->remembered, &peering->epidemic.peers, peering->now_us))
        return;
    peering->next_note_us = peering->now_us + NOTE_PAUSE_US;
    buf_init(&bytes, REMEMBERED_BYTES_MAX);
    remembered_encode(&bytes, &peering->remembered);
    effects_put(peering->effects, EFFECT_DATA, STORE_META, remembered_name(), buf_slice(&bytes));
    effects_token(peering->effects, EFFECT_DATA);
    buf_release(&bytes);
}

// A note that is lost or damaged is as if there were none.
static void recall_peers(struct peering *peering)
{
    struct slice bytes;
    struct remembered *remembered = &peering->remembered;
    if (peering->recalled)
        return;
    peering->recalled = true;
    if (peering->data->ops->get(peering->data->self, STORE_META, remembered_name(), &bytes) !=
            ERR_OK ||
        remembered_decode(bytes, remembered) != ERR_OK)
        return;
    for (unsigned i = 0; i < remembered->count; i++) {
        const struct remembered_peer *peer = &remembered->peers[i];
        if (peers_find(&peering->epidemic.peers, peer->store_id) == NULL)
            epidemic_meet(&peering->epidemic, peering->effects, peer->store_id,
                          slice_of_text(peer->address), false);
    }
}

// --- the map

static void keep_one(struct peering *peering, const struct subscription *subscription)
{
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, subscription->keyspace);
    if (optimistic == NULL || subscription->state == SUBSCRIPTION_GONE ||
        keep(peering, optimistic, subscription->channel) != ERR_OK)
        return;
    if (subscription->state == SUBSCRIPTION_LEAVING)
        epidemic_leave_on(&peering->epidemic,
                          id_of(peering, optimistic->id, subscription->channel));
}

// Those of earlier runs; they are gathered first, for nothing may be read inside of a scan. A store
// that cannot be read fails its node by itself.
static void keep_noted(struct peering *peering)
{
    struct buf notes;
    struct subscription subscription;
    buf_init(&notes, SUBSCRIPTIONS_BYTES_MAX);
    enum err error = subscriptions_list(&peering->epidemic.overlay, &notes);
    struct cursor in = cursor_of(buf_slice(&notes));
    while (error == ERR_OK && subscription_next(&in, &subscription))
        keep_one(peering, &subscription);
    buf_release(&notes);
}

// The channels that a roaming peer was told to keep, "annotations/linux".
static void keep_wanted(struct peering *peering)
{
    const struct cluster_map *map = &peering->agreement->map;
    struct slice channel;
    for (unsigned i = 0; i < peering->wanted_count; i++)
        for (unsigned j = 0; j < map->optimistic_count; j++)
            if (is_below(&map->optimistic[j], slice_of_text(peering->wanted[i]), &channel))
                on_channel(peering, id_of(peering, map->optimistic[j].id, channel),
                           map->optimistic[j].id, channel);
}

// Keyspaces only ever come to a map.
static void keep_all(struct peering *peering)
{
    const struct cluster_map *map = &peering->agreement->map;
    if (map->optimistic_count == peering->kept_optimistic)
        return;
    peering->kept_optimistic = map->optimistic_count;
    recall_peers(peering);
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        const struct optimistic *optimistic = &map->optimistic[i];
        if (optimistic->is_family || !is_wanted(peering, optimistic, slice_of(NULL, 0)))
            continue;
        enum err error = keep(peering, optimistic, slice_of(NULL, 0));
        (void)error;
    }
    keep_noted(peering);
    keep_wanted(peering);
}

// Who is a member no more has no claim to be remembered.
static void meet_members(struct peering *peering)
{
    const struct cluster_map *map = &peering->agreement->map;
    struct peers *peers = &peering->epidemic.peers;
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->list[i]->is_member &&
            cluster_map_node_of_store(map, peers->list[i]->store_id) == NULL)
            peers->list[i]->is_member = false;
    for (unsigned i = 0; i < map->node_count; i++)
        epidemic_meet(&peering->epidemic, peering->effects, map->nodes[i].store_id,
                      slice_of_text(map->nodes[i].peer_address), true);
}

// To be called whenever the map or the lease may have changed.
static void tell_primaries(struct peering *peering)
{
    const struct agreement *agreement = peering->agreement;
    struct list *replicas = &peering->epidemic.replicas;
    bool lease_held = lease_is_held(&agreement->lease);
    if (peering->told_epoch == agreement->map.epoch && peering->told_lease_held == lease_held)
        return;
    peering->told_epoch = agreement->map.epoch;
    peering->told_lease_held = lease_held;
    for (struct list *at = replicas->next; at != replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        const struct optimistic *optimistic =
            cluster_map_optimistic(&agreement->map, replica->keyspace);
        if (optimistic != NULL)
            tell_primary(peering, optimistic, replica->space.id);
    }
}

void peering_on_map(struct peering *peering, struct effects *effects, uint64_t now_us)
{
    begin(peering, effects, now_us);
    meet_members(peering);
    tell_primaries(peering);
    keep_all(peering);
}

void peering_tick(struct peering *peering, struct effects *effects, uint64_t now_us, bool full)
{
    if (list_empty(&peering->epidemic.replicas))
        return;
    begin(peering, effects, now_us);
    peering->epidemic.room_low = full;
    tell_primaries(peering);
    epidemic_tick(&peering->epidemic, effects, now_us);
    note_peers(peering);
}

void peering_on_message(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message *message)
{
    begin(peering, effects, now_us);
    tell_primaries(peering);
    epidemic_on_message(&peering->epidemic, effects, now_us, peer, message);
}

void peering_on_beacon(struct peering *peering, struct effects *effects, uint64_t now_us,
                       uint64_t store_id, struct slice address)
{
    epidemic_on_beacon(&peering->epidemic, effects, now_us, store_id, address);
}

void peering_on_durable(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t token)
{
    begin(peering, effects, now_us);
    tell_primaries(peering);
    epidemic_on_durable(&peering->epidemic, effects, now_us, token);
}

// --- requests

static void answer(struct effects *effects, uint64_t handle, enum err error)
{
    effects_reply(effects, handle, &(struct reply){.error = error});
}

// A member keeps everything.
static enum err unsubscribe(struct peering *peering, const struct optimistic *optimistic,
                            struct slice channel)
{
    if (!peering->roams)
        return ERR_ILLEGAL;
    enum err error = epidemic_leave(&peering->epidemic, id_of(peering, optimistic->id, channel));
    if (error == ERR_OK)
        note(peering, optimistic->id, channel, SUBSCRIPTION_LEAVING);
    return error;
}

// What the request asks of what is kept here.
static enum err change_kept(struct peering *peering, const struct optimistic *optimistic,
                            const struct request *request)
{
    bool is_channel = request->channel.length > 0;
    if (is_channel != optimistic->is_family ||
        (is_channel && !keyspace_name_is_valid(request->channel)))
        return ERR_INVALID;
    if (request->kind == REQUEST_UNSUBSCRIBE)
        return unsubscribe(peering, optimistic, request->channel);
    if (request->kind == REQUEST_SUBSCRIBE || (is_channel && request->kind == REQUEST_PUT))
        return keep_channel(peering, optimistic, request->channel);
    return ERR_OK;
}

bool peering_request(struct peering *peering, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request)
{
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, request->keyspace);
    if (request->now_ms != 0)
        peering_tell_utc(peering, now_us, request->now_ms);
    if (request->kind == REQUEST_KEEP || request->kind == REQUEST_KEPT) {
        epidemic_request_own(&peering->epidemic, effects, now_us, handle, request);
        return true;
    }
    if (request->kind == REQUEST_CHANGE || optimistic == NULL)
        return false;
    begin(peering, effects, now_us);
    tell_primaries(peering);
    enum err error = change_kept(peering, optimistic, request);
    if (error != ERR_OK)
        answer(effects, handle, error);
    else if (request->kind == REQUEST_SUBSCRIBE || request->kind == REQUEST_UNSUBSCRIBE)
        epidemic_reply_late(&peering->epidemic, effects, handle, &(struct reply){.error = ERR_OK});
    else
        epidemic_request(&peering->epidemic, effects, now_us, handle,
                         id_of(peering, request->keyspace, request->channel), request);
    effects_wake(effects, peering->epidemic.wake_us);
    return true;
}
