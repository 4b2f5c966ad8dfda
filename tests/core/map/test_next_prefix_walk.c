// Random losses of power, judged by a model: of all sets of suspects that could be named together
// the largest is, and each slot is left to one who has the longest prefix of it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "suspect_scene.h"

// HOLDER never falls, and holds all slots but the first few.
enum { WALKERS = 5, HOLDER = 6, WALKED_SLOTS = 5, ROUNDS = 300, COUNTERS = 4, SEED = 1 };

struct walker {
    enum node_state state;
    bool heard;
    bool again;
    enum claim claim;
    bool told;
    uint64_t counters[WALKED_SLOTS];
};

struct walk {
    struct rng rng;
    struct scene *scene;
    node_set lists[WALKED_SLOTS];
    struct walker walkers[WALKERS + 1]; // by id
    node_set suspects;
    node_set holders;
    node_set failed;
    node_set told;
};

static bool one_in(struct walk *walk, uint64_t count)
{
    return rng_one_in(&walk->rng, count);
}

// --- a random scene

static void draw_lists(struct walk *walk)
{
    struct cluster_map *map = &walk->scene->map;
    struct replica_set set = fixture_settled(node_bit(HOLDER));
    cluster_map_release(map);
    fixture_map(map, HOLDER, 3);
    map->next_keyspace_id = 4;
    fixture_add_keyspace(map, &set);
    for (unsigned slot = 0; slot < WALKED_SLOTS; slot++) {
        node_set nodes = node_bit((node_id)(1 + rng_below(&walk->rng, WALKERS)));
        for (node_id id = 1; id <= HOLDER; id++)
            nodes |= one_in(walk, id == HOLDER ? 8 : 4) ? node_bit(id) : 0;
        walk->lists[slot] = nodes;
        scene_set_list(walk->scene, slot, nodes);
    }
}

static void draw_walker(struct walk *walk, node_id id)
{
    struct walker *walker = &walk->walkers[id];
    walker->state = one_in(walk, 8) ? NODE_FAILED : one_in(walk, 2) ? NODE_DOWN : NODE_UP;
    walker->heard = one_in(walk, 2);
    walker->again = !one_in(walk, 8);
    walker->claim = one_in(walk, 10) ? CLAIM_WHOLE : CLAIM_SUSPECT;
    walker->told = walker->again && walker->claim == CLAIM_SUSPECT && !one_in(walk, 16);
    for (unsigned slot = 0; slot < WALKED_SLOTS; slot++) {
        uint64_t counter = rng_below(&walk->rng, COUNTERS);
        bool none = one_in(walk, 16);
        walker->counters[slot] = none ? TELLER_NO_PREFIX : counter;
    }
}

static void place_walker(struct walk *walk, node_id id)
{
    const struct walker *walker = &walk->walkers[id];
    struct scene *scene = walk->scene;
    scene->map.nodes[id - 1].state = walker->state;
    if (walker->state == NODE_UP && walker->heard && !walker->again)
        walk->holders |= node_bit(id);
    if (!walker->heard)
        scene->wants.spared |= node_bit(id);
    if (walker->state == NODE_FAILED)
        walk->failed |= node_bit(id);
    if (walker->again && walker->claim == CLAIM_SUSPECT)
        walk->suspects |= node_bit(id);
    if (walker->told)
        walk->told |= node_bit(id);
    if (!walker->told && walker->again)
        scene_start_again(scene, id, walker->claim);
    if (!walker->told)
        return;
    teller_fill(&scene->teller, TELLER_NO_PREFIX);
    memcpy(scene->teller.counters, walker->counters, sizeof walker->counters);
    scene_tell(scene, id);
}

static void draw(struct walk *walk)
{
    walk->holders = node_bit(HOLDER);
    walk->suspects = 0;
    walk->failed = 0;
    walk->told = 0;
    prefixes_release(&walk->scene->prefixes);
    wants_clear(&walk->scene->wants);
    walk->scene->wants.prefixes = &walk->scene->prefixes;
    draw_lists(walk);
    for (node_id id = 1; id <= WALKERS; id++) {
        draw_walker(walk, id);
        place_walker(walk, id);
    }
}

// --- the model

// Those of `nodes` with the greatest counter of a slot.
static node_set longest_of(const struct walk *walk, unsigned slot, node_set nodes)
{
    node_set longest = 0;
    uint64_t greatest = 0;
    for (node_id id = 1; id <= WALKERS; id++) {
        uint64_t counter = walk->walkers[id].counters[slot];
        if (!node_set_has(nodes, id) || counter == TELLER_NO_PREFIX ||
            (longest != 0 && counter < greatest))
            continue;
        longest = (counter > greatest ? 0 : longest) | node_bit(id);
        greatest = counter;
    }
    return longest;
}

static bool may_be_named(const struct walk *walk, node_set group)
{
    for (unsigned slot = 0; slot < WALKED_SLOTS; slot++) {
        node_set list = walk->lists[slot];
        if ((list & group) == 0 || (list & walk->holders) != 0)
            continue;
        if ((list & ~(group & walk->told)) != 0 ||
            (longest_of(walk, slot, list) & ~walk->failed) == 0)
            return false;
    }
    return true;
}

// What two sets could have alone they can have together.
static node_set largest_group(const struct walk *walk)
{
    node_set largest = 0;
    for (unsigned bits = 0; bits < 1u << WALKERS; bits++) {
        node_set group = (node_set)bits;
        if ((group & ~walk->suspects) == 0 && may_be_named(walk, group))
            largest |= group;
    }
    return largest;
}

// --- the verdict

static void check_slot(const struct walk *walk, unsigned slot, node_set group)
{
    node_set list = walk->lists[slot];
    node_set after = scene_listed(walk->scene, slot);
    if ((list & group) == 0) {
        assert_int_equal(after, list);
    } else if ((list & walk->holders) != 0) {
        assert_int_equal(after, list & ~group);
    } else {
        assert_int_equal(node_set_count(after), 1);
        assert_int_equal(after & ~longest_of(walk, slot, list), 0);
        assert_int_equal(after & walk->failed, 0);
        assert_int_equal(scene_set(walk->scene, slot)->primary, node_set_first(after));
    }
}

static void test_next_prefix_walk__the_largest_group_is_named(void **state)
{
    struct walk walk = {.scene = *state};
    unsigned named_rounds = 0;
    unsigned waiting_rounds = 0;
    rng_init(&walk.rng, SEED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        draw(&walk);
        node_set group = largest_group(&walk);
        bool stepped = scene_step(walk.scene);
        node_set named = stepped ? scene_named(walk.scene) & walk.suspects : 0;
        assert_int_equal(named, group);
        for (unsigned slot = 0; stepped && slot < WALKED_SLOTS; slot++)
            check_slot(&walk, slot, group);
        named_rounds += group != 0;
        waiting_rounds += group != walk.suspects;
    }
    assert_in_range(named_rounds, ROUNDS / 4, ROUNDS);
    assert_in_range(waiting_rounds, ROUNDS / 4, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_next_prefix_walk__the_largest_group_is_named,
                                        scene_open, scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
