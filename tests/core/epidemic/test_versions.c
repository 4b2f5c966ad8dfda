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

// --- What is covered

static void test_versions__a_chain_leaves_its_end(void **state)
{
    (void)state;
    struct versions versions;
    versions_init(&versions);
    struct operation first = key_put(A);
    assert_int_equal(key_take(&versions, &first), ARRIVAL_LIVE);
    for (uint64_t number = 2; number <= 100; number++) {
        struct operation next = key_operation(key_dot(A, number), number % 3 == 0);
        assert_int_equal(versions_context(&versions, &next.context), ERR_OK);
        enum arrival expected = next.dead ? ARRIVAL_CERTIFICATE : ARRIVAL_LIVE;
        assert_int_equal(key_take(&versions, &next), expected);
        assert_int_equal(key_count(&versions), 1);
    }
    // Nothing of it was in a store, so that nothing of it keeps a place.
    assert_true(versions.count <= 2);
    key_finish(&versions);
}

static void test_versions__who_has_first_and_last_has_no_conflict(void **state)
{
    (void)state;
    struct operation first = key_put(A);
    struct operation second = key_put(B);
    key_cover_first(&second, A);
    struct operation third = key_put(C);
    key_cover_first(&third, A);
    key_cover_first(&third, B);
    struct versions versions;
    versions_init(&versions);
    assert_int_equal(key_take(&versions, &third), ARRIVAL_LIVE);
    assert_int_equal(key_take(&versions, &first), ARRIVAL_COVERED);
    assert_int_equal(versions_live_count(&versions), 1);
    assert_int_equal(key_take(&versions, &second), ARRIVAL_COVERED);
    assert_int_equal(key_count(&versions), 1);
    assert_int_equal(key_state(&versions, &third), VERSION_LIVE);
    key_finish(&versions);
}

static void test_versions__a_certificate_removes_what_it_covers_and_nothing_else(void **state)
{
    (void)state;
    struct operation seen = key_put(A);
    struct operation unseen = key_put(B);
    struct operation deletion = key_delete(C);
    deletion.counter = 100;
    key_cover_first(&deletion, A);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &seen);
    key_take(&versions, &unseen);
    assert_int_equal(key_take(&versions, &deletion), ARRIVAL_CERTIFICATE);
    assert_false(key_has(&versions, &seen));
    assert_int_equal(key_state(&versions, &unseen), VERSION_LIVE);
    assert_int_equal(key_state(&versions, &deletion), VERSION_CERTIFICATE);
    key_finish(&versions);
}

static void test_versions__a_delete_that_comes_late_is_spare_at_once(void **state)
{
    (void)state;
    struct operation deletion = key_delete(B);
    key_cover_first(&deletion, A);
    struct operation after = key_put(C);
    key_cover_first(&after, A);
    key_cover_first(&after, B);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &after);
    struct arrival_result result = key_take_stable(&versions, &deletion, &nothing);
    assert_int_equal(result.arrival, ARRIVAL_CERTIFICATE);
    assert_true(result.learned);
    assert_false(key_has(&versions, &deletion));
    key_finish(&versions);
}

static void test_versions__a_bare_header_covers_before_its_value_comes(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation bare = key_put(B);
    key_cover_first(&bare, A);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &old);
    assert_int_equal(key_take_bare(&versions, &bare), ARRIVAL_BARE);
    assert_int_equal(versions_live_count(&versions), 0);
    assert_null(versions_winner(&versions, 0));
    assert_int_equal(key_take(&versions, &bare), ARRIVAL_REVIVED);
    assert_int_equal(key_state(&versions, &bare), VERSION_LIVE);
    assert_int_equal(key_take(&versions, &old), ARRIVAL_COVERED);
    assert_false(key_has(&versions, &old));
    key_finish(&versions);
}

// --- Rule R8

// B covers A; C covers B only. Then A comes.
static bool what_was_covered_shows(void)
{
    struct operation a = key_put(A);
    struct operation b = key_put(B);
    key_cover_first(&b, A);
    struct operation c = key_put(C);
    key_cover_first(&c, B);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &b);
    key_take(&versions, &c);
    key_take(&versions, &a);
    bool shows = key_state(&versions, &a) == VERSION_LIVE;
    key_finish(&versions);
    return shows;
}

static void test_versions__a_header_stays_for_what_it_alone_covers(void **state)
{
    (void)state;
    assert_false(what_was_covered_shows());
    if (!broken_rule_goes_wrong(RULE_TIDY_CONTEXT, what_was_covered_shows))
        skip();
}

// Two certificates alone cover D:7, each; one of them has to stay.
static void test_versions__what_went_counts_no_more(void **state)
{
    (void)state;
    struct operation first = key_delete(A);
    key_cover(&first, key_dot(D, 7));
    struct operation second = key_delete(B);
    key_cover(&second, key_dot(D, 7));
    struct operation live = key_put(C);
    key_cover_first(&live, A);
    key_cover_first(&live, B);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &first);
    key_take(&versions, &second);
    key_take(&versions, &live);
    assert_int_equal(key_count(&versions), 2);
    assert_true(versions_cover(&versions, key_dot(D, 7)));
    versions_tidy(&versions);
    assert_int_equal(key_count(&versions), 2);
    key_finish(&versions);
}

// Made up contexts that cover each other.
static void test_versions__a_cycle_stays_covered(void **state)
{
    (void)state;
    struct operation a = key_put(A);
    key_cover_first(&a, B);
    struct operation b = key_put(B);
    key_cover_first(&b, A);
    struct versions versions;
    versions_init(&versions);
    assert_int_equal(key_take(&versions, &a), ARRIVAL_LIVE);
    assert_int_equal(key_take(&versions, &b), ARRIVAL_COVERED);
    assert_int_equal(versions_live_count(&versions), 0);
    assert_int_equal(key_count(&versions), 2);
    key_finish(&versions);
}

// --- Rules R6 and R18

static void test_versions__a_write_replaces_all_headers_and_what_they_replaced(void **state)
{
    (void)state;
    struct operation live = key_operation(key_dot(A, 5), false);
    key_cover(&live, key_dot(B, 3));
    struct operation certificate = key_operation(key_dot(B, 2), true);
    key_cover(&certificate, key_dot(D, 4));
    struct operation gone = key_put(E);
    key_cover_first(&gone, C);
    struct versions versions;
    versions_init(&versions);
    key_take(&versions, &live);
    key_take(&versions, &certificate);
    key_load(&versions, &gone, VERSION_BARE);
    versions.list[versions.count - 1].is_gone = true;
    struct context context;
    assert_int_equal(versions_context(&versions, &context), ERR_OK);
    assert_int_equal(context.count, 3);
    assert_int_equal(context_get(&context, A), 5);
    assert_int_equal(context_get(&context, B), 3);
    assert_int_equal(context_get(&context, D), 4);
    assert_false(versions_cover(&versions, gone.dot));
    key_finish(&versions);
}

static void test_versions__a_full_context_leaves_out_what_is_inherited(void **state)
{
    (void)state;
    enum { HERE = 40, INHERITED = 60 };
    struct versions versions;
    versions_init(&versions);
    for (uint64_t i = 0; i < HERE; i++) {
        struct operation live = key_put(1000 - i);
        for (uint64_t j = 0; i == 0 && j < INHERITED; j++)
            key_cover_first(&live, 1 + j);
        key_take(&versions, &live);
    }
    struct context context;
    assert_int_equal(versions_context(&versions, &context), ERR_OK);
    assert_int_equal(context.count, CONTEXT_ENTRIES_MAX);
    for (uint64_t i = 0; i < HERE; i++)
        assert_true(context_covers(&context, key_dot(1000 - i, 1)));
    for (uint64_t i = HERE; i <= CONTEXT_ENTRIES_MAX; i++) {
        assert_int_equal(versions_context(&versions, &context), ERR_OK);
        struct operation live = key_put(1000 - i);
        key_take(&versions, &live);
    }
    assert_int_equal(versions_context(&versions, &context), ERR_TOO_LARGE);
    key_finish(&versions);
}

// Each write is of a run of its own, under a name that no order has: contexts overflow, but what is
// left out is what some header that stays says anyway.
static void test_versions__a_key_of_many_origins_keeps_few_headers(void **state)
{
    (void)state;
    struct versions versions;
    versions_init(&versions);
    uint32_t most = 0;
    for (uint64_t i = 1; i <= 1000; i++) {
        struct operation next = key_put(i * UINT64_C(0x9e3779b97f4a7c15));
        assert_int_equal(versions_context(&versions, &next.context), ERR_OK);
        assert_int_equal(key_take(&versions, &next), ARRIVAL_LIVE);
        assert_int_equal(versions_live_count(&versions), 1);
        most = key_count(&versions) > most ? key_count(&versions) : most;
    }
    for (uint64_t i = 1; i < 1000; i++)
        assert_true(versions_cover(&versions, key_dot(i * UINT64_C(0x9e3779b97f4a7c15), 1)));
    assert_in_range(most, 2, 24);
    key_finish(&versions);
}

// --- The list

static void fill(struct versions *versions)
{
    for (uint64_t i = 1; i <= VERSIONS_MAX; i++) {
        struct operation operation = key_put(i);
        assert_int_equal(key_take(versions, &operation), ARRIVAL_LIVE);
    }
}

static void test_versions__a_crowded_key_takes_only_what_makes_room(void **state)
{
    (void)state;
    struct versions versions;
    versions_init(&versions);
    fill(&versions);
    struct operation more = key_put(VERSIONS_MAX + 1);
    struct arrival_result result = key_take_stable(&versions, &more, &nothing);
    assert_int_equal(result.arrival, ARRIVAL_CROWDED);
    assert_false(result.learned);
    assert_int_equal(versions_live_count(&versions), VERSIONS_MAX);
    assert_false(key_has(&versions, &more));

    struct operation joins = key_put(VERSIONS_MAX + 2);
    for (uint64_t i = 1; i <= 20; i++)
        key_cover_first(&joins, i);
    assert_int_equal(key_take(&versions, &joins), ARRIVAL_LIVE);
    assert_int_equal(versions_live_count(&versions), VERSIONS_MAX - 19);
    assert_int_equal(key_take(&versions, &more), ARRIVAL_LIVE);
    versions_clear(&versions);
    assert_int_equal(key_take(&versions, &more), ARRIVAL_LIVE);
    assert_int_equal(key_count(&versions), 1);
    key_finish(&versions);
}

static void test_versions__loads_no_more_than_it_may_hold(void **state)
{
    (void)state;
    struct versions versions;
    versions_init(&versions);
    for (uint64_t i = 1; i <= VERSIONS_MAX; i++) {
        struct operation operation = key_put(i);
        key_load(&versions, &operation, VERSION_LIVE);
    }
    struct operation operation = key_put(VERSIONS_MAX + 1);
    struct sha256 id = operation_id_of(&operation);
    assert_int_equal(versions_load(&versions, &operation, &id, VERSION_LIVE), ERR_TOO_LARGE);
    // All that the store has goes, and as much comes.
    for (uint64_t i = 1; i <= VERSIONS_MAX; i++) {
        struct operation next = key_operation(key_dot(i, 2), false);
        key_cover_first(&next, i);
        assert_int_equal(key_take(&versions, &next), ARRIVAL_LIVE);
    }
    assert_int_equal(key_count(&versions), VERSIONS_MAX);
    key_finish(&versions);
}

static void test_versions__loads_no_nonsense(void **state)
{
    (void)state;
    struct versions versions;
    versions_init(&versions);
    struct operation put = key_put(A);
    struct operation deletion = key_delete(B);
    struct sha256 ids[] = {operation_id_of(&put), operation_id_of(&deletion)};
    for (unsigned i = 0; i <= VERSION_STATE_COUNT; i++) {
        enum version_state as = (enum version_state)i;
        if (as != VERSION_CERTIFICATE)
            assert_int_equal(versions_load(&versions, &deletion, &ids[1], as), ERR_INVALID);
    }
    assert_int_equal(versions_load(&versions, &put, &ids[0], VERSION_CERTIFICATE), ERR_INVALID);
    assert_int_equal(versions_load(&versions, &put, &ids[0], VERSION_STATE_COUNT), ERR_INVALID);
    key_load(&versions, &put, VERSION_LIVE);
    assert_int_equal(versions_load(&versions, &put, &ids[0], VERSION_LIVE), ERR_INVALID);
    assert_int_equal(versions.count, 1);
    key_finish(&versions);
}

// What the store has and what changes, as whoever writes it needs to know it.
static void test_versions__remembers_what_the_store_has(void **state)
{
    (void)state;
    struct operation old = key_put(A);
    struct operation new = key_put(B);
    key_cover_first(&new, A);
    struct versions versions;
    versions_init(&versions);
    key_load(&versions, &old, VERSION_LIVE);
    key_take(&versions, &new);
    assert_int_equal(versions.count, 2);
    assert_true(versions.list[0].is_gone && !versions.list[0].is_new);
    assert_int_equal(versions.list[0].was, VERSION_LIVE);
    assert_true(versions.list[1].is_new && !versions.list[1].is_gone);
    assert_int_equal(versions.list[1].header.value.length, 0);

    // It keeps its place until whoever writes the store has seen it.
    struct operation newest = key_put(C);
    key_cover_first(&newest, A);
    key_cover_first(&newest, B);
    key_take(&versions, &newest);
    assert_int_equal(key_count(&versions), 1);
    assert_true(dot_equal(versions.list[0].header.dot, old.dot) && versions.list[0].is_gone);

    // Should it come back, it is there that it does.
    versions.list[2].is_gone = true;
    assert_int_equal(key_take_bare(&versions, &old), ARRIVAL_BARE);
    assert_int_equal(versions.count, 3);
    assert_false(versions.list[0].is_gone || versions.list[0].is_new);
    assert_int_equal(versions.list[0].was, VERSION_LIVE);
    assert_int_equal(versions.list[0].state, VERSION_BARE);
    key_finish(&versions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions__a_chain_leaves_its_end),
        cmocka_unit_test(test_versions__who_has_first_and_last_has_no_conflict),
        cmocka_unit_test(test_versions__a_certificate_removes_what_it_covers_and_nothing_else),
        cmocka_unit_test(test_versions__a_delete_that_comes_late_is_spare_at_once),
        cmocka_unit_test(test_versions__a_bare_header_covers_before_its_value_comes),
        cmocka_unit_test_teardown(test_versions__a_header_stays_for_what_it_alone_covers,
                                  broken_rule_mend),
        cmocka_unit_test(test_versions__what_went_counts_no_more),
        cmocka_unit_test(test_versions__a_cycle_stays_covered),
        cmocka_unit_test(test_versions__a_write_replaces_all_headers_and_what_they_replaced),
        cmocka_unit_test(test_versions__a_full_context_leaves_out_what_is_inherited),
        cmocka_unit_test(test_versions__a_key_of_many_origins_keeps_few_headers),
        cmocka_unit_test(test_versions__a_crowded_key_takes_only_what_makes_room),
        cmocka_unit_test(test_versions__loads_no_more_than_it_may_hold),
        cmocka_unit_test(test_versions__loads_no_nonsense),
        cmocka_unit_test(test_versions__remembers_what_the_store_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
