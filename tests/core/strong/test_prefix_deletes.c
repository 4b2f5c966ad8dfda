// Deletes that left no certificate count in the greatest stamp.
#include "loss_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

// The stamp of the record at a node, which must be there.
static struct stamp stamp_at(const struct strong_bench *bench, node_id id, const char *key)
{
    struct record record;
    assert_int_equal(bench_stored(bench, id, key, &record), ERR_OK);
    return record.stamp;
}

static void test_prefix_deletes__a_delete_counts_when_its_certificate_is_dropped(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    struct stamp deleted = loss_delete(bench, KEY);
    for (node_id id = A; id <= C; id++) {
        assert_true(loss_is_gone(bench, id, KEY));
        assert_true(loss_prefix_is(bench, id, deleted));
    }
    struct stamp later = loss_put(bench, OTHER, "later");
    assert_true(stamp_compare(later, deleted) > 0);
    assert_true(loss_prefix_is(bench, A, later));
    bench_free(bench);
}

static void test_prefix_deletes__a_delete_counts_when_its_certificate_is_swept(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    loss_map(bench, LIST, node_bit(J));
    bench_run(bench);
    struct stamp deleted = loss_delete(bench, KEY);
    assert_int_equal(stamp_compare(stamp_at(bench, A, KEY), deleted), 0);
    assert_true(loss_prefix_is(bench, A, deleted));
    loss_map(bench, ALL, 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    for (node_id id = A; id <= J; id++) {
        assert_true(loss_is_gone(bench, id, KEY));
        assert_true(loss_prefix_is(bench, id, deleted));
    }
    bench_free(bench);
}

static void test_prefix_deletes__a_delete_counts_after_a_restart(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    loss_delete(bench, KEY);
    loss_put(bench, KEY, "again");
    struct stamp deleted = loss_delete(bench, KEY);
    bench_restart(bench, A);
    bench_restart(bench, C);
    assert_true(loss_prefix_is(bench, A, deleted));
    assert_true(loss_prefix_is(bench, C, deleted));
    bench_free(bench);
}

// Two deletes are in flight, and the older one is the last to end. Gives the stamp of the newer
// one, which all have dropped.
static struct stamp newer_delete_ends_first(struct strong_bench *bench)
{
    loss_put(bench, KEY, "value");
    loss_put(bench, OTHER, "value");
    struct stamp older = loss_delete_later(bench, KEY);
    bench_lose(bench, A, C, MESSAGE_INV);
    struct stamp newer = loss_delete(bench, OTHER);
    assert_true(stamp_compare(newer, older) > 0);
    assert_non_null(bench_flight(bench, A, KEY));
    assert_true(loss_is_gone(bench, A, OTHER) && loss_is_gone(bench, C, OTHER));
    return newer;
}

static void test_prefix_deletes__a_lower_delete_that_ends_later_takes_nothing_back(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct stamp newer = newer_delete_ends_first(bench);
    assert_true(loss_prefix_is(bench, A, newer));
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_null(bench_flight(bench, A, KEY));
    assert_true(loss_is_gone(bench, A, KEY));
    assert_true(loss_prefix_is(bench, A, newer));
    assert_true(loss_prefix_is(bench, C, newer));
    bench_free(bench);
}

// The same, but it ends only after a restart: the process knows what it noted from its store alone.
static void test_prefix_deletes__nor_does_one_that_ends_after_a_restart(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct stamp newer = newer_delete_ends_first(bench);
    bench_restart(bench, A);
    assert_true(loss_prefix_is(bench, A, newer));
    loss_map(bench, LIST, 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_null(bench_flight(bench, A, KEY));
    assert_true(loss_is_gone(bench, A, KEY) && loss_is_gone(bench, C, KEY));
    assert_true(loss_prefix_is(bench, C, newer));
    assert_true(loss_prefix_is(bench, A, newer));
    bench_free(bench);
}

// The certificate that is swept is of a lower delete than one that was dropped before a restart.
static void test_prefix_deletes__nor_does_a_sweep_after_a_restart(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    loss_put(bench, OTHER, "value");
    loss_map(bench, LIST, node_bit(J));
    bench_run(bench);
    loss_delete(bench, KEY);
    loss_map(bench, ALL, 0);
    bench_run(bench);
    struct stamp newer = loss_delete(bench, OTHER);
    assert_false(loss_is_gone(bench, A, KEY));
    assert_true(loss_is_gone(bench, A, OTHER));
    bench_restart(bench, A);
    loss_map(bench, ALL, 0);
    bench_run(bench);
    sweep_add(&bench->nodes[A]->strong, BENCH_KEYSPACE, loss_slot());
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(loss_is_gone(bench, A, KEY));
    assert_true(loss_prefix_is(bench, A, newer));
    bench_free(bench);
}

// J joins when nothing of the delete is left: it must not seem to have less than those who know.
static void test_prefix_deletes__of_a_joiner_reaches_as_far_as_that_of_its_authority(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct memory_store kept[J + 1];
    loss_put(bench, KEY, "value");
    kept[A] = loss_keep(bench, A); // loses the delete
    kept[C] = loss_keep(bench, A);
    struct stamp deleted = loss_delete(bench, KEY);
    assert_true(loss_is_gone(bench, A, KEY));
    loss_map(bench, LIST, node_bit(J));
    bench_run(bench);
    loss_map(bench, ALL, 0);
    bench_run(bench);
    assert_true(loss_prefix_is(bench, J, deleted));
    kept[J] = loss_keep(bench, J);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    assert_int_equal(loss_chosen(bench), node_bit(J));
    bench_free(bench);
}

// A lower delete that J sees the end of afterwards takes nothing back: neither from the note nor,
// while that is not in the store yet, from what the process knows.
static void test_prefix_deletes__of_a_joiner_stays_when_a_lower_one_ends(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct stamp newer = newer_delete_ends_first(bench);
    loss_map(bench, LIST, node_bit(J));
    bench_live(bench, SWEEPS, SWEEP_US);
    const struct slot_pasts *pasts = &bench->nodes[J]->strong.pasts;
    assert_true(slot_pasts_deleted(pasts, BENCH_KEYSPACE, (uint16_t)loss_slot()) == newer.counter);
    loss_map(bench, ALL, 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(loss_is_gone(bench, J, KEY));
    assert_true(loss_prefix_is(bench, A, newer));
    assert_true(loss_prefix_is(bench, J, newer));
    bench_free(bench);
}

// What moved away and is swept leaves nothing behind.
static void test_prefix_deletes__is_forgotten_with_the_slot(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    loss_delete(bench, KEY);
    size_t noted = bench->nodes[C]->memory.pair_count;
    struct replica_set set = bench_set(node_bit(A), 0, 0, A);
    bench_map(bench, ALL, &set);
    bench_live(bench, SWEEPS, SWEEP_US);
    assert_true(bench->nodes[C]->memory.pair_count < noted);
    // Back again, it begins with what it gets then.
    loss_map(bench, node_bit(A), node_bit(C));
    bench_run(bench);
    loss_map(bench, LIST, 0);
    bench_run(bench);
    assert_true(loss_told_at_tag(bench, C).is_prefix);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_deletes__a_delete_counts_when_its_certificate_is_dropped),
        cmocka_unit_test(test_prefix_deletes__a_delete_counts_when_its_certificate_is_swept),
        cmocka_unit_test(test_prefix_deletes__a_delete_counts_after_a_restart),
        cmocka_unit_test(test_prefix_deletes__a_lower_delete_that_ends_later_takes_nothing_back),
        cmocka_unit_test(test_prefix_deletes__nor_does_one_that_ends_after_a_restart),
        cmocka_unit_test(test_prefix_deletes__nor_does_a_sweep_after_a_restart),
        cmocka_unit_test(test_prefix_deletes__of_a_joiner_reaches_as_far_as_that_of_its_authority),
        cmocka_unit_test(test_prefix_deletes__of_a_joiner_stays_when_a_lower_one_ends),
        cmocka_unit_test(test_prefix_deletes__is_forgotten_with_the_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
