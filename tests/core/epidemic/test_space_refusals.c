// What is bad, or finds no room, and leaves everything unchanged (rule R7).

#include "space_arrival.h"

#include "base/check.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A };

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
        struct operation put = arrival_put(5, 1);
        spoils[i](&put);
        for (unsigned source = SPACE_FROM_RUMOR; source <= SPACE_FROM_AUDIT; source++)
            assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, (enum space_source)source),
                             SPACE_BAD);
    }
    assert_int_equal(bench_space(bench, A)->bad, 3 * sizeof spoils / sizeof spoils[0]);
    bench_free(bench);
}

static void test_space__drops_what_has_the_form_of_another(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct operation put = arrival_put(5, 1);
    struct operation bare = arrival_bare(&put);
    struct operation delete = arrival_delete(5, 2, (struct dot){0});
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_DELETE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_BARE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(arrival_in_vain(bench, &bare, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(arrival_in_vain(bench, &delete, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(arrival_in_vain(bench, &delete, OPERATION_BARE, SPACE_FROM_RUMOR), SPACE_BAD);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_FORM_COUNT, SPACE_FROM_RUMOR),
                     SPACE_BAD);
    bench_free(bench);
}

static void test_space__takes_signed_operations_anywhere(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct signing_secret secret = {{3}};
    struct operation put = arrival_put(5, 1);
    operation_sign(&put, &secret);
    assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    put.signature.bytes[0] ^= 1;
    // What is known is not looked at again.
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_KNOWN);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_AUDIT), SPACE_BAD);
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

    struct operation put = arrival_put(5, 1);
    operation_sign(&put, &secret);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    put.is_signed = false;
    put.key = slice_of(key, sizeof key);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    operation_sign(&put, &other);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    put.author = author;
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
    operation_sign(&put, &secret);
    put.key.length--;
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_BAD);
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
    struct operation put = arrival_put(5, 1);
    struct operation other = arrival_put(7, 1);
    struct operation bare = arrival_bare(&other);
    struct operation delete = arrival_delete(6, 1, put.dot);
    bench_space(bench, A)->room_low = true;
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION),
                     SPACE_REFUSED);
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
        struct operation put = arrival_put(5, taken + 1);
        operation_set_value(&put, slice_of(bytes, VALUE_BYTES_MAX));
        outcome = bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION);
        assert_true(outcome == SPACE_NEWS || outcome == SPACE_REFUSED);
    }
    assert_true(taken > 2 && overlay_bytes(&bench->replicas[A].overlay) <= OVERLAY_BYTES_MAX);
    struct operation put = arrival_put(5, taken);
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
        struct operation put = arrival_put(5, 2 * i);
        assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    }
    struct operation apart = arrival_put(5, 2 * SPACE_INTERVALS_MAX + 2);
    assert_int_equal(arrival_in_vain(bench, &apart, OPERATION_PUT, SPACE_FROM_RUMOR),
                     SPACE_REFUSED);
    struct operation between = arrival_put(5, 3);
    assert_int_equal(bench_apply(bench, A, &between, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    struct operation far = arrival_put(5, 1000);
    assert_int_equal(bench_apply(bench, A, &apart, OPERATION_PUT, SPACE_FROM_RUMOR), SPACE_NEWS);
    assert_int_equal(bench_apply(bench, A, &far, OPERATION_PUT, SPACE_FROM_SESSION), SPACE_NEWS);
    assert_int_equal(knowledge_of(&space->known, 5)->count, SPACE_INTERVALS_MAX + 1);
    struct operation elsewhere = arrival_put(6, 1);
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
    struct operation put = arrival_put(5, 2 * KNOWLEDGE_INTERVALS_MAX + 2);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION),
                     SPACE_REFUSED);
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
        struct operation put = arrival_put(i, 1);
        assert_int_equal(bench_apply(bench, A, &put, OPERATION_PUT, SPACE_FROM_SESSION),
                         SPACE_NEWS);
        bench_sync(bench, A);
    }
    struct operation put = arrival_put(VERSIONS_MAX + 1, 1);
    assert_int_equal(arrival_in_vain(bench, &put, OPERATION_PUT, SPACE_FROM_SESSION),
                     SPACE_REFUSED);
    struct space_written written;
    struct space_write write = {.key = slice_of_text("k"), .value = slice_of_text("v")};
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_TOO_LARGE);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__drops_what_is_bad),
        cmocka_unit_test(test_space__drops_what_has_the_form_of_another),
        cmocka_unit_test(test_space__takes_signed_operations_anywhere),
        cmocka_unit_test(test_space__takes_only_what_its_author_signed_in_a_signed_space),
        cmocka_unit_test(test_space__refuses_puts_when_room_is_low),
        cmocka_unit_test(test_space__refuses_what_cannot_wait_for_the_store),
        cmocka_unit_test(test_space__refuses_rumors_past_so_many_gaps),
        cmocka_unit_test(test_space__refuses_what_knowledge_cannot_hold),
        cmocka_unit_test(test_space__refuses_what_a_full_key_has_no_place_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
