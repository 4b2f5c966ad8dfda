// What arrives from elsewhere (rule R7): what it comes to.

#include "space_arrival.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A };

// --- what comes of good ones

static void test_space__learns_what_is_news(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation put = arrival_put(5, 1);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "value");
    assert_true(knowledge_has(&space->known, put.dot));
    assert_int_equal(space->live_changes, 1);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_KNOWN);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_KNOWN);

    struct operation delete = arrival_delete(6, 1, put.dot);
    assert_int_equal(bench_apply(bench, A, &delete, OPERATION_DELETE, SPACE_FROM_SESSION),
                     SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_int_equal(space->certificates, 1);
    assert_int_equal(space->covered, 0); // the certificate says all that its header said
    assert_int_equal(space->live_changes, 1);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__stores_bare_what_is_covered_already(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation older = arrival_put(5, 1);
    struct operation put = arrival_put(5, 2);
    struct operation delete = arrival_delete(6, 1, put.dot);
    assert_int_equal(context_raise(&put.context, (struct dot){.origin = 9, .sequence = 1}), ERR_OK);
    bench_apply(bench, A, &delete, OPERATION_DELETE, SPACE_FROM_RUMOR);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_int_equal(bench_apply(bench, A, &older, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_int_equal(knowledge_dots(&space->known), 3);
    assert_int_equal(space->live_changes, 0);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__stores_a_bare_header_without_knowing_it(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation old = arrival_put(5, 1);
    struct operation put = arrival_put(6, 1);
    assert_int_equal(context_raise(&put.context, old.dot), ERR_OK);
    struct operation bare = arrival_bare(&put);
    bench_apply(bench, A, &old, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_STORED);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_false(knowledge_has(&space->known, put.dot));
    assert_true(knowledge_has(&space->strays, put.dot));
    assert_int_equal(arrival_in_vain(bench, &bare, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_KNOWN);
    bench_restart(bench, A);
    assert_true(knowledge_has(&space->strays, put.dot));

    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "value");
    assert_true(knowledge_has(&space->known, put.dot));
    assert_true(knowledge_is_empty(&space->strays));
    assert_int_equal(space->live_changes, 1);
    bench_check(bench, A);
    bench_restart(bench, A);
    assert_true(knowledge_is_empty(&space->strays));
    bench_free(bench);
}

static void test_space__forgets_strays_whose_headers_go(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation one = arrival_put(5, 1);
    struct operation two = arrival_put(6, 1);
    assert_int_equal(context_raise(&two.context, one.dot), ERR_OK);
    one = arrival_bare(&one);
    two = arrival_bare(&two);
    bench_apply(bench, A, &one, OPERATION_BARE, SPACE_FROM_SESSION);
    bench_apply(bench, A, &two, OPERATION_BARE, SPACE_FROM_SESSION);
    assert_int_equal(space->covered, 1); // the second says all that the first said
    assert_true(knowledge_has(&space->strays, two.dot) && !knowledge_has(&space->strays, one.dot));
    bench_free(bench);
}

static void test_space__takes_no_known_header_for_a_stray(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation put = arrival_put(5, 1);
    struct operation bare = arrival_bare(&put);
    struct knowledge closed = {0};
    assert_int_equal(knowledge_add(&closed, put.dot), ERR_OK);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &closed), ERR_OK);
    assert_int_equal(bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_AUDIT), SPACE_STORED);
    assert_true(knowledge_is_empty(&space->strays) && space->covered == 1);
    knowledge_release(&closed);
    bench_free(bench);
}

static void test_space__forgets_strays_that_a_close_makes_known(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct knowledge closed = {0};
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct operation put = arrival_put(5 + sequence % 2, sequence);
        struct operation bare = arrival_bare(&put);
        bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_SESSION);
    }
    assert_int_equal(knowledge_add(&closed, (struct dot){.origin = 6, .sequence = 1}), ERR_OK);
    assert_int_equal(knowledge_add(&closed, (struct dot){.origin = 5, .sequence = 2}), ERR_OK);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &closed), ERR_OK);
    bench_step(bench, A);
    for (unsigned run = 0; run < 2; run++) {
        assert_int_equal(knowledge_dots(&space->strays), 1);
        assert_true(knowledge_has(&space->strays, (struct dot){.origin = 6, .sequence = 3}));
        assert_true(knowledge_equal(&space->known, &closed));
        bench_restart(bench, A);
    }
    knowledge_release(&closed);
    bench_free(bench);
}

static bool is_not_k(const struct operation *header)
{
    assert_int_equal(header->value.length, 0);
    return !slice_equal(header->key, slice_of_text("k"));
}

static void test_space__knows_what_it_may_not_hold(void **state)
{
    (void)state;
    struct space_setting setting = {.fits = is_not_k};
    struct space_bench *bench = bench_new(1, &setting);
    struct space *space = bench_space(bench, A);
    struct operation put = arrival_put(5, 1);
    struct operation bare = arrival_bare(&put);
    assert_int_equal(arrival_in_vain(bench, &bare, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_KNOWN);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_true(knowledge_has(&space->known, put.dot));
    assert_int_equal(space->clock, put.counter);
    assert_int_equal(space->unfit, 1);
    assert_int_equal(space->digests.total.count + space->certificates + space->covered, 0);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_KNOWN);
    bench_check(bench, A);
    bench_restart(bench, A);
    assert_true(knowledge_has(&space->known, put.dot));
    bench_free(bench);
}

// --- audits

// As a store that has lost everything but what it says that it has.
static void lose_operations(struct space_bench *bench)
{
    struct space_disk *disk = &bench->replicas[A].disk;
    for (size_t i = disk->pair_count; i > 0; i--) {
        struct disk_pair pair = disk->pairs[i - 1];
        if (pair.table != STORE_SPACES)
            space_disk_remove(disk, pair.table, disk_pair_key(&pair));
    }
}

static void test_space__takes_again_for_an_audit_what_it_has_lost(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation put = arrival_put(5, 1);
    bool equal = true;
    bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
    bench_sync(bench, A);
    lose_operations(bench);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_int_equal(space_recount(space, bench_effects(bench, A), &equal), ERR_OK);
    assert_true(!equal && space->damaged);
    bench_step(bench, A);
    bench_restart(bench, A);
    assert_true(space->damaged);

    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_KNOWN);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_STORED);
    assert_string_equal(bench_read(bench, A, "k"), "value");
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__stores_a_twin_for_an_audit_only(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation put = arrival_put(5, 1);
    struct operation twin = arrival_put(5, 1);
    operation_set_value(&twin, slice_of_text("other"));
    twin.counter = 1;
    bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(arrival_in_vain(bench, &twin, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_KNOWN);
    assert_int_equal(bench_apply(bench, A, &twin, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_STORED);
    assert_int_equal(bench_space(bench, A)->twins, 1);
    assert_string_equal(bench_read(bench, A, "k"), "value|other");
    bench_restart(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "value|other");
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__tells_who_watches_what_became_live(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct knowledge watched = {0};
    struct operation one = arrival_put(5, 1);
    struct operation two = arrival_put(5, 2);
    struct operation bare = arrival_bare(&one);
    assert_int_equal(knowledge_add(&watched, one.dot), ERR_OK);
    space->watched = &watched;
    bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_SESSION);
    bench_apply(bench, A, &two, OPERATION_PUT, SPACE_FROM_RUMOR);
    assert_int_equal(space->watched_live, 0);
    bench_apply(bench, A, &one, OPERATION_PUT, SPACE_FROM_RUMOR);
    assert_int_equal(space->watched_live, 1);
    space->watched = NULL;
    knowledge_release(&watched);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__learns_what_is_news),
        cmocka_unit_test(test_space__stores_bare_what_is_covered_already),
        cmocka_unit_test(test_space__stores_a_bare_header_without_knowing_it),
        cmocka_unit_test(test_space__forgets_strays_whose_headers_go),
        cmocka_unit_test(test_space__takes_no_known_header_for_a_stray),
        cmocka_unit_test(test_space__forgets_strays_that_a_close_makes_known),
        cmocka_unit_test(test_space__knows_what_it_may_not_hold),
        cmocka_unit_test(test_space__takes_again_for_an_audit_what_it_has_lost),
        cmocka_unit_test(test_space__stores_a_twin_for_an_audit_only),
        cmocka_unit_test(test_space__tells_who_watches_what_became_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
