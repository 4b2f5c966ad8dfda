// Scenes are drawn within their bounds and alike; runs are repeatable; a quiet network is cheap.

#include "sim/epidemic_quiet.h"
#include "sim/epidemic_run.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 2000, RUNS = 6, QUIET_PEERS = 60 };

static void test_epidemic_scene__draws_every_scene_and_every_fault_within_bounds(void **state)
{
    (void)state;
    unsigned scenes[EPIDEMIC_SCENE_COUNT] = {0};
    unsigned faults[EPIDEMIC_FAULT_COUNT] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct epidemic_scene scene;
        epidemic_scene_draw(&scene, seed, 0);
        assert_in_range(scene.world.peers, 2, EPIDEMIC_SCENE_PEERS_MAX);
        assert_in_range(scene.world.keys, 1, EPIDEMIC_WORLD_KEYS_MAX);
        assert_in_range(scene.value_bytes_max, 1, EPIDEMIC_LOAD_VALUE_BYTES_MAX);
        assert_true(scene.actions > 0 && scene.duration_us > 0 && scene.gap_us_max > 0);
        scenes[scene.kind]++;
        for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
            faults[i] += scene.weights[i] > 0;
        faults[EPIDEMIC_FAULT_UNREACHABLE] += scene.world.unreachable_in_ten > 0;
    }
    for (unsigned i = 0; i < EPIDEMIC_SCENE_COUNT; i++)
        assert_true(scenes[i] > 0);
    for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
        assert_true(faults[i] > 0);
}

static void test_epidemic_scene__is_repeatable_and_takes_the_peers_it_is_told(void **state)
{
    (void)state;
    struct epidemic_scene first;
    struct epidemic_scene second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    epidemic_scene_draw(&first, 12, 0);
    epidemic_scene_draw(&second, 12, 0);
    assert_int_equal(first.world.seed, second.world.seed);
    assert_memory_equal(first.weights, second.weights, sizeof first.weights);
    epidemic_scene_draw(&second, 13, 0);
    assert_true(first.world.seed != second.world.seed);
    epidemic_scene_draw(&second, 12, 4000);
    assert_int_equal(second.world.peers, 4000);
}

static void test_epidemic_run__is_repeatable(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct epidemic_run_setting setting = {.seed = seed, .peers = 3};
        struct epidemic_run_result results[2];
        for (unsigned i = 0; i < 2; i++) {
            epidemic_run(&setting, &results[i]);
            assert_string_equal(results[i].violation, "");
            assert_true(results[i].passed);
        }
        assert_int_equal(results[0].trace_hash, results[1].trace_hash);
        assert_int_equal(results[0].events, results[1].events);
        assert_int_equal(results[0].peers, 3);
        assert_true(results[0].operations > 0 && results[0].looks > 0);
    }
}

static void test_epidemic_run__adds_up(void **state)
{
    (void)state;
    struct epidemic_run_result sum = {0};
    struct epidemic_run_result one = {
        .peers = 3, .operations = 5, .settling_us = 9, .counts = {.sessions = 4}};
    one.faults[EPIDEMIC_FAULT_CRASH] = 2;
    epidemic_run_add(&sum, &one);
    one.settling_us = 7;
    epidemic_run_add(&sum, &one);
    assert_int_equal(sum.peers, 6);
    assert_int_equal(sum.operations, 10);
    assert_int_equal(sum.settling_us, 9);
    assert_int_equal(sum.counts.sessions, 8);
    assert_int_equal(sum.faults[EPIDEMIC_FAULT_CRASH], 4);
}

static void test_epidemic_quiet__reaches_everybody_soon_and_once(void **state)
{
    (void)state;
    struct epidemic_quiet_setting setting = {.seed = 1, .peers = QUIET_PEERS};
    struct epidemic_quiet_result result;
    struct epidemic_quiet_result again;
    epidemic_quiet_run(&setting, &result);
    assert_string_equal(result.violation, "");
    assert_true(result.passed);
    assert_in_range(result.rounds, 1, result.rounds_max);
    assert_int_equal(result.residue, 0);
    assert_in_range(result.payloads, QUIET_PEERS - 1, QUIET_PEERS + QUIET_PEERS / 10);
    epidemic_quiet_run(&setting, &again);
    assert_int_equal(again.control_bytes, result.control_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_scene__draws_every_scene_and_every_fault_within_bounds),
        cmocka_unit_test(test_epidemic_scene__is_repeatable_and_takes_the_peers_it_is_told),
        cmocka_unit_test(test_epidemic_run__is_repeatable),
        cmocka_unit_test(test_epidemic_run__adds_up),
        cmocka_unit_test(test_epidemic_quiet__reaches_everybody_soon_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
