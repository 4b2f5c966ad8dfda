#include "version_peer.h"

#include "base/check.h"
#include "one_key.h"

void version_peer_init(struct version_peer *peer)
{
    *peer = (struct version_peer){0};
    versions_init(&peer->versions);
}

void version_peer_release(struct version_peer *peer)
{
    versions_release(&peer->versions);
    knowledge_release(&peer->known);
    knowledge_release(&peer->stable);
    knowledge_release(&peer->horizon);
}

static void add(struct knowledge *to, struct dot dot)
{
    CHECK(knowledge_add(to, dot) == ERR_OK);
}

// --- The twin

static bool twin_covers(const struct history *history, const struct version_peer *peer,
                        struct dot dot)
{
    for (uint32_t i = 0; i < history->count; i++)
        if (peer->seen[i] && operation_covers(&history->list[i].operation, dot))
            return true;
    return false;
}

static bool twin_is_live(const struct history *history, const struct version_peer *peer,
                         uint32_t which)
{
    return peer->valued[which] && !twin_covers(history, peer, history->list[which].operation.dot);
}

static void twin_take(const struct history *history, struct version_peer *peer, uint32_t which,
                      enum operation_form form)
{
    if (knowledge_has(&peer->known, history->list[which].operation.dot))
        return;
    peer->seen[which] = true;
    peer->valued[which] |= form == OPERATION_PUT;
}

// --- The comparison

static bool is_live(const struct version *version)
{
    return version != NULL && version->state == VERSION_LIVE;
}

static bool same_live(const struct history *history, const struct version_peer *peer)
{
    uint32_t count = 0;
    const struct version *winner = versions_winner(&peer->versions, 0);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->list[i].operation;
        const struct sha256 *id = &history->list[i].id;
        bool live = twin_is_live(history, peer, i);
        if (is_live(versions_find(&peer->versions, operation->dot, id)) != live)
            return false;
        if (live && (winner == NULL || stamp_compare(operation_stamp(operation),
                                                     operation_stamp(&winner->header)) > 0))
            return false;
        count += live;
    }
    return count == versions_live_count(&peer->versions);
}

// Invariant 4 of versions.h, of a dot that is known here.
static bool is_accounted_for(const struct version_peer *peer, struct dot dot)
{
    if (versions_cover(&peer->versions, dot) || knowledge_has(&peer->horizon, dot))
        return true;
    for (uint32_t i = 0; i < peer->versions.count; i++) {
        const struct version *version = &peer->versions.list[i];
        if (!version->is_gone && dot_equal(version->header.dot, dot) &&
            (version->state == VERSION_LIVE || version->state == VERSION_CERTIFICATE))
            return true;
    }
    return false;
}

static bool all_accounted_for(const struct history *history, const struct version_peer *peer)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct dot dot = history->list[i].operation.dot;
        if (!history->list[i].elsewhere && knowledge_has(&peer->known, dot) &&
            !is_accounted_for(peer, dot))
            return false;
    }
    return true;
}

// What is kept is stable and covered, and what readers of the stable see is at least what is stable
// and live.
static bool stable_makes_sense(const struct version_peer *peer)
{
    const struct version *winner = versions_stable_winner(&peer->versions, &peer->stable, 0);
    if (winner != NULL && (!knowledge_has(&peer->stable, winner->header.dot) ||
                           (winner->state != VERSION_LIVE && winner->state != VERSION_KEPT)))
        return false;
    for (uint32_t i = 0; i < peer->versions.count; i++) {
        const struct version *version = &peer->versions.list[i];
        bool stable = knowledge_has(&peer->stable, version->header.dot);
        if (version->is_gone)
            continue;
        if (version->state == VERSION_KEPT &&
            !(stable && versions_cover(&peer->versions, version->header.dot)))
            return false;
        if (version->state == VERSION_LIVE && stable &&
            (winner == NULL || stamp_compare(operation_stamp(&version->header),
                                             operation_stamp(&winner->header)) > 0))
            return false;
    }
    return true;
}

static bool holds(const struct history *history, const struct version_peer *peer)
{
    versions_invariants(&peer->versions);
    return same_live(history, peer) && all_accounted_for(history, peer) && stable_makes_sense(peer);
}

// --- What happens to a peer

bool version_peer_take(const struct history *history, struct version_peer *peer, uint32_t which,
                       enum operation_form form)
{
    const struct operation *operation = &history->list[which].operation;
    bool known = knowledge_has(&peer->known, operation->dot);
    bool learned = !known && form != OPERATION_BARE;
    if (!history->list[which].elsewhere) {
        twin_take(history, peer, which, form);
        struct arrival_result result =
            versions_apply(&peer->versions, operation, &history->list[which].id, form, known, false,
                           &peer->stable);
        if (result.learned != learned)
            return false;
    }
    if (learned)
        add(&peer->known, operation->dot);
    return holds(history, peer);
}

bool version_peer_take_somehow(const struct history *history, struct version_peer *peer,
                               uint32_t which, struct rng *rng)
{
    const struct operation *operation = &history->list[which].operation;
    bool bare = !operation->dead && rng_one_in(rng, 4);
    return version_peer_take(history, peer, which,
                             bare ? OPERATION_BARE : key_whole_form(operation));
}

// As a store would: what is gone is gone, and the rest comes back in any order.
static void peer_reload(struct version_peer *peer, struct rng *rng)
{
    struct versions loaded;
    versions_init(&loaded);
    struct version *list = peer->versions.list;
    for (uint32_t left = peer->versions.count; left > 0; left--) {
        uint32_t which = (uint32_t)rng_below(rng, left);
        struct version version = list[which];
        list[which] = list[left - 1];
        if (!version.is_gone)
            CHECK(versions_load(&loaded, &version.header, &version.id, version.state) == ERR_OK);
    }
    versions_release(&peer->versions);
    peer->versions = loaded;
}

bool version_peer_upkeep(const struct history *history, struct version_peer *peer, struct rng *rng)
{
    if (rng_one_in(rng, 2))
        add(&peer->stable, history->list[rng_below(rng, history->count)].operation.dot);
    if (rng_one_in(rng, 3))
        versions_tidy(&peer->versions);
    if (rng_one_in(rng, 3))
        peer_reload(peer, rng);
    return holds(history, peer);
}

bool version_peer_audit(const struct history *history, struct version_peer *peer, struct rng *rng)
{
    uint32_t which = (uint32_t)rng_below(rng, history->count);
    const struct operation *operation = &history->list[which].operation;
    if (history->list[which].elsewhere || !knowledge_has(&peer->known, operation->dot))
        return true;
    bool bare = !operation->dead && rng_one_in(rng, 2);
    versions_apply(&peer->versions, operation, &history->list[which].id,
                   bare ? OPERATION_BARE : key_whole_form(operation), true, true, &peer->stable);
    return holds(history, peer);
}

bool version_peer_collect(const struct history *history, struct version_peer *peer,
                          const struct knowledge *horizon)
{
    CHECK(knowledge_merge(&peer->stable, horizon) == ERR_OK);
    knowledge_copy(&peer->horizon, horizon);
    versions_collect(&peer->versions, horizon, &peer->stable);
    return holds(history, peer);
}
