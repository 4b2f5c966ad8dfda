#include "core/node/peering.h"

#include "base/check.h"

// What is kept beyond what the map says, and what is being left. Equally long.
static const char channel_prefix[] = "channel/";
static const char leaving_prefix[] = "leaving/";

static void note_name(struct buf *out, const char *prefix, uint32_t keyspace, struct slice channel)
{
    buf_init(out, STORE_KEY_BYTES_MAX);
    buf_append_slice(out, slice_of_text(prefix));
    buf_append_u32_be(out, keyspace);
    buf_append_slice(out, channel);
}

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
        .stability_ms = optimistic->stability_ms};
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

// Writes a note that survives restarts, or removes it.
static void note(struct peering *peering, const char *prefix, uint32_t keyspace,
                 struct slice channel, bool there)
{
    struct buf name;
    note_name(&name, prefix, keyspace, channel);
    if (there)
        effects_put(peering->effects, EFFECT_DATA, STORE_META, buf_slice(&name), slice_of(NULL, 0));
    else
        effects_remove(peering->effects, EFFECT_DATA, STORE_META, buf_slice(&name));
    effects_token(peering->effects, EFFECT_DATA);
    buf_release(&name);
}

static void on_left(void *context, uint32_t keyspace, struct slice channel)
{
    note(context, leaving_prefix, keyspace, channel, false);
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
    note(peering, channel_prefix, optimistic->id, channel, true);
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

static bool is_wanted(const struct peering *peering, const struct optimistic *optimistic,
                      struct slice channel)
{
    struct slice wanted;
    for (unsigned i = 0; i < peering->wanted_count; i++)
        if (is_below(optimistic, slice_of_text(peering->wanted[i]), &wanted) &&
            slice_equal(wanted, channel))
            return true;
    return !peering->roams || (peering->wanted_count == 0 && channel.length == 0);
}

// Members keep every channel, so that what anybody writes is made stable and found by others.
static void on_channel(void *context, uint32_t keyspace, struct slice channel)
{
    struct peering *peering = context;
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, keyspace);
    if (optimistic == NULL || !optimistic->is_family || !keyspace_name_is_valid(channel) ||
        !is_wanted(peering, optimistic, channel))
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

static void begin(struct peering *peering, struct effects *effects, uint64_t now_us)
{
    peering->effects = effects;
    peering->now_us = now_us;
}

// --- the map

static bool gather_note(void *context, struct slice key, struct slice value)
{
    struct buf *names = context;
    (void)value;
    buf_append_counted(names, key);
    return !names->overflown;
}

static void keep_named(struct peering *peering, struct slice name, bool leaves)
{
    struct cursor in = cursor_of(name);
    cursor_bytes(&in, sizeof channel_prefix - 1);
    uint32_t keyspace = cursor_u32_be(&in);
    struct slice channel = cursor_bytes(&in, cursor_left(&in));
    const struct optimistic *optimistic =
        cluster_map_optimistic(&peering->agreement->map, keyspace);
    // A store that cannot be read fails its node by itself.
    if (!in.failed && optimistic != NULL && keep(peering, optimistic, channel) == ERR_OK && leaves)
        epidemic_leave_on(&peering->epidemic, id_of(peering, keyspace, channel));
}

// Those of earlier runs; their names are gathered first, for nothing may be read inside of a scan.
static void keep_noted(struct peering *peering, const char *prefix)
{
    struct buf names;
    struct buf end;
    buf_init(&names, (size_t)PEERING_CHANNELS_MAX * STORE_KEY_BYTES_MAX);
    buf_init(&end, STORE_KEY_BYTES_MAX);
    buf_append_slice(&end, slice_of_text(prefix));
    end.bytes[end.length - 1]++;
    enum err error =
        peering->data->ops->scan(peering->data->self, STORE_META, slice_of_text(prefix),
                                 buf_slice(&end), gather_note, &names);
    struct cursor in = cursor_of(buf_slice(&names));
    while (error == ERR_OK && cursor_left(&in) > 0)
        keep_named(peering, cursor_counted(&in), prefix == leaving_prefix);
    buf_release(&names);
    buf_release(&end);
}

// The channels that a roaming peer was told to keep, "annotations/linux".
static void keep_wanted(struct peering *peering)
{
    const struct cluster_map *map = &peering->agreement->map;
    struct slice channel;
    for (unsigned i = 0; i < peering->wanted_count; i++)
        for (unsigned j = 0; j < map->optimistic_count; j++)
            if (is_below(&map->optimistic[j], slice_of_text(peering->wanted[i]), &channel))
                on_channel(peering, map->optimistic[j].id, channel);
}

void peering_on_map(struct peering *peering, struct effects *effects, uint64_t now_us)
{
    const struct cluster_map *map = &peering->agreement->map;
    begin(peering, effects, now_us);
    for (unsigned i = 0; i < map->node_count; i++)
        epidemic_meet(&peering->epidemic, effects, map->nodes[i].store_id,
                      slice_of_text(map->nodes[i].peer_address), true);
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        const struct optimistic *optimistic = &map->optimistic[i];
        if (optimistic->is_family || !is_wanted(peering, optimistic, slice_of(NULL, 0)))
            continue;
        enum err error = keep(peering, optimistic, slice_of(NULL, 0));
        (void)error;
    }
    if (map->optimistic_count > 0) {
        keep_noted(peering, leaving_prefix);
        keep_noted(peering, channel_prefix);
        keep_wanted(peering);
    }
}

static void tell_primaries(struct peering *peering)
{
    struct list *replicas = &peering->epidemic.replicas;
    for (struct list *at = replicas->next; at != replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        const struct optimistic *optimistic =
            cluster_map_optimistic(&peering->agreement->map, replica->keyspace);
        if (optimistic != NULL)
            tell_primary(peering, optimistic, replica->space.id);
    }
}

void peering_tick(struct peering *peering, struct effects *effects, uint64_t now_us, bool full)
{
    if (list_empty(&peering->epidemic.replicas))
        return;
    begin(peering, effects, now_us);
    peering->epidemic.room_low = full;
    tell_primaries(peering);
    epidemic_tick(&peering->epidemic, effects, now_us);
}

void peering_on_message(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t peer, const struct message *message)
{
    begin(peering, effects, now_us);
    tell_primaries(peering);
    epidemic_on_message(&peering->epidemic, effects, now_us, peer, message);
}

void peering_on_durable(struct peering *peering, struct effects *effects, uint64_t now_us,
                        uint64_t token)
{
    begin(peering, effects, now_us);
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
    if (error == ERR_OK) {
        note(peering, channel_prefix, optimistic->id, channel, false);
        note(peering, leaving_prefix, optimistic->id, channel, true);
    }
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
    if (request->kind == REQUEST_KEEP || request->kind == REQUEST_KEPT) {
        epidemic_request_own(&peering->epidemic, effects, now_us, handle, request);
        return true;
    }
    if (request->kind == REQUEST_CHANGE || optimistic == NULL)
        return false;
    begin(peering, effects, now_us);
    enum err error = change_kept(peering, optimistic, request);
    if (error != ERR_OK || request->kind == REQUEST_SUBSCRIBE ||
        request->kind == REQUEST_UNSUBSCRIBE)
        answer(effects, handle, error);
    else
        epidemic_request(&peering->epidemic, effects, now_us, handle,
                         id_of(peering, request->keyspace, request->channel), request);
    return true;
}
