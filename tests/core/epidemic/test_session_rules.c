// One schedule for each rule of sessions, which ends right, and visibly wrong when the rule is
// broken.

#include "broken_rule.h"
#include "session_bench.h"
#include "session_oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C, PEERS };

struct stage {
    struct session_bench *bench;
    struct session_oracle oracle;
};

static void see(struct stage *stage)
{
    for (unsigned i = 0; i < PEERS; i++)
        session_oracle_see(&stage->oracle, session_bench_space(stage->bench, i));
}

static void begin(struct stage *stage)
{
    stage->bench = session_bench_new(PEERS, NULL);
    session_oracle_init(&stage->oracle);
}

// Ends the schedule; whether anybody is not what it must be, or shows `key`.
static bool end(struct stage *stage, const char *key)
{
    bool wrong = false;
    see(stage);
    for (unsigned i = 0; i < PEERS; i++) {
        const char *what =
            session_oracle_judge(&stage->oracle, session_bench_space(stage->bench, i), i);
        wrong |= what != NULL;
        wrong |= key != NULL && strcmp(bench_read(stage->bench->spaces, i, key), "-") != 0;
    }
    session_oracle_release(&stage->oracle);
    session_bench_free(stage->bench);
    return wrong;
}

// Everybody has heard of everybody.
static void meet(struct stage *stage)
{
    for (unsigned round = 0; round < 3; round++) {
        session_bench_exchange(stage->bench, A, B, false);
        session_bench_exchange(stage->bench, B, C, false);
        session_bench_exchange(stage->bench, C, A, false);
    }
}

// --- close-last: knowledge outlives values that a cut session did not bring

static bool is_cut_after_one_portion(void)
{
    static char large[SESSION_PORTION_BYTES];
    struct stage stage;
    begin(&stage);
    bench_put(stage.bench->spaces, A, "k", "v");
    struct space_write write = {.key = slice_of_text("large"),
                                .value = slice_of(large, sizeof large)};
    struct space_written written;
    assert_int_equal(bench_write(stage.bench->spaces, A, &write, &written), ERR_OK);
    session_bench_open(stage.bench, A, B, false);
    assert_true(session_bench_run_to(stage.bench, B, MESSAGE_SESSION_PORTION));
    session_bench_deliver(stage.bench, 0, true);
    session_bench_lose_all(stage.bench);
    session_bench_wait(stage.bench, SESSION_IDLE_US);
    see(&stage);
    bool wrong =
        session_oracle_judge(&stage.oracle, session_bench_space(stage.bench, B), B) != NULL;
    // What B says that it knows, C does not get from it, nor does B from A.
    session_bench_exchange(stage.bench, B, C, false);
    return end(&stage, NULL) || wrong;
}

static void test_session__takes_knowledge_over_last(void **state)
{
    (void)state;
    assert_false(is_cut_after_one_portion());
    broken_rule_goes_wrong(RULE_CLOSE_LAST, is_cut_after_one_portion);
}

// --- behind, drop-under-horizon: a peer was away while a delete came and was dropped again

static bool was_away(void)
{
    struct stage stage;
    begin(&stage);
    bench_put(stage.bench->spaces, C, "k", "v");
    meet(&stage);
    see(&stage);
    bench_delete(stage.bench->spaces, A, "k");
    see(&stage);
    session_bench_exchange(stage.bench, A, B, false); // C is away
    session_bench_age(stage.bench, A, 1 << B);
    session_bench_exchange(stage.bench, C, A, false);
    meet(&stage);
    return end(&stage, "k");
}

static void test_session__compares_everything_with_who_was_away(void **state)
{
    (void)state;
    assert_false(was_away());
    broken_rule_goes_wrong(RULE_BEHIND, was_away);
}

static void test_session__drops_what_is_dead_elsewhere(void **state)
{
    (void)state;
    assert_false(was_away());
    broken_rule_goes_wrong(RULE_DROP_UNDER_HORIZON, was_away);
}

// --- list-again: a third peer brings a dead version behind the list

static bool comes_behind_the_list(void)
{
    struct stage stage;
    struct bench_parcels parcels = {0};
    begin(&stage);
    bench_put(stage.bench->spaces, C, "k", "v");
    bench_pack(stage.bench->spaces, C, NULL, &parcels);
    session_bench_exchange(stage.bench, C, A, false); // B has not heard of it, nor of the delete
    see(&stage);
    bench_delete(stage.bench->spaces, A, "k");
    bench_put(stage.bench->spaces, B, "own", "v");
    see(&stage);
    session_bench_age(stage.bench, A, 0);
    session_bench_open(stage.bench, B, A, false);
    assert_true(session_bench_run_to(stage.bench, A, MESSAGE_AUDIT_LIST));
    bench_deliver(stage.bench->spaces, B, &parcels.list[0], SPACE_FROM_RUMOR);
    session_bench_run(stage.bench);
    bool wrong =
        session_oracle_judge(&stage.oracle, session_bench_space(stage.bench, B), B) != NULL;
    meet(&stage);
    bench_parcels_release(&parcels);
    return end(&stage, "k") || wrong;
}

static void test_session__lists_again_what_became_live_behind_its_list(void **state)
{
    (void)state;
    assert_false(comes_behind_the_list());
    broken_rule_goes_wrong(RULE_LIST_AGAIN, comes_behind_the_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_session__takes_knowledge_over_last, broken_rule_mend),
        cmocka_unit_test_teardown(test_session__compares_everything_with_who_was_away,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_session__drops_what_is_dead_elsewhere, broken_rule_mend),
        cmocka_unit_test_teardown(test_session__lists_again_what_became_live_behind_its_list,
                                  broken_rule_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
