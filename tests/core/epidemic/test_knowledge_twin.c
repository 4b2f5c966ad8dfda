// Knowledge and its naive twin, a table of which dots are in, under the same random operations.
#include "base/random.h"
#include "core/epidemic/knowledge.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { ORIGINS = 6, NUMBERS = 40, SETS = 3, STEPS = 1500, ENCODED_MAX = 4096 };

struct twin {
    bool in[ORIGINS][NUMBERS];
};

// Numbers are `base` + 1 to `base` + NUMBERS.
struct world {
    struct rng rng;
    uint64_t base;
    struct knowledge sets[SETS];
    struct twin twins[SETS];
};

static const uint64_t origins[ORIGINS] = {1, 2, 77, 1 << 20, UINT64_MAX - 1, UINT64_MAX};

static unsigned below(struct world *world, unsigned bound)
{
    return (unsigned)rng_below(&world->rng, bound);
}

static struct dot dot_at(const struct world *world, unsigned origin, unsigned number)
{
    return (struct dot){.origin = origins[origin], .sequence = world->base + 1 + number};
}

// Of one origin.
static uint32_t twin_intervals(const bool in[NUMBERS])
{
    uint32_t count = 0;
    for (unsigned i = 0; i < NUMBERS; i++)
        count += in[i] && (i == 0 || !in[i - 1]);
    return count;
}

static bool twin_contains(const struct twin *a, const struct twin *b)
{
    for (unsigned i = 0; i < ORIGINS; i++)
        for (unsigned j = 0; j < NUMBERS; j++)
            if (b->in[i][j] && !a->in[i][j])
                return false;
    return true;
}

static void assert_origin(const struct world *world, const struct knowledge *set,
                          const struct twin *twin, unsigned origin)
{
    bool with[NUMBERS];
    uint64_t greatest = 0;
    bool all = world->base == 0;
    uint32_t count = twin_intervals(twin->in[origin]);
    const struct intervals *intervals = knowledge_of(set, origins[origin]);
    assert_int_equal(intervals != NULL ? intervals->count : 0, count);
    for (unsigned i = 0; i < NUMBERS; i++) {
        struct dot dot = dot_at(world, origin, i);
        assert_int_equal(knowledge_has(set, dot), twin->in[origin][i]);
        all = all && twin->in[origin][i];
        assert_int_equal(knowledge_has_all_up_to(set, dot), all);
        if (twin->in[origin][i])
            greatest = dot.sequence;
        memcpy(with, twin->in[origin], sizeof with);
        with[i] = true;
        assert_int_equal(knowledge_intervals_with(set, dot), twin_intervals(with));
    }
    assert_int_equal(knowledge_greatest(set, origins[origin]), greatest);
}

static void assert_alike(const struct world *world, const struct knowledge *set,
                         const struct twin *twin)
{
    uint64_t dots = 0;
    knowledge_invariants(set);
    for (unsigned i = 0; i < ORIGINS; i++) {
        assert_origin(world, set, twin, i);
        for (unsigned j = 0; j < NUMBERS; j++)
            dots += twin->in[i][j];
    }
    assert_int_equal(knowledge_dots(set), dots);
    assert_int_equal(knowledge_is_empty(set), dots == 0);
}

static void assert_pair(const struct world *world, unsigned a, unsigned b)
{
    struct twin missing;
    struct knowledge found = {0};
    bool equal = memcmp(&world->twins[a], &world->twins[b], sizeof missing) == 0;
    struct hash128 hashes[2] = {knowledge_hash(&world->sets[a], 9),
                                knowledge_hash(&world->sets[b], 9)};
    assert_int_equal(knowledge_equal(&world->sets[a], &world->sets[b]), equal);
    assert_int_equal(hashes[0].high == hashes[1].high && hashes[0].low == hashes[1].low, equal);
    assert_int_equal(knowledge_contains(&world->sets[a], &world->sets[b]),
                     twin_contains(&world->twins[a], &world->twins[b]));
    for (unsigned i = 0; i < ORIGINS; i++)
        for (unsigned j = 0; j < NUMBERS; j++)
            missing.in[i][j] = world->twins[a].in[i][j] && !world->twins[b].in[i][j];
    knowledge_missing(&world->sets[a], &world->sets[b], &found);
    assert_alike(world, &found, &missing);
    knowledge_release(&found);
}

static void add_interval(struct world *world, unsigned set, unsigned length_max)
{
    unsigned origin = below(world, ORIGINS);
    unsigned first = below(world, NUMBERS);
    unsigned last = first + below(world, length_max);
    if (last >= NUMBERS)
        last = NUMBERS - 1;
    struct interval interval = {.first = dot_at(world, origin, first).sequence,
                                .last = dot_at(world, origin, last).sequence};
    assert_int_equal(knowledge_add_interval(&world->sets[set], origins[origin], interval), ERR_OK);
    for (unsigned i = first; i <= last; i++)
        world->twins[set].in[origin][i] = true;
}

static void add_dot(struct world *world, unsigned set)
{
    unsigned origin = below(world, ORIGINS);
    unsigned number = below(world, NUMBERS);
    assert_int_equal(knowledge_add(&world->sets[set], dot_at(world, origin, number)), ERR_OK);
    world->twins[set].in[origin][number] = true;
}

static void merge(struct world *world, unsigned to, unsigned from)
{
    assert_int_equal(knowledge_merge(&world->sets[to], &world->sets[from]), ERR_OK);
    for (unsigned i = 0; i < ORIGINS; i++)
        for (unsigned j = 0; j < NUMBERS; j++)
            world->twins[to].in[i][j] |= world->twins[from].in[i][j];
}

// Makes `to` what of `a` is not in `b`.
static void subtract(struct world *world, unsigned to, unsigned a, unsigned b)
{
    knowledge_missing(&world->sets[a], &world->sets[b], &world->sets[to]);
    for (unsigned i = 0; i < ORIGINS; i++)
        for (unsigned j = 0; j < NUMBERS; j++)
            world->twins[to].in[i][j] = world->twins[a].in[i][j] && !world->twins[b].in[i][j];
}

static void swap(struct world *world, unsigned a, unsigned b)
{
    struct twin was = world->twins[a];
    knowledge_swap(&world->sets[a], &world->sets[b]);
    world->twins[a] = world->twins[b];
    world->twins[b] = was;
}

// Through bytes and back, as a whole and origin by origin.
static void recode(struct world *world, unsigned set)
{
    struct buf whole;
    struct buf part;
    struct knowledge decoded = {0};
    struct knowledge gathered = {0};
    buf_init(&whole, ENCODED_MAX);
    buf_init(&part, ENCODED_MAX);
    knowledge_encode(&whole, &world->sets[set]);
    struct cursor in = cursor_of(buf_slice(&whole));
    knowledge_decode(&in, &decoded);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    for (uint32_t i = 0; i < world->sets[set].count; i++) {
        buf_clear(&part);
        intervals_encode(&part, &world->sets[set].origins[i]);
        in = cursor_of(buf_slice(&part));
        intervals_decode(&in, world->sets[set].origins[i].origin, &gathered);
        assert_int_equal(cursor_finish(&in), ERR_OK);
    }
    assert_true(knowledge_equal(&gathered, &decoded));
    knowledge_swap(&world->sets[set], &decoded);
    buf_release(&whole);
    buf_release(&part);
    knowledge_release(&decoded);
    knowledge_release(&gathered);
}

static void step(struct world *world)
{
    unsigned set = below(world, SETS);
    unsigned other = below(world, SETS);
    unsigned kind = below(world, 40);
    if (kind < 16) {
        add_dot(world, set);
    } else if (kind < 26) {
        add_interval(world, set, kind < 24 ? 4 : NUMBERS);
    } else if (kind < 29) {
        merge(world, set, other);
    } else if (kind < 33) {
        subtract(world, set, other, below(world, SETS));
    } else if (kind < 35) {
        recode(world, set);
    } else if (kind < 37) {
        swap(world, set, other);
    } else if (kind < 39) {
        knowledge_copy(&world->sets[set], &world->sets[other]);
        world->twins[set] = world->twins[other];
    } else {
        knowledge_clear(&world->sets[set]);
        world->twins[set] = (struct twin){0};
    }
    for (unsigned i = 0; i < SETS; i++)
        assert_alike(world, &world->sets[i], &world->twins[i]);
    assert_pair(world, set, other);
    assert_pair(world, below(world, SETS), below(world, SETS));
}

static void test_knowledge__is_its_naive_twin(void **state)
{
    (void)state;
    static const uint64_t bases[] = {0, 1, 1000, KNOWLEDGE_SEQUENCE_MAX - NUMBERS};
    for (unsigned seed = 0; seed < 8; seed++) {
        struct world world = {.base = bases[seed % 4]};
        rng_init(&world.rng, seed);
        for (unsigned i = 0; i < STEPS; i++)
            step(&world);
        for (unsigned i = 0; i < SETS; i++)
            knowledge_release(&world.sets[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knowledge__is_its_naive_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
