#include "map_walk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "core/map/next_slots.h"
#include "map_fixture.h"

#define NODES_USED_MAX 7
#define KEYSPACES_USED_MAX 3
#define MAPS_TO_REST_MAX 64

int map_walk_open(void **state)
{
    struct map_walk *walk = memory_zeroed(1, sizeof *walk);
    rng_init(&walk->rng, 1);
    *state = walk;
    return 0;
}

int map_walk_close(void **state)
{
    struct map_walk *walk = *state;
    cluster_map_release(&walk->map);
    cluster_map_release(&walk->next);
    free(walk);
    return 0;
}

static unsigned below(struct map_walk *walk, unsigned bound)
{
    return (unsigned)rng_below(&walk->rng, bound);
}

static node_set any_nodes(struct map_walk *walk)
{
    return rng_u64(&walk->rng) & cluster_map_members(&walk->map);
}

struct want_admit map_walk_admit(uint64_t store_id, uint64_t incarnation)
{
    struct want_admit admit = {.store_id = store_id, .incarnation = incarnation, .fresh = true};
    snprintf(admit.peer_address, sizeof admit.peer_address, "127.0.0.1:%u",
             5000 + (unsigned)store_id);
    snprintf(admit.http_address, sizeof admit.http_address, "127.0.0.1:%u",
             6000 + (unsigned)store_id);
    return admit;
}

void map_walk_first(struct map_walk *walk, enum strategy strategy, uint8_t factor)
{
    struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(1), 1);
    cluster_map_release(&walk->map);
    next_map_first((struct cluster_id){.high = 7, .low = 8}, &admit, strategy, factor, &walk->map);
}

static bool was_reported(const struct map_walk *walk, uint32_t keyspace, uint64_t join_epoch,
                         node_id node, unsigned slot)
{
    uint64_t incarnation = cluster_map_node(&walk->next, node)->incarnation;
    for (unsigned i = 0; i < walk->wants.promote_count; i++) {
        const struct want_promote *promote = &walk->wants.promotes[i];
        if (promote->keyspace == keyspace && promote->node == node &&
            promote->incarnation == incarnation && promote->join_epoch == join_epoch &&
            slot_set_has(&promote->slots, slot))
            return true;
    }
    return false;
}

static bool shrink_is_wished(const struct map_walk *walk, uint32_t keyspace, unsigned slot)
{
    for (unsigned i = 0; i < walk->wants.shrink_count; i++)
        if (walk->wants.shrinks[i].keyspace == keyspace &&
            slot_set_has(&walk->wants.shrinks[i].slots, slot))
            return true;
    return false;
}

// Whether so many lists lost a member that is not live that others may lose it beside them.
static bool many_are_dropped(const struct map_walk *walk, uint32_t keyspace)
{
    const struct map_keyspace *before = cluster_map_keyspace(&walk->map, keyspace);
    const struct map_keyspace *after = cluster_map_keyspace(&walk->next, keyspace);
    node_set live = cluster_map_live(&walk->next);
    unsigned dropped = 0;
    bool wished = false;
    for (unsigned i = 0; i < walk->wants.shrink_count; i++)
        wished |= walk->wants.shrinks[i].keyspace == keyspace;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        dropped += (map_keyspace_slot(after, (uint16_t)slot)->target & ~live &
                    ~map_keyspace_slot(before, (uint16_t)slot)->in_sync) != 0;
    return wished && dropped >= SHRINK_ONE_BY_ONE;
}

static node_set same_processes(const struct map_walk *walk)
{
    node_set same = 0;
    for (unsigned i = 0; i < walk->map.node_count; i++) {
        const struct map_node *node = &walk->map.nodes[i];
        const struct map_node *after = cluster_map_node(&walk->next, node->id);
        if (after != NULL && after->incarnation == node->incarnation)
            same |= node_bit(node->id);
    }
    return same;
}

// What the wishes say of one slot, apart from what map_step_check says of any.
static void assert_slot_explained(const struct map_walk *walk, uint32_t keyspace, unsigned slot,
                                  const struct replica_set *before, const struct replica_set *after)
{
    node_set live = cluster_map_live(&walk->next);
    node_set promoted = after->in_sync & ~before->in_sync;
    node_set dropped = before->in_sync & ~after->in_sync;
    for (node_id id = node_set_first(promoted); id != NODE_NONE; id = node_set_after(promoted, id))
        assert_true(was_reported(walk, keyspace, before->join_epoch, id, slot));
    // Lazy shrink: one that is not live goes only when a record waits, or all targets are here.
    bool all_here = (after->target & ~(after->in_sync & live)) == 0;
    assert_true((dropped & ~live) == 0 || all_here || shrink_is_wished(walk, keyspace, slot) ||
                many_are_dropped(walk, keyspace));
    assert_true((dropped & live) == 0 || all_here);
    assert_true((dropped & after->target & live) == 0);
    assert_int_equal(after->joining & ~(live & after->target), 0);
    // A join that goes on keeps its id, and nobody else begins beside it.
    if ((before->joining & after->joining & same_processes(walk)) != 0)
        assert_int_equal(after->join_epoch, before->join_epoch);
    if (node_set_has(after->in_sync & live, after->target_primary))
        assert_int_equal(after->primary, after->target_primary);
}

// Gives the number of joins that began.
static unsigned assert_keyspace_explained(const struct map_walk *walk,
                                          const struct map_keyspace *after)
{
    const struct map_keyspace *before = cluster_map_keyspace(&walk->map, after->keyspace.id);
    unsigned begun = 0;
    for (unsigned slot = 0; before != NULL && slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(after, (uint16_t)slot);
        assert_slot_explained(walk, after->keyspace.id, slot,
                              map_keyspace_slot(before, (uint16_t)slot), set);
        if (set->join_epoch == walk->next.epoch)
            begun += node_set_count(set->joining);
    }
    return begun;
}

// Who is taken for dead loses its lease in a step that waits for nobody else but those whom an
// operator fails.
static void assert_down_alone(const struct map_walk *walk)
{
    node_set failed = 0;
    for (unsigned i = 0; i < walk->next.node_count; i++)
        if (walk->next.nodes[i].state == NODE_FAILED)
            failed |= node_bit(walk->next.nodes[i].id);
    if (walk->wants.fate.down != 0)
        assert_int_equal(
            map_step_restricted(&walk->map, &walk->next) & ~(walk->wants.fate.down | failed), 0);
}

static void assert_explained(const struct map_walk *walk)
{
    const struct cluster_map *next = &walk->next;
    unsigned begun = 0;
    assert_int_equal(cluster_map_check(next), ERR_OK);
    assert_int_equal(map_step_check(&walk->map, next), ERR_OK);
    assert_int_equal(node_set_count(next->voters) % 2, 1);
    assert_down_alone(walk);
    for (unsigned i = 0; i < next->keyspace_count; i++)
        begun += assert_keyspace_explained(walk, &next->keyspaces[i]);
    assert_in_range(begun, 0, MOVES_PER_MAP_MAX);
}

// False when there is no next map.
bool map_walk_step(struct map_walk *walk)
{
    if (!next_map_compute(&walk->map, &walk->wants, &walk->next)) {
        assert_int_equal(walk->next.epoch, 0);
        return false;
    }
    assert_explained(walk);
    cluster_map_release(&walk->map);
    walk->map = walk->next;
    cluster_map_init(&walk->next);
    return true;
}

// Reports what `node` joins in this keyspace, slot by slot with probability 1 in `one_in`.
static void want_promotes(struct map_walk *walk, const struct map_keyspace *keyspace,
                          const struct map_node *node, uint64_t one_in)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
        if (!node_set_has(set->joining, node->id) || !rng_one_in(&walk->rng, one_in))
            continue;
        struct want_promote *promote = &walk->promote;
        *promote = (struct want_promote){.keyspace = keyspace->keyspace.id,
                                         .node = node->id,
                                         .incarnation = node->incarnation,
                                         .join_epoch = set->join_epoch};
        for (unsigned other = slot; other < SLOTS; other++) {
            const struct replica_set *also = map_keyspace_slot(keyspace, (uint16_t)other);
            if (node_set_has(also->joining, node->id) && also->join_epoch == set->join_epoch &&
                rng_one_in(&walk->rng, one_in))
                slot_set_add(&promote->slots, other);
        }
        wants_add_promote(&walk->wants, promote);
        slot += below(walk, SLOTS / 8);
    }
}

void map_walk_want_promotes(struct map_walk *walk)
{
    for (unsigned i = 0; i < walk->map.keyspace_count; i++)
        for (unsigned j = 0; j < walk->map.node_count; j++)
            want_promotes(walk, &walk->map.keyspaces[i], &walk->map.nodes[j], 1);
}

// Nobody wishes anything but what it has joined; every slot that can be is in sync in the end.
void map_walk_to_rest(struct map_walk *walk)
{
    unsigned maps = 0;
    do {
        assert_in_range(++maps, 1, MAPS_TO_REST_MAX);
        wants_clear(&walk->wants);
        map_walk_want_promotes(walk);
    } while (map_walk_step(walk));
    assert_true(wants_empty(&walk->wants));
    node_set live = cluster_map_live(&walk->map);
    for (unsigned i = 0; i < walk->map.keyspace_count; i++) {
        for (unsigned j = 0; j < walk->map.keyspaces[i].set_count; j++) {
            const struct replica_set *set = &walk->map.keyspaces[i].sets[j];
            if ((set->in_sync & live) == 0)
                continue;
            assert_int_equal(set->target & live & ~set->in_sync, 0);
            assert_int_equal(set->joining, 0);
            if ((set->target & ~live) == 0)
                assert_int_equal(set->in_sync, set->target);
        }
    }
}

static void any_slots(struct map_walk *walk, struct slot_set *slots)
{
    slot_set_clear(slots);
    for (unsigned i = below(walk, 6); i > 0; i--) {
        unsigned slot = below(walk, SLOTS);
        for (unsigned left = below(walk, SLOTS / 2); left > 0 && slot < SLOTS; left--)
            slot_set_add(slots, slot++);
    }
}

// The next start of a node's process, or a new node.
static void want_admit(struct map_walk *walk)
{
    uint64_t incarnation = 1;
    uint64_t store_id = FIXTURE_STORE_ID(1 + below(walk, NODES_USED_MAX));
    const struct map_node *node = cluster_map_node_of_store(&walk->map, store_id);
    if (node != NULL)
        incarnation = node->incarnation - 1 + below(walk, 4);
    struct want_admit admit = map_walk_admit(store_id, incarnation);
    wants_add_admit(&walk->wants, &admit);
}

static void want_change(struct map_walk *walk)
{
    struct change change = {.kind = (enum change_kind)(1 + below(walk, CHANGE_KIND_COUNT - 1)),
                            .node = (node_id)below(walk, NODES_USED_MAX + 1),
                            .keyspace = below(walk, KEYSPACES_USED_MAX + 1),
                            .strategy = (enum strategy)below(walk, STRATEGY_COUNT),
                            .replication_factor = (uint8_t)(1 + below(walk, 4)),
                            .min_in_sync = 1};
    if (change.kind == CHANGE_KEYSPACE_CREATE && walk->map.keyspace_count >= KEYSPACES_USED_MAX)
        return;
    snprintf(change.name, sizeof change.name, "space-%u", below(walk, KEYSPACES_USED_MAX));
    if (change.kind == CHANGE_OPTIMISTIC_CREATE) {
        change.optimistic = optimistic_default();
        snprintf(change.optimistic.name, sizeof change.optimistic.name, "space-%u",
                 below(walk, KEYSPACES_USED_MAX + 2));
    }
    wants_add_change(&walk->wants, &change);
}

// A report that is not of this join, or not of this process.
static void want_wrong_promote(struct map_walk *walk)
{
    const struct map_node *node = &walk->map.nodes[below(walk, walk->map.node_count)];
    struct want_promote *promote = &walk->promote;
    promote->keyspace = below(walk, KEYSPACES_USED_MAX);
    promote->node = node->id;
    promote->incarnation = node->incarnation + below(walk, 2);
    promote->join_epoch = walk->map.epoch - below(walk, 3);
    any_slots(walk, &promote->slots);
    wants_add_promote(&walk->wants, promote);
}

// Anybody falls silent, comes back, or has been away for long; and some are out of hearing.
static void any_fate(struct map_walk *walk)
{
    if (below(walk, 3) == 0)
        walk->wants.fate.down = any_nodes(walk);
    walk->wants.fate.up = any_nodes(walk) & ~walk->wants.fate.down;
    if (below(walk, 3) == 0)
        walk->wants.fate.repair = any_nodes(walk);
    if (below(walk, 3) == 0)
        walk->wants.spared = any_nodes(walk);
}

void map_walk_want_anything(struct map_walk *walk)
{
    wants_clear(&walk->wants);
    any_fate(walk);
    walk->wants.bump = below(walk, 8) == 0;
    for (unsigned i = below(walk, 3); i > 0; i--)
        want_admit(walk);
    for (unsigned i = below(walk, 3); i > 0; i--)
        want_change(walk);
    for (unsigned i = below(walk, 3); i > 0; i--) {
        any_slots(walk, &walk->slots);
        wants_add_shrink(&walk->wants, below(walk, KEYSPACES_USED_MAX + 1), &walk->slots);
    }
    for (unsigned i = below(walk, 4); i > 0; i--)
        want_wrong_promote(walk);
    for (unsigned i = below(walk, 4); i > 0; i--) {
        const struct cluster_map *map = &walk->map;
        want_promotes(walk, &map->keyspaces[below(walk, map->keyspace_count)],
                      &map->nodes[below(walk, map->node_count)], 1 + below(walk, 3));
    }
}

static struct replica_set any_set(struct map_walk *walk)
{
    node_set live = cluster_map_live(&walk->map);
    node_set members = cluster_map_members(&walk->map);
    struct replica_set set = {.in_sync = any_nodes(walk), .target = any_nodes(walk)};
    if (set.in_sync == 0)
        set.in_sync = node_bit(node_set_nth(members, below(walk, node_set_count(members))));
    if (set.target == 0)
        set.target = set.in_sync;
    set.target_primary = node_set_nth(set.target, below(walk, node_set_count(set.target)));
    set.joining = any_nodes(walk) & ~set.in_sync;
    if (set.joining != 0)
        set.join_epoch = 1 + below(walk, FIXTURE_EPOCH);
    node_set serving = set.in_sync & live;
    if (serving != 0)
        set.primary = node_set_nth(serving, below(walk, node_set_count(serving)));
    return set;
}

// A map that no policy ever made: any nodes down or failed, any sets.
void map_walk_any_map(struct map_walk *walk)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    unsigned nodes = 1 + below(walk, NODES_USED_MAX);
    cluster_map_release(&walk->map);
    fixture_map(&walk->map, nodes, 1);
    for (unsigned i = 0; i < nodes; i++)
        if (below(walk, 3) == 0)
            walk->map.nodes[i].state = (enum node_state)(1 + below(walk, 2));
    for (unsigned keyspaces = 1 + below(walk, 2); keyspaces > 0; keyspaces--) {
        struct replica_set any = any_set(walk);
        fixture_add_keyspace(&walk->map, &any);
        for (unsigned slot = 0; slot < SLOTS; slot++)
            slots[slot] = slot > 0 && below(walk, 100) > 0 ? slots[slot - 1] : any_set(walk);
        map_keyspace_intern(&walk->map.keyspaces[walk->map.keyspace_count - 1], slots);
    }
    free(slots);
    assert_int_equal(cluster_map_check(&walk->map), ERR_OK);
}
