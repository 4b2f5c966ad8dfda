// Scenes of the simulator: all are drawn, the same by the same seed, and can be run.

#include "sim/scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 500 };

static void draw(struct scene *scene, uint64_t seed)
{
    struct rng rng;
    memset(scene, 0, sizeof *scene);
    rng_init(&rng, seed);
    scene_draw(scene, &rng);
}

static void test_scene__every_kind_and_pace_is_drawn(void **state)
{
    (void)state;
    unsigned kinds[SCENE_KIND_COUNT] = {0};
    unsigned paces[SCENE_PACE_COUNT] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct scene scene;
        draw(&scene, seed);
        kinds[scene.kind]++;
        paces[scene.pace] += scene.kind == SCENE_MIXED;
        assert_in_range(scene.keys_least, 1, scene.keys_most);
        assert_true(scene.count_max > 0 && scene.nodes_most >= 3 && scene.operations_times > 0);
        assert_true(!scene.readers || scene.reader_think_us_max > 0);
    }
    for (unsigned i = 0; i < SCENE_KIND_COUNT; i++)
        assert_true(kinds[i] > SEEDS / 50);
    for (unsigned i = 0; i < SCENE_PACE_COUNT; i++)
        assert_true(paces[i] > 0);
}

static void test_scene__is_repeatable(void **state)
{
    (void)state;
    struct scene first;
    struct scene second;
    draw(&first, 4);
    draw(&second, 4);
    assert_memory_equal(&first, &second, sizeof first);
}

static void test_scene__kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(scene_name(SCENE_JOINS), "joins");
    assert_string_equal(scene_name(SCENE_KIND_COUNT), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scene__every_kind_and_pace_is_drawn),
        cmocka_unit_test(test_scene__is_repeatable),
        cmocka_unit_test(test_scene__kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
