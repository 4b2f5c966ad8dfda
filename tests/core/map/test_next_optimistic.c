#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "map_fixture.h"
#include "map_walk.h"

static struct change creation(const char *name)
{
    struct change change = {.kind = CHANGE_OPTIMISTIC_CREATE, .optimistic = optimistic_default()};
    memcpy(change.optimistic.name, name, strlen(name));
    change.optimistic.secret = 42;
    // What the map gives is not the asker's to say.
    change.optimistic.id = 77;
    change.optimistic.primary = 9;
    change.optimistic.primary_epoch = 99;
    return change;
}

static void create(struct map_walk *walk, const char *name)
{
    struct change change = creation(name);
    assert_int_equal(next_map_check_change(&walk->map, &change), ERR_OK);
    assert_false(next_map_satisfies(&walk->map, &change));
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &change);
    assert_true(map_walk_step(walk));
    assert_true(next_map_satisfies(&walk->map, &change));
}

static void begin(struct map_walk *walk, unsigned nodes)
{
    map_walk_first(walk, STRATEGY_FULL, 1);
    for (unsigned id = 2; id <= nodes; id++) {
        struct want_admit admit = map_walk_admit(FIXTURE_STORE_ID(id), 1);
        wants_clear(&walk->wants);
        wants_add_admit(&walk->wants, &admit);
        assert_true(map_walk_step(walk));
        map_walk_to_rest(walk);
    }
}

static void befall(struct map_walk *walk, struct wants_fate fate)
{
    wants_clear(&walk->wants);
    walk->wants.fate = fate;
    assert_true(map_walk_step(walk));
}

static void test_next_optimistic__is_made_with_an_id_and_a_primary(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3);
    uint32_t id = walk->map.next_keyspace_id;
    create(walk, "notes");
    const struct optimistic *made =
        cluster_map_optimistic_named(&walk->map, slice_of_text("notes"));
    assert_non_null(made);
    assert_int_equal(made->id, id);
    assert_int_equal(made->secret, 42);
    assert_int_equal(made->primary, 1);
    assert_int_equal(made->primary_epoch, walk->map.epoch);
    assert_int_equal(walk->map.next_keyspace_id, id + 1);
    // It restricts nobody: no node waits for it.
    wants_clear(&walk->wants);
    assert_false(map_walk_step(walk));
}

static void test_next_optimistic__names_are_unique_over_both_kinds(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 1);
    create(walk, "notes");
    struct change again = creation("notes");
    assert_int_equal(next_map_check_change(&walk->map, &again), ERR_EXISTS);
    again = creation("default");
    assert_int_equal(next_map_check_change(&walk->map, &again), ERR_EXISTS);
    struct change strong = {
        .kind = CHANGE_KEYSPACE_CREATE, .name = "notes", .replication_factor = 1, .min_in_sync = 1};
    assert_int_equal(next_map_check_change(&walk->map, &strong), ERR_EXISTS);
    again = creation("other");
    again.optimistic.rumor_k = 0;
    assert_int_equal(next_map_check_change(&walk->map, &again), ERR_INVALID);
}

static void test_next_optimistic__the_primary_is_handed_on(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 3);
    create(walk, "notes");
    const struct optimistic *notes = &walk->map.optimistic[0];
    befall(walk, (struct wants_fate){.down = node_bit(1)});
    assert_int_equal(notes->primary, 2);
    assert_int_equal(notes->primary_epoch, walk->map.epoch);
    uint64_t since = notes->primary_epoch;
    // It stays where it is when the former one comes back, and counts from when it came there.
    befall(walk, (struct wants_fate){.up = node_bit(1)});
    assert_int_equal(notes->primary, 2);
    assert_int_equal(notes->primary_epoch, since);
    // With nobody up it stays, and so does its epoch.
    befall(walk, (struct wants_fate){.down = node_bit(1) | node_bit(2) | node_bit(3)});
    assert_int_equal(notes->primary, 2);
    assert_int_equal(notes->primary_epoch, since);
}

static void test_next_optimistic__a_primary_that_is_removed_hands_on_first(void **state)
{
    struct map_walk *walk = *state;
    begin(walk, 2);
    create(walk, "notes");
    const struct change remove = {.kind = CHANGE_REMOVE, .node = 1};
    wants_clear(&walk->wants);
    wants_add_change(&walk->wants, &remove);
    assert_true(map_walk_step(walk));
    assert_int_equal(walk->map.optimistic[0].primary, 2);
    map_walk_to_rest(walk);
    assert_null(cluster_map_node(&walk->map, 1));
    assert_int_equal(walk->map.optimistic[0].primary, 2);
}

static void alter_nothing(struct cluster_map *map)
{
    (void)map;
}

static void alter_secret(struct cluster_map *map)
{
    map->optimistic[0].secret++;
}

static void alter_name(struct cluster_map *map)
{
    map->optimistic[0].name[0] = 'm';
}

static void alter_signing(struct cluster_map *map)
{
    map->optimistic[0].is_signed ^= true;
}

static void alter_kind(struct cluster_map *map)
{
    map->optimistic[0].is_family ^= true;
}

static void alter_primary(struct cluster_map *map)
{
    map->optimistic[0].primary = 2;
}

static void alter_epoch(struct cluster_map *map)
{
    map->optimistic[0].primary_epoch--;
}

static void alter_id(struct cluster_map *map)
{
    map->optimistic[0].id = 0;
}

static void test_next_optimistic__a_keyspace_stays_what_it_is(void **state)
{
    struct map_walk *walk = *state;
    static const struct {
        void (*alter)(struct cluster_map *map);
        bool legal;
    } cases[] = {{alter_nothing, true},  {alter_secret, false}, {alter_name, false},
                 {alter_signing, false}, {alter_kind, false},   {alter_primary, false},
                 {alter_epoch, false},   {alter_id, false}};
    begin(walk, 2);
    create(walk, "notes");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cluster_map next;
        cluster_map_copy(&next, &walk->map);
        next.epoch++;
        cases[i].alter(&next);
        assert_int_equal(map_step_check(&walk->map, &next) == ERR_OK, cases[i].legal);
        cluster_map_release(&next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_next_optimistic__is_made_with_an_id_and_a_primary,
                                        map_walk_open, map_walk_close),
        cmocka_unit_test_setup_teardown(test_next_optimistic__names_are_unique_over_both_kinds,
                                        map_walk_open, map_walk_close),
        cmocka_unit_test_setup_teardown(test_next_optimistic__the_primary_is_handed_on,
                                        map_walk_open, map_walk_close),
        cmocka_unit_test_setup_teardown(
            test_next_optimistic__a_primary_that_is_removed_hands_on_first, map_walk_open,
            map_walk_close),
        cmocka_unit_test_setup_teardown(test_next_optimistic__a_keyspace_stays_what_it_is,
                                        map_walk_open, map_walk_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
