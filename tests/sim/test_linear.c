#include "sim/linear.h"

#include "base/check.h"
#include "history_twin.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static uint64_t now_us;

static struct stamp stamp(uint64_t counter)
{
    return (struct stamp){.counter = counter, .id = counter > 0};
}

static uint32_t begin(struct linear_history *history, enum linear_kind kind, uint64_t value)
{
    struct linear_operation operation = {.kind = kind, .value = value};
    return linear_begin(history, &operation, ++now_us);
}

static uint32_t begin_if(struct linear_history *history, enum linear_kind kind, uint64_t value,
                         enum condition condition, uint64_t expected)
{
    struct linear_operation operation = {
        .kind = kind, .value = value, .condition = condition, .expected = stamp(expected)};
    return linear_begin(history, &operation, ++now_us);
}

// A version is named by its stamp's counter, a read's value by itself.
static void done(struct linear_history *history, uint32_t index, uint64_t value, uint64_t version,
                 enum linear_existed existed)
{
    struct linear_outcome outcome = {
        .result = LINEAR_DONE, .value = value, .stamp = stamp(version), .existed = existed};
    linear_end(history, index, &outcome, ++now_us);
}

static void end(struct linear_history *history, uint32_t index, enum linear_result result,
                uint64_t version)
{
    struct linear_outcome outcome = {.result = result, .stamp = stamp(version)};
    linear_end(history, index, &outcome, ++now_us);
}

static void put(struct linear_history *history, uint64_t value, uint64_t version)
{
    done(history, begin(history, LINEAR_PUT, value), 0, version, LINEAR_EXISTED_UNSAID);
}

static void read_of(struct linear_history *history, uint64_t value, uint64_t version)
{
    done(history, begin(history, LINEAR_READ, 0), value, version, LINEAR_EXISTED_UNSAID);
}

static void delete (struct linear_history *history, enum linear_existed existed)
{
    done(history, begin(history, LINEAR_DELETE, 0), 0, 0, existed);
}

// Checks and frees; a violation must be one that can be explained in words.
static void expect(struct linear_history *history, enum linear_answer answer)
{
    struct linear_verdict verdict;
    linear_check(history, &verdict);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    linear_explain(history, &verdict, out);
    fclose(out);
    if (verdict.answer != answer)
        print_error("%s\n", text);
    assert_int_equal(verdict.answer, answer);
    assert_non_null(strstr(text, verdict.reason));
    free(text);
    linear_free(history);
}

static void test_linear__takes_an_empty_history(void **state)
{
    (void)state;
    expect(linear_new(), LINEAR_OK);
}

static void test_linear__takes_one_after_another(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    read_of(history, 0, 0);
    put(history, 10, 1);
    read_of(history, 10, 1);
    delete (history, LINEAR_EXISTED_YES);
    read_of(history, 0, 0);
    delete (history, LINEAR_EXISTED_NO);
    expect(history, LINEAR_OK);
}

static void test_linear__sees_a_stale_read(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    put(history, 20, 2);
    read_of(history, 10, 1);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__lets_concurrent_reads_differ_in_one_direction(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct linear_history *history = linear_new();
        put(history, 10, 1);
        uint32_t slow = begin(history, LINEAR_PUT, 20);
        read_of(history, wrong ? 20 : 10, wrong ? 2 : 1);
        read_of(history, wrong ? 10 : 20, wrong ? 1 : 2);
        done(history, slow, 0, 2, LINEAR_EXISTED_YES);
        expect(history, wrong ? LINEAR_VIOLATION : LINEAR_OK);
    }
}

static void test_linear__sees_a_lost_update(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    uint32_t first = begin_if(history, LINEAR_PUT, 20, CONDITION_STAMP, 1);
    uint32_t second = begin_if(history, LINEAR_PUT, 30, CONDITION_STAMP, 1);
    done(history, first, 0, 2, LINEAR_EXISTED_YES);
    done(history, second, 0, 3, LINEAR_EXISTED_YES);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__takes_one_of_two_updates_from_one_version(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    uint32_t first = begin_if(history, LINEAR_PUT, 20, CONDITION_STAMP, 1);
    uint32_t second = begin_if(history, LINEAR_PUT, 30, CONDITION_STAMP, 1);
    end(history, first, LINEAR_MISMATCH, 3);
    done(history, second, 0, 3, LINEAR_EXISTED_YES);
    read_of(history, 30, 3);
    expect(history, LINEAR_OK);
}

static void test_linear__sees_a_read_of_what_was_never_written(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    read_of(history, 11, 2);
    struct linear_verdict verdict;
    linear_check(history, &verdict);
    assert_int_equal(verdict.operation, 1);
    expect(history, LINEAR_VIOLATION);

    history = linear_new();
    end(history, begin(history, LINEAR_PUT, 10), LINEAR_REFUSED, 0);
    read_of(history, 10, 1);
    linear_check(history, &verdict);
    assert_int_equal(verdict.operation, 1);
    expect(history, LINEAR_VIOLATION);

    history = linear_new();
    read_of(history, 10, 1);
    put(history, 10, 1);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_a_value_that_was_read_and_vanished(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    end(history, begin(history, LINEAR_PUT, 20), LINEAR_UNKNOWN, 0);
    read_of(history, 20, 2);
    read_of(history, 10, 1);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_a_deleted_key_come_back(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    delete (history, LINEAR_EXISTED_YES);
    read_of(history, 10, 1);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_a_lost_acknowledged_write(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    read_of(history, 0, 0);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_wrong_words_of_what_existed(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    delete (history, LINEAR_EXISTED_NO);
    expect(history, LINEAR_VIOLATION);

    history = linear_new();
    put(history, 10, 1);
    done(history, begin(history, LINEAR_PUT, 20), 0, 2, LINEAR_EXISTED_NO);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_two_versions_with_one_stamp(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    put(history, 20, 1);
    expect(history, LINEAR_VIOLATION);

    history = linear_new();
    put(history, 10, 1);
    read_of(history, 10, 2);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__sees_a_mismatch_that_was_none(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    end(history, begin_if(history, LINEAR_PUT, 20, CONDITION_STAMP, 1), LINEAR_MISMATCH, 1);
    expect(history, LINEAR_VIOLATION);

    history = linear_new();
    put(history, 10, 1);
    end(history, begin_if(history, LINEAR_PUT, 20, CONDITION_PRESENT, 0), LINEAR_MISMATCH, 0);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__lets_unknown_writes_happen_late_or_never(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    end(history, begin(history, LINEAR_PUT, 20), LINEAR_UNKNOWN, 0);
    (void)begin(history, LINEAR_PUT, 30);
    end(history, begin(history, LINEAR_DELETE, 0), LINEAR_UNKNOWN, 0);
    read_of(history, 10, 1);
    put(history, 40, 2);
    read_of(history, 30, 3);
    read_of(history, 0, 0);
    read_of(history, 20, 4);
    expect(history, LINEAR_OK);
}

static void test_linear__lets_one_unknown_delete_explain_one_absence(void **state)
{
    (void)state;
    for (int puts = 1; puts <= 2; puts++) {
        struct linear_history *history = linear_new();
        end(history, begin(history, LINEAR_DELETE, 0), LINEAR_UNKNOWN, 0);
        for (int i = 1; i <= puts; i++) {
            put(history, (uint64_t)i, (uint64_t)i);
            read_of(history, 0, 0);
        }
        expect(history, puts == 1 ? LINEAR_OK : LINEAR_VIOLATION);
    }
}

static void test_linear__lets_no_unknown_write_happen_before_it_began(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    read_of(history, 0, 0);
    end(history, begin(history, LINEAR_DELETE, 0), LINEAR_UNKNOWN, 0);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__lets_an_unread_unknown_put_explain_presence(void **state)
{
    (void)state;
    for (int puts = 0; puts <= 1; puts++) {
        struct linear_history *history = linear_new();
        if (puts == 1)
            end(history, begin_if(history, LINEAR_PUT, 10, CONDITION_ABSENT, 0), LINEAR_UNKNOWN, 0);
        delete (history, LINEAR_EXISTED_YES);
        expect(history, puts == 1 ? LINEAR_OK : LINEAR_VIOLATION);
    }
}

static void test_linear__lets_a_mismatch_show_an_unread_unknown_put(void **state)
{
    (void)state;
    for (int stamps = 1; stamps <= 2; stamps++) {
        struct linear_history *history = linear_new();
        put(history, 10, 1);
        end(history, begin(history, LINEAR_PUT, 20), LINEAR_UNKNOWN, 0);
        for (int i = 1; i <= stamps; i++)
            end(history, begin_if(history, LINEAR_PUT, (uint64_t)(30 + i), CONDITION_STAMP, 1),
                LINEAR_MISMATCH, (uint64_t)(1 + i));
        done(history, begin_if(history, LINEAR_PUT, 40, CONDITION_STAMP, (uint64_t)(1 + stamps)), 0,
             9, LINEAR_EXISTED_YES);
        expect(history, stamps == 1 ? LINEAR_OK : LINEAR_VIOLATION);
    }
}

static void unknown(struct linear_history *history, enum linear_kind kind, uint64_t value,
                    enum condition condition, uint64_t expected)
{
    end(history, begin_if(history, kind, value, condition, expected), LINEAR_UNKNOWN, 0);
}

static void test_linear__lets_no_unknown_put_happen_twice(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    unknown(history, LINEAR_PUT, 10, CONDITION_NONE, 0);
    unknown(history, LINEAR_DELETE, 0, CONDITION_NONE, 0);
    read_of(history, 10, 1);
    read_of(history, 0, 0);
    read_of(history, 10, 1);
    expect(history, LINEAR_VIOLATION);
}

static void test_linear__spends_unknown_writes_on_what_only_they_can_do(void **state)
{
    (void)state;
    // Stamp 5 must be of the put that names stamp 1, so that the other put is left for stamp 6.
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    unknown(history, LINEAR_PUT, 20, CONDITION_STAMP, 1);
    unknown(history, LINEAR_PUT, 30, CONDITION_NONE, 0);
    end(history, begin_if(history, LINEAR_PUT, 40, CONDITION_ABSENT, 0), LINEAR_MISMATCH, 5);
    end(history, begin_if(history, LINEAR_PUT, 50, CONDITION_ABSENT, 0), LINEAR_MISMATCH, 6);
    expect(history, LINEAR_OK);

    // A put if absent can replace a version, with the help of a delete.
    for (int deletes = 0; deletes <= 1; deletes++) {
        history = linear_new();
        put(history, 10, 1);
        unknown(history, LINEAR_PUT, 20, CONDITION_ABSENT, 0);
        if (deletes == 1)
            unknown(history, LINEAR_DELETE, 0, CONDITION_NONE, 0);
        end(history, begin_if(history, LINEAR_PUT, 30, CONDITION_STAMP, 1), LINEAR_MISMATCH, 5);
        expect(history, deletes == 1 ? LINEAR_OK : LINEAR_VIOLATION);
    }
}

static void test_linear__lets_an_unknown_write_have_guessed_its_stamp(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    unknown(history, LINEAR_PUT, 20, CONDITION_NONE, 0);
    unknown(history, LINEAR_DELETE, 0, CONDITION_STAMP, 7);
    delete (history, LINEAR_EXISTED_NO);
    expect(history, LINEAR_OK);
}

static void test_linear__agrees_with_every_order_tried(void **state)
{
    (void)state;
    enum { ROUNDS = 40000 };
    static struct twin twin;
    struct rng rng;
    rng_init(&rng, 7);
    uint32_t violations = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct twin_setting setting = {.operations = 1 + (uint32_t)rng_below(&rng, 7),
                                       .clients = 1 + (uint32_t)rng_below(&rng, 5),
                                       .unknown_one_in = rng_below(&rng, 4),
                                       .refused_one_in = 10,
                                       .reads_in_ten = rng_below(&rng, 6)};
        twin_generate(&twin, &setting, &rng);
        for (uint64_t mutations = rng_below(&rng, 3); mutations > 0; mutations--)
            twin_mutate(&twin, &rng);
        bool explained = twin_explained(&twin);
        if (!explained && twin_guesses(&twin))
            continue;
        violations += !explained;
        struct linear_history *history = twin_history(&twin);
        expect(history, explained ? LINEAR_OK : LINEAR_VIOLATION);
    }
    assert_in_range(violations, ROUNDS / 10, ROUNDS * 9 / 10);
}

static void test_linear__takes_long_histories_of_a_real_register(void **state)
{
    (void)state;
    static struct twin twin;
    struct rng rng;
    rng_init(&rng, 11);
    for (int round = 0; round < 100; round++) {
        struct twin_setting setting = {.operations = 500,
                                       .clients = 12,
                                       .unknown_one_in = 1 + rng_below(&rng, 20),
                                       .refused_one_in = 20,
                                       .reads_in_ten = 4};
        twin_generate(&twin, &setting, &rng);
        expect(twin_history(&twin), LINEAR_OK);
    }
}

static void test_linear__decides_long_histories_with_one_false_answer(void **state)
{
    (void)state;
    static struct twin twin;
    struct rng rng;
    rng_init(&rng, 13);
    uint32_t violations = 0;
    for (int round = 0; round < 100; round++) {
        struct twin_setting setting = {.operations = 500,
                                       .clients = 12,
                                       .unknown_one_in = 10,
                                       .refused_one_in = 20,
                                       .reads_in_ten = 4};
        twin_generate(&twin, &setting, &rng);
        twin_mutate(&twin, &rng);
        struct linear_history *history = twin_history(&twin);
        struct linear_verdict verdict;
        linear_check(history, &verdict);
        assert_int_not_equal(verdict.answer, LINEAR_UNDECIDED);
        violations += verdict.answer == LINEAR_VIOLATION;
        linear_free(history);
    }
    assert_in_range(violations, 20, 99);
}

static void test_linear__says_when_it_cannot_decide(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    uint32_t puts[20];
    for (uint32_t i = 0; i < 20; i++)
        puts[i] = begin(history, LINEAR_PUT, i + 1);
    for (uint32_t i = 0; i < 20; i++)
        done(history, puts[i], 0, i + 1, LINEAR_EXISTED_UNSAID);
    read_of(history, 0, 0);
    linear_set_states_max(history, 1000);
    expect(history, LINEAR_UNDECIDED);

    history = linear_new();
    for (uint32_t i = 0; i < LINEAR_OPERATIONS_MAX; i++)
        put(history, i + 1, i + 1);
    read_of(history, LINEAR_OPERATIONS_MAX, LINEAR_OPERATIONS_MAX);
    assert_int_equal(linear_count(history), LINEAR_OPERATIONS_MAX);
    expect(history, LINEAR_UNDECIDED);
}

static void test_linear__takes_as_many_operations_as_it_says(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    for (uint32_t i = 0; i < LINEAR_OPERATIONS_MAX; i++)
        put(history, i + 1, i + 1);
    expect(history, LINEAR_OK);
}

static void test_linear__tells_how_far_an_order_goes(void **state)
{
    (void)state;
    struct linear_history *history = linear_new();
    put(history, 10, 1);
    read_of(history, 10, 1);
    delete (history, LINEAR_EXISTED_YES);
    read_of(history, 10, 1);
    put(history, 20, 2);
    struct linear_verdict verdict;
    linear_check(history, &verdict);
    // The delete leaves version 1, which the last read still needs: so the order stops before it.
    assert_int_equal(verdict.answer, LINEAR_VIOLATION);
    assert_int_equal(verdict.prefix_count, 2);
    assert_int_equal(verdict.prefix[0], 0);
    assert_int_equal(verdict.prefix[1], 1);
    linear_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear__takes_an_empty_history),
        cmocka_unit_test(test_linear__takes_one_after_another),
        cmocka_unit_test(test_linear__sees_a_stale_read),
        cmocka_unit_test(test_linear__lets_concurrent_reads_differ_in_one_direction),
        cmocka_unit_test(test_linear__sees_a_lost_update),
        cmocka_unit_test(test_linear__takes_one_of_two_updates_from_one_version),
        cmocka_unit_test(test_linear__sees_a_read_of_what_was_never_written),
        cmocka_unit_test(test_linear__sees_a_value_that_was_read_and_vanished),
        cmocka_unit_test(test_linear__sees_a_deleted_key_come_back),
        cmocka_unit_test(test_linear__sees_a_lost_acknowledged_write),
        cmocka_unit_test(test_linear__sees_wrong_words_of_what_existed),
        cmocka_unit_test(test_linear__sees_two_versions_with_one_stamp),
        cmocka_unit_test(test_linear__sees_a_mismatch_that_was_none),
        cmocka_unit_test(test_linear__lets_unknown_writes_happen_late_or_never),
        cmocka_unit_test(test_linear__lets_one_unknown_delete_explain_one_absence),
        cmocka_unit_test(test_linear__lets_no_unknown_write_happen_before_it_began),
        cmocka_unit_test(test_linear__lets_an_unread_unknown_put_explain_presence),
        cmocka_unit_test(test_linear__lets_a_mismatch_show_an_unread_unknown_put),
        cmocka_unit_test(test_linear__lets_no_unknown_put_happen_twice),
        cmocka_unit_test(test_linear__spends_unknown_writes_on_what_only_they_can_do),
        cmocka_unit_test(test_linear__lets_an_unknown_write_have_guessed_its_stamp),
        cmocka_unit_test(test_linear__agrees_with_every_order_tried),
        cmocka_unit_test(test_linear__takes_long_histories_of_a_real_register),
        cmocka_unit_test(test_linear__decides_long_histories_with_one_false_answer),
        cmocka_unit_test(test_linear__says_when_it_cannot_decide),
        cmocka_unit_test(test_linear__takes_as_many_operations_as_it_says),
        cmocka_unit_test(test_linear__tells_how_far_an_order_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
