#include "core/map/recovery.h"

#include "base/check.h"
#include "core/map/map_step.h"
#include "core/map/next_slots.h"
#include "core/map/voters.h"
#include "model/stamp.h"

#include <stdlib.h>

static bool is_newer(const struct cluster_map *map, const struct cluster_map *than)
{
    return map->generation != than->generation ? map->generation > than->generation
                                               : map->epoch > than->epoch;
}

static bool is_of_epoch(const struct cluster_map *map, const struct cluster_map *other)
{
    return map->generation == other->generation && map->epoch == other->epoch;
}

static bool same_bytes(const struct cluster_map *a, const struct cluster_map *b)
{
    struct buf bytes_a;
    struct buf bytes_b;
    buf_init(&bytes_a, CLUSTER_MAP_BYTES_MAX);
    buf_init(&bytes_b, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes_a, a);
    cluster_map_encode(&bytes_b, b);
    bool same = slice_equal(buf_slice(&bytes_a), buf_slice(&bytes_b));
    buf_release(&bytes_a);
    buf_release(&bytes_b);
    return same;
}

static enum recovery_verdict check_pair(const struct recovery_survivor *before,
                                        const struct recovery_survivor *survivor)
{
    if (!cluster_id_equal(survivor->map.cluster, before->map.cluster))
        return RECOVERY_FOREIGN;
    if (survivor->identity.store_id == before->identity.store_id)
        return RECOVERY_REPEATED;
    // One epoch has one map, unless two halves of a cluster were each recovered.
    if (is_of_epoch(&survivor->map, &before->map) && !same_bytes(&survivor->map, &before->map))
        return RECOVERY_DIVIDED;
    return RECOVERY_OK;
}

static enum recovery_verdict check_survivors(const struct recovery_request *request,
                                             struct recovery *out)
{
    if (request->survivor_count == 0)
        return RECOVERY_NOBODY;
    for (unsigned i = 0; i < request->survivor_count; i++) {
        const struct recovery_survivor *survivor = &request->survivors[i];
        out->survivor = i;
        if (!cluster_id_equal(survivor->identity.cluster, survivor->map.cluster))
            return RECOVERY_FOREIGN;
        for (unsigned j = 0; j < i; j++) {
            enum recovery_verdict verdict = check_pair(&request->survivors[j], survivor);
            if (verdict != RECOVERY_OK)
                return verdict;
        }
    }
    return RECOVERY_OK;
}

static const struct cluster_map *newest_decided(const struct recovery_request *request)
{
    const struct cluster_map *newest = &request->survivors[0].map;
    for (unsigned i = 1; i < request->survivor_count; i++)
        if (is_newer(&request->survivors[i].map, newest))
            newest = &request->survivors[i].map;
    return newest;
}

// Of what survivors accepted above `base`, what a proposer would have to take: the acceptance with
// the highest ballot. False when there is none.
static bool highest_acceptance(const struct recovery_request *request,
                               const struct cluster_map *base, struct cluster_map *out)
{
    struct ballot highest = {0};
    bool found = false;
    for (unsigned i = 0; i < request->survivor_count; i++) {
        const struct acceptor_state *acceptor = &request->survivors[i].acceptor;
        struct cluster_map next;
        cluster_map_init(&next);
        if (acceptor->base_epoch != base->epoch || acceptor->accepted.counter == 0 ||
            ballot_compare(&acceptor->accepted, &highest) <= 0 ||
            cluster_map_decode(acceptor->accepted_map, &next) != ERR_OK)
            continue;
        if (map_step_check(base, &next) != ERR_OK) {
            cluster_map_release(&next);
            continue;
        }
        cluster_map_release(out);
        *out = next;
        highest = acceptor->accepted;
        found = true;
    }
    return found;
}

// Which nodes the survivors are, by the newest map.
static enum recovery_verdict find_present(const struct recovery_request *request,
                                          struct recovery *out)
{
    for (unsigned i = 0; i < request->survivor_count; i++) {
        const struct identity *identity = &request->survivors[i].identity;
        const struct map_node *node = cluster_map_node_of_store(&out->taken, identity->store_id);
        out->survivor = i;
        if (node == NULL)
            return RECOVERY_STRANGER;
        if (identity->incarnation < node->incarnation)
            return RECOVERY_OLD_STORE;
        out->present |= node_bit(node->id);
    }
    return RECOVERY_OK;
}

static enum recovery_verdict fault(struct recovery *out, enum recovery_verdict verdict,
                                   node_set nodes)
{
    out->nodes = nodes;
    return nodes != 0 ? verdict : RECOVERY_OK;
}

// Who was destroyed is named by the newest map, or by an older one: a recovery that was cut short
// has left it out of the newest already.
static enum recovery_verdict check_attested(const struct recovery_request *request, node_set voters,
                                            struct recovery *out)
{
    node_set known = cluster_map_members(&out->taken);
    for (unsigned i = 0; i < request->survivor_count; i++)
        known |= cluster_map_members(&request->survivors[i].map);
    out->absent = cluster_map_members(&out->taken) & ~out->present & ~request->destroyed;
    enum recovery_verdict verdict = fault(out, RECOVERY_UNKNOWN, request->destroyed & ~known);
    if (verdict == RECOVERY_OK)
        verdict = fault(out, RECOVERY_PRESENT, request->destroyed & out->present);
    if (verdict == RECOVERY_OK)
        verdict = fault(out, RECOVERY_MISSING, voters & ~out->present & ~request->destroyed);
    return verdict;
}

static void remove_destroyed(struct cluster_map *map, node_set destroyed)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        if (!node_set_has(destroyed, map->nodes[i].id))
            map->nodes[kept++] = map->nodes[i];
    map->node_count = (uint8_t)kept;
}

static void choose_voters(struct cluster_map *map, node_set present)
{
    node_set able = cluster_map_settlers(map) & present;
    map->voters &= present;
    map->voters = voters_choose(map, able != 0 ? able : present);
}

// Who is to stand for a slot all of whose list is destroyed: who was already fetching it, else who
// should hold it, else anybody.
static node_set heir_of(const struct replica_set *set, node_set present, unsigned slot)
{
    node_set heirs = set->joining & present;
    if (heirs == 0)
        heirs = set->target & present;
    if (heirs == 0)
        heirs = present;
    return node_bit(node_set_nth(heirs, slot % node_set_count(heirs)));
}

static void recover_keyspace(struct recovery *out, unsigned index, struct replica_set *slots)
{
    struct cluster_map *map = &out->map;
    node_set members = cluster_map_members(map);
    node_set live = cluster_map_live(map);
    map_keyspace_expand(&map->keyspaces[index], slots);
    next_slots_place(map, &map->keyspaces[index].keyspace, slots);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct replica_set *set = &slots[slot];
        set->in_sync &= members;
        if (set->in_sync == 0) {
            set->in_sync = heir_of(set, out->present, slot);
            out->lost_slots[index]++;
            out->lost_total++;
        }
        set->joining = 0;
        set->join_epoch = 0;
        set->primary = next_slots_primary(set, live, slot);
    }
    map_keyspace_intern(&map->keyspaces[index], slots);
}

static enum recovery_verdict make_map(const struct recovery_request *request, struct recovery *out)
{
    if (out->taken.epoch > STAMP_EPOCH_MAX - RECOVERY_EPOCH_JUMP)
        return RECOVERY_EXHAUSTED;
    cluster_map_copy(&out->map, &out->taken);
    out->map.generation++;
    out->map.epoch += RECOVERY_EPOCH_JUMP;
    remove_destroyed(&out->map, request->destroyed);
    choose_voters(&out->map, out->present);
    struct replica_set *slots = memory_new(SLOTS * sizeof *slots);
    for (unsigned i = 0; i < out->map.keyspace_count; i++)
        recover_keyspace(out, i, slots);
    free(slots);
    CHECK(cluster_map_check(&out->map) == ERR_OK);
    return out->lost_total > 0 && !request->accept_loss ? RECOVERY_LOSS : RECOVERY_OK;
}

void recovery_compute(const struct recovery_request *request, struct recovery *out)
{
    CHECK(request->survivor_count <= NODES_MAX);
    memset(out, 0, sizeof *out);
    out->verdict = check_survivors(request, out);
    if (out->verdict != RECOVERY_OK)
        return;
    const struct cluster_map *decided = newest_decided(request);
    out->taken_was_accepted = highest_acceptance(request, decided, &out->taken);
    if (!out->taken_was_accepted)
        cluster_map_copy(&out->taken, decided);
    out->verdict = find_present(request, out);
    if (out->verdict == RECOVERY_OK)
        out->verdict = check_attested(request, decided->voters | out->taken.voters, out);
    if (out->verdict == RECOVERY_OK)
        out->verdict = make_map(request, out);
}

void recovery_release(struct recovery *recovery)
{
    cluster_map_release(&recovery->taken);
    cluster_map_release(&recovery->map);
}
