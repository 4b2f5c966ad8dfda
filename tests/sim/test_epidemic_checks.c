// A few peers that come to be alike, and the same when something was done to them that must be
// found.

#include "sim/epidemic_checks.h"
#include "sim/epidemic_damage.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { PEERS = 3, KEYS = 4, ACTIONS = 40, SECOND_US = 1000000 };

static struct epidemic_world world;

static void run_for(uint64_t us)
{
    timeline_run_until(world.timeline, epidemic_world_now_us(&world) + us);
}

// Peers that have written and exchanged, and rest.
static int set_up(void **state)
{
    (void)state;
    struct epidemic_world_setting setting = {.seed = 5,
                                             .peers = PEERS,
                                             .keys = KEYS,
                                             .peers_max = PEERS,
                                             .contacts = 2,
                                             .replica = replica_setting_default(),
                                             .net = {.delay = {.us_min = 100, .us_max = 1000}},
                                             .sync = {.us_min = 100, .us_max = 1000}};
    setting.replica.anti_entropy_ms = 1000;
    epidemic_world_init(&world, &setting);
    world.load.gap_us_max = 500000;
    epidemic_world_start_all(&world);
    epidemic_load_start(&world, ACTIONS);
    run_for(60 * SECOND_US);
    return world.oracle.count > 10 && world.load.left == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    epidemic_world_release(&world);
    return 0;
}

static void assert_violation(const char *what)
{
    assert_non_null(world.violation);
    assert_non_null(strstr(world.violation, what));
}

static struct space *space_of(uint32_t peer)
{
    return &epidemic_peer_replica(&world.peers[peer])->space;
}

static void test_epidemic_checks__find_nothing_where_nothing_is_wrong(void **state)
{
    (void)state;
    assert_true(epidemic_checks_converged(&world));
    assert_true(epidemic_checks_stable(&world));
    epidemic_checks_end(&world);
    assert_null(world.violation);
    assert_true(world.looks > 100);
}

static void test_epidemic_checks__find_peers_that_are_not_alike(void **state)
{
    (void)state;
    world.peers[1].offline++;
    epidemic_load_put(&world, &world.peers[0], 0, 8);
    run_for(10 * SECOND_US);
    assert_false(epidemic_checks_converged(&world));
    epidemic_checks_end(&world);
    assert_violation("do not come to be alike");
}

static void test_epidemic_checks__find_a_write_that_is_lost(void **state)
{
    (void)state;
    struct operation operation = {.space = world.space,
                                  .dot = {77, 1},
                                  .counter = 1,
                                  .dead = true,
                                  .key = slice_of_text("k0")};
    struct oracle_operation *lost = epidemic_oracle_add(&world.oracle, &operation, 0, 1);
    epidemic_checks_end(&world);
    assert_null(world.violation);
    lost->acknowledged = true;
    lost->may_be_lost = true;
    epidemic_checks_end(&world);
    assert_null(world.violation);
    lost->may_be_lost = false;
    epidemic_checks_end(&world);
    assert_violation("acknowledged and is lost");
}

static void test_epidemic_checks__find_a_version_that_a_store_lost(void **state)
{
    (void)state;
    struct epidemic_peer *peer = &world.peers[2];
    struct rng rng;
    bool done = false;
    rng_init(&rng, 1);
    epidemic_peer_crash(peer);
    for (unsigned tries = 0; tries < 10 && !done; tries++)
        done = epidemic_damage(&world, peer, &rng);
    assert_true(done);
    memset(world.oracle.at_risk, 0, KEYS);
    peer->offline++;
    epidemic_peer_start(peer);
    epidemic_checks_end(&world);
    assert_non_null(world.violation);
}

static void test_epidemic_checks__find_stable_sets_that_shrink(void **state)
{
    (void)state;
    struct epidemic_peer *peer = &world.peers[0];
    assert_int_equal(knowledge_add(&peer->stable, (struct dot){99, 1}), ERR_OK);
    peer->revision--;
    epidemic_checks_after_step(&world, peer);
    assert_violation("stable has shrunk");
}

static void test_epidemic_checks__find_what_a_restart_forgot(void **state)
{
    (void)state;
    struct epidemic_peer *peer = &world.peers[0];
    assert_int_equal(knowledge_add(&peer->known_durable, (struct dot){99, 1}), ERR_OK);
    epidemic_peer_crash(peer);
    epidemic_peer_start(peer);
    assert_violation("known has shrunk");
}

static void test_epidemic_checks__forgive_who_lost_its_disk(void **state)
{
    (void)state;
    struct epidemic_peer *peer = &world.peers[0];
    epidemic_peer_crash(peer);
    epidemic_peer_change_disk(peer, NULL, false);
    epidemic_peer_start(peer);
    assert_null(world.violation);
    assert_true(knowledge_is_empty(&space_of(0)->known));
    run_for(20 * SECOND_US);
    assert_true(epidemic_checks_converged(&world));
    epidemic_checks_end(&world);
    assert_null(world.violation);
}

static void test_epidemic_checks__find_a_dot_that_is_used_twice(void **state)
{
    (void)state;
    struct epidemic_peer *peer = &world.peers[0];
    struct space *space = space_of(0);
    assert_true(space->next > 1);
    peer->written.sequence = space->next - 2;
    epidemic_checks_after_step(&world, peer);
    assert_violation("second operation");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_epidemic_checks__find_nothing_where_nothing_is_wrong),
        TEST(test_epidemic_checks__find_peers_that_are_not_alike),
        TEST(test_epidemic_checks__find_a_write_that_is_lost),
        TEST(test_epidemic_checks__find_a_version_that_a_store_lost),
        TEST(test_epidemic_checks__find_stable_sets_that_shrink),
        TEST(test_epidemic_checks__find_what_a_restart_forgot),
        TEST(test_epidemic_checks__forgive_who_lost_its_disk),
        TEST(test_epidemic_checks__find_a_dot_that_is_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
