#include "base/random.h"
#include "core/epidemic/rumor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { SEED = 7, K = 3, ROOM = 8 };

static const struct rumor_setting feedback_counter = {.k = K, .items_max = ROOM};

static struct dot dot_of(uint64_t sequence)
{
    return (struct dot){.origin = 1, .sequence = sequence};
}

// One round in which everything is told to one peer, who answers alike to all.
static void tell_all(struct rumor *rumor, bool needed)
{
    struct dot dots[ROOM];
    size_t count = rumor_offer(rumor, ROOM, dots);
    for (size_t i = 0; i < count; i++)
        rumor_answer(rumor, dots[i], needed);
    rumor_end_round(rumor);
    rumor_invariants(rumor);
}

static void test_rumor__stops_after_k_rounds_in_vain(void **state)
{
    (void)state;
    struct rumor rumor;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    for (unsigned round = 1; round < K; round++) {
        tell_all(&rumor, false);
        assert_true(rumor_is_hot(&rumor, dot_of(1)));
    }
    tell_all(&rumor, false);
    assert_false(rumor_is_hot(&rumor, dot_of(1)));
    assert_int_equal(rumor_count(&rumor), 0);
    rumor_release(&rumor);
}

static void test_rumor__counts_afresh_after_a_useful_round(void **state)
{
    (void)state;
    struct rumor rumor;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    for (unsigned times = 0; times < 5; times++) {
        for (unsigned round = 1; round < K; round++)
            tell_all(&rumor, false);
        tell_all(&rumor, true);
        assert_true(rumor_is_hot(&rumor, dot_of(1)));
    }
    rumor_release(&rumor);
}

// Several come to ask in one round: one of them that needed it outweighs the others, in any order,
// and many in vain count once.
static void test_rumor__judges_a_round_as_a_whole(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dot;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    for (unsigned round = 0; round < 3 * K; round++) {
        for (unsigned puller = 0; puller < 3; puller++) {
            assert_int_equal(rumor_offer(&rumor, 1, &dot), 1);
            rumor_answer(&rumor, dot, puller == round / K);
        }
        rumor_end_round(&rumor);
    }
    assert_int_equal(rumor_count(&rumor), 1);
    for (unsigned round = 0; round < K; round++) {
        assert_int_equal(rumor_count(&rumor), 1);
        for (unsigned puller = 0; puller < 2 * K; puller++) {
            assert_int_equal(rumor_offer(&rumor, 1, &dot), 1);
            rumor_answer(&rumor, dot, false);
        }
        rumor_end_round(&rumor);
    }
    assert_int_equal(rumor_count(&rumor), 0);
    rumor_release(&rumor);
}

static void test_rumor__silence_counts_as_nothing(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dot;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    tell_all(&rumor, false); // one answer, which is not to count again
    for (unsigned round = 0; round < 10 * K; round++) {
        if (round % 2 == 0)
            assert_int_equal(rumor_offer(&rumor, 1, &dot), 1);
        rumor_end_round(&rumor);
    }
    assert_true(rumor_is_hot(&rumor, dot_of(1)));
    rumor_release(&rumor);
}

static void test_rumor__ignores_answers_to_what_it_did_not_tell(void **state)
{
    (void)state;
    struct rumor rumor;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_answer(&rumor, dot_of(1), false);
    rumor_heat(&rumor, dot_of(1));
    for (unsigned round = 0; round < 2 * K; round++) {
        rumor_answer(&rumor, dot_of(1), false);
        rumor_answer(&rumor, dot_of(2), true);
        rumor_end_round(&rumor);
        rumor_invariants(&rumor);
    }
    assert_int_equal(rumor_count(&rumor), 1);
    rumor_release(&rumor);
}

static void test_rumor__each_has_a_counter_of_its_own(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dots[ROOM];
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    rumor_heat(&rumor, dot_of(2));
    rumor_heat(&rumor, (struct dot){.origin = 2, .sequence = 1});
    for (unsigned round = 0; round < K; round++) {
        assert_int_equal(rumor_offer(&rumor, ROOM, dots), 3);
        for (size_t i = 0; i < 3; i++)
            rumor_answer(&rumor, dots[i], dots[i].sequence == 2);
        rumor_end_round(&rumor);
    }
    assert_int_equal(rumor_count(&rumor), 1);
    assert_true(rumor_is_hot(&rumor, dot_of(2)));
    rumor_release(&rumor);
}

static void test_rumor__heating_twice_changes_nothing(void **state)
{
    (void)state;
    struct rumor rumor;
    rumor_init(&rumor, &feedback_counter, SEED);
    rumor_heat(&rumor, dot_of(1));
    for (unsigned round = 0; round < K; round++) {
        tell_all(&rumor, false);
        if (round + 1 < K)
            rumor_heat(&rumor, dot_of(1));
    }
    assert_int_equal(rumor_count(&rumor), 0);
    // What is cold is as if it had never been: it can be heated again, and is counted from the
    // start.
    rumor_heat(&rumor, dot_of(1));
    tell_all(&rumor, false);
    assert_int_equal(rumor_count(&rumor), 1);
    rumor_release(&rumor);
}

static void test_rumor__offers_what_was_never_told_first_and_then_in_turn(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dots[ROOM];
    rumor_init(&rumor, &feedback_counter, SEED);
    for (uint64_t i = 1; i <= 4; i++)
        rumor_heat(&rumor, dot_of(i));
    const uint64_t turns[][2] = {{1, 2}, {3, 4}, {1, 2}, {3, 4}};
    for (size_t turn = 0; turn < 4; turn++) {
        assert_int_equal(rumor_offer(&rumor, 2, dots), 2);
        assert_int_equal(dots[0].sequence, turns[turn][0]);
        assert_int_equal(dots[1].sequence, turns[turn][1]);
    }
    rumor_heat(&rumor, dot_of(5));
    assert_int_equal(rumor_offer(&rumor, 2, dots), 2);
    assert_int_equal(dots[0].sequence, 5);
    assert_int_equal(dots[1].sequence, 1);
    assert_int_equal(rumor_offer(&rumor, ROOM, dots), 5);
    assert_int_equal(rumor_offer(&rumor, 0, dots), 0);
    rumor_invariants(&rumor);
    rumor_release(&rumor);
}

static void test_rumor__makes_room_at_the_cost_of_what_was_told(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dots[ROOM];
    rumor_init(&rumor, &feedback_counter, SEED);
    for (uint64_t i = 1; i <= ROOM; i++)
        rumor_heat(&rumor, dot_of(i));
    rumor_heat(&rumor, dot_of(ROOM + 1)); // none was told: the oldest goes
    assert_false(rumor_is_hot(&rumor, dot_of(1)));
    assert_int_equal(rumor_offer(&rumor, 2, dots), 2); // 2 and 3
    for (uint64_t i = ROOM + 2; i <= ROOM + 4; i++)
        rumor_heat(&rumor, dot_of(i));
    for (uint64_t i = 2; i <= 4; i++)
        assert_false(rumor_is_hot(&rumor, dot_of(i)));
    for (uint64_t i = 5; i <= ROOM + 4; i++)
        assert_true(rumor_is_hot(&rumor, dot_of(i)));
    assert_int_equal(rumor_count(&rumor), ROOM);
    assert_int_equal(rumor.crowded_out, 4);
    rumor_invariants(&rumor);
    rumor_release(&rumor);
}

static void test_rumor__blind_ones_do_not_wait_for_answers(void **state)
{
    (void)state;
    struct rumor rumor;
    struct dot dot;
    const struct rumor_setting setting = {.k = K, .items_max = ROOM, .blind = true};
    rumor_init(&rumor, &setting, SEED);
    rumor_heat(&rumor, dot_of(1));
    rumor_end_round(&rumor); // told to nobody: does not count
    for (unsigned round = 0; round < K; round++) {
        assert_int_equal(rumor_offer(&rumor, 1, &dot), 1);
        rumor_answer(&rumor, dot, true);
        rumor_end_round(&rumor);
    }
    assert_int_equal(rumor_count(&rumor), 0);
    rumor_release(&rumor);
}

// With a coin, the mean number of rounds in vain is k, and useful ones cost nothing.
static void test_rumor__coins_take_k_rounds_on_average(void **state)
{
    (void)state;
    enum { RUMORS = 4096 };
    struct rumor rumor;
    static struct dot dots[RUMORS];
    const struct rumor_setting setting = {.k = K, .items_max = RUMORS, .coin = true};
    rumor_init(&rumor, &setting, SEED);
    for (uint64_t i = 1; i <= RUMORS; i++)
        rumor_heat(&rumor, dot_of(i));
    size_t told = 0;
    for (unsigned round = 0; rumor_count(&rumor) > 0; round++) {
        size_t count = rumor_offer(&rumor, RUMORS, dots);
        told += round % 2 == 0 ? 0 : count;
        for (size_t i = 0; i < count; i++)
            rumor_answer(&rumor, dots[i], round % 2 == 0);
        rumor_end_round(&rumor);
        if (round == 0)
            assert_int_equal(rumor_count(&rumor), RUMORS);
    }
    // The deviation of the sum is sqrt(k (k - 1) RUMORS), 157; the bounds are six of them.
    assert_in_range(told, K * RUMORS - 940, K * RUMORS + 940);
    rumor_release(&rumor);
}

// The same seed and the same events give the same course, whatever they are.
static void test_rumor__is_repeatable_and_keeps_its_invariants(void **state)
{
    (void)state;
    struct rumor twins[2];
    struct dot dots[2][ROOM];
    struct rng rng;
    const struct rumor_setting setting = {.k = K, .items_max = ROOM, .coin = true};
    rng_init(&rng, SEED);
    for (unsigned i = 0; i < 2; i++)
        rumor_init(&twins[i], &setting, SEED);
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t kind = rng_below(&rng, 4);
        struct dot dot = dot_of(rng_below(&rng, 3 * ROOM));
        size_t most = rng_below(&rng, ROOM + 1);
        bool needed = rng_one_in(&rng, 4);
        size_t counts[2] = {0};
        for (unsigned i = 0; i < 2; i++) {
            if (kind == 0)
                rumor_heat(&twins[i], dot);
            else if (kind == 1)
                counts[i] = rumor_offer(&twins[i], most, dots[i]);
            else if (kind == 2)
                rumor_answer(&twins[i], dot, needed);
            else
                rumor_end_round(&twins[i]);
            rumor_invariants(&twins[i]);
        }
        assert_int_equal(counts[0], counts[1]);
        assert_memory_equal(dots[0], dots[1], counts[0] * sizeof(struct dot));
        assert_int_equal(rumor_count(&twins[0]), rumor_count(&twins[1]));
    }
    for (unsigned i = 0; i < 2; i++)
        rumor_release(&twins[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rumor__stops_after_k_rounds_in_vain),
        cmocka_unit_test(test_rumor__counts_afresh_after_a_useful_round),
        cmocka_unit_test(test_rumor__judges_a_round_as_a_whole),
        cmocka_unit_test(test_rumor__silence_counts_as_nothing),
        cmocka_unit_test(test_rumor__ignores_answers_to_what_it_did_not_tell),
        cmocka_unit_test(test_rumor__each_has_a_counter_of_its_own),
        cmocka_unit_test(test_rumor__heating_twice_changes_nothing),
        cmocka_unit_test(test_rumor__offers_what_was_never_told_first_and_then_in_turn),
        cmocka_unit_test(test_rumor__makes_room_at_the_cost_of_what_was_told),
        cmocka_unit_test(test_rumor__blind_ones_do_not_wait_for_answers),
        cmocka_unit_test(test_rumor__coins_take_k_rounds_on_average),
        cmocka_unit_test(test_rumor__is_repeatable_and_keeps_its_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
