// All lose their power at different moments of one history, and what stays is right; without the
// rule that a schedule is about, it is visibly wrong.
#include "broken_rule.h"
#include "loss_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static void map(struct strong_bench *bench, node_set in_sync, node_set joining)
{
    loss_map(bench, in_sync, joining);
    bench_run(bench);
}

// Whether all of `chosen` have this value of a key. Somebody must be chosen.
static bool have(const struct strong_bench *bench, node_set chosen, const char *key,
                 const char *value)
{
    bool all = true;
    assert_true(chosen != 0);
    for (node_id id = node_set_first(chosen); id != NODE_NONE; id = node_set_after(chosen, id))
        all &= bench_holds(bench, id, key, value);
    return all;
}

// --- prefix-marks

// A and C hold "old" when J joins, which gets "newest" by the write and is promoted once it got
// "old" too. But of all that its store keeps only the beginning, as the others' keep theirs.
static bool joiner_hides_older_records(void)
{
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, 0);
    loss_put(bench, KEY, "old");
    kept[A] = loss_keep(bench, A);
    kept[C] = loss_keep(bench, C);
    struct replica_set set = bench_set(LIST, node_bit(J), bench->map.epoch + 1, A);
    bench_map(bench, ALL, &set);
    bench_run_until(bench, A, J, MESSAGE_SYNC_RECORDS);
    struct bench_message *late = bench_take(bench, A, J, MESSAGE_SYNC_RECORDS);
    loss_put(bench, OTHER, "newest");
    assert_true(bench_holds(bench, J, OTHER, "newest"));
    assert_false(bench_holds(bench, J, KEY, "old"));
    kept[J] = loss_keep(bench, J);
    bench_hand(bench, A, J, late);
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, J));
    map(bench, ALL, 0);
    assert_true(bench_holds(bench, J, KEY, "old"));
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    node_set chosen = loss_chosen(bench);
    bool lost = !have(bench, chosen, KEY, "old");
    assert_true(lost || node_set_count(chosen) == 1);
    bench_free(bench);
    return lost;
}

static void test_prefix_rules__who_was_only_joining_has_no_prefix(void **state)
{
    (void)state;
    assert_false(joiner_hides_older_records());
    if (!broken_rule_goes_wrong(RULE_PREFIX_MARKS, joiner_hides_older_records))
        skip();
}

// --- prefix-swept

// The delete is the last that A has and C has not. Its certificate is dropped when it commits, or
// swept after a join.
static bool deleted_key_is_back(node_set joining)
{
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, joining);
    loss_put(bench, OTHER, "other");
    loss_put(bench, KEY, "deleted");
    kept[C] = loss_keep(bench, C);
    kept[J] = loss_keep(bench, J);
    loss_delete(bench, KEY);
    map(bench, LIST | joining, 0);
    bench_live(bench, SWEEPS, SWEEP_US);
    struct record record;
    assert_int_equal(bench_stored(bench, A, KEY, &record), ERR_NOT_FOUND);
    kept[A] = loss_keep(bench, A);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    node_set chosen = loss_chosen(bench);
    assert_true(have(bench, chosen, OTHER, "other"));
    bool back = have(bench, chosen, KEY, "deleted");
    assert_true(back || chosen == node_bit(A));
    bench_free(bench);
    return back;
}

static bool deleted_key_is_back_after_a_commit(void)
{
    return deleted_key_is_back(0);
}

static bool deleted_key_is_back_after_a_sweep(void)
{
    return deleted_key_is_back(node_bit(J));
}

static void test_prefix_rules__what_was_deleted_stays_deleted(void **state)
{
    (void)state;
    assert_false(deleted_key_is_back_after_a_commit());
    if (!broken_rule_goes_wrong(RULE_PREFIX_SWEPT, deleted_key_is_back_after_a_commit))
        skip();
}

static void test_prefix_rules__what_was_swept_stays_deleted(void **state)
{
    (void)state;
    assert_false(deleted_key_is_back_after_a_sweep());
    if (!broken_rule_goes_wrong(RULE_PREFIX_SWEPT, deleted_key_is_back_after_a_sweep))
        skip();
}

// --- longest-prefix

// A lost the last write, C did not.
static bool newest_write_is_lost(void)
{
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, 0);
    loss_put(bench, KEY, "old");
    kept[A] = loss_keep(bench, A);
    loss_put(bench, KEY, "new");
    kept[C] = loss_keep(bench, C);
    kept[J] = loss_keep(bench, J);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    bool lost = !have(bench, loss_chosen(bench), KEY, "new");
    bench_free(bench);
    return lost;
}

static void test_prefix_rules__the_longest_prefix_counts(void **state)
{
    (void)state;
    assert_false(newest_write_is_lost());
    if (!broken_rule_goes_wrong(RULE_LONGEST_PREFIX, newest_write_is_lost))
        skip();
}

// --- in flight at a promotion

// A write is in flight from before the join until after the promotion: J gets it by the sync alone,
// and keeps it with the mark.
static void test_prefix_rules__a_join_brings_what_was_in_flight_before_it(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, 0);
    loss_put(bench, OTHER, "old");
    kept[A] = loss_keep(bench, A);
    kept[C] = loss_keep(bench, C);
    uint64_t early = bench_put(bench, A, KEY, "early");
    assert_int_equal(bench_lose(bench, A, C, MESSAGE_INV), 1);
    bench_durable(bench, A);
    loss_map(bench, LIST, node_bit(J));
    bench_run_until(bench, A, J, MESSAGE_INV);
    assert_int_equal(bench_lose(bench, A, J, MESSAGE_INV), 1);
    bench_run(bench);
    assert_int_equal(bench_error(bench, early), ERR_COUNT);
    assert_true(bench_wants_promotion(bench, J));
    loss_map(bench, ALL, 0);
    bench_durable(bench, J);
    kept[J] = loss_keep(bench, J);
    bench_run(bench);
    assert_int_equal(bench_error(bench, early), ERR_OK);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    node_set chosen = loss_chosen(bench);
    assert_true(have(bench, chosen, OTHER, "old"));
    assert_true(have(bench, chosen, KEY, "early"));
    bench_free(bench);
}

// J is promoted while a write is in flight that it gets only afterwards, and that is reported then.
// J loses it, and nothing else; A and C lose nothing.
static void test_prefix_rules__a_promotion_hides_no_write_that_was_in_flight(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, 0);
    loss_put(bench, OTHER, "old");
    map(bench, LIST, node_bit(J));
    assert_true(bench_wants_promotion(bench, J));
    uint64_t late = bench_put(bench, A, KEY, "late");
    assert_int_equal(bench_lose(bench, A, J, MESSAGE_INV), 1);
    loss_map(bench, ALL, 0);
    bench_durable(bench, J);
    kept[J] = loss_keep(bench, J);
    bench_run(bench);
    assert_int_equal(bench_error(bench, late), ERR_OK);
    assert_true(bench_holds(bench, J, KEY, "late"));
    kept[A] = loss_keep(bench, A);
    kept[C] = loss_keep(bench, C);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    node_set chosen = loss_chosen(bench);
    assert_true(have(bench, chosen, OTHER, "old"));
    assert_true(have(bench, chosen, KEY, "late"));
    bench_free(bench);
}

// --- the next life

// Whoever was chosen goes on alone, the others join from it, and all lose their power once more:
// what the chosen one reported then is what counts.
static void test_prefix_rules__it_ends_well_twice(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(3);
    struct memory_store kept[J + 1];
    map(bench, LIST, 0);
    loss_put(bench, KEY, "one");
    kept[A] = loss_keep(bench, A);
    loss_put(bench, KEY, "two");
    loss_delete(bench, KEY);
    kept[C] = loss_keep(bench, C);
    kept[J] = loss_keep(bench, J);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    assert_int_equal(loss_chosen(bench), node_bit(C));
    struct replica_set set = bench_set(node_bit(C), node_bit(A), bench->map.epoch + 1, C);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    assert_true(bench_wants_promotion(bench, A));
    set = bench_set(LIST, 0, 0, C);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    kept[C] = loss_keep(bench, C);
    uint64_t again = bench_put(bench, C, OTHER, "again");
    bench_run(bench);
    assert_int_equal(bench_error(bench, again), ERR_OK);
    kept[A] = loss_keep(bench, A);
    kept[J] = loss_keep(bench, J);
    for (node_id id = A; id <= J; id++)
        loss_of_power(bench, id, &kept[id]);
    node_set chosen = loss_chosen(bench);
    assert_int_equal(chosen, node_bit(A));
    assert_true(have(bench, chosen, OTHER, "again"));
    assert_false(have(bench, chosen, KEY, "one"));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_prefix_rules__who_was_only_joining_has_no_prefix,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__what_was_deleted_stays_deleted,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__what_was_swept_stays_deleted,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__the_longest_prefix_counts, broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__a_join_brings_what_was_in_flight_before_it,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__a_promotion_hides_no_write_that_was_in_flight,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_prefix_rules__it_ends_well_twice, broken_rule_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
