#include "bundle_bench.h"

#include "base/rule.h"
#include "know.h"
#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { A, B, C, REPLICAS };

// A key of each kind: written once, written again, deleted, in conflict.
static struct space_bench *bench_of_all_kinds(void)
{
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    bench_put(bench, B, "conflict", "of B");
    bench_put(bench, A, "conflict", "of A");
    bench_put(bench, A, "once", "one");
    bench_put(bench, A, "twice", "first");
    bench_put(bench, A, "twice", "second");
    bench_put(bench, A, "gone", "soon");
    bench_delete(bench, A, "gone");
    bench_send(bench, B, A);
    return bench;
}

static void assert_all_kinds(struct space_bench *bench, unsigned replica)
{
    assert_string_equal(bench_read(bench, replica, "once"), "one");
    assert_string_equal(bench_read(bench, replica, "twice"), "second");
    assert_string_equal(bench_read(bench, replica, "gone"), "-");
    assert_int_equal(strlen(bench_read(bench, replica, "conflict")), strlen("of A|of B"));
    bench_check(bench, replica);
}

static void test_bundle_import__brings_everything_to_an_empty_space(void **state)
{
    (void)state;
    struct space_bench *bench = bench_of_all_kinds();
    enum bundle_verdict verdict;
    struct buf bytes = bundle_bench_export(bench, A, NULL, 1);
    for (size_t portion = 1; portion < bytes.length; portion += portion) {
        assert_int_equal(bundle_bench_import(bench, C, buf_slice(&bytes), portion, &verdict),
                         ERR_OK);
        assert_int_equal(verdict, BUNDLE_APPLIED);
        assert_true(bench_equal(bench, A, C));
        assert_all_kinds(bench, C);
    }
    buf_release(&bytes);
    bench_free(bench);
}

static void test_bundle_import__again_or_old_changes_nothing(void **state)
{
    (void)state;
    struct space_bench *bench = bench_of_all_kinds();
    struct buf old = bundle_bench_export(bench, A, NULL, 100);
    bench_put(bench, A, "once", "new");
    bench_delete(bench, A, "conflict");
    struct buf bytes = bundle_bench_export(bench, A, NULL, 100);
    const struct slice bundles[] = {buf_slice(&bytes), buf_slice(&bytes), buf_slice(&old)};
    uint64_t writes = 0;
    uint64_t revision = 0;
    for (unsigned i = 0; i < 3; i++) {
        enum bundle_verdict verdict;
        assert_int_equal(bundle_bench_import(bench, C, bundles[i], 1000, &verdict), ERR_OK);
        assert_int_equal(verdict, BUNDLE_APPLIED);
        assert_true(bench_equal(bench, A, C));
        if (i > 0) {
            assert_true(bench->replicas[C].writes == writes);
            assert_true(bench_space(bench, C)->revision == revision);
        }
        writes = bench->replicas[C].writes;
        revision = bench_space(bench, C)->revision;
    }
    buf_release(&old);
    buf_release(&bytes);
    bench_free(bench);
}

static void assert_untouched(struct space_bench *bench, unsigned replica)
{
    assert_true(bench->replicas[replica].writes == 0 && bench_space(bench, replica)->revision == 0);
    assert_true(knowledge_is_empty(&bench_space(bench, replica)->known));
}

static void test_bundle_import__of_a_damaged_file_nothing_is_applied(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    enum bundle_verdict verdict;
    bench_put(bench, A, "key", "value");
    bench_delete(bench, A, "key");
    bench_put(bench, A, "other", "value");
    struct buf bytes = bundle_bench_export(bench, A, NULL, 100);
    for (size_t length = 0; length < bytes.length; length++) {
        struct slice cut = slice_of(bytes.bytes, length);
        assert_int_equal(bundle_bench_import(bench, C, cut, 64, &verdict), ERR_CORRUPT);
        assert_untouched(bench, C);
    }
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned flip = 1; flip < 256; flip += flip) {
            bytes.bytes[at] ^= (uint8_t)flip;
            assert_int_not_equal(bundle_bench_import(bench, C, buf_slice(&bytes), 64, &verdict),
                                 ERR_OK);
            assert_untouched(bench, C);
            bytes.bytes[at] ^= (uint8_t)flip;
        }
    }
    assert_int_equal(bundle_bench_import(bench, C, buf_slice(&bytes), 64, &verdict), ERR_OK);
    assert_true(bench_equal(bench, A, C));
    buf_release(&bytes);
    bench_free(bench);
}

static void test_bundle_import__of_another_space_nothing_is_applied(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct operation operation = sample_of(SAMPLE_PUT);
    struct bundle_header header = {.space = SAMPLE_SPACE, .keyspace = "notes"};
    struct bundle_writer writer;
    struct bundle_close close = {0};
    enum bundle_verdict verdict;
    struct buf bytes;
    buf_init(&bytes, BUNDLE_BENCH_BYTES_MAX);
    assert_int_equal(bundle_write_header(&writer, &header, &bytes), ERR_OK);
    assert_int_equal(bundle_write_operation(&writer, &operation, OPERATION_PUT, &bytes), ERR_OK);
    assert_int_equal(bundle_write_close(&writer, &close, &bytes), ERR_OK);
    assert_int_equal(bundle_bench_import(bench, C, buf_slice(&bytes), 64, &verdict), ERR_FOREIGN);
    assert_untouched(bench, C);
    buf_release(&bytes);
    bench_free(bench);
}

// The file is exchanged for another good one between its check and its second reading.
static void test_bundle_import__an_exchanged_file_claims_nothing(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct effects *effects = bench_effects(bench, C);
    struct bundle_import import;
    enum bundle_verdict verdict;
    bench_put(bench, A, "key", "value");
    struct buf first = bundle_bench_export(bench, A, NULL, 100);
    bench_put(bench, A, "key", "next");
    struct buf second = bundle_bench_export(bench, A, NULL, 100);
    bundle_import_init(&import, bench_space(bench, C));
    assert_int_equal(bundle_import_check(&import, buf_slice(&first)), ERR_OK);
    assert_int_equal(bundle_import_checked(&import), ERR_OK);
    assert_int_equal(import.operations, 1);
    assert_int_equal(bundle_import_apply(&import, effects, buf_slice(&second), NULL, NULL), ERR_OK);
    assert_int_equal(bundle_import_close(&import, effects, &verdict), ERR_CORRUPT);
    bundle_import_release(&import);
    bench_step(bench, C);
    assert_true(knowledge_dots(&bench_space(bench, C)->known) < 2);
    buf_release(&first);
    buf_release(&second);
    bench_free(bench);
}

struct news {
    struct dot dots[8];
    unsigned count;
};

static void note_news(void *context, struct space *space, struct dot dot)
{
    struct news *news = context;
    assert_true(knowledge_has(&space->known, dot));
    news->dots[news->count++] = dot;
}

static void test_bundle_import__tells_of_news_alone(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct effects *effects = bench_effects(bench, C);
    struct bundle_import import;
    struct news news = {.count = 0};
    enum bundle_verdict verdict;
    bench_put(bench, A, "known", "value");
    bench_send(bench, A, C);
    struct dot dot = bench_put(bench, A, "new", "value");
    struct buf bytes = bundle_bench_export(bench, A, NULL, 100);
    bundle_import_init(&import, bench_space(bench, C));
    assert_int_equal(bundle_import_check(&import, buf_slice(&bytes)), ERR_OK);
    assert_int_equal(bundle_import_checked(&import), ERR_OK);
    assert_int_equal(import.operations, 2);
    assert_int_equal(bundle_import_apply(&import, effects, buf_slice(&bytes), note_news, &news),
                     ERR_OK);
    assert_int_equal(bundle_import_close(&import, effects, &verdict), ERR_OK);
    assert_true(news.count == 1 && dot_equal(news.dots[0], dot));
    assert_true(import.outcomes[SPACE_NEWS] == 1 && import.outcomes[SPACE_KNOWN] == 1);
    assert_int_equal(import.reader.header.exporter, 42);
    bundle_import_release(&import);
    bench_step(bench, C);
    buf_release(&bytes);
    bench_free(bench);
}

// --- the close

static void test_bundle_import__since_leaves_out_what_is_known(void **state)
{
    (void)state;
    struct space_bench *bench = bench_of_all_kinds();
    bench_send(bench, A, B);
    struct buf whole = bundle_bench_export(bench, A, NULL, 100);
    bench_put(bench, A, "twice", "third");
    struct buf bytes = bundle_bench_export(bench, A, &bench_space(bench, B)->known, 100);
    assert_true(bytes.length < whole.length);
    assert_int_equal(bundle_bench_take(bench, B, bytes), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, B));
    assert_string_equal(bench_read(bench, B, "twice"), "third");
    buf_release(&whole);
    bench_free(bench);
}

// A says to B: "you know the first, here is the second". B does not know the first. Whether they
// know the same in the end, and yet do not show the same.
static bool since_goes_wrong(void)
{
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct knowledge since = {0};
    bench_put(bench, A, "first", "one");
    knowledge_copy(&since, &bench_space(bench, A)->known);
    bench_put(bench, A, "second", "two");
    enum bundle_verdict verdict =
        bundle_bench_take(bench, B, bundle_bench_export(bench, A, &since, 1));
    assert_int_equal(verdict, knowledge_contains(&bench_space(bench, B)->known, &since)
                                  ? BUNDLE_APPLIED
                                  : BUNDLE_GAP);
    assert_string_equal(bench_read(bench, B, "second"), "two");
    // Sessions bring what is not known: so not this one, if it is claimed to be.
    bench_exchange(bench, A, B);
    bench_exchange(bench, A, B);
    bool lost = strcmp(bench_read(bench, B, "first"), "-") == 0;
    assert_true(knowledge_equal(&bench_space(bench, A)->known, &bench_space(bench, B)->known));
    assert_int_equal(lost, !bench_live_equal(bench, A, B));
    knowledge_release(&since);
    bench_free(bench);
    return lost;
}

static void test_bundle_import__since_that_is_not_known_here_gives_no_claim(void **state)
{
    (void)state;
    assert_false(since_goes_wrong());
}

static void test_bundle_import__since_must_be_known_or_values_are_lost(void **state)
{
    (void)state;
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_BUNDLE_SINCE;
    bool wrong = since_goes_wrong();
    rule_broken = RULE_COUNT;
    assert_true(wrong);
#else
    print_message("the rule can be broken in a build with BRUSIO_MUTANTS only\n");
#endif
}

// What was missing of `since` may come with the bundle itself, or between two imports.
static void test_bundle_import__since_counts_as_it_is_known_by_then(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct knowledge since = {0};
    bench_put(bench, A, "first", "one");
    knowledge_copy(&since, &bench_space(bench, A)->known);
    struct buf first = bundle_bench_export(bench, A, NULL, 100);
    bench_put(bench, A, "second", "two");
    struct buf second = bundle_bench_export(bench, A, &since, 100);
    enum bundle_verdict verdict;
    assert_int_equal(bundle_bench_import(bench, C, buf_slice(&second), 64, &verdict), ERR_OK);
    assert_int_equal(verdict, BUNDLE_GAP);
    assert_false(bench_equal(bench, A, C));
    assert_int_equal(bundle_bench_take(bench, C, first), BUNDLE_APPLIED);
    assert_int_equal(bundle_bench_take(bench, C, second), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, C));
    knowledge_release(&since);
    bench_free(bench);
}

static void test_bundle_import__what_was_refused_is_not_claimed(void **state)
{
    (void)state;
    struct space_bench *bench = bench_of_all_kinds();
    struct buf bytes = bundle_bench_export(bench, A, NULL, 100);
    enum bundle_verdict verdict;
    bench_space(bench, C)->room_low = true;
    assert_int_equal(bundle_bench_import(bench, C, buf_slice(&bytes), 64, &verdict), ERR_OK);
    assert_int_equal(verdict, BUNDLE_REFUSED);
    assert_false(knowledge_equal(&bench_space(bench, A)->known, &bench_space(bench, C)->known));
    bench_space(bench, C)->room_low = false;
    assert_int_equal(bundle_bench_take(bench, C, bytes), BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, C));
    assert_all_kinds(bench, C);
    bench_free(bench);
}

static void test_bundle_import__a_bad_operation_is_not_claimed(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    struct knowledge known = {0};
    struct operation operation = sample_of(SAMPLE_PUT);
    operation.space = BENCH_SPACE;
    assert_int_equal(knowledge_add(&known, operation.dot), ERR_OK);
    operation.value_hash.bytes[0] ^= 1;
    struct buf bytes = bundle_bench_forge(&operation, OPERATION_PUT, &known);
    assert_int_equal(bundle_bench_take(bench, C, bytes), BUNDLE_REFUSED);
    assert_true(knowledge_is_empty(&bench_space(bench, C)->known));
    assert_int_equal(bench_space(bench, C)->bad, 1);
    operation.value_hash.bytes[0] ^= 1;
    bytes = bundle_bench_forge(&operation, OPERATION_PUT, &known);
    assert_int_equal(bundle_bench_take(bench, C, bytes), BUNDLE_APPLIED);
    assert_string_equal(bench_read(bench, C, "key"), "value");
    knowledge_release(&known);
    bench_free(bench);
}

// A has dropped a certificate under its horizon. Who still has what that covered would keep it, and
// know all that A knows.
static void test_bundle_import__who_is_behind_the_horizon_takes_no_claim(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(REPLICAS, NULL);
    bench_put(bench, A, "gone", "soon");
    bench_send(bench, A, C);
    bench_delete(bench, A, "gone");
    bench_send(bench, A, B);
    bench_publish(bench, A, &bench_space(bench, A)->known);
    while (!space_sweep(bench_space(bench, A), bench_effects(bench, A), 10))
        continue;
    bench_step(bench, A);
    assert_int_equal(bench_space(bench, A)->certificates, 0);
    bench_put(bench, A, "new", "value");
    assert_int_equal(bundle_bench_take(bench, C, bundle_bench_export(bench, A, NULL, 100)),
                     BUNDLE_BEHIND);
    assert_string_equal(bench_read(bench, C, "new"), "value");
    assert_int_equal(knowledge_dots(&bench_space(bench, C)->known), 2);
    // B knew the delete.
    assert_int_equal(bundle_bench_take(bench, B, bundle_bench_export(bench, A, NULL, 100)),
                     BUNDLE_APPLIED);
    assert_true(bench_equal(bench, A, B));
    bench_free(bench);
}

// A disk that was set back: a bundle names what this run's origin is about to write, as what C was
// said to know, or as what A knows. It counts although the close does not.
static void test_bundle_import__a_restored_disk_hears_of_its_lost_writes(void **state)
{
    (void)state;
    for (unsigned by_close = 0; by_close < 2; by_close++) {
        struct space_bench *bench = bench_new(REPLICAS, NULL);
        struct knowledge claimed = {0};
        struct knowledge since = {0};
        bench_put(bench, C, "key", "one");
        uint64_t origin = bench_space(bench, C)->origin;
        know(by_close ? &claimed : &since, origin, 1, bench_space(bench, C)->next);
        know(&since, 1, 1, 1);
        assert_int_equal(
            space_apply_close(bench_space(bench, A), bench_effects(bench, A), &claimed), ERR_OK);
        bench_step(bench, A);
        struct buf bytes = bundle_bench_export(bench, A, &since, 100);
        assert_int_equal(bundle_bench_take(bench, C, bytes), BUNDLE_GAP);
        struct dot next = bench_put(bench, C, "key", "two");
        assert_true(next.origin != origin);
        knowledge_release(&claimed);
        knowledge_release(&since);
        bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_import__brings_everything_to_an_empty_space),
        cmocka_unit_test(test_bundle_import__again_or_old_changes_nothing),
        cmocka_unit_test(test_bundle_import__of_a_damaged_file_nothing_is_applied),
        cmocka_unit_test(test_bundle_import__of_another_space_nothing_is_applied),
        cmocka_unit_test(test_bundle_import__an_exchanged_file_claims_nothing),
        cmocka_unit_test(test_bundle_import__tells_of_news_alone),
        cmocka_unit_test(test_bundle_import__since_leaves_out_what_is_known),
        cmocka_unit_test(test_bundle_import__since_that_is_not_known_here_gives_no_claim),
        cmocka_unit_test(test_bundle_import__since_must_be_known_or_values_are_lost),
        cmocka_unit_test(test_bundle_import__since_counts_as_it_is_known_by_then),
        cmocka_unit_test(test_bundle_import__what_was_refused_is_not_claimed),
        cmocka_unit_test(test_bundle_import__a_bad_operation_is_not_claimed),
        cmocka_unit_test(test_bundle_import__who_is_behind_the_horizon_takes_no_claim),
        cmocka_unit_test(test_bundle_import__a_restored_disk_hears_of_its_lost_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
