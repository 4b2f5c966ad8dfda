// One schedule for each rule that the mutants build can break: it ends right with the rule, and
// visibly wrong without it.

#include "broken_rule.h"
#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY BENCH_TAG "k"

enum { P = 1, B = 2, Q = 3, A = 1, C = 2, J = 3, RESENDS = 4, RESEND_US = 61 * 1000 };

#define ALL (node_bit(P) | node_bit(B) | node_bit(Q))

// Three nodes in sync that hold "old", P the primary.
static struct strong_bench *three_with_old(void)
{
    struct strong_bench *bench = bench_new(3);
    struct replica_set set = bench_set(ALL, 0, 0, P);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    uint64_t put = bench_put(bench, P, KEY, "old");
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    return bench;
}

// `to` gets what waits for it, persists it, and answers.
static void round_trip(struct strong_bench *bench, node_id from, node_id to)
{
    bench_deliver(bench, from, to);
    bench_durable(bench, to);
    bench_deliver(bench, to, from);
}

// --- fresh-acks

// P's record is acknowledged by B only; then Q, alone and unable to commit, orders "two", which P
// takes over.
static struct strong_bench *two_is_taken_over(uint64_t *two)
{
    struct strong_bench *bench = three_with_old();
    bench_put(bench, P, KEY, "one");
    bench_lose(bench, P, Q, MESSAGE_INV);
    bench_durable(bench, P);
    round_trip(bench, P, B);
    struct replica_set set = bench_set(ALL, 0, 0, Q);
    bench_make_map(bench, node_bit(Q), &set);
    bench_tell(bench, P);
    bench_tell(bench, B);
    bench_tell(bench, Q);
    *two = bench_put(bench, Q, KEY, "two");
    bench_run(bench);
    assert_int_equal(bench_error(bench, *two), ERR_COUNT);
    set.primary = P;
    bench_map(bench, ALL, &set);
    round_trip(bench, P, Q);
    round_trip(bench, P, B);
    bench_durable(bench, P);
    return bench;
}

// "two" never reaches B, and B alone is left.
static bool stale_ack_loses_a_write(void)
{
    uint64_t two;
    struct strong_bench *bench = two_is_taken_over(&two);
    bench_lose(bench, P, B, MESSAGE_INV);
    round_trip(bench, P, Q);
    bench_deliver(bench, P, Q);
    bool acknowledged = bench_error(bench, two) == ERR_OK;
    bench_lose_all(bench);
    struct replica_set set = bench_set(ALL, 0, 0, B);
    bench_map(bench, node_bit(B), &set);
    set = bench_set(node_bit(B), 0, 0, B);
    bench_map(bench, node_bit(B), &set);
    bench_run(bench);
    uint64_t read = bench_read(bench, B, KEY);
    assert_true(bench_gave(bench, read, "one") || bench_gave(bench, read, "two"));
    bool lost = acknowledged && !bench_gave(bench, read, "two");
    bench_free(bench);
    return lost;
}

static void test_strong_rules__acks_start_afresh(void **state)
{
    (void)state;
    assert_false(stale_ack_loses_a_write());
    if (!broken_rule_goes_wrong(RULE_FRESH_ACKS, stale_ack_loses_a_write))
        skip();
}

static void test_strong_rules__what_was_taken_over_commits_everywhere(void **state)
{
    (void)state;
    uint64_t two;
    struct strong_bench *bench = two_is_taken_over(&two);
    bench_run(bench);
    assert_int_equal(bench_error(bench, two), ERR_OK);
    for (node_id id = P; id <= Q; id++) {
        assert_true(bench_gave(bench, bench_read(bench, id, KEY), "two"));
        assert_null(bench_flight(bench, id, KEY));
    }
    bench_free(bench);
}

// --- whole-list

// P writes while B is down but in the list; then P is gone and B is back.
static bool commit_without_the_down_loses_a_write(void)
{
    struct strong_bench *bench = three_with_old();
    node_set list = node_bit(P) | node_bit(B);
    struct replica_set set = bench_set(list, 0, 0, P);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    bench_map(bench, node_bit(P), &set);
    uint64_t put = bench_put(bench, P, KEY, "new");
    bench_run(bench);
    bool acknowledged = bench_error(bench, put) == ERR_OK;
    set.primary = B;
    bench_map(bench, node_bit(B), &set);
    bench_run(bench);
    uint64_t read = bench_read(bench, B, KEY);
    assert_true(bench_answer(bench, read)->given);
    bool lost = acknowledged && !bench_gave(bench, read, "new");
    bench_free(bench);
    return lost;
}

static void test_strong_rules__commit_needs_the_down_ones_too(void **state)
{
    (void)state;
    assert_false(commit_without_the_down_loses_a_write());
    if (!broken_rule_goes_wrong(RULE_WHOLE_LIST, commit_without_the_down_loses_a_write))
        skip();
}

static void test_strong_rules__shrinking_the_list_lets_it_commit(void **state)
{
    (void)state;
    struct strong_bench *bench = three_with_old();
    struct replica_set set = bench_set(ALL, 0, 0, P);
    bench_map(bench, node_bit(P) | node_bit(Q), &set);
    bench_run(bench);
    uint64_t put = bench_put(bench, P, KEY, "new");
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_COUNT);
    struct wants *wants = &bench->nodes[P]->strong.wants;
    assert_int_equal(wants->shrink_count, 1);
    assert_true(slot_set_has(&wants->shrinks[0].slots, slot_of_key(slice_of_text(KEY))));
    set = bench_set(node_bit(P) | node_bit(Q), 0, 0, P);
    bench_map(bench, node_bit(P) | node_bit(Q), &set);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "new"));
    bench_free(bench);
}

// --- takeover, greatest-record

// P is gone: first down, then dropped. Whether both others answer a read with "new" then.
static bool others_give_new(struct strong_bench *bench)
{
    node_set others = node_bit(B) | node_bit(Q);
    bench_lose_all(bench);
    struct replica_set set = bench_set(ALL, 0, 0, Q);
    bench_map(bench, others, &set);
    bench_run(bench);
    set = bench_set(others, 0, 0, Q);
    bench_map(bench, others, &set);
    bench_run(bench);
    uint64_t at_b = bench_read(bench, B, KEY);
    uint64_t at_q = bench_read(bench, Q, KEY);
    bench_live(bench, RESENDS, RESEND_US);
    return bench_gave(bench, at_b, "new") && bench_gave(bench, at_q, "new");
}

// A committed write whose VALs are all lost.
static bool committed_is_stuck(void)
{
    struct strong_bench *bench = three_with_old();
    uint64_t put = bench_put(bench, P, KEY, "new");
    bench_durable(bench, P);
    round_trip(bench, P, B);
    round_trip(bench, P, Q);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    bool stuck = !others_give_new(bench);
    bench_free(bench);
    return stuck;
}

static void test_strong_rules__takeover_ends_what_is_in_flight(void **state)
{
    (void)state;
    assert_false(committed_is_stuck());
    if (!broken_rule_goes_wrong(RULE_TAKEOVER, committed_is_stuck))
        skip();
}

// The write reached B only; Q, which has the record before, takes over.
static bool greater_at_a_peer_is_stuck(void)
{
    struct strong_bench *bench = three_with_old();
    bench_put(bench, P, KEY, "new");
    bench_lose(bench, P, Q, MESSAGE_INV);
    round_trip(bench, P, B);
    bool stuck = !others_give_new(bench);
    bench_free(bench);
    return stuck;
}

static void test_strong_rules__takeover_takes_the_greatest_record(void **state)
{
    (void)state;
    assert_false(greater_at_a_peer_is_stuck());
    if (!broken_rule_goes_wrong(RULE_GREATEST_RECORD, greater_at_a_peer_is_stuck))
        skip();
}

// --- joiner-in-flight

// "new" is in flight at A; C and J never got it, J syncs and is promoted. `early` is a read at J
// then.
static struct strong_bench *joined_amid_a_write(uint64_t *early)
{
    node_set list = node_bit(A) | node_bit(C);
    struct strong_bench *bench = bench_new(3);
    struct replica_set set = bench_set(list, 0, 0, A);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    bench_put(bench, A, KEY, "old");
    bench_run(bench);
    set = bench_set(list, node_bit(J), 2, A);
    bench_map(bench, ALL, &set);
    round_trip(bench, A, C);
    bench_deliver(bench, A, J);
    bench_deliver(bench, J, A);
    bench_put(bench, A, KEY, "new");
    assert_int_equal(bench_lose(bench, A, C, MESSAGE_INV), 1);
    assert_int_equal(bench_lose(bench, A, J, MESSAGE_INV), 1);
    bench_run(bench);
    assert_true(bench_holds(bench, J, KEY, "new"));
    set = bench_set(ALL, 0, 0, A);
    bench_map(bench, ALL, &set);
    *early = bench_read(bench, J, KEY);
    return bench;
}

static bool joiner_reads_ahead(void)
{
    uint64_t early;
    struct strong_bench *bench = joined_amid_a_write(&early);
    bool ahead =
        bench_gave(bench, early, "new") && bench_gave(bench, bench_read(bench, C, KEY), "old");
    bench_free(bench);
    return ahead;
}

static void test_strong_rules__in_flight_at_the_authority_is_in_flight_at_the_joiner(void **state)
{
    (void)state;
    assert_false(joiner_reads_ahead());
    if (!broken_rule_goes_wrong(RULE_JOINER_IN_FLIGHT, joiner_reads_ahead))
        skip();
}

static void test_strong_rules__what_a_joiner_got_in_flight_commits(void **state)
{
    (void)state;
    uint64_t early;
    struct strong_bench *bench = joined_amid_a_write(&early);
    assert_int_equal(bench_error(bench, early), ERR_COUNT);
    bench_run(bench);
    assert_true(bench_gave(bench, early, "new"));
    assert_true(bench_gave(bench, bench_read(bench, C, KEY), "new"));
    bench_free(bench);
}

// --- keep-certificate

// The records that J fetched are late: meanwhile one of them is deleted.
static bool deleted_key_is_back(void)
{
    struct strong_bench *bench = bench_new(3);
    struct replica_set set = bench_set(node_bit(A), 0, 0, A);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    bench_put(bench, A, KEY, "old");
    bench_run(bench);
    set = bench_set(node_bit(A), node_bit(J), 2, A);
    bench_map(bench, ALL, &set);
    bench_run_until(bench, A, J, MESSAGE_SYNC_RECORDS);
    struct bench_message *late = bench_take(bench, A, J, MESSAGE_SYNC_RECORDS);
    uint64_t deletion = bench_delete(bench, A, KEY);
    bench_run(bench);
    assert_int_equal(bench_error(bench, deletion), ERR_OK);
    bench_hand(bench, A, J, late);
    bench_run(bench);
    set = bench_set(node_bit(A) | node_bit(J), 0, 0, A);
    bench_map(bench, ALL, &set);
    bench_run(bench);
    uint64_t read = bench_read(bench, J, KEY);
    bool back = bench_gave(bench, read, "old");
    assert_true(back || bench_error(bench, read) == ERR_NOT_FOUND);
    bench_free(bench);
    return back;
}

static void test_strong_rules__certificates_stay_while_someone_joins(void **state)
{
    (void)state;
    assert_false(deleted_key_is_back());
    if (!broken_rule_goes_wrong(RULE_KEEP_CERTIFICATE, deleted_key_is_back))
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_strong_rules__acks_start_afresh, broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__what_was_taken_over_commits_everywhere,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__commit_needs_the_down_ones_too,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__shrinking_the_list_lets_it_commit,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__takeover_ends_what_is_in_flight,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__takeover_takes_the_greatest_record,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(
            test_strong_rules__in_flight_at_the_authority_is_in_flight_at_the_joiner,
            broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__what_a_joiner_got_in_flight_commits,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(test_strong_rules__certificates_stay_while_someone_joins,
                                  broken_rule_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
