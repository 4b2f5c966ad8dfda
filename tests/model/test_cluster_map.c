#include "base/check.h"
#include "base/random.h"
#include "model/cluster_map.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void add_node(struct cluster_map *map, node_id id, enum node_state state)
{
    struct map_node *node = &map->nodes[map->node_count++];
    node->id = id;
    node->state = state;
    node->store_id = 1000u + id;
    node->incarnation = 7;
    snprintf(node->peer_address, sizeof node->peer_address, "10.0.0.%u:5100", id);
    snprintf(node->http_address, sizeof node->http_address, "10.0.0.%u:5000", id);
}

static void add_keyspace(struct cluster_map *map, const char *name, const struct replica_set *slots)
{
    struct map_keyspace *added = &map->keyspaces[map->keyspace_count++];
    added->keyspace = (struct keyspace){.id = map->next_keyspace_id++,
                                        .strategy = STRATEGY_FULL,
                                        .replication_factor = 3,
                                        .min_in_sync = 1};
    snprintf(added->keyspace.name, sizeof added->keyspace.name, "%s", name);
    map_keyspace_intern(added, slots);
}

static const struct replica_set everywhere = {
    .in_sync = 7, .target = 7, .primary = 1, .target_primary = 1};

static void fill_slots(struct replica_set *slots, struct replica_set set)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slots[slot] = set;
}

// Three nodes (the third is down), two keyspaces: one set for all slots, and several.
static void make_map(struct cluster_map *map)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    cluster_map_init(map);
    map->cluster = (struct cluster_id){1, 2};
    map->generation = 3;
    map->epoch = 9;
    map->voters = 7;
    map->lease_ms = 1000;
    add_node(map, 1, NODE_UP);
    add_node(map, 2, NODE_UP);
    add_node(map, 3, NODE_DOWN);
    fill_slots(slots, everywhere);
    add_keyspace(map, "default", slots);
    for (unsigned slot = 100; slot < 300; slot++)
        slots[slot].primary = 2;
    slots[200] = (struct replica_set){.in_sync = 1,
                                      .joining = 2,
                                      .target = 3,
                                      .join_epoch = 8,
                                      .primary = 1,
                                      .target_primary = 2};
    slots[201] = (struct replica_set){.in_sync = 4, .target = 4, .primary = NODE_NONE};
    add_keyspace(map, "other", slots);
    free(slots);
}

static void encode(struct buf *out, const struct cluster_map *map)
{
    buf_init(out, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(out, map);
    assert_false(out->overflown);
}

static void test_cluster_map__is_valid_as_made_here(void **state)
{
    (void)state;
    struct cluster_map map;
    make_map(&map);
    assert_int_equal(cluster_map_check(&map), ERR_OK);
    cluster_map_release(&map);
    assert_int_equal(map.node_count, 0);
    assert_int_equal(map.keyspace_count, 0);
}

static void test_cluster_map__finds_nodes_and_keyspaces(void **state)
{
    (void)state;
    struct cluster_map map;
    make_map(&map);
    assert_int_equal(cluster_map_node(&map, 2)->store_id, 1002);
    assert_null(cluster_map_node(&map, 4));
    assert_null(cluster_map_node(&map, NODE_NONE));
    assert_int_equal(cluster_map_node_of_store(&map, 1003)->id, 3);
    assert_null(cluster_map_node_of_store(&map, 0));
    assert_string_equal(cluster_map_keyspace(&map, 1)->keyspace.name, "other");
    assert_null(cluster_map_keyspace(&map, 2));
    assert_int_equal(cluster_map_keyspace_named(&map, slice_of_text("default"))->keyspace.id, 0);
    assert_null(cluster_map_keyspace_named(&map, slice_of_text("defaul")));
    assert_null(cluster_map_keyspace_named(&map, slice_of_text("")));
    assert_int_equal(cluster_map_members(&map), 7);
    assert_int_equal(cluster_map_live(&map), 3);
    cluster_map_release(&map);
}

static void test_cluster_map__shares_equal_sets(void **state)
{
    (void)state;
    struct cluster_map map;
    make_map(&map);
    const struct map_keyspace *other = &map.keyspaces[1];
    assert_int_equal(map.keyspaces[0].set_count, 1);
    assert_int_equal(other->set_count, 4);
    assert_int_equal(map_keyspace_slot(other, 99)->primary, 1);
    assert_int_equal(map_keyspace_slot(other, 100)->primary, 2);
    assert_int_equal(map_keyspace_slot(other, 200)->joining, 2);
    assert_int_equal(map_keyspace_slot(other, 201)->primary, NODE_NONE);
    assert_int_equal(map_keyspace_slot(other, 300)->primary, 1);
    assert_int_equal(other->set_of_slot[0], other->set_of_slot[SLOTS - 1]);
    cluster_map_release(&map);
}

static void test_cluster_map__interns_as_many_sets_as_slots(void **state)
{
    (void)state;
    struct rng rng;
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    struct replica_set *expanded = memory_zeroed(SLOTS, sizeof *expanded);
    struct map_keyspace keyspace = {0};
    rng_init(&rng, 8);
    for (unsigned distinct = 1; distinct <= SLOTS; distinct *= 128) {
        for (unsigned slot = 0; slot < SLOTS; slot++)
            slots[slot] = (struct replica_set){
                .in_sync = slot < distinct ? slot + 1u : 1 + rng_below(&rng, distinct)};
        map_keyspace_intern(&keyspace, slots);
        assert_int_equal(keyspace.set_count, distinct);
        map_keyspace_expand(&keyspace, expanded);
        for (unsigned slot = 0; slot < SLOTS; slot++)
            assert_true(replica_set_equal(&expanded[slot], &slots[slot]));
    }
    free(keyspace.sets);
    free(keyspace.set_of_slot);
    free(expanded);
    free(slots);
}

static void test_cluster_map__tells_sets_apart_by_each_field(void **state)
{
    (void)state;
    struct replica_set sets[7];
    for (int i = 0; i < 7; i++)
        sets[i] = everywhere;
    sets[1].in_sync = 3;
    sets[2].joining = 8;
    sets[3].target = 3;
    sets[4].join_epoch = 1;
    sets[5].primary = 2;
    sets[6].target_primary = 2;
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7; j++)
            assert_int_equal(replica_set_equal(&sets[i], &sets[j]), i == j);
}

static void test_cluster_map__comes_back_from_bytes(void **state)
{
    (void)state;
    struct cluster_map map, back;
    struct buf first, second;
    make_map(&map);
    encode(&first, &map);
    cluster_map_init(&back);
    assert_int_equal(cluster_map_decode(buf_slice(&first), &back), ERR_OK);
    assert_int_equal(back.epoch, 9);
    assert_int_equal(back.generation, 3);
    assert_int_equal(back.cluster.low, 2);
    assert_int_equal(back.lease_ms, 1000);
    assert_int_equal(back.nodes[2].state, NODE_DOWN);
    assert_string_equal(back.nodes[1].peer_address, "10.0.0.2:5100");
    assert_string_equal(back.nodes[1].http_address, "10.0.0.2:5000");
    assert_int_equal(map_keyspace_slot(&back.keyspaces[1], 200)->join_epoch, 8);
    encode(&second, &back);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    cluster_map_release(&map);
    cluster_map_release(&back);
    buf_release(&first);
    buf_release(&second);
}

// Each mark of a node, alone and together, and none that no version knows.
static void test_cluster_map__marks_of_nodes_come_back(void **state)
{
    (void)state;
    struct cluster_map map, back;
    struct buf bytes;
    make_map(&map);
    cluster_map_init(&back);
    for (unsigned marks = 0; marks < 4; marks++) {
        map.nodes[1].leaving = (marks & 1) != 0;
        map.nodes[1].replaced = (marks & 2) != 0;
        encode(&bytes, &map);
        assert_int_equal(cluster_map_decode(buf_slice(&bytes), &back), ERR_OK);
        assert_int_equal(back.nodes[1].leaving, map.nodes[1].leaving);
        assert_int_equal(back.nodes[1].replaced, map.nodes[1].replaced);
        assert_false(back.nodes[0].leaving || back.nodes[2].replaced);
        cluster_map_release(&back);
        buf_release(&bytes);
    }
    cluster_map_release(&map);
}

static void test_cluster_map__who_leaves_or_is_replaced_settles_nowhere(void **state)
{
    (void)state;
    struct cluster_map map;
    make_map(&map);
    assert_int_equal(cluster_map_settlers(&map), 7); // who is only down may keep its slots
    map.nodes[0].leaving = true;
    map.nodes[2].replaced = true;
    assert_int_equal(cluster_map_settlers(&map), 2);
    assert_int_equal(cluster_map_live(&map), 3);
    assert_int_equal(cluster_map_members(&map), 7);
    cluster_map_release(&map);
}

static void test_cluster_map__copies_deeply(void **state)
{
    (void)state;
    struct cluster_map map, copy;
    struct buf first, second;
    make_map(&map);
    encode(&first, &map);
    cluster_map_copy(&copy, &map);
    map.keyspaces[0].sets[0].primary = 2;
    map.keyspaces[1].set_of_slot[5] = 3;
    cluster_map_release(&map);
    encode(&second, &copy);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    cluster_map_release(&copy);
    buf_release(&first);
    buf_release(&second);
}

static void test_cluster_map__refuses_every_cut_and_every_tail(void **state)
{
    (void)state;
    struct cluster_map map, back;
    struct buf bytes;
    make_map(&map);
    encode(&bytes, &map);
    cluster_map_init(&back);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_equal(cluster_map_decode(slice_of(bytes.bytes, length), &back), ERR_INVALID);
        assert_int_equal(back.node_count, 0);
        assert_int_equal(back.keyspace_count, 0);
    }
    buf_append_u8(&bytes, 0);
    assert_int_equal(cluster_map_decode(buf_slice(&bytes), &back), ERR_INVALID);
    cluster_map_release(&map);
    buf_release(&bytes);
}

static void test_cluster_map__survives_every_flipped_bit(void **state)
{
    (void)state;
    struct cluster_map map, back;
    struct buf bytes, again;
    make_map(&map);
    encode(&bytes, &map);
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        bytes.bytes[bit / 8] ^= mask;
        cluster_map_init(&back);
        if (cluster_map_decode(buf_slice(&bytes), &back) == ERR_OK) {
            encode(&again, &back);
            assert_true(slice_equal(buf_slice(&again), buf_slice(&bytes)));
            buf_release(&again);
        }
        cluster_map_release(&back);
        bytes.bytes[bit / 8] ^= mask;
    }
    cluster_map_release(&map);
    buf_release(&bytes);
}

// What each breaks is an invariant of the header, by number.
static void break_nodes(struct cluster_map *map, unsigned way)
{
    if (way == 0) // 1
        map->nodes[1].id = 1;
    if (way == 1) // 1
        map->nodes[2].id = NODES_MAX + 1;
    if (way == 2) // 1
        map->nodes[2].store_id = 1001;
    if (way == 3) // 1
        map->nodes[2].store_id = 0;
    if (way == 4) // 2
        map->voters = 0;
    if (way == 5) // 2
        map->voters = 8;
    if (way == 6) // 5
        map->next_keyspace_id = 1;
    if (way == 7) // 5
        map->keyspaces[1].keyspace.id = 0;
    if (way == 8) // 5
        map->keyspaces[1].keyspace = map->keyspaces[0].keyspace, map->keyspaces[1].keyspace.id = 1;
    if (way == 9)
        map->epoch = 0;
}

enum { WAYS_OF_NODES = 10 };

static const struct replica_set bad_sets[] = {
    {.in_sync = 0, .target = 7},                                     // 3: empty
    {.in_sync = 8 | 1, .target = 7, .primary = 1},                   // 3: no such node
    {.in_sync = 7, .target = 8 | 1, .primary = 1},                   // 3: no such target
    {.in_sync = 3, .joining = 8, .join_epoch = 9, .primary = 1},     // 3: no such joiner
    {.in_sync = 7, .joining = 2, .join_epoch = 9, .primary = 1},     // 3: both at once
    {.in_sync = 7, .join_epoch = 4, .primary = 1},                   // 3: joined by none
    {.in_sync = 5, .joining = 2, .primary = 1},                      // 3: joined never
    {.in_sync = 5, .joining = 2, .join_epoch = 10, .primary = 1},    // 3: joined tomorrow
    {.in_sync = 7, .target = 7, .primary = 1, .target_primary = 4},  // 3: no such node
    {.in_sync = 7, .target = 7, .primary = 1, .target_primary = 65}, // 3: no such id
    {.in_sync = 7, .target = 7, .primary = 3},                       // 4: it is down
    {.in_sync = 7, .target = 7, .primary = NODE_NONE},               // 4: others are live
    {.in_sync = 2, .target = 7, .primary = 1},                       // 4: not in sync
    {.in_sync = 7, .target = 7, .primary = 65},                      // 4: no such id
};

enum { WAYS = WAYS_OF_NODES + sizeof bad_sets / sizeof bad_sets[0] };

static void test_cluster_map__refuses_each_broken_invariant(void **state)
{
    (void)state;
    for (unsigned way = 0; way <= WAYS; way++) {
        struct cluster_map map, back;
        struct buf bytes;
        enum err expected = way < WAYS ? ERR_INVALID : ERR_OK;
        make_map(&map);
        if (way < WAYS_OF_NODES)
            break_nodes(&map, way);
        else if (way < WAYS)
            map.keyspaces[0].sets[0] = bad_sets[way - WAYS_OF_NODES];
        assert_int_equal(cluster_map_check(&map), expected);
        encode(&bytes, &map);
        cluster_map_init(&back);
        assert_int_equal(cluster_map_decode(buf_slice(&bytes), &back), expected);
        cluster_map_release(&back);
        cluster_map_release(&map);
        buf_release(&bytes);
    }
}

static void test_cluster_map__refuses_too_many_voters(void **state)
{
    (void)state;
    struct cluster_map map;
    make_map(&map);
    for (unsigned id = 4; id <= VOTERS_MAX + 1; id++)
        add_node(&map, (node_id)id, NODE_UP);
    map.voters = (1u << VOTERS_MAX) - 1;
    assert_int_equal(cluster_map_check(&map), ERR_OK);
    map.voters = (1u << (VOTERS_MAX + 1)) - 1;
    assert_int_equal(cluster_map_check(&map), ERR_INVALID);
    cluster_map_release(&map);
}

static void test_cluster_map__refuses_other_spellings(void **state)
{
    (void)state;
    struct cluster_map map, back;
    struct buf bytes;
    make_map(&map);
    struct map_keyspace *other = &map.keyspaces[1];
    struct replica_set swapped = other->sets[0];
    other->sets[0] = other->sets[1];
    other->sets[1] = swapped;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (other->set_of_slot[slot] < 2)
            other->set_of_slot[slot] = (uint16_t)(1 - other->set_of_slot[slot]);
    cluster_map_init(&back);
    encode(&bytes, &map);
    assert_int_equal(cluster_map_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
    cluster_map_release(&map);

    make_map(&map);
    other = &map.keyspaces[1];
    other->sets[1] = other->sets[0]; // two numbers for one set
    encode(&bytes, &map);
    assert_int_equal(cluster_map_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
    cluster_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster_map__is_valid_as_made_here),
        cmocka_unit_test(test_cluster_map__finds_nodes_and_keyspaces),
        cmocka_unit_test(test_cluster_map__shares_equal_sets),
        cmocka_unit_test(test_cluster_map__interns_as_many_sets_as_slots),
        cmocka_unit_test(test_cluster_map__tells_sets_apart_by_each_field),
        cmocka_unit_test(test_cluster_map__comes_back_from_bytes),
        cmocka_unit_test(test_cluster_map__marks_of_nodes_come_back),
        cmocka_unit_test(test_cluster_map__who_leaves_or_is_replaced_settles_nowhere),
        cmocka_unit_test(test_cluster_map__copies_deeply),
        cmocka_unit_test(test_cluster_map__refuses_every_cut_and_every_tail),
        cmocka_unit_test(test_cluster_map__survives_every_flipped_bit),
        cmocka_unit_test(test_cluster_map__refuses_each_broken_invariant),
        cmocka_unit_test(test_cluster_map__refuses_too_many_voters),
        cmocka_unit_test(test_cluster_map__refuses_other_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
