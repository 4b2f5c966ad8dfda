#include "broken_rule.h"
#include "one_key.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

// Origins.
enum { A = 1, B, C, D, E };

static const struct knowledge nothing;

// --- What is stable

// Whether what A:1 was, live and stable, is kept when B:1 covers it.
static enum version_state covered_when(bool old_stable, bool new_stable)
{
    struct operation old = key_put(A);
    struct operation new = key_put(B);
    key_cover_first(&new, A);
    key_cover(&old, key_dot(E, 7)); // which nothing else covers: so it stays, bare
    struct dot dots[2];
    size_t count = 0;
    if (old_stable)
        dots[count++] = old.dot;
    if (new_stable)
        dots[count++] = new.dot;
    struct knowledge stable = key_knowledge(dots, count);
    struct versions versions;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    key_take_stable(&versions, &new, &stable);
    enum version_state result = key_state(&versions, &old);
    knowledge_release(&stable);
    key_finish(&versions);
    return result;
}

static void test_versions_stable__keeps_a_stable_value_until_its_coverer_is_stable(void **state)
{
    (void)state;
    assert_int_equal(covered_when(false, false), VERSION_BARE);
    assert_int_equal(covered_when(false, true), VERSION_BARE);
    assert_int_equal(covered_when(true, true), VERSION_BARE);
    assert_int_equal(covered_when(true, false), VERSION_KEPT);
}

static void test_versions_stable__readers_of_the_stable_see_what_is_kept(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation second = key_put(B);
    key_cover_first(&second, A);
    struct operation third = key_put(C);
    key_cover_first(&third, A);
    key_cover_first(&third, B);
    struct knowledge stable = key_knowledge(&old.dot, 1);
    struct versions versions;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    key_take_stable(&versions, &second, &stable);
    key_take_stable(&versions, &third, &stable);
    // The third says all that the second does, which stays for what it will hide once it is stable.
    assert_int_equal(key_state(&versions, &second), VERSION_BARE);
    assert_int_equal(key_state(&versions, &old), VERSION_KEPT);
    assert_true(dot_equal(versions_winner(&versions, 0)->header.dot, third.dot));
    assert_true(dot_equal(versions_stable_winner(&versions, &stable, 0)->header.dot, old.dot));
    versions_collect(&versions, &nothing, &stable);
    assert_int_equal(key_state(&versions, &old), VERSION_KEPT);

    assert_int_equal(knowledge_add(&stable, second.dot), ERR_OK);
    assert_null(versions_stable_winner(&versions, &stable, 0));
    assert_int_equal(knowledge_add(&stable, third.dot), ERR_OK);
    assert_true(dot_equal(versions_stable_winner(&versions, &stable, 0)->header.dot, third.dot));
    versions_collect(&versions, &nothing, &stable);
    assert_int_equal(key_count(&versions), 1);
    knowledge_release(&stable);
    key_finish(&versions);
}

// Writes much faster than anything becomes stable: what is hidden cannot be told for ever.
static void test_versions_stable__with_many_headers_a_kept_value_goes(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct knowledge stable = key_knowledge(&old.dot, 1);
    struct versions versions;
    struct operation before = old;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    uint32_t most = 0;
    for (unsigned i = 0; i < VERSIONS_MAX; i++) {
        struct operation next = key_put(B);
        next.dot.sequence = 1 + i;
        key_cover(&next, old.dot);
        if (i > 0)
            key_cover(&next, before.dot);
        key_take_stable(&versions, &next, &stable);
        before = next;
        most = key_count(&versions) > most ? key_count(&versions) : most;
    }
    assert_in_range(most, VERSIONS_MAX / 8, VERSIONS_MAX / 2);
    assert_null(versions_stable_winner(&versions, &stable, 0));
    assert_true(dot_equal(versions_winner(&versions, 0)->header.dot, before.dot));
    knowledge_release(&stable);
    key_finish(&versions);
}

static void test_versions_stable__a_stable_value_that_is_not_here_is_not_seen(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation covers = key_put(B);
    key_cover_first(&covers, A);
    key_cover(&covers, key_dot(E, 7));
    struct operation last = key_put(C);
    key_cover_first(&last, B);
    struct knowledge stable = key_knowledge(&old.dot, 1);
    struct versions versions;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    key_take_stable(&versions, &covers, &stable);
    key_take_stable(&versions, &last, &stable);
    assert_int_equal(key_state(&versions, &covers), VERSION_BARE);
    assert_non_null(versions_stable_winner(&versions, &stable, 0));
    assert_int_equal(knowledge_add(&stable, covers.dot), ERR_OK);
    assert_null(versions_stable_winner(&versions, &stable, 0));
    knowledge_release(&stable);
    key_finish(&versions);
}

static void test_versions_stable__a_kept_value_goes_when_a_second_coverer_is_stable(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation second = key_put(B);
    key_cover_first(&second, A);
    struct operation third = key_put(C);
    key_cover_first(&third, A);
    struct dot dots[] = {old.dot, third.dot};
    struct knowledge stable = key_knowledge(dots, 2);
    struct versions versions;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    key_take_stable(&versions, &second, &stable);
    assert_int_equal(key_state(&versions, &old), VERSION_KEPT);
    key_take_stable(&versions, &third, &stable);
    assert_false(key_has(&versions, &old));
    knowledge_release(&stable);
    key_finish(&versions);
}

// Two of one dot, hence one stamp, and one below.
static void test_versions_stable__the_winner_is_the_greatest_stamp_then_id(void **state)
{
    (void)state;
    struct operation low = key_put(A);
    low.counter = 9;
    struct operation high[] = {key_put(B), key_put(B)};
    high[0].counter = high[1].counter = 10;
    operation_set_value(&high[1], slice_of_text("another"));
    struct sha256 ids[] = {operation_id_of(&high[0]), operation_id_of(&high[1])};
    const struct sha256 *greater = sha256_compare(&ids[0], &ids[1]) > 0 ? &ids[0] : &ids[1];
    for (unsigned first = 0; first < 2; first++) {
        struct versions versions;
        versions_init(&versions);
        assert_null(versions_winner(&versions, 0));
        key_take(&versions, &high[first]);
        key_take(&versions, &low);
        assert_true(dot_equal(versions_winner(&versions, 0)->header.dot, high[first].dot));
        key_take(&versions, &high[1 - first]);
        assert_memory_equal(&versions_winner(&versions, 0)->id, greater, sizeof *greater);
        assert_int_equal(versions_live_count(&versions), 3);
        key_finish(&versions);
    }
}

// --- Rule R10

// B:1, a certificate, covers A:1 to A:3.
static bool goes_under(const struct dot *dots, size_t count)
{
    struct knowledge horizon = key_knowledge(dots, count);
    struct operation deletion = key_delete(B);
    key_cover(&deletion, key_dot(A, 3));
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &deletion);
    versions_collect(&versions, &horizon, &horizon);
    bool gone = !key_has(&versions, &deletion);
    key_finish(&versions);
    knowledge_release(&horizon);
    return gone;
}

static const struct dot horizon_dots[] = {{B, 1}, {A, 3}, {A, 1}, {A, 2}};

// A:2 is still under way to somebody.
static bool goes_over_a_gap(void)
{
    return goes_under(horizon_dots, 3);
}

static void
test_versions_stable__garbage_goes_under_the_horizon_with_all_that_it_covers(void **state)
{
    (void)state;
    assert_true(goes_under(horizon_dots, 4));
    assert_false(goes_under(horizon_dots + 1, 3));
    assert_false(goes_over_a_gap());
    if (!broken_rule_goes_wrong(RULE_HORIZON, goes_over_a_gap))
        skip();
}

static void test_versions_stable__what_has_a_value_is_no_garbage(void **state)
{
    (void)state;
    struct operation live = key_put(A);
    struct operation bare = key_put(B);
    struct operation coverer = key_put(C);
    key_cover_first(&coverer, B);
    key_cover(&bare, key_dot(E, 1));
    struct dot dots[] = {live.dot, bare.dot, coverer.dot, key_dot(E, 1)};
    struct knowledge horizon = key_knowledge(dots, 4);
    struct versions versions;
    versions_init(&versions);
    key_load(&versions, &live, VERSION_LIVE);
    key_load(&versions, &bare, VERSION_BARE);
    key_load(&versions, &coverer, VERSION_LIVE);
    versions_collect(&versions, &horizon, &horizon);
    assert_true(key_has(&versions, &live));
    assert_false(key_has(&versions, &bare));
    assert_true(key_has(&versions, &coverer));
    key_finish(&versions);
    knowledge_release(&horizon);
}

// The coverer goes under the horizon in the same sweep in which it lets go of what was kept.
static void test_versions_stable__nothing_stays_kept_without_a_coverer(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation deletion = key_delete(B);
    key_cover_first(&deletion, A);
    struct dot dots[] = {old.dot, deletion.dot};
    struct knowledge horizon = key_knowledge(dots, 2);
    struct knowledge stable = key_knowledge(dots, 1);
    struct versions versions;
    versions_init(&versions);
    key_take_stable(&versions, &old, &stable);
    key_take_stable(&versions, &deletion, &stable);
    assert_int_equal(key_state(&versions, &old), VERSION_KEPT);
    versions_collect(&versions, &horizon, &stable);
    assert_int_equal(key_count(&versions), 0);
    key_finish(&versions);
    knowledge_release(&horizon);
    knowledge_release(&stable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_stable__keeps_a_stable_value_until_its_coverer_is_stable),
        cmocka_unit_test(test_versions_stable__readers_of_the_stable_see_what_is_kept),
        cmocka_unit_test(test_versions_stable__with_many_headers_a_kept_value_goes),
        cmocka_unit_test(test_versions_stable__a_stable_value_that_is_not_here_is_not_seen),
        cmocka_unit_test(test_versions_stable__a_kept_value_goes_when_a_second_coverer_is_stable),
        cmocka_unit_test(test_versions_stable__the_winner_is_the_greatest_stamp_then_id),
        cmocka_unit_test_teardown(
            test_versions_stable__garbage_goes_under_the_horizon_with_all_that_it_covers,
            broken_rule_mend),
        cmocka_unit_test(test_versions_stable__what_has_a_value_is_no_garbage),
        cmocka_unit_test(test_versions_stable__nothing_stays_kept_without_a_coverer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
