// What arrives from elsewhere (rule R7): what it comes to, and what it leaves unchanged.

#include "space_bench.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B };

// A put of "value" at "k" by somebody; as others in what the caller changes.
static struct operation put_of(uint64_t origin, uint64_t sequence)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = sequence},
                                  .counter = 2,
                                  .key = slice_of_text("k")};
    operation_set_value(&operation, slice_of_text("value"));
    return operation;
}

static struct operation delete_of(uint64_t origin, uint64_t sequence, struct dot covered)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = sequence},
                                  .counter = 3,
                                  .dead = true,
                                  .key = slice_of_text("k")};
    if (covered.origin != 0)
        assert_int_equal(context_raise(&operation.context, covered), ERR_OK);
    return operation;
}

static struct operation bare_of(const struct operation *put)
{
    struct operation bare = *put;
    bare.value = slice_of(NULL, 0);
    return bare;
}

// What may not change by what is refused or bad.
struct picture {
    uint64_t writes;
    uint64_t dots;
    uint64_t strays;
    uint64_t clock;
    uint64_t revision;
    uint64_t origin;
    struct digest total;
};

static struct picture look(struct space_bench *bench, unsigned replica)
{
    const struct space *space = bench_space(bench, replica);
    return (struct picture){.writes = bench->replicas[replica].writes,
                            .dots = knowledge_dots(&space->known),
                            .strays = knowledge_dots(&space->strays),
                            .clock = space->clock,
                            .revision = space->revision,
                            .origin = space->origin,
                            .total = space->digests.total};
}

// Applies, expects that nothing changes, and gives the outcome.
static enum space_outcome apply_in_vain(struct space_bench *bench,
                                        const struct operation *operation, enum operation_form form,
                                        enum space_source source)
{
    struct picture before = look(bench, A);
    enum space_outcome outcome = bench_apply(bench, A, operation, form, source);
    struct picture after = look(bench, A);
    assert_memory_equal(&before, &after, sizeof before);
    bench_check(bench, A);
    return outcome;
}

// --- what comes of good ones

static void test_space__learns_what_is_news(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation put = put_of(5, 1);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "value");
    assert_true(knowledge_has(&space->known, put.dot));
    assert_int_equal(space->live_changes, 1);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_KNOWN);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_KNOWN);

    struct operation delete = delete_of(6, 1, put.dot);
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
    struct operation older = put_of(5, 1);
    struct operation put = put_of(5, 2);
    struct operation delete = delete_of(6, 1, put.dot);
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
    struct operation old = put_of(5, 1);
    struct operation put = put_of(6, 1);
    assert_int_equal(context_raise(&put.context, old.dot), ERR_OK);
    struct operation bare = bare_of(&put);
    bench_apply(bench, A, &old, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_STORED);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_false(knowledge_has(&space->known, put.dot));
    assert_true(knowledge_has(&space->strays, put.dot));
    assert_int_equal(apply_in_vain(bench, &bare, OPERATION_BARE, SPACE_FROM_SESSION), SPACE_KNOWN);
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

static void test_space__forgets_strays_that_a_close_makes_known(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct knowledge closed = {0};
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct operation put = put_of(5 + sequence % 2, sequence);
        struct operation bare = bare_of(&put);
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
    struct operation put = put_of(5, 1);
    struct operation bare = bare_of(&put);
    assert_int_equal(apply_in_vain(bench, &bare, OPERATION_BARE, SPACE_FROM_SESSION), SPACE_KNOWN);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_string_equal(bench_read(bench, A, "k"), "-");
    assert_true(knowledge_has(&space->known, put.dot));
    assert_int_equal(space->unfit, 1);
    assert_int_equal(space->digests.total.count + space->certificates + space->covered, 0);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_KNOWN);
    bench_check(bench, A);
    bench_restart(bench, A);
    assert_true(knowledge_has(&space->known, put.dot));
    bench_free(bench);
}

// --- bad ones

typedef void spoil(struct operation *operation);

static void other_value(struct operation *operation)
{
    operation->value = slice_of_text("fake!");
}

static void short_value(struct operation *operation)
{
    operation->value.length--;
}

static void other_space(struct operation *operation)
{
    operation->space++;
}

static void itself_covered(struct operation *operation)
{
    assert_int_equal(context_raise(&operation->context, operation->dot), ERR_OK);
}

static void counter_too_high(struct operation *operation)
{
    operation->counter = OPERATION_COUNTER_MAX + 1;
}

static void no_origin(struct operation *operation)
{
    operation->dot.origin = 0;
}

static void signed_by_nobody(struct operation *operation)
{
    operation->is_signed = true;
}

static void signed_before(struct operation *operation)
{
    struct signing_secret secret = {{3}};
    operation_sign(operation, &secret);
    operation->expiry_ms++;
}

static void test_space__drops_what_is_bad(void **state)
{
    (void)state;
    spoil *spoils[] = {other_value,      short_value, other_space,      itself_covered,
                       counter_too_high, no_origin,   signed_by_nobody, signed_before};
    struct space_bench *bench = bench_new(1, NULL);
    for (unsigned i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        struct operation put = put_of(5, 1);
        spoils[i](&put);
        for (unsigned source = SPACE_FROM_RUMOR; source <= SPACE_FROM_AUDIT; source++)
            assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, (enum space_source)source),
                             SPACE_BAD);
    }
    assert_int_equal(bench_space(bench, A)->bad, 3 * sizeof spoils / sizeof spoils[0]);
    bench_free(bench);
}

static void test_space__drops_what_has_the_form_of_another(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation put = put_of(5, 1);
    struct operation bare = bare_of(&put);
    struct operation delete = delete_of(5, 2, (struct dot){0});
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_DELETE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_BARE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(apply_in_vain(bench, &bare, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(apply_in_vain(bench, &delete, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(apply_in_vain(bench, &delete, OPERATION_BARE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_FORM_COUNT, SPACE_FROM_RUMOR), SPACE_BAD);
    bench_free(bench);
}

static void test_space__takes_signed_operations_anywhere(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct signing_secret secret = {{3}};
    struct operation put = put_of(5, 1);
    operation_sign(&put, &secret);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    put.signature.bytes[0] ^= 1;
    // What is known is not looked at again.
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_KNOWN);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_BAD);
    bench_free(bench);
}

static void test_space__takes_only_what_its_author_signed_in_a_signed_space(void **state)
{
    (void)state;
    struct space_setting setting = {.is_signed = true};
    struct space_bench *bench = bench_new(1, &setting);
    struct signing_secret secret = {{3}};
    struct signing_secret other = {{4}};
    struct signing_key author = signing_key_of(&secret);
    uint8_t key[SPACE_FINGERPRINT_BYTES];
    space_fingerprint(&author, key);

    struct operation put = put_of(5, 1);
    operation_sign(&put, &secret);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    put.is_signed = false;
    put.key = slice_of(key, sizeof key);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    operation_sign(&put, &other);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    put.author = author;
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    operation_sign(&put, &secret);
    put.key.length--;
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    put.key.length++;
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);

    struct space_written written;
    struct space_write write = {.key = put.key, .value = slice_of_text("v")};
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_DENIED);
    write.author = &other;
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_DENIED);
    write.author = &secret;
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
    bench_check(bench, A);
    bench_free(bench);
}

// --- refused ones: as if lost

static void test_space__refuses_puts_when_room_is_low(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation put = put_of(5, 1);
    struct operation other = put_of(7, 1);
    struct operation bare = bare_of(&other);
    struct operation delete = delete_of(6, 1, put.dot);
    bench_space(bench, A)->room_low = true;
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_REFUSED);
    assert_int_equal(bench_apply(bench, A, &delete, OPERATION_DELETE, SPACE_FROM_SESSION),
                     SPACE_NEWS);
    assert_int_equal(bench_apply(bench, A, &bare, OPERATION_BARE, SPACE_FROM_SESSION),
                     SPACE_STORED);
    bench_space(bench, A)->room_low = false;
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    bench_free(bench);
}

static void test_space__refuses_what_cannot_wait_for_the_store(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    uint8_t *bytes = memory_zeroed(1, VALUE_BYTES_MAX);
    unsigned taken = 0;
    for (enum space_outcome outcome = SPACE_NEWS; outcome == SPACE_NEWS; taken++) {
        struct operation put = put_of(5, taken + 1);
        operation_set_value(&put, slice_of(bytes, VALUE_BYTES_MAX));
        outcome = bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
        assert_true(outcome == SPACE_NEWS || outcome == SPACE_REFUSED);
    }
    assert_true(taken > 2 && overlay_bytes(&bench->replicas[A].overlay) <= OVERLAY_BYTES_MAX);
    struct operation put = put_of(5, taken);
    operation_set_value(&put, slice_of(bytes, VALUE_BYTES_MAX));
    bench_sync(bench, A);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    free(bytes);
    bench_free(bench);
}

static void test_space__refuses_rumors_past_so_many_gaps(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    for (unsigned i = 1; i <= SPACE_INTERVALS_MAX; i++) {
        struct operation put = put_of(5, 2 * i);
        assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    }
    struct operation apart = put_of(5, 2 * SPACE_INTERVALS_MAX + 2);
    assert_int_equal(apply_in_vain(bench, &apart, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_REFUSED);
    struct operation between = put_of(5, 3);
    assert_int_equal(bench_apply(bench, A, &between, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    struct operation far = put_of(5, 1000);
    assert_int_equal(bench_apply(bench, A, &apart, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_int_equal(bench_apply(bench, A, &far, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_int_equal(knowledge_of(&space->known, 5)->count, SPACE_INTERVALS_MAX + 1);
    struct operation elsewhere = put_of(6, 1);
    assert_int_equal(bench_apply(bench, A, &elsewhere, OPERATION_PUT, SPACE_FROM_RUMOR),
                     SPACE_NEWS);
    bench_free(bench);
}

static void test_space__refuses_what_knowledge_cannot_hold(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    static const struct knowledge none;
    struct knowledge full = {0};
    struct knowledge one = {0};
    for (uint64_t i = 1; i <= KNOWLEDGE_INTERVALS_MAX; i++)
        assert_int_equal(knowledge_add(&full, (struct dot){.origin = 5, .sequence = 2 * i}),
                         ERR_OK);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &full), ERR_OK);
    assert_int_equal(space_stabilise(space, bench_effects(bench, A), &full, &full), ERR_OK);
    bench_step(bench, A);
    struct operation put = put_of(5, 2 * KNOWLEDGE_INTERVALS_MAX + 2);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_REFUSED);
    assert_int_equal(knowledge_add(&one, put.dot), ERR_OK);
    assert_int_equal(knowledge_add(&one, (struct dot){.origin = 6, .sequence = 1}), ERR_OK);
    assert_int_equal(space_apply_close(space, bench_effects(bench, A), &one), ERR_TOO_LARGE);
    assert_int_equal(space_stabilise(space, bench_effects(bench, A), &one, &none), ERR_TOO_LARGE);
    assert_true(knowledge_equal(&space->known, &full) && knowledge_equal(&space->stable, &full));
    assert_int_equal(bench_effects(bench, A)->write_count, 0);
    bench_restart(bench, A);
    assert_true(knowledge_equal(&space->known, &full) && knowledge_equal(&space->horizon, &full));
    knowledge_release(&full);
    knowledge_release(&one);
    bench_free(bench);
}

static void test_space__refuses_what_a_full_key_has_no_place_for(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    for (uint64_t i = 1; i <= VERSIONS_MAX; i++) {
        struct operation put = put_of(i, 1);
        assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION),
                         SPACE_NEWS);
        bench_sync(bench, A);
    }
    struct operation put = put_of(VERSIONS_MAX + 1, 1);
    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_REFUSED);
    struct space_written written;
    struct space_write write = {.key = slice_of_text("k"), .value = slice_of_text("v")};
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_TOO_LARGE);
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
    struct operation put = put_of(5, 1);
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

    assert_int_equal(apply_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_KNOWN);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_STORED);
    assert_string_equal(bench_read(bench, A, "k"), "value");
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__stores_a_twin_for_an_audit_only(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation put = put_of(5, 1);
    struct operation twin = put_of(5, 1);
    operation_set_value(&twin, slice_of_text("other"));
    twin.counter = 1;
    bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(apply_in_vain(bench, &twin, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_KNOWN);
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
    struct operation one = put_of(5, 1);
    struct operation two = put_of(5, 2);
    struct operation bare = bare_of(&one);
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
        cmocka_unit_test(test_space__forgets_strays_that_a_close_makes_known),
        cmocka_unit_test(test_space__knows_what_it_may_not_hold),
        cmocka_unit_test(test_space__drops_what_is_bad),
        cmocka_unit_test(test_space__drops_what_has_the_form_of_another),
        cmocka_unit_test(test_space__takes_signed_operations_anywhere),
        cmocka_unit_test(test_space__takes_only_what_its_author_signed_in_a_signed_space),
        cmocka_unit_test(test_space__refuses_puts_when_room_is_low),
        cmocka_unit_test(test_space__refuses_what_cannot_wait_for_the_store),
        cmocka_unit_test(test_space__refuses_rumors_past_so_many_gaps),
        cmocka_unit_test(test_space__refuses_what_knowledge_cannot_hold),
        cmocka_unit_test(test_space__refuses_what_a_full_key_has_no_place_for),
        cmocka_unit_test(test_space__takes_again_for_an_audit_what_it_has_lost),
        cmocka_unit_test(test_space__stores_a_twin_for_an_audit_only),
        cmocka_unit_test(test_space__tells_who_watches_what_became_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
