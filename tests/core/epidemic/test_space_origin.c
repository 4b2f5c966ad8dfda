// An origin is one run's (rule R1): runs draw their own, and draw another when somebody else writes
// under it, after which what they wrote is issued again.

#include "broken_rule.h"
#include "space_bench.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C, MANY = 200 };

// --- runs

static void test_space__draws_an_origin_for_each_run(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct dot first = bench_put(bench, A, "k", "one");
    bench_restart(bench, A);
    assert_int_equal(bench_space(bench, A)->origin, 0);
    assert_int_equal(bench_space(bench, A)->last_origin, first.origin);
    assert_int_equal(bench_space(bench, A)->last_next, 2);
    struct dot second = bench_put(bench, A, "k", "two");
    assert_true(second.origin != first.origin && second.sequence == 1);
    bench_free(bench);
}

static void test_space__draws_no_origin_that_is_known(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct dot first = bench_put(bench, A, "k", "one");
    bench->seed--; // the same randomness again
    bench_restart(bench, A);
    struct dot second = bench_put(bench, A, "k", "two");
    assert_true(second.origin != first.origin);
    bench_free(bench);
}

static void test_space__draws_an_origin_when_its_numbers_are_used_up(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct dot first = bench_put(bench, A, "k", "one");
    bench_space(bench, A)->next = KNOWLEDGE_SEQUENCE_MAX;
    struct dot last = bench_put(bench, A, "k", "two");
    assert_true(last.origin == first.origin && last.sequence == KNOWLEDGE_SEQUENCE_MAX);
    bench_restart(bench, A);
    assert_string_equal(bench_read(bench, A, "k"), "two");
    bench_put(bench, A, "k", "three");
    bench_space(bench, A)->next = KNOWLEDGE_SEQUENCE_MAX + 1;
    struct dot next = bench_put(bench, A, "k", "four");
    assert_true(next.sequence == 1);
    assert_string_equal(bench_read(bench, A, "k"), "four");
    bench_check(bench, A);
    bench_free(bench);
}

// A writes and spreads; then its disk is an old copy of itself, and it writes again. Whether A and
// B know the same in the end and show something else.
static bool a_restored_disk_divides(void)
{
    struct space_bench *bench = bench_new(2, NULL);
    struct space_disk copy;
    space_disk_init(&copy);
    bench_put(bench, A, "k", "before");
    bench_sync(bench, A);
    space_disk_copy(&copy, &bench->replicas[A].disk);
    bench_put(bench, A, "lost", "by A");
    bench_sync(bench, A);
    bench_send(bench, A, B);
    bench_restore(bench, A, &copy);
    bench_put(bench, A, "new", "at A");
    bench_exchange(bench, A, B);
    assert_true(knowledge_equal(&bench_space(bench, A)->known, &bench_space(bench, B)->known));
    bool divided = !bench_live_equal(bench, A, B);
    if (!divided) {
        assert_string_equal(bench_read(bench, A, "lost"), "by A");
        assert_string_equal(bench_read(bench, B, "new"), "at A");
    }
    space_disk_release(&copy);
    bench_free(bench);
    return divided;
}

static void test_space__writes_no_dot_twice_on_a_restored_disk(void **state)
{
    (void)state;
    assert_false(a_restored_disk_divides());
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_FRESH_ORIGIN;
    assert_true(a_restored_disk_divides());
    rule_broken = RULE_COUNT;
#else
    skip();
#endif
}

// --- somebody else writes as we do

// Makes `to` what `from` is, its memory with its disk, as who copies a machine that runs.
static void copy_machine(struct space_bench *bench, unsigned from, unsigned to)
{
    bench_sync(bench, from);
    bench_restore(bench, to, &bench->replicas[from].disk);
    bench_space(bench, to)->origin = bench_space(bench, from)->origin;
    bench_space(bench, to)->next = bench_space(bench, from)->next;
}

// All that both have found different ends the same.
static void settle(struct space_bench *bench, unsigned a, unsigned b)
{
    for (unsigned i = 0; i < 2; i++) {
        bench_exchange(bench, a, b);
        bench_audit(bench, a, b);
        bench_audit(bench, b, a);
    }
    assert_true(bench_equal(bench, a, b));
    bench_check(bench, a);
    bench_check(bench, b);
}

static void test_space__loses_nothing_when_a_machine_was_copied(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    bench_put(bench, A, "dead", "before");
    copy_machine(bench, A, B);
    uint64_t origin = bench_space(bench, A)->origin;
    bench_put(bench, A, "a", "by A");
    bench_put(bench, B, "b", "by B");
    bench_delete(bench, A, "dead");
    bench_put(bench, B, "b2", "by B");
    bench_put(bench, B, "b3", "by B"); // beyond what A wrote
    settle(bench, A, B);
    assert_true(bench_space(bench, A)->reissued > 0);
    assert_true(bench_space(bench, A)->origin != origin);
    for (unsigned i = A; i <= B; i++) {
        assert_string_equal(bench_read(bench, i, "a"), "by A");
        assert_string_equal(bench_read(bench, i, "b"), "by B");
        assert_string_equal(bench_read(bench, i, "b2"), "by B");
        assert_string_equal(bench_read(bench, i, "b3"), "by B");
        assert_string_equal(bench_read(bench, i, "dead"), "-");
    }
    bench_free(bench);
}

static void test_space__hears_its_origin_in_whatever_arrives(void **state)
{
    (void)state;
    static const char *const ways[] = {"dot", "context", "known", "close", "stable", "horizon"};
    for (unsigned way = 0; way < sizeof ways / sizeof ways[0]; way++)
        for (uint64_t beyond = 0; beyond < 2; beyond++) {
            struct space_bench *bench = bench_new(1, NULL);
            struct space *space = bench_space(bench, A);
            struct effects *effects = bench_effects(bench, A);
            struct dot own = bench_put(bench, A, "mine", "v");
            own.sequence += beyond; // the next number, or one that was written
            struct knowledge claimed = {0};
            static const struct knowledge none;
            struct operation operation = {
                .space = BENCH_SPACE, .counter = 1, .key = slice_of_text("other")};
            operation_set_value(&operation, slice_of_text("w"));
            assert_int_equal(knowledge_add(&claimed, own), ERR_OK);
            operation.dot = way == 0 ? own : (struct dot){.origin = 7, .sequence = 1};
            if (way == 1)
                assert_int_equal(context_raise(&operation.context, own), ERR_OK);
            if (way <= 1)
                bench_apply(bench, A, &operation, OPERATION_PUT, SPACE_FROM_RUMOR);
            else if (way == 2)
                space_hear(space, effects, &claimed);
            else if (way == 3)
                assert_int_equal(space_apply_close(space, effects, &claimed), ERR_OK);
            else if (way == 4)
                assert_int_equal(space_stabilise(space, effects, &claimed, &none), ERR_OK);
            else
                assert_int_equal(space_stabilise(space, effects, &none, &claimed), ERR_OK);
            bench_step(bench, A);
            assert_int_equal(space->reissued, beyond);
            assert_true((space->origin == own.origin) == (beyond == 0));
            assert_string_equal(bench_read(bench, A, "mine"), "v");
            bench_check(bench, A);
            knowledge_release(&claimed);
            bench_free(bench);
        }
}

// Somebody names A's origin far beyond what A wrote.
static void name_origin(struct space_bench *bench, unsigned replica)
{
    struct knowledge claimed = {0};
    struct dot dot = {.origin = bench_space(bench, replica)->origin, .sequence = 1u << 30};
    assert_int_equal(knowledge_add(&claimed, dot), ERR_OK);
    space_hear(bench_space(bench, replica), bench_effects(bench, replica), &claimed);
    bench_step(bench, replica);
    knowledge_release(&claimed);
}

static void test_space__issues_again_what_nothing_covers(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    for (unsigned i = 0; i < 20; i++)
        bench_put(bench, B, "shared", "by B"); // its clock is ahead
    bench_put(bench, A, "shared", "by A");
    bench_put(bench, A, "covered", "by A");
    bench_put(bench, A, "twice", "one");
    bench_put(bench, A, "twice", "two");
    bench_put(bench, A, "dead", "v");
    bench_delete(bench, A, "dead");
    bench_send(bench, A, B);
    bench_put(bench, B, "covered", "by B");
    bench_exchange(bench, A, B);
    // Who wrote the last had seen the delete, and not what that replaced: so the delete stays,
    // covered.
    struct operation first = {.space = BENCH_SPACE,
                              .dot = {.origin = 4, .sequence = 1},
                              .counter = 1,
                              .key = slice_of_text("revived")};
    operation_set_value(&first, slice_of_text("v"));
    bench_apply(bench, A, &first, OPERATION_PUT, SPACE_FROM_SESSION);
    struct operation last = first;
    last.dot.origin = 5;
    assert_int_equal(context_raise(&last.context, bench_delete(bench, A, "revived")), ERR_OK);
    bench_apply(bench, A, &last, OPERATION_PUT, SPACE_FROM_SESSION);
    assert_int_equal(bench_space(bench, A)->certificates, 2);
    assert_string_equal(bench_read(bench, A, "shared"), "by B|by A");
    uint64_t live = bench_space(bench, A)->digests.total.count;

    name_origin(bench, A);
    assert_int_equal(bench_space(bench, A)->reissued, 3); // shared, twice, the delete
    assert_int_equal(bench_space(bench, A)->digests.total.count, live);
    assert_int_equal(bench_space(bench, A)->lost_count, 0);
    // Its version only: the other is a conflict still. And it is later now, as it is issued later.
    assert_string_equal(bench_read(bench, A, "shared"), "by A|by B");
    assert_string_equal(bench_read(bench, A, "covered"), "by B");
    assert_string_equal(bench_read(bench, A, "twice"), "two");
    assert_string_equal(bench_read(bench, A, "dead"), "-");
    bench_check(bench, A);
    bench_exchange(bench, A, B);
    assert_true(bench_equal(bench, A, B));
    bench_free(bench);
}

static void test_space__issues_many_again_in_portions(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    char key[16];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%u", i);
        bench_put(bench, A, key, key);
    }
    struct space *space = bench_space(bench, A);
    name_origin(bench, A);
    assert_true(space->reissued > 0 && space->reissued < MANY);
    name_origin(bench, A); // the next one is lost too
    unsigned rounds = 0;
    while (space->lost_count > 0) {
        space_sweep(space, bench_effects(bench, A), 1);
        bench_step(bench, A);
        bench_sync(bench, A);
        assert_true(rounds++ < MANY);
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct operation operation;
        enum operation_form form;
        snprintf(key, sizeof key, "k%u", i);
        assert_string_equal(bench_read(bench, A, key), key);
        struct dot dot = {.origin = space->origin, .sequence = i + 1};
        assert_int_equal(space_find_dot(space, dot, &operation, &form), ERR_OK);
        assert_int_equal(form, OPERATION_PUT);
    }
    assert_int_equal(space->next, MANY + 1);
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__issues_no_more_again_than_may_wait_for_the_store(void **state)
{
    (void)state;
    enum { VALUES = 9 };
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    uint8_t *bytes = memory_zeroed(1, VALUE_BYTES_MAX);
    for (unsigned i = 0; i < VALUES; i++) {
        char key = (char)('a' + i);
        struct space_written written;
        struct space_write write = {.key = slice_of(&key, 1),
                                    .value = slice_of(bytes, VALUE_BYTES_MAX)};
        assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
        bench_sync(bench, A);
    }
    name_origin(bench, A);
    assert_in_range(space->reissued, 1, VALUES - 1);
    assert_true(overlay_bytes(&bench->replicas[A].overlay) <= OVERLAY_BYTES_MAX);
    bench_sync(bench, A);
    space_sweep(space, bench_effects(bench, A), 1);
    bench_step(bench, A);
    assert_int_equal(space->reissued, VALUES);
    bench_check(bench, A);
    free(bytes);
    bench_free(bench);
}

static void test_space__remembers_so_many_lost_origins(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    char key[16];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%u", i);
        bench_put(bench, A, key, key);
    }
    for (unsigned i = 0; i < 2 * SPACE_LOST_MAX; i++)
        name_origin(bench, A);
    assert_true(space->lost_count <= SPACE_LOST_MAX);
    space_invariants(space);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%u", i);
        assert_string_equal(bench_read(bench, A, key), key);
    }
    bench_check(bench, A);
    bench_free(bench);
}

static void test_space__issues_again_what_replaced_the_most_that_it_can(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    for (unsigned i = 1; i <= CONTEXT_ENTRIES_MAX; i++) {
        struct operation operation = {.space = BENCH_SPACE,
                                      .dot = {.origin = i, .sequence = 1},
                                      .counter = 1,
                                      .key = slice_of_text("k")};
        operation_set_value(&operation, slice_of_text("sibling"));
        bench_apply(bench, A, &operation, OPERATION_PUT, SPACE_FROM_SESSION);
    }
    bench_put(bench, A, "k", "mine");
    assert_int_equal(space->covered, 0);
    name_origin(bench, A);
    assert_int_equal(space->reissued, 1);
    assert_string_equal(bench_read(bench, A, "k"), "mine");
    assert_int_equal(space->covered, 1); // the old header says what the new one has no room for
    bench_check(bench, A);
    bench_free(bench);
}

// --- signed

static void key_of(const struct signing_secret *author, char name, uint8_t out[17])
{
    struct signing_key key = signing_key_of(author);
    space_fingerprint(&key, out);
    out[SPACE_FINGERPRINT_BYTES] = (uint8_t)name;
}

static void test_space__issues_again_in_the_name_of_who_wrote_last(void **state)
{
    (void)state;
    struct space_setting setting = {.is_signed = true};
    struct space_bench *bench = bench_new(2, &setting);
    struct space *space = bench_space(bench, A);
    struct signing_secret authors[2] = {{{1}}, {{2}}};
    struct space_written written;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t key[17];
        key_of(&authors[i / 2], (char)('a' + i), key);
        struct space_write write = {.key = slice_of(key, sizeof key),
                                    .value = slice_of_text("v"),
                                    .author = &authors[i / 2]};
        assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
    }
    name_origin(bench, A);
    assert_int_equal(space->reissued, 2);
    bench_send(bench, A, B); // which verifies
    assert_int_equal(bench_space(bench, B)->digests.total.count, 4);
    assert_true(bench_equal(bench, A, B));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__draws_an_origin_for_each_run),
        cmocka_unit_test(test_space__draws_no_origin_that_is_known),
        cmocka_unit_test(test_space__draws_an_origin_when_its_numbers_are_used_up),
        cmocka_unit_test_teardown(test_space__writes_no_dot_twice_on_a_restored_disk,
                                  broken_rule_mend),
        cmocka_unit_test(test_space__loses_nothing_when_a_machine_was_copied),
        cmocka_unit_test(test_space__hears_its_origin_in_whatever_arrives),
        cmocka_unit_test(test_space__issues_again_what_nothing_covers),
        cmocka_unit_test(test_space__issues_many_again_in_portions),
        cmocka_unit_test(test_space__issues_no_more_again_than_may_wait_for_the_store),
        cmocka_unit_test(test_space__remembers_so_many_lost_origins),
        cmocka_unit_test(test_space__issues_again_what_replaced_the_most_that_it_can),
        cmocka_unit_test(test_space__issues_again_in_the_name_of_who_wrote_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
