// Every table is recounted by a naive twin that knows nothing of rings and flows: it counts loads,
// copies and movement slot by slot, and proves minimality the slow way, by looking for any cycle of
// moves that pays.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "core/map/placement.h"

#define FACTOR_MAX 5
#define FAR 1000000
// More than lesser costs can add up to on one cycle.
#define DEAR 1000

static node_set first_nodes(unsigned count)
{
    return count == NODES_MAX ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

struct bench {
    struct placement *before;
    struct placement *now;
    struct placement *again;
};

static int bench_open(void **state)
{
    struct bench *bench = memory_zeroed(1, sizeof *bench);
    bench->before = memory_zeroed(1, sizeof *bench->before);
    bench->now = memory_zeroed(1, sizeof *bench->now);
    bench->again = memory_zeroed(1, sizeof *bench->again);
    *state = bench;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    free(bench->before);
    free(bench->now);
    free(bench->again);
    free(bench);
    return 0;
}

static void assert_even(const unsigned *counts, node_set members, unsigned total)
{
    unsigned n = node_set_count(members);
    for (node_id id = 1; id <= NODES_MAX; id++) {
        if (!node_set_has(members, id))
            assert_int_equal(counts[id], 0);
        else
            assert_in_range(counts[id], total / n, (total + n - 1) / n);
    }
}

// Invariants 1 and 2.
static void assert_balanced(const struct placement *table, node_set members, unsigned factor)
{
    unsigned replicas[NODES_MAX + 1] = {0};
    unsigned primaries[NODES_MAX + 1] = {0};
    unsigned wanted = smaller(factor, node_set_count(members));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set target = table->target[slot];
        unsigned held = 0;
        for (node_set left = target; left != 0; left &= left - 1) {
            replicas[node_set_first(left)]++;
            held++;
        }
        node_id primary = table->primary[slot];
        if (held != wanted || (target & ~members) != 0 || !node_set_has(target, primary))
            fail_msg("slot %u: %u targets, primary %u", slot, held, primary);
        primaries[primary]++;
    }
    assert_even(replicas, members, SLOTS * wanted);
    assert_even(primaries, members, SLOTS);
}

struct movement {
    unsigned added[NODES_MAX + 1];
    unsigned removed[NODES_MAX + 1];
    unsigned added_sum;
    unsigned removed_sum;
    unsigned primaries; // that were another node before
};

static struct movement movement_between(const struct placement *before, const struct placement *now)
{
    struct movement movement = {.added_sum = 0};
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set added = now->target[slot] & ~before->target[slot];
        node_set removed = before->target[slot] & ~now->target[slot];
        for (; added != 0; added &= added - 1, movement.added_sum++)
            movement.added[node_set_first(added)]++;
        for (; removed != 0; removed &= removed - 1, movement.removed_sum++)
            movement.removed[node_set_first(removed)]++;
        movement.primaries += before->primary[slot] != now->primary[slot];
    }
    return movement;
}

static unsigned runs(const struct placement *table)
{
    unsigned count = 1;
    for (unsigned slot = 1; slot < SLOTS; slot++)
        count += table->target[slot] != table->target[slot - 1] ||
                 table->primary[slot] != table->primary[slot - 1];
    return count;
}

// A graph of what could be otherwise. Vertex 0 stands for "load": an edge from it to a node means
// that the node can have one less, an edge to it that the node can have one more.
struct graph {
    int cost[NODES_MAX + 1][NODES_MAX + 1];
};

static void graph_init(struct graph *graph, const unsigned *load, node_set members, unsigned total)
{
    unsigned n = node_set_count(members);
    for (unsigned i = 0; i <= NODES_MAX; i++) {
        for (unsigned j = 0; j <= NODES_MAX; j++)
            graph->cost[i][j] = FAR;
    }
    for (node_id id = 1; id <= NODES_MAX; id++) {
        if (node_set_has(members, id) && total % n != 0) {
            if (load[id] == total / n)
                graph->cost[id][0] = 0;
            else
                graph->cost[0][id] = 0;
        }
    }
}

// What choosing a node costs: DEAR when it is not in `old`, 1 more when it is not in `better`.
static int choice_cost(node_set old, node_set better, node_id id)
{
    return (node_set_has(old, id) ? 0 : DEAR) + (node_set_has(better, id) ? 0 : 1);
}

static void graph_add(struct graph *graph, node_set allowed, node_set chosen, node_set old,
                      node_set better)
{
    for (node_id from = 1; from <= NODES_MAX; from++) {
        for (node_id to = 1; node_set_has(chosen, from) && to <= NODES_MAX; to++) {
            int cost = choice_cost(old, better, to) - choice_cost(old, better, from);
            if (node_set_has(allowed & ~chosen, to) && cost < graph->cost[from][to])
                graph->cost[from][to] = cost;
        }
    }
}

// Floyd and Warshall: a choice is a cheapest one when no cycle of changes has a negative cost.
static void assert_cheapest(struct graph *graph)
{
    for (unsigned k = 0; k <= NODES_MAX; k++) {
        for (unsigned i = 0; i <= NODES_MAX; i++) {
            for (unsigned j = 0; graph->cost[i][k] < FAR && j <= NODES_MAX; j++) {
                int cost = graph->cost[i][k] + graph->cost[k][j];
                if (graph->cost[k][j] < FAR && cost < graph->cost[i][j])
                    graph->cost[i][j] = cost < -FAR ? -FAR : cost;
            }
        }
        for (unsigned i = 0; i <= NODES_MAX; i++)
            assert_true(graph->cost[i][i] >= 0);
    }
}

// Invariant 3, in full generality.
static void assert_minimal(const struct placement *before, const struct placement *now,
                           node_set members, unsigned factor)
{
    unsigned replicas[NODES_MAX + 1] = {0};
    unsigned primaries[NODES_MAX + 1] = {0};
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        for (node_id id = 1; id <= NODES_MAX; id++)
            replicas[id] += node_set_has(now->target[slot], id);
        primaries[now->primary[slot]]++;
    }
    struct graph targets;
    struct graph leads;
    graph_init(&targets, replicas, members, SLOTS * smaller(factor, node_set_count(members)));
    graph_init(&leads, primaries, members, SLOTS);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_set target = now->target[slot];
        node_set held = before->target[slot];
        node_set first = node_bit(before->primary[slot]) & held;
        graph_add(&targets, members, target, held, first);
        graph_add(&leads, target, node_bit(now->primary[slot]), first, held);
    }
    assert_cheapest(&targets);
    assert_cheapest(&leads);
}

// Goes on from bench->now, which becomes bench->before.
static struct movement step(struct bench *bench, enum strategy strategy, unsigned factor,
                            node_set members)
{
    struct placement *old = bench->before;
    bench->before = bench->now;
    bench->now = old;
    placement_compute(strategy, (uint8_t)factor, members, bench->before, bench->now);
    assert_balanced(bench->now, members, strategy == STRATEGY_FULL ? NODES_MAX : factor);
    placement_compute(strategy, (uint8_t)factor, members, bench->now, bench->again);
    assert_memory_equal(bench->now, bench->again, sizeof *bench->now);
    return movement_between(bench->before, bench->now);
}

static void restart(struct bench *bench)
{
    memset(bench->now, 0, sizeof *bench->now);
}

static void test_placement__balances_from_scratch(void **state)
{
    struct bench *bench = *state;
    for (unsigned n = 1; n <= NODES_MAX; n++) {
        for (unsigned factor = 1; factor <= FACTOR_MAX; factor++) {
            placement_compute(STRATEGY_CONSISTENT, (uint8_t)factor, first_nodes(n), NULL,
                              bench->now);
            assert_balanced(bench->now, first_nodes(n), factor);
        }
        restart(bench);
        step(bench, STRATEGY_CONSISTENT, FACTOR_MAX, first_nodes(n));
        placement_compute(STRATEGY_CONSISTENT, FACTOR_MAX, first_nodes(n), NULL, bench->again);
        assert_memory_equal(bench->now, bench->again, sizeof *bench->now);
    }
}

static void test_placement__full_holds_every_slot_everywhere(void **state)
{
    struct bench *bench = *state;
    for (unsigned n = 1; n <= NODES_MAX; n += 9) {
        step(bench, STRATEGY_FULL, 0, first_nodes(n));
        for (unsigned slot = 0; slot < SLOTS; slot++)
            assert_int_equal(bench->now->target[slot], first_nodes(n));
    }
}

static void test_placement__without_members_is_empty(void **state)
{
    struct bench *bench = *state;
    step(bench, STRATEGY_CONSISTENT, 3, first_nodes(4));
    placement_compute(STRATEGY_CONSISTENT, 3, 0, bench->now, bench->again);
    memset(bench->now, 0, sizeof *bench->now);
    assert_memory_equal(bench->now, bench->again, sizeof *bench->now);
}

static void test_placement__join_moves_the_share_of_the_new_node(void **state)
{
    struct bench *bench = *state;
    struct rng rng;
    rng_init(&rng, 1);
    for (unsigned factor = 1; factor <= FACTOR_MAX; factor++) {
        restart(bench);
        node_set members = 0;
        for (unsigned n = 0; n < NODES_MAX; n++) {
            node_set absent = ~members;
            node_id joins = node_set_nth(absent, (unsigned)rng_below(&rng, NODES_MAX - n));
            members |= node_bit(joins);
            struct movement movement = step(bench, STRATEGY_CONSISTENT, factor, members);
            assert_int_equal(movement.added[joins], movement.added_sum);
            assert_in_range(movement.added_sum, 1, (factor * SLOTS + n) / (n + 1));
            // The new node's share; rarely others pass some on, where they share no slot with it.
            assert_in_range(movement.primaries, 1, 3 * SLOTS / (2 * (n + 1)) + 1);
        }
        print_message("grown 1 to 64, r=%u: %u runs\n", factor, runs(bench->now));
    }
}

static void test_placement__leave_moves_what_the_leaver_had(void **state)
{
    struct bench *bench = *state;
    struct rng rng;
    rng_init(&rng, 2);
    for (unsigned factor = 1; factor <= FACTOR_MAX; factor++) {
        restart(bench);
        node_set members = first_nodes(NODES_MAX);
        step(bench, STRATEGY_CONSISTENT, factor, members);
        for (unsigned n = NODES_MAX; n > 1; n--) {
            node_id leaves = node_set_nth(members, (unsigned)rng_below(&rng, n));
            members &= ~node_bit(leaves);
            struct movement movement = step(bench, STRATEGY_CONSISTENT, factor, members);
            assert_int_equal(movement.removed[leaves], movement.removed_sum);
            assert_int_equal(movement.added_sum, n > factor ? movement.removed_sum : 0);
        }
    }
}

static void test_placement__replication_factor_only_adds_or_only_removes(void **state)
{
    struct bench *bench = *state;
    for (unsigned n = 1; n <= NODES_MAX; n += n < 8 ? 1 : 7) {
        restart(bench);
        step(bench, STRATEGY_CONSISTENT, 1, first_nodes(n));
        for (unsigned factor = 2; factor <= FACTOR_MAX; factor++) {
            struct movement movement = step(bench, STRATEGY_CONSISTENT, factor, first_nodes(n));
            assert_int_equal(movement.added_sum, factor <= n ? SLOTS : 0);
            assert_int_equal(movement.removed_sum, 0);
            assert_int_equal(movement.primaries, 0);
        }
        for (unsigned factor = FACTOR_MAX - 1; factor >= 1; factor--) {
            struct movement movement = step(bench, STRATEGY_CONSISTENT, factor, first_nodes(n));
            assert_int_equal(movement.removed_sum, factor < n ? SLOTS : 0);
            assert_int_equal(movement.added_sum, 0);
        }
    }
}

static void test_placement__strategy_switch_moves_only_what_is_lacking(void **state)
{
    struct bench *bench = *state;
    for (unsigned n = 1; n <= NODES_MAX; n += 7) {
        for (unsigned factor = 1; factor <= FACTOR_MAX; factor += 2) {
            unsigned held = smaller(factor, n);
            restart(bench);
            step(bench, STRATEGY_FULL, factor, first_nodes(n));
            struct movement movement = step(bench, STRATEGY_CONSISTENT, factor, first_nodes(n));
            assert_int_equal(movement.added_sum, 0);
            movement = step(bench, STRATEGY_FULL, factor, first_nodes(n));
            assert_int_equal(movement.removed_sum, 0);
            assert_int_equal(movement.added_sum, SLOTS * (n - held));
            assert_int_equal(movement.primaries, 0);
        }
    }
}

static void test_placement__random_walks_move_least(void **state)
{
    struct bench *bench = *state;
    struct rng rng;
    for (unsigned seed = 0; seed < 6; seed++) {
        rng_init(&rng, seed);
        restart(bench);
        node_set members = first_nodes(1 + seed * 3);
        for (unsigned i = 0; i < 10; i++) {
            // One to three nodes at once, and every third time another replication factor.
            for (uint64_t changes = 1 + rng_below(&rng, 3); changes > 0; changes--)
                members ^= node_bit((node_id)(1 + rng_below(&rng, seed % 2 == 0 ? 12 : NODES_MAX)));
            if (members == 0)
                members = 1;
            unsigned factor = 1 + (i / 3 + seed) % FACTOR_MAX;
            step(bench, STRATEGY_CONSISTENT, factor, members);
            assert_minimal(bench->before, bench->now, members, factor);
        }
    }
}

// Tables that no placement ever made: any sets, any primaries, also of nodes that are gone.
static void test_placement__repairs_any_table_at_least_cost(void **state)
{
    struct bench *bench = *state;
    struct rng rng;
    for (unsigned seed = 0; seed < 12; seed++) {
        rng_init(&rng, seed);
        unsigned n = 2 + (unsigned)rng_below(&rng, seed % 2 == 0 ? 6 : NODES_MAX - 1);
        unsigned factor = 1 + (unsigned)rng_below(&rng, FACTOR_MAX);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            node_set target = rng_u64(&rng) & rng_u64(&rng);
            if (seed % 3 == 0)
                target &= rng_u64(&rng) & rng_u64(&rng);
            bench->now->target[slot] = target & first_nodes(smaller(n + 2, NODES_MAX));
            bench->now->primary[slot] = (node_id)rng_below(&rng, 1 + rng_below(&rng, n + 1));
        }
        step(bench, STRATEGY_CONSISTENT, factor, first_nodes(n));
        assert_minimal(bench->before, bench->now, first_nodes(n), factor);
    }
}

static void test_placement__from_scratch_has_long_runs(void **state)
{
    struct bench *bench = *state;
    restart(bench);
    step(bench, STRATEGY_CONSISTENT, 3, first_nodes(5));
    print_message("from scratch, n=5, r=3: %u runs\n", runs(bench->now));
    assert_in_range(runs(bench->now), 5, 40);
    restart(bench);
    step(bench, STRATEGY_CONSISTENT, 3, first_nodes(NODES_MAX));
    print_message("from scratch, n=64, r=3: %u runs\n", runs(bench->now));
    assert_in_range(runs(bench->now), NODES_MAX, 8 * NODES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_placement__##name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(balances_from_scratch),
        TEST(full_holds_every_slot_everywhere),
        TEST(without_members_is_empty),
        TEST(join_moves_the_share_of_the_new_node),
        TEST(leave_moves_what_the_leaver_had),
        TEST(replication_factor_only_adds_or_only_removes),
        TEST(strategy_switch_moves_only_what_is_lacking),
        TEST(random_walks_move_least),
        TEST(repairs_any_table_at_least_cost),
        TEST(from_scratch_has_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
