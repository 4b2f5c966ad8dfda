// One replica: what it writes and reads, and that the store has all of it.

#include "space_bench.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

static void test_space__shows_what_was_written_at_once_and_after_a_restart(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    struct dot first = bench_put(bench, A, "k", "one");
    struct dot second = bench_put(bench, A, "k", "two");
    bench_put(bench, A, "other", "three");
    assert_string_equal(bench_read(bench, A, "k"), "two");
    assert_true(first.origin == second.origin && first.sequence == 1 && second.sequence == 2);
    bench_restart(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "two");
    assert_string_equal(bench_read(bench, A, "other"), "three");
    bench_delete(bench, A, "k");
    assert_string_equal(bench_read(bench, A, "k"), "-");
    bench_restart(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__loses_with_a_crash_what_was_not_durable_and_nothing_else(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    bench_put(bench, A, "k", "one");
    bench_sync(bench, A);
    bench_put(bench, A, "k", "two");
    bench_put(bench, A, "k", "three");
    bench_put(bench, A, "k", "four");
    bench_crash(bench, A, 2);
    assert_int_equal(bench_start(bench, A), ERR_OK);
    assert_string_equal(bench_read(bench, A, "k"), "three");
    assert_int_equal(knowledge_dots(&bench_space(bench, A)->known), 3);
    bench_check(bench, A);
    bench_free(bench);
}

static bool spaces_equal(const struct space *a, const struct space *b)
{
    return knowledge_equal(&a->known, &b->known) && knowledge_equal(&a->stable, &b->stable) &&
           knowledge_equal(&a->horizon, &b->horizon) && knowledge_equal(&a->strays, &b->strays) &&
           a->clock == b->clock && a->certificates == b->certificates && a->covered == b->covered &&
           a->last_origin == b->last_origin && a->last_next == b->last_next &&
           a->damaged == b->damaged && space_digests_equal(&a->digests, &b->digests);
}

// A put whose value is on no peer any more, and which nothing covers that is known here.
static void deliver_a_stray(struct space_bench *bench, unsigned to)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = 5, .sequence = 9},
                                  .counter = 3,
                                  .key = slice_of_text("stray"),
                                  .value_bytes = 4};
    assert_int_equal(bench_apply(bench, to, &operation, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_STORED);
}

static void test_space__has_everything_again_after_a_restart(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    for (unsigned i = 0; i < 50; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i % 20);
        bench_put(bench, i % 2, key, "value");
        if (i % 5 == 0)
            bench_delete(bench, i % 2, key);
    }
    bench_exchange(bench, A, B);
    bench_publish(bench, A, &bench_space(bench, A)->known);
    bench_put(bench, A, "k1", "not stable");
    bench_put(bench, B, "k2", "not known");
    bench_tell(bench, A, B);
    deliver_a_stray(bench, A);
    assert_int_equal(knowledge_dots(&bench_space(bench, A)->strays), 1);
    bench_sync(bench, A);
    bench_sync(bench, B);

    for (unsigned i = A; i <= B; i++) {
        struct space_bench *again = bench_new(1, NULL);
        bench_restore(again, 0, &bench->replicas[i].disk);
        assert_true(spaces_equal(bench_space(again, 0), bench_space(bench, i)));
        assert_true(bench_space(again, 0)->certificates + bench_space(again, 0)->covered > 0);
        bench_check(again, 0);
        bench_free(again);
    }
    bench_free(bench);
}

static void test_space__keeps_spaces_of_one_store_apart(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct bench_replica *it = &bench->replicas[A];
    struct space next;
    struct space last;
    assert_int_equal(space_open(&next, BENCH_SPACE + 1, &bench->setting, &it->overlay, 5), ERR_OK);
    assert_int_equal(space_open(&last, UINT64_MAX, &bench->setting, &it->overlay, 6), ERR_OK);
    struct space_write write = {.key = slice_of_text("k"), .value = slice_of_text("v")};
    struct space_written written;
    assert_int_equal(space_write(&next, &it->effects, &write, &written), ERR_OK);
    assert_int_equal(space_write(&last, &it->effects, &write, &written), ERR_OK);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    bench_put(bench, A, "k", "mine");
    bench_check(bench, A);
    space_release(&last);
    assert_int_equal(space_open(&last, UINT64_MAX, &bench->setting, &it->overlay, 7), ERR_OK);
    assert_int_equal(last.digests.total.count, 1);
    while (!space_forget(bench_space(bench, A), &it->effects, 1))
        ;
    bool equal = false;
    assert_int_equal(space_recount(&next, &it->effects, &equal), ERR_OK);
    assert_true(equal && next.digests.total.count == 1);
    assert_int_equal(space_recount(&last, &it->effects, &equal), ERR_OK);
    assert_true(equal && last.digests.total.count == 1);
    space_release(&next);
    space_release(&last);
    bench_free(bench);
}

static void test_space__has_an_id_for_each_cluster_keyspace_and_channel(void **state)
{
    (void)state;
    struct slice none = slice_of(NULL, 0);
    uint64_t id = space_id_of(1, 2, 3, none);
    assert_true(id == space_id_of(1, 2, 3, none));
    assert_true(id != space_id_of(2, 2, 3, none));
    assert_true(id != space_id_of(1, 3, 3, none));
    assert_true(id != space_id_of(1, 2, 4, none));
    assert_true(id != space_id_of(1, 2, 3, slice_of_text("a")));
    assert_true(space_id_of(1, 2, 3, slice_of_text("a")) !=
                space_id_of(1, 2, 3, slice_of_text("b")));
}

// --- conditions and refusals of a write

static enum err write_if(struct space_bench *bench, enum condition condition, struct stamp expected,
                         bool dead, struct space_written *out)
{
    struct space_write write = {.key = slice_of_text("k"),
                                .value = slice_of_text(dead ? "" : "v"),
                                .dead = dead,
                                .condition = condition,
                                .expected = expected};
    return bench_write(bench, A, &write, out);
}

static void test_space__writes_when_the_condition_holds(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space_written first;
    struct space_written out;
    struct stamp none = {0};
    struct stamp wrong = {.counter = 1, .id = 2};
    assert_int_equal(write_if(bench, CONDITION_PRESENT, none, false, &out), ERR_MISMATCH);
    assert_true(stamp_is_zero(out.stamp) && !out.existed);
    assert_int_equal(write_if(bench, CONDITION_STAMP, wrong, false, &out), ERR_MISMATCH);
    assert_int_equal(write_if(bench, CONDITION_NONE, none, true, &out), ERR_NOT_FOUND);
    assert_int_equal(write_if(bench, CONDITION_ABSENT, none, false, &first), ERR_OK);
    assert_false(first.existed);
    assert_int_equal(write_if(bench, CONDITION_ABSENT, none, false, &out), ERR_MISMATCH);
    assert_true(stamp_compare(out.stamp, first.stamp) == 0 && out.existed);
    assert_int_equal(write_if(bench, CONDITION_STAMP, wrong, true, &out), ERR_MISMATCH);
    assert_int_equal(write_if(bench, CONDITION_PRESENT, none, false, &out), ERR_OK);
    assert_true(out.existed && stamp_compare(out.stamp, first.stamp) > 0);
    assert_int_equal(write_if(bench, CONDITION_STAMP, out.stamp, true, &out), ERR_OK);
    assert_int_equal(write_if(bench, CONDITION_COUNT, none, false, &out), ERR_INVALID);
    assert_int_equal(bench_space(bench, A)->next, 4);
    bench_free(bench);
}

static bool is_short(const struct operation *header)
{
    return header->value.length == 0 && header->value_bytes < 4;
}

static void test_space__refuses_writes_that_nobody_could_take(void **state)
{
    (void)state;
    struct space_setting setting = {.fits = is_short};
    struct space_bench *bench = bench_new(1, &setting);
    static const uint8_t bytes[KEY_BYTES_MAX + 1];
    struct space_written out;
    struct space_write write = {.key = slice_of(bytes, 0), .value = slice_of_text("v")};
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_INVALID);
    write.key = slice_of(bytes, KEY_BYTES_MAX + 1);
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_TOO_LARGE);
    write.key = slice_of(bytes, KEY_BYTES_MAX);
    write.value = slice_of(bytes, (size_t)VALUE_BYTES_MAX + 1);
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_TOO_LARGE);
    write.value = slice_of_text("long");
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_INVALID);
    bench_space(bench, A)->room_low = true;
    write.value = slice_of_text("v");
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_FULL);
    bench_space(bench, A)->room_low = false;
    assert_int_equal(bench->replicas[A].writes, 0);
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_OK);
    bench_space(bench, A)->room_low = true;
    write.value = slice_of(NULL, 0);
    write.dead = true;
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_OK);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__takes_no_more_than_may_wait_for_the_store(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    uint8_t *bytes = memory_zeroed(1, VALUE_BYTES_MAX);
    struct space_written out;
    struct space_write write = {.key = slice_of_text("k"),
                                .value = slice_of(bytes, VALUE_BYTES_MAX)};
    enum err error = ERR_OK;
    char key[8];
    for (unsigned i = 0; error == ERR_OK && i < 20; i++) {
        write.key = slice_of(key, (size_t)snprintf(key, sizeof key, "%u", i));
        error = bench_write(bench, A, &write, &out);
    }
    assert_int_equal(error, ERR_BUSY);
    assert_true(overlay_bytes(&bench->replicas[A].overlay) <= OVERLAY_BYTES_MAX);
    bench_sync(bench, A);
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_OK);
    free(bytes);
    bench_free(bench);
}

static void test_space__costs_few_writes(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct bench_replica *it = &bench->replicas[A];
    bench_put(bench, A, "first", "v");
    bench_sync(bench, A);
    uint64_t writes = it->writes;
    uint64_t gets = it->disk.gets;
    bench_put(bench, A, "second", "v");
    assert_int_equal(it->writes - writes, 5); // operation, key, known, digest, state
    assert_int_equal(it->disk.gets - gets, 1);
    bench_free(bench);
}

// --- the clock

static void test_space__clock_goes_on_from_what_it_saw(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    for (unsigned i = 0; i < 5; i++)
        bench_put(bench, A, "k", "v");
    assert_int_equal(bench_space(bench, A)->clock, 5);
    bench_send(bench, A, B);
    bench_restart(bench, B);
    assert_int_equal(bench_space(bench, B)->clock, 5);
    bench_put(bench, B, "k", "later");
    assert_int_equal(bench_space(bench, B)->clock, 6);
    bench_send(bench, B, A);
    assert_string_equal(bench_read(bench, A, "k"), "later");
    bench_free(bench);
}

static void test_space__clock_is_not_used_up_by_a_forged_counter(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = 5, .sequence = 1},
                                  .counter = OPERATION_COUNTER_MAX,
                                  .key = slice_of_text("k")};
    operation_set_value(&operation, slice_of_text("forged"));
    bench_put(bench, A, "k", "v");
    assert_int_equal(bench_apply(bench, A, &operation, OPERATION_PUT, SPACE_FROM_SESSION),
                     SPACE_NEWS);
    assert_int_equal(bench_space(bench, A)->clock, 1 + SPACE_CLOCK_STEP_MAX);
    bench_space(bench, A)->clock = OPERATION_COUNTER_MAX - 1;
    bench_put(bench, A, "x", "one");
    bench_put(bench, A, "x", "two");
    bench_put(bench, A, "x", "three");
    assert_int_equal(bench_space(bench, A)->clock, OPERATION_COUNTER_MAX);
    assert_string_equal(bench_read(bench, A, "x"), "three");
    bench_restart(bench, A);
    bench_check(bench, A);
    bench_free(bench);
}

// --- summaries

static void test_space__sums_up_what_is_known_dead_and_live(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct space_summary a;
    struct space_summary b;
    bench_put(bench, A, "k", "v");
    bench_put(bench, B, "l", "w");
    bench_exchange(bench, A, B);
    bench_publish(bench, A, NULL);
    space_summarise(bench_space(bench, A), 1, &a);
    space_summarise(bench_space(bench, B), 1, &b);
    assert_memory_equal(&a, &b, sizeof a);
    space_summarise(bench_space(bench, B), 2, &b);
    assert_true(a.known.low != b.known.low && a.live != b.live);
    bench_publish(bench, A, &bench_space(bench, A)->known);
    space_summarise(bench_space(bench, A), 2, &a);
    assert_true(a.known.low == b.known.low && a.live == b.live && a.horizon.low != b.horizon.low);
    bench_put(bench, A, "k", "v");
    space_summarise(bench_space(bench, A), 2, &a);
    assert_true(a.known.low != b.known.low && a.live != b.live);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__shows_what_was_written_at_once_and_after_a_restart),
        cmocka_unit_test(test_space__loses_with_a_crash_what_was_not_durable_and_nothing_else),
        cmocka_unit_test(test_space__has_everything_again_after_a_restart),
        cmocka_unit_test(test_space__keeps_spaces_of_one_store_apart),
        cmocka_unit_test(test_space__has_an_id_for_each_cluster_keyspace_and_channel),
        cmocka_unit_test(test_space__writes_when_the_condition_holds),
        cmocka_unit_test(test_space__refuses_writes_that_nobody_could_take),
        cmocka_unit_test(test_space__takes_no_more_than_may_wait_for_the_store),
        cmocka_unit_test(test_space__costs_few_writes),
        cmocka_unit_test(test_space__clock_goes_on_from_what_it_saw),
        cmocka_unit_test(test_space__clock_is_not_used_up_by_a_forged_counter),
        cmocka_unit_test(test_space__sums_up_what_is_known_dead_and_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
