#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "world.h"

#define SEEDS 40u
#define STEPS 3000u

static int open_world(void **state)
{
    static struct world world;
    world_open(&world);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    return 0;
}

static void test_overlay__shows_what_the_store_does_not(void **state)
{
    struct world *world = *state;
    world_stock(world, "b", "old");
    world_assert_gets(world, "b", "old");
    world_put_text(world, "b", "new");
    world_put_text(world, "a", "");
    world_assert_gets(world, "b", "new");
    world_assert_gets(world, "a", "");
    world_assert_gets(world, "c", NULL);
    assert_int_equal(world_scan_text(world, "", "", WORLD_KEYS), 2);
}

static void test_overlay__keeps_tables_apart(void **state)
{
    struct world *world = *state;
    world_put(world, 1, "a", slice_of_text("one"));
    world_assert_gets(world, "a", NULL);
    assert_int_equal(world_scan_text(world, "", "", WORLD_KEYS), 0);
    assert_int_equal(world_scan(world, 1, slice_of(NULL, 0), slice_of(NULL, 0), WORLD_KEYS), 1);
}

static void test_overlay__hides_what_was_removed(void **state)
{
    struct world *world = *state;
    world_stock(world, "a", "1");
    world_stock(world, "b", "2");
    world_stock(world, "c", "3");
    world_remove(world, 0, "b");
    world_remove(world, 0, "d");
    world_assert_gets(world, "b", NULL);
    assert_int_equal(world_scan_text(world, "", "", WORLD_KEYS), 2);
    world_report(world, world_token(world));
    assert_int_equal(overlay_bytes(&world->overlay), 0);
    world_assert_gets(world, "b", NULL);
    world_put_text(world, "b", "4");
    world_assert_gets(world, "b", "4");
}

static void test_overlay__merges_within_bounds(void **state)
{
    struct world *world = *state;
    for (unsigned key = 0; key < WORLD_KEYS; key += 2)
        world_stock(world, world_keys[key], "base");
    for (unsigned key = 1; key < WORLD_KEYS; key += 2)
        world_put_text(world, world_keys[key], "new");
    assert_int_equal(world_scan_text(world, "", "", WORLD_KEYS + 1), WORLD_KEYS);
    assert_int_equal(world_scan_text(world, "aa", "c", WORLD_KEYS), 6);
    assert_int_equal(world_scan_text(world, "aaa", "bz", WORLD_KEYS), 5);
    assert_int_equal(world_scan_text(world, "d\xff", "", WORLD_KEYS), 2);
    assert_int_equal(world_scan_text(world, "b", "b", WORLD_KEYS), 0);
    assert_int_equal(world_scan_text(world, "c", "b", WORLD_KEYS), 0);
}

static void test_overlay__stops_when_told(void **state)
{
    struct world *world = *state;
    world_stock(world, "b", "base");
    world_stock(world, "c", "base");
    world_put_text(world, "a", "before");
    world_put_text(world, "c", "instead");
    world_put_text(world, "d", "after");
    world_put_text(world, "\xff", "after");
    for (unsigned most = 1; most <= 5; most++)
        assert_int_equal(world_scan_text(world, "", "", most), most);
}

static void test_overlay__forgets_only_what_was_not_overwritten(void **state)
{
    struct world *world = *state;
    world_put_text(world, "a", "1");
    world_put_text(world, "b", "1");
    uint64_t first = world_token(world);
    world_put_text(world, "a", "2");
    world_put_text(world, "c", "2");
    uint64_t second = world_token(world);
    world_put_text(world, "c", "3");
    world_report(world, first);
    assert_int_equal(world->overlay.tables[0].count, 2);
    world_assert_gets(world, "a", "2");
    world_assert_gets(world, "b", "1");
    world_report(world, second);
    assert_int_equal(world->overlay.tables[0].count, 1);
    world_assert_gets(world, "a", "2");
    world_assert_gets(world, "c", "3");
    world_report(world, world_token(world));
    assert_int_equal(overlay_bytes(&world->overlay), 0);
    world_assert_gets(world, "c", "3");
}

static void test_overlay__takes_no_token_for_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(overlay_token(&world->overlay, &world->effects), 0);
    world_put_text(world, "a", "1");
    uint64_t token = world_token(world);
    assert_int_equal(token, world->effects.tokens[EFFECT_DATA]);
    assert_int_equal(world_token(world), token);
    (void)world_token_of_another(world);
    assert_int_equal(world_token(world), token);
    world_report(world, token);
    assert_int_equal(world_token(world), token);
}

static void test_overlay__does_not_mind_tokens_of_others(void **state)
{
    struct world *world = *state;
    uint64_t before = world_token_of_another(world);
    world_put_text(world, "a", "1");
    uint64_t between = world_token_of_another(world);
    uint64_t own = world_token(world);
    assert_true(before < between && between < own);
    world_report(world, between);
    assert_int_equal(world->overlay.tables[0].count, 1);
    world_report(world, world_token_of_another(world));
    assert_int_equal(world->overlay.tables[0].count, 0);
    world_assert_gets(world, "a", "1");
}

static void test_overlay__holds_one_entry_for_each_key(void **state)
{
    struct world *world = *state;
    world_put_text(world, "a", "1234");
    size_t bytes = overlay_bytes(&world->overlay);
    for (unsigned i = 0; i < WORLD_QUEUE_MAX; i++)
        world_put_text(world, "a", "1234");
    assert_int_equal(overlay_bytes(&world->overlay), bytes);
    world_put_text(world, "a", "12345");
    assert_int_equal(overlay_bytes(&world->overlay), bytes + 1);
    world_remove(world, 0, "a");
    assert_int_equal(overlay_bytes(&world->overlay), bytes - 4);
}

static void test_overlay__puts_back_what_it_got(void **state)
{
    struct world *world = *state;
    struct slice out;
    world_put_text(world, "a", "12345678");
    assert_int_equal(overlay_get(&world->overlay, 0, slice_of_text("a"), &out), ERR_OK);
    world_put(world, 0, "a", slice_of(out.bytes + 2, out.length - 2));
    world_assert_gets(world, "a", "345678");
}

static bool count_pairs(void *context, struct slice key, struct slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)context;
    return true;
}

static void test_overlay__reports_damage(void **state)
{
    struct world *world = *state;
    struct slice out;
    world_stock(world, "b", "bad");
    world->damaged = world_key(slice_of_text("b"));
    world_put_text(world, "a", "1");
    world_put_text(world, "c", "1");
    assert_int_equal(overlay_get(&world->overlay, 0, slice_of_text("b"), &out), ERR_CORRUPT);
    unsigned count = 0;
    assert_int_equal(overlay_scan(&world->overlay, 0, slice_of_text("a"), slice_of(NULL, 0),
                                  count_pairs, &count),
                     ERR_CORRUPT);
    assert_in_range(count, 0, 1);
    world_put_text(world, "b", "good");
    world_assert_gets(world, "b", "good");
}

// --- against the naive twin

static void step_randomly(struct world *world, struct rng *rng, uint64_t step)
{
    unsigned table = (unsigned)rng_below(rng, WORLD_TABLES);
    const char *key = world_keys[rng_below(rng, WORLD_KEYS)];
    uint64_t drawn = rng_below(rng, 20);
    if (drawn < 8)
        world_put(world, table, key, slice_of(&step, rng_one_in(rng, 8) ? 0 : sizeof step));
    else if (drawn < 12)
        world_remove(world, table, key);
    else if (drawn < 15)
        (void)world_token(world);
    else if (drawn < 16)
        (void)world_token_of_another(world);
    else if (drawn < 18)
        world_show(world, (size_t)rng_below(rng, world->queued + 1));
    else
        world_report(world, world->reported + rng_below(rng, world->effects.tokens[EFFECT_DATA] -
                                                                 world->reported + 1));
}

static void world_assert_agrees(struct world *world, struct rng *rng)
{
    unsigned table = (unsigned)rng_below(rng, WORLD_TABLES);
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        const struct cell *cell = &world->expected.at[table][key];
        struct slice out;
        enum err error = overlay_get(&world->overlay, table, slice_of_text(world_keys[key]), &out);
        assert_int_equal(error, cell->present ? ERR_OK : ERR_NOT_FOUND);
        if (cell->present)
            assert_true(slice_equal(out, cell_value(cell)));
    }
    struct slice first =
        slice_of_text(rng_one_in(rng, 3) ? "" : world_keys[rng_below(rng, WORLD_KEYS)]);
    struct slice end =
        slice_of_text(rng_one_in(rng, 3) ? "" : world_keys[rng_below(rng, WORLD_KEYS)]);
    (void)world_scan(world, table, first, end, 1 + (unsigned)rng_below(rng, WORLD_KEYS + 1));
}

// Exactly the keys whose last write is not durable by a token of the overlay's own.
static void assert_remembers_no_more(const struct world *world)
{
    for (unsigned table = 0; table < WORLD_TABLES; table++) {
        size_t count = 0;
        for (unsigned key = 0; key < WORLD_KEYS; key++)
            count += world->tokens[table][key] > world->reported;
        assert_int_equal(world->overlay.tables[table].count, count);
    }
}

static void run_seed(struct world *world, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    for (uint64_t step = 0; step < STEPS; step++) {
        step_randomly(world, &rng, step);
        overlay_invariants(&world->overlay);
        world_assert_agrees(world, &rng);
        assert_remembers_no_more(world);
    }
    (void)world_token(world);
    world_report(world, world->effects.tokens[EFFECT_DATA]);
    assert_int_equal(overlay_bytes(&world->overlay), 0);
    assert_int_equal(world->queued, 0);
    assert_memory_equal(&world->shown, &world->expected, sizeof world->shown);
}

static void test_overlay__agrees_with_a_naive_twin(void **state)
{
    (void)state;
    static struct world world;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_open(&world);
        run_seed(&world, seed);
        world_close(&world);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_overlay__shows_what_the_store_does_not),
        TEST(test_overlay__keeps_tables_apart),
        TEST(test_overlay__hides_what_was_removed),
        TEST(test_overlay__merges_within_bounds),
        TEST(test_overlay__stops_when_told),
        TEST(test_overlay__forgets_only_what_was_not_overwritten),
        TEST(test_overlay__takes_no_token_for_nothing),
        TEST(test_overlay__does_not_mind_tokens_of_others),
        TEST(test_overlay__holds_one_entry_for_each_key),
        TEST(test_overlay__puts_back_what_it_got),
        TEST(test_overlay__reports_damage),
        cmocka_unit_test(test_overlay__agrees_with_a_naive_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
