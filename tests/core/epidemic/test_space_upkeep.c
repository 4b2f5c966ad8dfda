// Garbage under the horizon, recounts, drops, and forgetting everything.

#include "space_bench.h"

#include <stdio.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, KEYS = 10 };

static void sweep_to_the_end(struct space_bench *bench, unsigned replica)
{
    while (!space_sweep(bench_space(bench, replica), bench_effects(bench, replica), 3))
        bench_step(bench, replica);
    bench_step(bench, replica);
}

static void delete_keys(struct space_bench *bench)
{
    char key[8];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "k%u", i);
        bench_put(bench, A, key, "v");
        bench_delete(bench, A, key);
    }
    bench_put(bench, A, "live", "v");
}

// --- sweep

static void test_space_sweep__drops_what_is_under_the_horizon(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    delete_keys(bench);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->certificates, KEYS);
    bench_publish(bench, A, NULL);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->certificates, KEYS);
    bench_publish(bench, A, &space->known);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->certificates + space->covered, 0);
    bench_sync(bench, A);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_VERSIONS), 1);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_OPERATIONS), 1);
    assert_string_equal(bench_read(bench, A, "live"), "v");
    assert_int_equal(knowledge_dots(&space->known), 2 * KEYS + 1);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space_sweep__looks_at_so_many_keys_and_goes_on(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    delete_keys(bench);
    bench_publish(bench, A, &space->known);
    unsigned calls = 1;
    while (!space_sweep(space, bench_effects(bench, A), 2)) {
        bench_step(bench, A);
        assert_in_range(space->certificates, KEYS - 2 * calls, KEYS - 2 * calls + 1);
        calls++;
    }
    bench_step(bench, A);
    assert_int_equal(space->certificates, 0);
    assert_in_range(calls, KEYS / 2, KEYS / 2 + 1);
    assert_true(space_sweep(space, bench_effects(bench, A), 2)); // from the beginning
    bench_free(bench);
}

static void test_space_sweep__keeps_what_covers_past_a_gap(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation delete = {.space = BENCH_SPACE,
                               .dot = {.origin = 5, .sequence = 1},
                               .counter = 2,
                               .dead = true,
                               .key = slice_of_text("k")};
    struct knowledge gap = {0};
    assert_int_equal(context_raise(&delete.context, (struct dot){.origin = 6, .sequence = 3}),
                     ERR_OK);
    assert_int_equal(knowledge_add(&gap, (struct dot){.origin = 6, .sequence = 1}), ERR_OK);
    assert_int_equal(knowledge_add(&gap, (struct dot){.origin = 6, .sequence = 3}), ERR_OK);
    bench_apply(bench, A, &delete, OPERATION_DELETE, SPACE_FROM_SESSION);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &gap), ERR_OK);
    bench_step(bench, A);
    bench_publish(bench, A, &space->known);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->certificates, 1);
    assert_int_equal(knowledge_add(&gap, (struct dot){.origin = 6, .sequence = 2}), ERR_OK);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &gap), ERR_OK);
    bench_step(bench, A);
    bench_publish(bench, A, &space->known);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->certificates, 0);
    knowledge_release(&gap);
    bench_free(bench);
}

static void test_space_sweep__makes_bare_what_was_kept(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    bench_put(bench, A, "k", "a value that takes some room");
    bench_publish(bench, A, NULL);
    bench_put(bench, A, "k", "new");
    assert_int_equal(space->covered, 1);
    sweep_to_the_end(bench, A);
    assert_string_equal(bench_read_stable(bench, A, "k"), "a value that takes some room");
    bench_publish(bench, A, NULL);
    assert_int_equal(space->covered, 1);
    sweep_to_the_end(bench, A);
    assert_int_equal(space->covered, 0); // and as the new one says all that it said, it is gone
    assert_string_equal(bench_read_stable(bench, A, "k"), "new");
    bench_check(bench, A);
    bench_free(bench);
}

// --- the horizon

static void test_space_stabilise__takes_a_horizon_when_all_of_it_is_known(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct space *space = bench_space(bench, B);
    delete_keys(bench);
    bench_publish(bench, A, &bench_space(bench, A)->known);
    bench_tell(bench, A, B);
    assert_true(knowledge_is_empty(&space->horizon));
    assert_true(knowledge_equal(&space->stable, &bench_space(bench, A)->stable));
    bench_send(bench, A, B);
    space->damaged = true;
    bench_tell(bench, A, B);
    assert_true(knowledge_is_empty(&space->horizon)); // it may lack what it knows
    space->damaged = false;
    bench_tell(bench, A, B);
    assert_true(knowledge_equal(&space->horizon, &bench_space(bench, A)->horizon));
    uint64_t writes = bench->replicas[B].writes;
    bench_tell(bench, A, B);
    assert_int_equal(bench->replicas[B].writes, writes); // nothing new, nothing written
    bench_restart(bench, B);
    assert_true(knowledge_equal(&space->horizon, &bench_space(bench, A)->horizon));
    bench_free(bench);
}

static void test_space_stabilise__writes_what_changed_only(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        bench_put(bench, A, "k", "v");
        bench_restart(bench, A); // each run has an origin of its own
    }
    bench_publish(bench, A, NULL);
    bench_put(bench, A, "k", "v");
    uint64_t writes = bench->replicas[A].writes;
    bench_publish(bench, A, NULL);
    assert_int_equal(bench->replicas[A].writes - writes, 2); // one origin, and the state
    bench_free(bench);
}

static void test_space_stabilise__what_is_under_the_horizon_is_stable(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    static const struct knowledge none;
    bench_put(bench, A, "k", "v");
    assert_int_equal(space_stabilise(space, bench_effects(bench, A), &none, &space->known), ERR_OK);
    bench_step(bench, A);
    assert_true(knowledge_equal(&space->stable, &space->known));
    bench_check(bench, A);
    bench_free(bench);
}

// --- drops

static void test_space_drop__hides_what_is_dead_elsewhere(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation older = {.space = BENCH_SPACE,
                              .dot = {.origin = 5, .sequence = 1},
                              .counter = 1,
                              .key = slice_of_text("k")};
    operation_set_value(&older, slice_of_text("older"));
    struct operation put = older;
    put.dot = (struct dot){.origin = 6, .sequence = 1};
    assert_int_equal(context_raise(&put.context, older.dot), ERR_OK);
    struct sha256 id = operation_id_of(&put);
    bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
    space_drop(space, bench_effects(bench, A), put.dot, sha256_head(&id) + 1);
    space_drop(space, bench_effects(bench, A), older.dot, sha256_head(&id));
    bench_step(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "older");

    space_drop(space, bench_effects(bench, A), put.dot, sha256_head(&id));
    bench_step(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    bench_check(bench, A);
    // What it covered is dead too, and does not come up behind it.
    bench_apply(bench, A, &older, OPERATION_PUT, SPACE_FROM_RUMOR);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    space_drop(space, bench_effects(bench, A), put.dot, sha256_head(&id));
    assert_int_equal(bench_effects(bench, A)->write_count, 0);
    bench_publish(bench, A, &space->known);
    assert_string_equal(bench_read_stable(bench, A, "k"), "-"); // dead, not elsewhere
    sweep_to_the_end(bench, A);
    assert_int_equal(space->covered, 0);
    bench_check(bench, A);
    bench_free(bench);
}

// --- forgetting

static void test_space_forget__leaves_the_name_of_the_last_number(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    delete_keys(bench);
    bench_publish(bench, A, &space->known);
    struct dot last = bench_put(bench, A, "live", "again");
    uint64_t clock = space->clock;
    unsigned calls = 1;
    while (!space_forget(space, bench_effects(bench, A), 3)) {
        bench_step(bench, A);
        calls++;
    }
    bench_step(bench, A);
    bench_sync(bench, A);
    assert_true(calls > 3);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_OPERATIONS), 0);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_VERSIONS), 0);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_SPACES), 1);
    for (unsigned run = 0; run < 2; run++) {
        assert_string_equal(bench_read(bench, A, "live"), "-");
        assert_true(knowledge_is_empty(&space->known) && knowledge_is_empty(&space->stable));
        assert_true(space->last_origin == last.origin && space->last_next == last.sequence + 1);
        assert_int_equal(space->clock, clock);
        bench_check(bench, A);
        bench_restart(bench, A);
    }
    struct dot next = bench_put(bench, A, "live", "a new life");
    assert_true(next.origin != last.origin);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space_forget__leaves_a_space_to_begin_with(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct dot last = bench_put(bench, A, "k", "v");
    assert_true(space_forget(space, bench_effects(bench, A), 1000));
    bench_step(bench, A);
    struct dot next = bench_put(bench, A, "k", "w");
    assert_true(next.origin != last.origin && next.sequence == 1);
    assert_string_equal(bench_read(bench, A, "k"), "w");
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space_forget__goes_on_after_many_crashes(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    unsigned runs = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        delete_keys(bench);
        bench_restart(bench, A);
    }
    bench_publish(bench, A, &bench_space(bench, A)->known);
    do {
        space_forget(bench_space(bench, A), bench_effects(bench, A), 2);
        bench_step(bench, A);
        bench_restart(bench, A);
        runs++;
    } while (bench_space(bench, A)->forgetting);
    assert_true(runs > 2 * KEYS);
    assert_int_equal(space_disk_count(&bench->replicas[A].disk, STORE_SPACES), 1);
    bench_free(bench);
}

static void test_space_forget__goes_on_after_a_crash(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct space *space = bench_space(bench, A);
    struct space_written written;
    static const struct knowledge none;
    delete_keys(bench);
    bench_send(bench, A, B);
    assert_false(space_forget(space, bench_effects(bench, A), 3));
    bench_step(bench, A);
    bench_restart(bench, A);
    assert_true(space->forgetting);

    // Half of it says nothing and takes nothing.
    struct space_write write = {.key = slice_of_text("live"), .value = slice_of_text("w")};
    struct bench_parcels parcels = {0};
    bench_pack(bench, B, NULL, &parcels);
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_BUSY);
    assert_int_equal(bench_deliver(bench, A, &parcels.list[0], SPACE_FROM_SESSION), SPACE_REFUSED);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &none), ERR_BUSY);
    assert_int_equal(space_stabilise(space, bench_effects(bench, A), &none, &none), ERR_BUSY);
    assert_int_equal(space_read(space, write.key, SPACE_LATEST, NULL, NULL), ERR_BUSY);
    assert_true(knowledge_is_empty(&space->known));

    sweep_to_the_end(bench, A);
    assert_false(space->forgetting);
    bench_send(bench, B, A);
    assert_true(bench_equal(bench, A, B));
    assert_string_equal(bench_read(bench, A, "live"), "v");
    bench_check(bench, A);
    bench_parcels_release(&parcels);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_sweep__drops_what_is_under_the_horizon),
        cmocka_unit_test(test_space_sweep__looks_at_so_many_keys_and_goes_on),
        cmocka_unit_test(test_space_sweep__keeps_what_covers_past_a_gap),
        cmocka_unit_test(test_space_sweep__makes_bare_what_was_kept),
        cmocka_unit_test(test_space_stabilise__takes_a_horizon_when_all_of_it_is_known),
        cmocka_unit_test(test_space_stabilise__writes_what_changed_only),
        cmocka_unit_test(test_space_stabilise__what_is_under_the_horizon_is_stable),
        cmocka_unit_test(test_space_drop__hides_what_is_dead_elsewhere),
        cmocka_unit_test(test_space_forget__leaves_the_name_of_the_last_number),
        cmocka_unit_test(test_space_forget__leaves_a_space_to_begin_with),
        cmocka_unit_test(test_space_forget__goes_on_after_many_crashes),
        cmocka_unit_test(test_space_forget__goes_on_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
