// Roaming peers: how they learn of the map, and find each other while the members are away.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/node/remembered.h"
#include "node_bench.h"

enum { MEMBER = 1, NOBODY = 5, FLOOD = 1000 };

#define NOWHERE "127.0.0.1:9"
// A hello now and then, anti-entropy each ten seconds.
#define MEETS_US (40 * BENCH_SECOND)
#define SILENT_US (60 * BENCH_SECOND)

// A member, and an optimistic keyspace.
static struct node_bench *bench_new(void)
{
    struct node_bench *bench = node_bench_new(1);
    struct request request = {
        .kind = REQUEST_CHANGE,
        .change = {.kind = CHANGE_OPTIMISTIC_CREATE, .optimistic = optimistic_default()}};
    memcpy(request.change.optimistic.name, "notes", sizeof "notes");
    assert_int_equal(node_bench_await(bench, node_bench_ask(bench, MEMBER, &request)), ERR_OK);
    return bench;
}

// With roaming peers 2 and 3, which know each other and have no news.
static struct node_bench *bench_of_three(void)
{
    struct node_bench *bench = bench_new();
    node_bench_roam(bench, 2, true);
    node_bench_roam(bench, 3, true);
    node_bench_run(bench, MEETS_US);
    return bench;
}

static uint32_t keyspace_of(const struct node_bench *bench, unsigned number)
{
    const struct cluster_map *map = node_map(bench->nodes[number].node);
    assert_non_null(map);
    assert_int_equal(map->optimistic_count, 1);
    return map->optimistic[0].id;
}

static void put_ok(struct node_bench *bench, unsigned number, const char *key, const char *value)
{
    const struct request request = {.kind = REQUEST_PUT,
                                    .keyspace = keyspace_of(bench, number),
                                    .key = slice_of_text(key),
                                    .value = slice_of_text(value)};
    assert_int_equal(node_bench_await(bench, node_bench_ask(bench, number, &request)), ERR_OK);
}

static bool shows(struct node_bench *bench, unsigned number, const char *key, const char *value)
{
    const struct request request = {
        .kind = REQUEST_READ, .keyspace = keyspace_of(bench, number), .key = slice_of_text(key)};
    uint64_t handle = node_bench_ask(bench, number, &request);
    (void)node_bench_await(bench, handle);
    return node_bench_gave(bench, handle, value);
}

// What each of the two writes the other shows.
static void expect_exchange(struct node_bench *bench, unsigned one, unsigned other, const char *key)
{
    put_ok(bench, one, key, "1");
    node_bench_run(bench, MEETS_US);
    assert_true(shows(bench, other, key, "1"));
    put_ok(bench, other, key, "2");
    node_bench_run(bench, MEETS_US);
    assert_true(shows(bench, one, key, "2"));
}

static bool has_map(const struct node_bench *bench, unsigned number)
{
    return node_map(bench->nodes[number].node) != NULL;
}

static bool has_route(const struct node_bench *bench, unsigned number, unsigned to)
{
    return bench->nodes[number].routes[to];
}

static void beacon(struct node_bench *bench, unsigned number, unsigned said)
{
    node_bench_beacon(bench, number, said, node_bench_address(said));
}

// --- beacons

static void test_node_roaming__a_beacon_leads_to_the_map(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    node_bench_roam(bench, 2, false);
    node_bench_run(bench, MEETS_US);
    assert_false(has_map(bench, 2));
    beacon(bench, 2, MEMBER);
    node_bench_run(bench, BENCH_SECOND);
    assert_true(has_map(bench, 2));
    expect_exchange(bench, 2, MEMBER, "a");
    // Nobody is asked for a map that is there.
    bench->held_kind = MESSAGE_MAP_WANT;
    beacon(bench, 2, MEMBER);
    beacon(bench, 2, NOBODY);
    node_bench_run(bench, BENCH_SECOND);
    assert_int_equal(bench->held_count, 0);
    // Once it has been somewhere, it starts without any of that.
    node_bench_kill(bench, 2);
    node_bench_start(bench, 2);
    assert_true(has_map(bench, 2));
    node_bench_free(bench);
}

static void test_node_roaming__another_one_knows_the_map_as_well(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    node_bench_roam(bench, 2, true);
    node_bench_run(bench, BENCH_SECOND);
    node_bench_kill(bench, MEMBER);
    node_bench_roam(bench, 3, false);
    beacon(bench, 3, 2);
    node_bench_run(bench, BENCH_SECOND);
    assert_true(has_map(bench, 3));
    expect_exchange(bench, 2, 3, "a");
    node_bench_free(bench);
}

// While the one that it was told of is away, too.
static void test_node_roaming__a_beacon_helps_who_was_told_of_another(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    node_bench_roam(bench, 2, true);
    node_bench_run(bench, BENCH_SECOND);
    node_bench_kill(bench, MEMBER);
    node_bench_roam(bench, 3, true);
    node_bench_run(bench, BENCH_SECOND);
    assert_false(has_map(bench, 3));
    beacon(bench, 3, 2);
    node_bench_run(bench, BENCH_SECOND);
    assert_true(has_map(bench, 3));
    node_bench_free(bench);
}

static void test_node_roaming__who_does_not_answer_gives_way(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    node_bench_roam(bench, 2, false);
    beacon(bench, 2, NOBODY);
    node_bench_run(bench, BENCH_SECOND);
    // That one still has time to answer, however many beacons come.
    beacon(bench, 2, MEMBER);
    node_bench_run(bench, BENCH_SECOND / 2);
    assert_false(has_map(bench, 2));
    node_bench_run(bench, BENCH_SECOND);
    beacon(bench, 2, MEMBER);
    node_bench_run(bench, BENCH_SECOND / 2);
    assert_true(has_map(bench, 2));
    node_bench_free(bench);
}

static void test_node_roaming__a_beacon_moves_no_member(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    assert_true(has_route(bench, 2, MEMBER));
    node_bench_isolate(bench, MEMBER, true);
    node_bench_run(bench, SILENT_US);
    node_bench_beacon(bench, 2, MEMBER, NOWHERE);
    assert_true(has_route(bench, 2, MEMBER));
    node_bench_free(bench);
}

static void test_node_roaming__a_beacon_moves_nobody_who_is_heard(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    assert_true(has_route(bench, 2, 3));
    node_bench_beacon(bench, 2, 3, NOWHERE);
    assert_true(has_route(bench, 2, 3));
    node_bench_isolate(bench, 3, true);
    node_bench_run(bench, SILENT_US);
    node_bench_beacon(bench, 2, 3, NOWHERE);
    assert_false(has_route(bench, 2, 3));
    node_bench_isolate(bench, 3, false);
    beacon(bench, 2, 3);
    assert_true(has_route(bench, 2, 3));
    node_bench_free(bench);
}

// By turns it would take several seconds at least.
static void test_node_roaming__who_is_near_is_greeted_at_once(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    node_bench_isolate(bench, 3, true);
    put_ok(bench, 3, "a", "1");
    node_bench_run(bench, SILENT_US);
    node_bench_isolate(bench, 3, false);
    beacon(bench, 2, 3);
    node_bench_run(bench, 100 * BENCH_MS);
    assert_true(shows(bench, 2, "a", "1"));
    node_bench_free(bench);
}

// Who listens on every address of its machine does not know by which one others reach it.
static void test_node_roaming__who_names_no_address_is_where_its_beacon_says(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    bench->nodes[2].is_elusive = true;
    node_bench_roam(bench, 2, false);
    beacon(bench, 2, MEMBER);
    node_bench_run(bench, BENCH_SECOND);
    assert_false(has_map(bench, 2));
    beacon(bench, MEMBER, 2);
    node_bench_run(bench, BENCH_SECOND);
    assert_true(has_map(bench, 2));
    expect_exchange(bench, 2, MEMBER, "a");
    // It is heard, and its beacons count all the same: it may have gone elsewhere.
    node_bench_beacon(bench, MEMBER, 2, NOWHERE);
    assert_false(has_route(bench, MEMBER, 2));
    beacon(bench, MEMBER, 2);
    expect_exchange(bench, MEMBER, 2, "b");
    node_bench_free(bench);
}

static void test_node_roaming__no_address_and_nobody_are_not_looked_for(void **state)
{
    (void)state;
    char longer[ADDRESS_BYTES_MAX + 2];
    struct node_bench *bench = bench_new();
    memset(longer, '1', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    node_bench_roam(bench, 2, false);
    for (unsigned number = 1; number <= 2; number++) {
        uint32_t before = node_epidemic(bench->nodes[number].node)->peers.count;
        node_bench_beacon(bench, number, 3, "");
        node_bench_beacon(bench, number, 3, longer);
        beacon(bench, number, number);
        assert_int_equal(node_epidemic(bench->nodes[number].node)->peers.count, before);
        epidemic_invariants(node_epidemic(bench->nodes[number].node));
    }
    node_bench_run(bench, BENCH_SECOND);
    beacon(bench, 2, MEMBER);
    node_bench_run(bench, BENCH_SECOND);
    assert_true(has_map(bench, 2));
    node_bench_free(bench);
}

static void test_node_roaming__a_flood_of_beacons_makes_no_flood_of_messages(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    const struct epidemic *epidemic = node_epidemic(bench->nodes[2].node);
    uint64_t before = epidemic->counts.control_bytes;
    node_bench_beacon(bench, 2, 1000, NOWHERE);
    uint64_t hello_bytes = epidemic->counts.control_bytes - before;
    assert_true(hello_bytes > 0);
    for (unsigned i = 1; i <= FLOOD; i++)
        node_bench_beacon(bench, 2, 1000 + i, NOWHERE);
    assert_int_equal(epidemic->counts.control_bytes, before + hello_bytes);
    epidemic_invariants(epidemic);
    node_bench_free(bench);
}

// --- after a restart

static bool noted(struct node_bench *bench, unsigned number, struct remembered *out)
{
    const struct store *data = &bench->nodes[number].readers[EFFECT_DATA];
    struct slice bytes;
    out->count = 0;
    return data->ops->get(data->self, STORE_META, slice_of_text("peers"), &bytes) == ERR_OK &&
           remembered_decode(bytes, out) == ERR_OK;
}

static void test_node_roaming__without_members_old_acquaintances_meet_again(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    struct remembered remembered;
    assert_true(noted(bench, 2, &remembered));
    assert_int_equal(remembered.count, 1);
    assert_true(remembered.peers[0].store_id == BENCH_STORE_ID(3));
    assert_string_equal(remembered.peers[0].address, node_bench_address(3));
    for (unsigned number = 1; number <= 3; number++)
        node_bench_kill(bench, number);
    node_bench_start(bench, 2);
    put_ok(bench, 2, "a", "1");
    node_bench_run(bench, SILENT_US);
    node_bench_start(bench, 3);
    put_ok(bench, 3, "b", "2");
    node_bench_run(bench, MEETS_US);
    assert_true(shows(bench, 3, "a", "1"));
    assert_true(shows(bench, 2, "b", "2"));
    node_bench_free(bench);
}

static void test_node_roaming__a_member_remembers_roaming_peers(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    struct remembered remembered;
    node_bench_run(bench, MEETS_US);
    assert_true(noted(bench, MEMBER, &remembered));
    assert_int_equal(remembered.count, 2);
    node_bench_free(bench);
}

// A note is written at most each 30 seconds, and only when there is news.
static void test_node_roaming__notes_are_rare(void **state)
{
    (void)state;
    struct node_bench *bench = bench_new();
    struct remembered remembered;
    node_bench_roam(bench, 2, true);
    for (unsigned i = 0; i < 100 && !noted(bench, MEMBER, &remembered); i++)
        node_bench_run(bench, 100 * BENCH_MS);
    assert_int_equal(remembered.count, 1);
    node_bench_roam(bench, 3, true);
    node_bench_run(bench, 25 * BENCH_SECOND);
    assert_true(noted(bench, MEMBER, &remembered));
    assert_int_equal(remembered.count, 1);
    node_bench_run(bench, 10 * BENCH_SECOND);
    assert_true(noted(bench, MEMBER, &remembered));
    assert_int_equal(remembered.count, 2);
    // Without news it is not written again: what is put in its place stays there.
    node_bench_run(bench, SILENT_US);
    node_disk_remove(&bench->nodes[MEMBER].disks[EFFECT_DATA], STORE_META, slice_of_text("peers"));
    node_bench_run(bench, SILENT_US);
    assert_false(noted(bench, MEMBER, &remembered));
    node_bench_free(bench);
}

static void test_node_roaming__a_damaged_note_is_none(void **state)
{
    (void)state;
    struct node_bench *bench = bench_of_three();
    struct remembered remembered;
    node_bench_kill(bench, 2);
    node_disk_put(&bench->nodes[2].disks[EFFECT_DATA], STORE_META, slice_of_text("peers"),
                  slice_of_text("\001damaged"));
    assert_false(noted(bench, 2, &remembered));
    node_bench_start(bench, 2);
    expect_exchange(bench, 2, 3, "a");
    assert_true(noted(bench, 2, &remembered));
    node_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_roaming__a_beacon_leads_to_the_map),
        cmocka_unit_test(test_node_roaming__another_one_knows_the_map_as_well),
        cmocka_unit_test(test_node_roaming__a_beacon_helps_who_was_told_of_another),
        cmocka_unit_test(test_node_roaming__who_does_not_answer_gives_way),
        cmocka_unit_test(test_node_roaming__a_beacon_moves_no_member),
        cmocka_unit_test(test_node_roaming__a_beacon_moves_nobody_who_is_heard),
        cmocka_unit_test(test_node_roaming__who_is_near_is_greeted_at_once),
        cmocka_unit_test(test_node_roaming__who_names_no_address_is_where_its_beacon_says),
        cmocka_unit_test(test_node_roaming__no_address_and_nobody_are_not_looked_for),
        cmocka_unit_test(test_node_roaming__a_flood_of_beacons_makes_no_flood_of_messages),
        cmocka_unit_test(test_node_roaming__without_members_old_acquaintances_meet_again),
        cmocka_unit_test(test_node_roaming__a_member_remembers_roaming_peers),
        cmocka_unit_test(test_node_roaming__notes_are_rare),
        cmocka_unit_test(test_node_roaming__a_damaged_note_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
