#include "core/epidemic/epidemic_parts.h"

enum {
    HELLO_MS = 20 * 1000,
    TOLD_PER_TICK = 16,
    TELL_US = 50 * 1000,
    FOUND_US = 100 * 1000, // between greetings of those whom beacons name
    CHANNEL_BYTES_MAX = 5 + 1 + KEYSPACE_NAME_BYTES_MAX,
};

_Static_assert(PEERS_MAX + NODES_MAX < NET_ROUTES_MAX,
               "each peer, each member and the seed can be reached");

// The spaces that this peer keeps: of each its keyspace and channel, from which the id follows, and
// the id itself, which is all that others compare.
static void put_spaces(struct epidemic *epidemic, struct buf *out)
{
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        if (replica->leaving)
            continue;
        buf_append_u64_be(out, replica->space.id);
        buf_append_varint(out, replica->keyspace);
        buf_append_counted(out, slice_of_text(replica->channel));
    }
}

void epidemic_greet(struct epidemic *epidemic, struct effects *effects, uint64_t peer, bool answer)
{
    struct buf spaces;
    struct peer *known = peers_find(&epidemic->peers, peer);
    if (known != NULL)
        known->told = true;
    buf_init(&spaces, EPIDEMIC_REPLICAS_MAX * (8 + CHANNEL_BYTES_MAX));
    put_spaces(epidemic, &spaces);
    buf_clear(&epidemic->scratch);
    peers_tell(&epidemic->peers, epidemic->now_us, &epidemic->scratch);
    struct message message = {.kind = MESSAGE_PEER_HELLO,
                              .peer_hello = {.answer = answer,
                                             .address = slice_of_text(epidemic->config.address),
                                             .spaces = buf_slice(&spaces),
                                             .peers = buf_slice(&epidemic->scratch)}};
    epidemic_send(epidemic, effects, peer, &message);
    buf_release(&spaces);
}

void epidemic_meet(struct epidemic *epidemic, struct effects *effects, uint64_t store_id,
                   struct slice address, bool is_member)
{
    bool changed = false;
    struct peer *peer = peers_add(&epidemic->peers, store_id, address, is_member, &changed);
    uint64_t displaced = peers_take_displaced(&epidemic->peers);
    if (displaced != 0)
        effects_route(effects, displaced, NULL);
    if (peer != NULL && changed)
        effects_route(effects, store_id, peer->address);
}

void epidemic_on_beacon(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                        uint64_t store_id, struct slice address)
{
    const struct peer *known = peers_find(&epidemic->peers, store_id);
    bool is_heard = known != NULL && peer_is_heard(known, now_us);
    epidemic->now_us = now_us;
    if (address.length == 0 || (is_heard && !known->is_elusive))
        return;
    if (known == NULL || !known->is_member)
        epidemic_meet(epidemic, effects, store_id, address, false);
    struct peer *peer = peers_find(&epidemic->peers, store_id);
    if (peer == NULL || is_heard || list_empty(&epidemic->replicas) ||
        now_us < epidemic->next_found_us)
        return;
    epidemic->next_found_us = now_us + FOUND_US;
    peer->tried_us = now_us;
    epidemic_greet(epidemic, effects, store_id, false);
}

static void on_told(void *context, uint64_t store_id, struct slice address)
{
    struct epidemic *epidemic = context;
    const struct peer *known = peers_find(&epidemic->peers, store_id);
    // Who says something of itself knows better than others do.
    if (known == NULL || (!known->is_member && !peer_is_heard(known, epidemic->now_us)))
        epidemic_meet(epidemic, epidemic->effects, store_id, address, false);
}

// Takes the list apart into ids, which stay with the peer, and channels, which the owner hears of.
static bool take_spaces(struct epidemic *epidemic, struct peer *peer, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    buf_clear(&epidemic->scratch);
    for (uint32_t count = 0; cursor_left(&in) > 0; count++) {
        uint64_t id = cursor_u64_be(&in);
        uint64_t keyspace = cursor_varint_max(&in, UINT32_MAX);
        struct slice channel = cursor_counted(&in);
        if (in.failed || count == PEER_SPACES_MAX)
            return false;
        buf_append_u64_be(&epidemic->scratch, id);
        if (epidemic->on_channel != NULL && channel.length > 0 &&
            epidemic_replica(epidemic, id) == NULL)
            epidemic->on_channel(epidemic->context, id, (uint32_t)keyspace, channel);
    }
    return peer_set_spaces(peer, buf_slice(&epidemic->scratch)) == ERR_OK;
}

void epidemic_on_hello(struct epidemic *epidemic, struct effects *effects, uint64_t from,
                       const struct message_peer_hello *hello)
{
    const struct peer *before = peers_find(&epidemic->peers, from);
    bool was_away = before == NULL || !before->greeted || !peer_is_heard(before, epidemic->now_us);
    epidemic_meet(epidemic, effects, from, hello->address, before != NULL && before->is_member);
    struct peer *peer = peers_find(&epidemic->peers, from);
    if (peer == NULL || !take_spaces(epidemic, peer, hello->spaces))
        return;
    peer->greeted = true;
    peer->is_elusive = hello->address.length == 0;
    peer->heard_us = epidemic->now_us;
    if (!hello->answer)
        epidemic_greet(epidemic, effects, from, true);
    if (peers_hear(hello->peers, on_told, epidemic) != ERR_OK)
        return;
    // Back again, or here for the first time: an exchange at once.
    if (was_away && hello->answer)
        epidemic_sessions_give_up(epidemic, from);
    for (struct list *at = epidemic->replicas.next; was_away && at != &epidemic->replicas;
         at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        peer = peers_find(&epidemic->peers, from);
        if (peer != NULL && hello->answer && peer_keeps(peer, replica->space.id))
            (void)epidemic_exchange(epidemic, effects, epidemic->now_us, replica->space.id, from,
                                    false);
    }
}

// What this peer keeps has changed: everybody is told anew, some with each tick.
void epidemic_tell_anew(struct epidemic *epidemic)
{
    for (uint32_t i = 0; i < epidemic->peers.count; i++)
        epidemic->peers.list[i]->told = false;
    epidemic->next_hello_us = epidemic->now_us;
}

// Those that are heard and were not told yet. True when some are left.
static bool tell_some(struct epidemic *epidemic, struct effects *effects)
{
    unsigned told = 0;
    for (uint32_t i = 0; i < epidemic->peers.count; i++) {
        struct peer *peer = epidemic->peers.list[i];
        if (peer->told || !peer_is_heard(peer, epidemic->now_us))
            continue;
        if (told++ == TOLD_PER_TICK)
            return true;
        epidemic_greet(epidemic, effects, peer->store_id, false);
    }
    return false;
}

// Greets somebody now and then: who was met and not greeted yet is the likeliest.
void epidemic_peers_tick(struct epidemic *epidemic, struct effects *effects)
{
    if (epidemic->now_us < epidemic->next_hello_us)
        return;
    if (tell_some(epidemic, effects)) {
        epidemic->next_hello_us = epidemic->now_us + TELL_US;
        return;
    }
    struct peer *peer = peers_choose(&epidemic->peers, 0, epidemic->now_us);
    bool lonely = true;
    if (peer != NULL) {
        lonely = !peer->greeted;
        peer->tried_us = epidemic->now_us;
        epidemic_greet(epidemic, effects, peer->store_id, false);
    }
    epidemic->next_hello_us = epidemic_jittered_us(epidemic, lonely ? HELLO_MS / 20 : HELLO_MS);
}
