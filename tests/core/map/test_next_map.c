// Random wishes on random maps: every next map must be a legal step that a naive reading of the wishes
// explains, and without wishes the maps must come to rest where everybody is in sync who should be.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "model/stamp.h"
#include "map_fixture.h"

#define WALKS 24
#define STEPS 24
#define RANDOM_MAPS 60
#define NODES_USED_MAX 7
#define KEYSPACES_USED_MAX 3
#define MAPS_TO_REST_MAX 64

struct bench {
    struct rng rng;
    struct cluster_map map;
    struct cluster_map next;
    struct wants wants;
    struct want_promote promote;
    struct slot_set slots;
};

static int open_bench(void **state)
{
    struct bench *bench = memory_zeroed(1, sizeof *bench);
    rng_init(&bench->rng, 1);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    cluster_map_release(&bench->map);
    cluster_map_release(&bench->next);
    free(bench);
    return 0;
}

static unsigned below(struct bench *bench, unsigned bound)
{
    return (unsigned)rng_below(&bench->rng, bound);
}

static node_set any_nodes(struct bench *bench)
{
    return rng_u64(&bench->rng) & cluster_map_members(&bench->map);
}

static struct want_admit admit_of(uint64_t store_id, uint64_t incarnation)
{
    struct want_admit admit = {.store_id = store_id, .incarnation = incarnation};
    snprintf(admit.peer_address, sizeof admit.peer_address, "127.0.0.1:%u",
             5000 + (unsigned)store_id);
    snprintf(admit.http_address, sizeof admit.http_address, "127.0.0.1:%u",
             6000 + (unsigned)store_id);
    return admit;
}

static void first_map(struct bench *bench, enum strategy strategy, uint8_t factor)
{
    struct want_admit admit = admit_of(FIXTURE_STORE_ID(1), 1);
    cluster_map_release(&bench->map);
    next_map_first((struct cluster_id){.high = 7, .low = 8}, &admit, strategy, factor, &bench->map);
}

static bool was_reported(const struct bench *bench, uint32_t keyspace, uint64_t join_epoch,
                         node_id node, unsigned slot)
{
    uint64_t incarnation = cluster_map_node(&bench->next, node)->incarnation;
    for (unsigned i = 0; i < bench->wants.promote_count; i++) {
        const struct want_promote *promote = &bench->wants.promotes[i];
        if (promote->keyspace == keyspace && promote->node == node &&
            promote->incarnation == incarnation && promote->join_epoch == join_epoch &&
            slot_set_has(&promote->slots, slot))
            return true;
    }
    return false;
}

static bool shrink_is_wished(const struct bench *bench, uint32_t keyspace, unsigned slot)
{
    for (unsigned i = 0; i < bench->wants.shrink_count; i++)
        if (bench->wants.shrinks[i].keyspace == keyspace &&
            slot_set_has(&bench->wants.shrinks[i].slots, slot))
            return true;
    return false;
}

// What the wishes say of one slot, apart from what map_step_check says of any.
static void assert_slot_explained(const struct bench *bench, uint32_t keyspace, unsigned slot,
                                  const struct replica_set *before, const struct replica_set *after)
{
    node_set live = cluster_map_live(&bench->next);
    node_set promoted = after->in_sync & ~before->in_sync;
    node_set dropped = before->in_sync & ~after->in_sync;
    for (node_id id = node_set_first(promoted); id != NODE_NONE; id = node_set_after(promoted, id))
        assert_true(was_reported(bench, keyspace, before->join_epoch, id, slot));
    // Lazy shrink: one that is not live goes only when a record waits, or all targets are here.
    bool all_here = (after->target & ~(after->in_sync & live)) == 0;
    assert_true((dropped & ~live) == 0 || all_here || shrink_is_wished(bench, keyspace, slot));
    assert_true((dropped & live) == 0 || all_here);
    assert_true((dropped & after->target & live) == 0);
    assert_int_equal(after->joining & ~(live & after->target), 0);
    if (node_set_has(after->in_sync & live, after->target_primary))
        assert_int_equal(after->primary, after->target_primary);
}

// Gives the number of joins that began.
static unsigned assert_keyspace_explained(const struct bench *bench,
                                          const struct map_keyspace *after)
{
    const struct map_keyspace *before = cluster_map_keyspace(&bench->map, after->keyspace.id);
    unsigned begun = 0;
    for (unsigned slot = 0; before != NULL && slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(after, (uint16_t)slot);
        assert_slot_explained(bench, after->keyspace.id, slot,
                              map_keyspace_slot(before, (uint16_t)slot), set);
        if (set->join_epoch == bench->next.epoch)
            begun += node_set_count(set->joining);
    }
    return begun;
}

static void assert_explained(const struct bench *bench)
{
    const struct cluster_map *next = &bench->next;
    unsigned begun = 0;
    assert_int_equal(cluster_map_check(next), ERR_OK);
    assert_int_equal(map_step_check(&bench->map, next), ERR_OK);
    assert_int_equal(bench->map.voters & ~next->voters, 0);
    assert_int_equal(node_set_count(next->voters) % 2, 1);
    for (unsigned i = 0; i < next->keyspace_count; i++)
        begun += assert_keyspace_explained(bench, &next->keyspaces[i]);
    assert_in_range(begun, 0, MOVES_PER_MAP_MAX);
}

// False when there is no next map.
static bool step(struct bench *bench)
{
    if (!next_map_compute(&bench->map, &bench->wants, &bench->next)) {
        assert_int_equal(bench->next.epoch, 0);
        return false;
    }
    assert_explained(bench);
    cluster_map_release(&bench->map);
    bench->map = bench->next;
    cluster_map_init(&bench->next);
    return true;
}

// Reports what `node` joins in this keyspace, slot by slot with probability 1 in `one_in`.
static void want_promotes(struct bench *bench, const struct map_keyspace *keyspace,
                          const struct map_node *node, uint64_t one_in)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
        if (!node_set_has(set->joining, node->id) || !rng_one_in(&bench->rng, one_in))
            continue;
        struct want_promote *promote = &bench->promote;
        *promote = (struct want_promote){.keyspace = keyspace->keyspace.id,
                                         .node = node->id,
                                         .incarnation = node->incarnation,
                                         .join_epoch = set->join_epoch};
        for (unsigned other = slot; other < SLOTS; other++) {
            const struct replica_set *also = map_keyspace_slot(keyspace, (uint16_t)other);
            if (node_set_has(also->joining, node->id) && also->join_epoch == set->join_epoch &&
                rng_one_in(&bench->rng, one_in))
                slot_set_add(&promote->slots, other);
        }
        wants_add_promote(&bench->wants, promote);
        slot += below(bench, SLOTS / 8);
    }
}

static void want_all_promotes(struct bench *bench)
{
    for (unsigned i = 0; i < bench->map.keyspace_count; i++)
        for (unsigned j = 0; j < bench->map.node_count; j++)
            want_promotes(bench, &bench->map.keyspaces[i], &bench->map.nodes[j], 1);
}

// Nobody wishes anything but what it has joined; every slot that can be is in sync in the end.
static void come_to_rest(struct bench *bench)
{
    unsigned maps = 0;
    do {
        assert_in_range(++maps, 1, MAPS_TO_REST_MAX);
        wants_clear(&bench->wants);
        want_all_promotes(bench);
    } while (step(bench));
    assert_true(wants_empty(&bench->wants));
    node_set live = cluster_map_live(&bench->map);
    for (unsigned i = 0; i < bench->map.keyspace_count; i++) {
        for (unsigned j = 0; j < bench->map.keyspaces[i].set_count; j++) {
            const struct replica_set *set = &bench->map.keyspaces[i].sets[j];
            if ((set->in_sync & live) == 0)
                continue;
            assert_int_equal(set->target & live & ~set->in_sync, 0);
            assert_int_equal(set->joining, 0);
            if ((set->target & ~live) == 0)
                assert_int_equal(set->in_sync, set->target);
        }
    }
}

static void any_slots(struct bench *bench, struct slot_set *slots)
{
    slot_set_clear(slots);
    for (unsigned i = below(bench, 6); i > 0; i--) {
        unsigned slot = below(bench, SLOTS);
        for (unsigned left = below(bench, SLOTS / 2); left > 0 && slot < SLOTS; left--)
            slot_set_add(slots, slot++);
    }
}

// The next start of a node's process, or a new node.
static void want_admit(struct bench *bench)
{
    uint64_t incarnation = 1;
    uint64_t store_id = FIXTURE_STORE_ID(1 + below(bench, NODES_USED_MAX));
    const struct map_node *node = cluster_map_node_of_store(&bench->map, store_id);
    if (node != NULL)
        incarnation = node->incarnation - 1 + below(bench, 4);
    struct want_admit admit = admit_of(store_id, incarnation);
    wants_add_admit(&bench->wants, &admit);
}

static void want_change(struct bench *bench)
{
    struct change change = {.kind = (enum change_kind)(1 + below(bench, CHANGE_KIND_COUNT - 1)),
                            .node = (node_id)below(bench, NODES_USED_MAX + 1),
                            .keyspace = below(bench, KEYSPACES_USED_MAX + 1),
                            .strategy = (enum strategy)below(bench, STRATEGY_COUNT),
                            .replication_factor = (uint8_t)(1 + below(bench, 4)),
                            .min_in_sync = 1};
    if (change.kind == CHANGE_KEYSPACE_CREATE && bench->map.keyspace_count >= KEYSPACES_USED_MAX)
        return;
    snprintf(change.name, sizeof change.name, "space-%u", below(bench, KEYSPACES_USED_MAX));
    wants_add_change(&bench->wants, &change);
}

// A report that is not of this join, or not of this process.
static void want_wrong_promote(struct bench *bench)
{
    const struct map_node *node = &bench->map.nodes[below(bench, bench->map.node_count)];
    struct want_promote *promote = &bench->promote;
    promote->keyspace = below(bench, KEYSPACES_USED_MAX);
    promote->node = node->id;
    promote->incarnation = node->incarnation + below(bench, 2);
    promote->join_epoch = bench->map.epoch - below(bench, 3);
    any_slots(bench, &promote->slots);
    wants_add_promote(&bench->wants, promote);
}

static void want_anything(struct bench *bench)
{
    wants_clear(&bench->wants);
    bench->wants.bump = below(bench, 8) == 0;
    for (unsigned i = below(bench, 3); i > 0; i--)
        want_admit(bench);
    for (unsigned i = below(bench, 3); i > 0; i--)
        want_change(bench);
    for (unsigned i = below(bench, 3); i > 0; i--) {
        any_slots(bench, &bench->slots);
        wants_add_shrink(&bench->wants, below(bench, KEYSPACES_USED_MAX + 1), &bench->slots);
    }
    for (unsigned i = below(bench, 4); i > 0; i--)
        want_wrong_promote(bench);
    for (unsigned i = below(bench, 4); i > 0; i--) {
        const struct cluster_map *map = &bench->map;
        want_promotes(bench, &map->keyspaces[below(bench, map->keyspace_count)],
                      &map->nodes[below(bench, map->node_count)], 1 + below(bench, 3));
    }
}

static void test_next_map__random_walks_are_legal_and_come_to_rest(void **state)
{
    struct bench *bench = *state;
    for (unsigned seed = 0; seed < WALKS; seed++) {
        rng_init(&bench->rng, seed);
        first_map(bench, (enum strategy)(seed % STRATEGY_COUNT), (uint8_t)(1 + seed % 3));
        for (unsigned i = 0; i < STEPS; i++) {
            want_anything(bench);
            step(bench);
        }
        come_to_rest(bench);
    }
}

static struct replica_set any_set(struct bench *bench)
{
    node_set live = cluster_map_live(&bench->map);
    node_set members = cluster_map_members(&bench->map);
    struct replica_set set = {.in_sync = any_nodes(bench), .target = any_nodes(bench)};
    if (set.in_sync == 0)
        set.in_sync = node_bit(node_set_nth(members, below(bench, node_set_count(members))));
    if (set.target == 0)
        set.target = set.in_sync;
    set.target_primary = node_set_nth(set.target, below(bench, node_set_count(set.target)));
    set.joining = any_nodes(bench) & ~set.in_sync;
    if (set.joining != 0)
        set.join_epoch = 1 + below(bench, FIXTURE_EPOCH);
    node_set serving = set.in_sync & live;
    if (serving != 0)
        set.primary = node_set_nth(serving, below(bench, node_set_count(serving)));
    return set;
}

// A map that no policy ever made: any nodes down or failed, any sets.
static void any_map(struct bench *bench)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    unsigned nodes = 1 + below(bench, NODES_USED_MAX);
    cluster_map_release(&bench->map);
    fixture_map(&bench->map, nodes, 1);
    for (unsigned i = 0; i < nodes; i++)
        if (below(bench, 3) == 0)
            bench->map.nodes[i].state = (enum node_state)(1 + below(bench, 2));
    for (unsigned keyspaces = 1 + below(bench, 2); keyspaces > 0; keyspaces--) {
        struct replica_set any = any_set(bench);
        fixture_add_keyspace(&bench->map, &any);
        for (unsigned slot = 0; slot < SLOTS; slot++)
            slots[slot] = slot > 0 && below(bench, 100) > 0 ? slots[slot - 1] : any_set(bench);
        map_keyspace_intern(&bench->map.keyspaces[bench->map.keyspace_count - 1], slots);
    }
    free(slots);
    assert_int_equal(cluster_map_check(&bench->map), ERR_OK);
}

static void test_next_map__any_map_leads_on_legally_and_comes_to_rest(void **state)
{
    struct bench *bench = *state;
    for (unsigned seed = 0; seed < RANDOM_MAPS; seed++) {
        rng_init(&bench->rng, seed);
        any_map(bench);
        want_anything(bench);
        step(bench);
        come_to_rest(bench);
    }
}

static void grow(struct bench *bench, unsigned nodes)
{
    for (unsigned id = 2; id <= nodes; id++) {
        struct want_admit admit = admit_of(FIXTURE_STORE_ID(id), 1);
        wants_clear(&bench->wants);
        wants_add_admit(&bench->wants, &admit);
        assert_true(step(bench));
        come_to_rest(bench);
    }
}

static void change(struct bench *bench, struct change wished)
{
    wants_clear(&bench->wants);
    wants_add_change(&bench->wants, &wished);
    assert_int_equal(next_map_check_change(&bench->map, &wished), ERR_OK);
    assert_true(step(bench));
}

static void test_next_map__voters_are_odd_and_stay(void **state)
{
    struct bench *bench = *state;
    const unsigned expected[] = {0, 1, 1, 3, 3, 5, 5, 7, 7, 7};
    first_map(bench, STRATEGY_CONSISTENT, 1);
    for (unsigned nodes = 2; nodes <= 9; nodes++) {
        grow(bench, 1);
        struct want_admit admit = admit_of(FIXTURE_STORE_ID(nodes), 1);
        wants_clear(&bench->wants);
        wants_add_admit(&bench->wants, &admit);
        assert_true(step(bench));
        assert_int_equal(node_set_count(bench->map.voters), expected[nodes]);
    }
}

static void test_next_map__recovering_restores(void **state)
{
    struct bench *bench = *state;
    const struct change recover = {.kind = CHANGE_RECOVER, .node = 2};
    struct buf before;
    struct buf after;
    first_map(bench, STRATEGY_CONSISTENT, 2);
    grow(bench, 4);
    buf_init(&before, CLUSTER_MAP_BYTES_MAX);
    buf_init(&after, CLUSTER_MAP_BYTES_MAX);
    bench->map.epoch = 100;
    cluster_map_encode(&before, &bench->map);

    change(bench, (struct change){.kind = CHANGE_FAIL, .node = 2});
    come_to_rest(bench);
    wants_clear(&bench->wants);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&bench->slots, slot);
    wants_add_shrink(&bench->wants, 0, &bench->slots);
    assert_true(step(bench));
    for (unsigned i = 0; i < bench->map.keyspaces[0].set_count; i++)
        assert_false(node_set_has(bench->map.keyspaces[0].sets[i].in_sync, 2));
    assert_false(next_map_satisfies(&bench->map, &recover));

    change(bench, recover);
    assert_false(next_map_satisfies(&bench->map, &recover));
    come_to_rest(bench);
    assert_true(next_map_satisfies(&bench->map, &recover));
    bench->map.epoch = 100;
    cluster_map_encode(&after, &bench->map);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_release(&before);
    buf_release(&after);
}

static void test_next_map__nothing_written_means_nothing_to_repair(void **state)
{
    struct bench *bench = *state;
    first_map(bench, STRATEGY_FULL, 1);
    grow(bench, 3);
    change(bench, (struct change){.kind = CHANGE_FAIL, .node = 3});
    assert_int_equal(bench->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    change(bench, (struct change){.kind = CHANGE_RECOVER, .node = 3});
    assert_int_equal(bench->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    assert_int_equal(bench->map.keyspaces[0].sets[0].joining, 0);
}

// The primary fails, the only other live one is promoted, and a shrink is wished, all in one map: the old
// list must not be left to the newcomer alone.
static void test_next_map__a_shrink_never_leaves_newcomers_alone(void **state)
{
    struct bench *bench = *state;
    struct replica_set set = fixture_settled(node_bit(1) | node_bit(3));
    set.target = fixture_nodes(3);
    set.joining = node_bit(2);
    set.join_epoch = FIXTURE_EPOCH - 1;
    fixture_map(&bench->map, 3, 3);
    bench->map.nodes[2].state = NODE_DOWN;
    fixture_add_keyspace(&bench->map, &set);
    want_all_promotes(bench);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&bench->slots, slot);
    wants_add_shrink(&bench->wants, 0, &bench->slots);
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_FAIL, .node = 1});
    assert_true(step(bench));
    assert_int_equal(bench->map.keyspaces[0].sets[0].in_sync, fixture_nodes(3));
    assert_int_equal(bench->map.keyspaces[0].sets[0].primary, 2);
}

static void test_next_map__a_restart_begins_the_join_anew(void **state)
{
    struct bench *bench = *state;
    first_map(bench, STRATEGY_FULL, 1);
    grow(bench, 1);
    struct want_admit admit = admit_of(FIXTURE_STORE_ID(2), 1);
    wants_add_admit(&bench->wants, &admit);
    assert_true(step(bench));
    uint64_t join_epoch = bench->map.keyspaces[0].sets[0].join_epoch;
    assert_int_equal(join_epoch, bench->map.epoch);

    wants_clear(&bench->wants);
    want_all_promotes(bench);
    admit.incarnation = 2;
    wants_add_admit(&bench->wants, &admit);
    assert_true(step(bench));
    const struct replica_set *set = &bench->map.keyspaces[0].sets[0];
    assert_int_equal(cluster_map_node(&bench->map, 2)->incarnation, 2);
    assert_int_equal(set->in_sync, node_bit(1));
    assert_int_equal(set->joining, node_bit(2));
    assert_true(set->join_epoch > join_epoch);
}

static void test_next_map__failed_survives_a_restart_and_down_does_not(void **state)
{
    struct bench *bench = *state;
    fixture_map(&bench->map, 3, 3);
    bench->map.nodes[1].state = NODE_FAILED;
    bench->map.nodes[2].state = NODE_DOWN;
    for (unsigned id = 2; id <= 3; id++) {
        struct want_admit admit = admit_of(FIXTURE_STORE_ID(id), 2);
        wants_add_admit(&bench->wants, &admit);
    }
    assert_true(step(bench));
    assert_int_equal(bench->map.nodes[1].state, NODE_FAILED);
    assert_int_equal(bench->map.nodes[2].state, NODE_UP);
}

static void test_next_map__leaves_out_what_cannot_be_done(void **state)
{
    struct bench *bench = *state;
    const struct {
        struct change change;
        enum err error;
    } cases[] = {
        {{.kind = CHANGE_FAIL, .node = 9}, ERR_NOT_FOUND},
        {{.kind = CHANGE_RECOVER, .node = 0}, ERR_NOT_FOUND},
        {{.kind = CHANGE_STRATEGY, .keyspace = 9, .replication_factor = 1}, ERR_NOT_FOUND},
        {{.kind = CHANGE_STRATEGY, .replication_factor = 3}, ERR_INVALID},
        {{.kind = CHANGE_MIN_IN_SYNC, .min_in_sync = 3}, ERR_INVALID},
        {{.kind = CHANGE_KEYSPACE_CREATE,
          .name = KEYSPACE_DEFAULT,
          .replication_factor = 1,
          .min_in_sync = 1},
         ERR_EXISTS},
        {{.kind = CHANGE_KEYSPACE_CREATE,
          .name = "new",
          .replication_factor = 3,
          .min_in_sync = 1},
         ERR_INVALID},
    };
    first_map(bench, STRATEGY_CONSISTENT, 1);
    grow(bench, 2);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(next_map_check_change(&bench->map, &cases[i].change), cases[i].error);
        wants_clear(&bench->wants);
        wants_add_change(&bench->wants, &cases[i].change);
        assert_false(step(bench));
    }
    bench->map.keyspace_count = KEYSPACES_MAX;
    struct change create = {.kind = CHANGE_KEYSPACE_CREATE,
                            .name = "new",
                            .replication_factor = 1,
                            .min_in_sync = 1};
    assert_int_equal(next_map_check_change(&bench->map, &create), ERR_TOO_LARGE);
    bench->map.keyspace_count = 1;
}

static void test_next_map__a_new_keyspace_serves_at_once(void **state)
{
    struct bench *bench = *state;
    first_map(bench, STRATEGY_FULL, 1);
    grow(bench, 3);
    struct change create = {.kind = CHANGE_KEYSPACE_CREATE,
                            .name = "users",
                            .strategy = STRATEGY_CONSISTENT,
                            .replication_factor = 2,
                            .min_in_sync = 2};
    assert_false(next_map_satisfies(&bench->map, &create));
    change(bench, create);
    assert_true(next_map_satisfies(&bench->map, &create));
    const struct map_keyspace *created =
        cluster_map_keyspace_named(&bench->map, slice_of_text("users"));
    assert_int_equal(created->keyspace.min_in_sync, 2);
    for (unsigned i = 0; i < created->set_count; i++) {
        assert_int_equal(created->sets[i].in_sync, created->sets[i].target);
        assert_int_equal(node_set_count(created->sets[i].in_sync), 2);
        assert_int_equal(created->sets[i].primary, created->sets[i].target_primary);
    }
    wants_clear(&bench->wants);
    assert_false(step(bench));
}

// Who recovers in the map that makes a keyspace holds it from the beginning: a new one has no joiners.
static void test_next_map__a_new_keyspace_sees_the_whole_map(void **state)
{
    struct bench *bench = *state;
    first_map(bench, STRATEGY_FULL, 1);
    grow(bench, 3);
    change(bench, (struct change){.kind = CHANGE_FAIL, .node = 3});
    wants_clear(&bench->wants);
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_KEYSPACE_CREATE,
                                                     .name = "users",
                                                     .strategy = STRATEGY_FULL,
                                                     .replication_factor = 1,
                                                     .min_in_sync = 1});
    wants_add_change(&bench->wants, &(struct change){.kind = CHANGE_RECOVER, .node = 3});
    assert_true(step(bench));
    assert_int_equal(bench->map.keyspaces[1].set_count, 3);
    for (unsigned i = 0; i < bench->map.keyspaces[1].set_count; i++)
        assert_int_equal(bench->map.keyspaces[1].sets[i].in_sync, fixture_nodes(3));
}

static void test_next_map__a_bump_is_a_map_of_its_own(void **state)
{
    struct bench *bench = *state;
    first_map(bench, STRATEGY_FULL, 1);
    assert_false(step(bench));
    bench->wants.bump = true;
    assert_true(step(bench));
    assert_int_equal(bench->map.epoch, 2);
    bench->map.epoch = STAMP_EPOCH_MAX;
    assert_false(step(bench));
}

static void test_next_map__options_change_once(void **state)
{
    struct bench *bench = *state;
    struct change wished = {.kind = CHANGE_STRATEGY, .strategy = STRATEGY_CONSISTENT};
    first_map(bench, STRATEGY_FULL, 1);
    grow(bench, 3);
    change(bench, wished);
    assert_true(next_map_satisfies(&bench->map, &wished));
    assert_int_equal(bench->map.keyspaces[0].keyspace.replication_factor, 1);
    come_to_rest(bench);
    for (unsigned i = 0; i < bench->map.keyspaces[0].set_count; i++)
        assert_int_equal(node_set_count(bench->map.keyspaces[0].sets[i].in_sync), 1);
    wants_add_change(&bench->wants, &wished);
    assert_false(step(bench));
    change(bench, (struct change){.kind = CHANGE_MIN_IN_SYNC, .min_in_sync = 2});
    assert_int_equal(bench->map.keyspaces[0].keyspace.min_in_sync, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_next_map__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_walks_are_legal_and_come_to_rest),
        TEST(any_map_leads_on_legally_and_comes_to_rest),
        TEST(voters_are_odd_and_stay),
        TEST(recovering_restores),
        TEST(nothing_written_means_nothing_to_repair),
        TEST(a_shrink_never_leaves_newcomers_alone),
        TEST(a_restart_begins_the_join_anew),
        TEST(failed_survives_a_restart_and_down_does_not),
        TEST(leaves_out_what_cannot_be_done),
        TEST(a_new_keyspace_serves_at_once),
        TEST(a_new_keyspace_sees_the_whole_map),
        TEST(a_bump_is_a_map_of_its_own),
        TEST(options_change_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
