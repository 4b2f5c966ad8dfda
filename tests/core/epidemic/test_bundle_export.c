#include "bundle_bench.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { A, B, C, REPLICAS, KEYS = 12, SEEDS = 150, CALLS_MAX = 100000 };

static bool export_some(struct bundle_export *export, size_t budget, struct buf *out)
{
    assert_false(export->over);
    assert_int_equal(bundle_export_next(export, budget, slice_of_text(BUNDLE_BENCH_RECORD), out),
                     ERR_OK);
    return !export->over;
}

static void test_bundle_export__keeps_to_the_budget(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct bundle_export export;
    struct buf out;
    char key[16];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        bench_put(bench, A, key, "a value of some length, so that it counts");
    }
    bundle_bench_begin(bench, A, NULL, &export, &out);
    size_t before = out.length;
    unsigned calls = 0;
    while (export_some(&export, 1000, &out)) {
        assert_in_range(out.length - before, 1000, 1000 + OPERATION_HEADER_BYTES_MAX);
        before = out.length;
        calls++;
    }
    assert_in_range(calls, 5, 20);
    assert_int_equal(export.operations, 100);
    bundle_export_release(&export);
    assert_int_equal(bundle_bench_take(bench, C, out), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, C));
    bench_free(bench);
}

static void test_bundle_export__since_is_not_carried(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct bundle_export export;
    struct buf out;
    bench_put(bench, A, "old", "value");
    bench_send(bench, A, B);
    bench_put(bench, A, "new", "value");
    bench_delete(bench, A, "old");
    bundle_bench_begin(bench, A, &bench_space(bench, B)->known, &export, &out);
    while (export_some(&export, 1, &out))
        continue;
    assert_int_equal(export.operations, 2);
    bundle_export_release(&export);
    buf_release(&out);
    // Of nothing new there is a bundle too: the close.
    bundle_bench_begin(bench, A, &bench_space(bench, A)->known, &export, &out);
    assert_false(export_some(&export, 1, &out));
    assert_int_equal(export.operations, 0);
    bundle_export_release(&export);
    bench_send(bench, A, B);
    assert_int_equal(bundle_bench_take(bench, B, out), BUNDLE_APPLIED);
    bench_free(bench);
}

static void test_bundle_export__a_damaged_space_claims_nothing(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct bundle_export export;
    struct buf out;
    bench_put(bench, A, "gone", "value");
    bench_put(bench, A, "gone", "next");
    bench_put(bench, A, "key", "value");
    bench_publish(bench, A, &bench_space(bench, A)->known);
    bundle_bench_begin(bench, A, NULL, &export, &out);
    assert_true(export_some(&export, 1, &out));
    // Found out in the middle.
    bench_space(bench, A)->damaged = true;
    while (export_some(&export, 1, &out))
        continue;
    bundle_export_release(&export);
    assert_int_equal(bundle_bench_take(bench, C, out), BUNDLE_APPLIED);
    assert_string_equal(bench_read(bench, C, "gone"), "next");
    assert_string_equal(bench_read(bench, C, "key"), "value");
    assert_int_equal(knowledge_dots(&bench_space(bench, C)->known), 2);
    bench_free(bench);
}

static void test_bundle_export__errors_of_the_buffer_are_told(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct bundle_header header = {.space = BENCH_SPACE, .keyspace = "notes"};
    unsigned wholes = 0;
    bench_put(bench, A, "key", "value");
    bench_put(bench, A, "kez", "value");
    for (size_t bytes = 0; bytes < 400; bytes++) {
        struct bundle_export export;
        struct buf out;
        buf_init(&out, bytes);
        enum err error = bundle_export_begin(&export, bench_space(bench, A), &header, &out);
        while (error == ERR_OK && !export.over)
            error = bundle_export_next(&export, 1, slice_of(NULL, 0), &out);
        wholes += error == ERR_OK;
        assert_true(error == ERR_OK || error == ERR_TOO_LARGE);
        bundle_export_release(&export);
        buf_release(&out);
    }
    assert_in_range(wholes, 10, 390);
    struct bundle_export export;
    struct buf out;
    buf_init(&out, 400);
    snprintf(header.keyspace, sizeof header.keyspace, "Not a name");
    assert_int_equal(bundle_export_begin(&export, bench_space(bench, A), &header, &out),
                     ERR_INVALID);
    buf_release(&out);
    bench_free(bench);
}

// --- while the space lives on

static struct operation operation_of(uint64_t origin, uint64_t sequence, const char *key,
                                     struct context context)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = sequence},
                                  .counter = sequence,
                                  .key = slice_of_text(key),
                                  .context = context};
    operation_set_value(&operation, slice_of_text("value"));
    return operation;
}

// The header of a put without its value, and the dot not known: a stray. Its value comes after the
// header was written. A bundle that then claimed the dot, and had the bare header alone, would take
// the value from whoever believes it.
static void test_bundle_export__a_stray_that_becomes_known_is_written_again(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct operation one = operation_of(5, 1, "one", (struct context){0});
    struct operation two = operation_of(6, 1, "two", (struct context){0});
    struct operation first = one;
    struct operation second = two;
    struct bundle_export export;
    struct buf out;
    first.value = second.value = slice_of(NULL, 0);
    bench_apply(bench, A, &first, OPERATION_BARE, SPACE_FROM_SESSION);
    bench_apply(bench, A, &second, OPERATION_BARE, SPACE_FROM_SESSION);
    assert_true(knowledge_is_empty(&bench_space(bench, A)->known));
    bundle_bench_begin(bench, A, NULL, &export, &out);
    assert_true(export_some(&export, 1, &out));
    assert_int_equal(bench_apply(bench, A, &one, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "one"), "value");
    while (export_some(&export, 1, &out))
        continue;
    bundle_export_release(&export);
    assert_int_equal(bundle_bench_take(bench, C, out), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, C));
    assert_string_equal(bench_read(bench, C, "one"), "value");
    // The other one is there too, and waits for its value.
    assert_int_equal(bench_apply(bench, C, &two, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_string_equal(bench_read(bench, C, "two"), "value");
    bench_check(bench, C);
    bench_free(bench);
}

// What covers a version comes from an origin that was walked already, before the version was.
static void test_bundle_export__what_covers_later_is_carried(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct context context = {.count = 1, .entries = {{.origin = 9, .sequence = 1}}};
    struct operation covered = operation_of(9, 1, "key", (struct context){0});
    struct operation first = operation_of(3, 1, "first", (struct context){0});
    struct operation second = operation_of(3, 2, "second", (struct context){0});
    struct operation cover = operation_of(3, 3, "key", context);
    struct bundle_export export;
    struct buf out;
    bench_apply(bench, A, &first, OPERATION_PUT, SPACE_FROM_SESSION);
    bench_apply(bench, A, &second, OPERATION_PUT, SPACE_FROM_SESSION);
    bench_apply(bench, A, &covered, OPERATION_PUT, SPACE_FROM_SESSION);
    bundle_bench_begin(bench, A, NULL, &export, &out);
    assert_true(export_some(&export, 1, &out));
    assert_true(export_some(&export, 1, &out)); // it goes on with `covered`
    assert_true(export.next.origin == 9);
    bench_apply(bench, A, &cover, OPERATION_PUT, SPACE_FROM_SESSION);
    while (export_some(&export, 1, &out))
        continue;
    assert_int_equal(export.operations, 3);
    bundle_export_release(&export);
    assert_int_equal(bundle_bench_take(bench, C, out), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, C));
    bench_free(bench);
}

// `since` with so many gaps that what is missing takes more intervals than one set of them holds.
static void test_bundle_export__gaps_beyond_one_set_are_filled_in_rounds(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct knowledge since = {0};
    struct knowledge all = {0};
    uint64_t last = 2 * KNOWLEDGE_INTERVALS_MAX + 5;
    struct operation operation = operation_of(3, last, "key", (struct context){0});
    for (uint64_t i = 2; i <= 2 * KNOWLEDGE_INTERVALS_MAX; i += 2)
        assert_int_equal(knowledge_add(&since, (struct dot){3, i}), ERR_OK);
    bench_apply(bench, A, &operation, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(knowledge_add_interval(&all, 3, (struct interval){1, last}), ERR_OK);
    assert_int_equal(space_apply_close(bench_space(bench, A), bench_effects(bench, A), &all),
                     ERR_OK);
    bench_step(bench, A);
    struct buf bytes = bundle_bench_export(bench, A, &since, 1u << 20);
    assert_int_equal(bundle_bench_take(bench, C, bytes), BUNDLE_GAP);
    assert_string_equal(bench_read(bench, C, "key"), "value");
    knowledge_release(&since);
    knowledge_release(&all);
    bench_free(bench);
}

static void write_at_random(struct space_bench *bench, unsigned replica, struct rng *rng)
{
    char key[16];
    snprintf(key, sizeof key, "key-%u", (unsigned)rng_below(rng, KEYS));
    if (rng_one_in(rng, 4) && strcmp(bench_read(bench, replica, key), "-") != 0)
        bench_delete(bench, replica, key);
    else
        bench_put(bench, replica, key, rng_one_in(rng, 2) ? "some value" : "another");
}

// Some of what `from` has and `to` has not, as a session that is cut.
static void send_some(struct space_bench *bench, unsigned from, unsigned to, struct rng *rng)
{
    struct bench_parcels parcels = {0};
    bench_pack(bench, from, &bench_space(bench, to)->known, &parcels);
    for (uint32_t i = 0; i < parcels.count; i++) {
        if (rng_one_in(rng, 2))
            bench_deliver(bench, to, &parcels.list[i], SPACE_FROM_SESSION);
    }
    bench_parcels_release(&parcels);
}

static void live_at_random(struct space_bench *bench, struct rng *rng)
{
    switch (rng_below(rng, 8)) {
    case 0:
        bench_send(bench, B, A);
        break;
    case 1:
        bench_send(bench, A, B);
        break;
    case 2:
        send_some(bench, B, A, rng);
        break;
    case 3:
        send_some(bench, A, B, rng);
        break;
    case 4:
        bench_restart(bench, B); // and a new origin
        break;
    default:
        write_at_random(bench, rng_one_in(rng, 2) ? A : B, rng);
    }
}

// Whoever takes the bundle has what the exporter had when it was closed.
static void export_at_random(uint64_t seed)
{
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct bundle_export export;
    struct buf out;
    struct rng rng;
    rng_init(&rng, seed);
    for (unsigned i = 0; i < 60; i++)
        live_at_random(bench, &rng);
    bool is_new = rng_one_in(&rng, 2);
    if (!is_new)
        bench_send(bench, rng_one_in(&rng, 2) ? A : B, C);
    bundle_bench_begin(bench, A, is_new ? NULL : &bench_space(bench, C)->known, &export, &out);
    unsigned calls = 0;
    while (export_some(&export, 1 + rng_below(&rng, 300), &out)) {
        unsigned events = calls++ < 30 ? (unsigned)rng_below(&rng, 4) : 0;
        for (unsigned i = 0; i < events; i++)
            live_at_random(bench, &rng);
        assert_true(calls < CALLS_MAX);
    }
    bundle_export_release(&export);
    assert_int_equal(bundle_bench_take(bench, C, out), BUNDLE_APPLIED);
    bench_check(bench, C);
    // What C had besides, it gives back; then they are equal, or the bundle was wrong.
    bench_send(bench, C, A);
    assert_true(bench_equal(bench, A, C));
    bench_free(bench);
}

static void test_bundle_export__is_consistent_while_the_space_lives_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        export_at_random(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_export__keeps_to_the_budget),
        cmocka_unit_test(test_bundle_export__since_is_not_carried),
        cmocka_unit_test(test_bundle_export__a_damaged_space_claims_nothing),
        cmocka_unit_test(test_bundle_export__errors_of_the_buffer_are_told),
        cmocka_unit_test(test_bundle_export__a_stray_that_becomes_known_is_written_again),
        cmocka_unit_test(test_bundle_export__what_covers_later_is_carried),
        cmocka_unit_test(test_bundle_export__gaps_beyond_one_set_are_filled_in_rounds),
        cmocka_unit_test(test_bundle_export__is_consistent_while_the_space_lives_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
