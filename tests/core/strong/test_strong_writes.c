#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY BENCH_TAG "k"

enum { P = 1, B = 2, Q = 3, OUTSIDER = 4, SEND_AGAIN_US = 61 * 1000 };

#define ALL (node_bit(P) | node_bit(B) | node_bit(Q))

// Three nodes in sync, P the primary, and a fourth without replicas of the tests' slot.
static struct strong_bench *three(void)
{
    struct strong_bench *bench = bench_new(4);
    struct replica_set set = bench_set(ALL, 0, 0, P);
    bench_map(bench, ALL | node_bit(OUTSIDER), &set);
    bench_run(bench);
    return bench;
}

static struct stamp put_all(struct strong_bench *bench, const char *key, const char *value)
{
    uint64_t put = bench_put(bench, P, key, value);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    return bench_answer(bench, put)->stamp;
}

static uint64_t put_if(struct strong_bench *bench, const char *value, enum condition condition,
                       struct stamp expected)
{
    return bench_request(bench, P,
                         &(struct request){.kind = REQUEST_PUT,
                                           .key = slice_of_text(KEY),
                                           .value = slice_of_text(value),
                                           .condition = condition,
                                           .expected = expected});
}

// One INV goes out, is persisted and acknowledged.
static void acknowledge(struct strong_bench *bench, node_id id)
{
    bench_deliver_kind(bench, P, id, MESSAGE_INV);
    bench_durable(bench, id);
    bench_deliver_kind(bench, id, P, MESSAGE_ACK);
}

static void test_strong_writes__are_read_everywhere(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    struct stamp stamp = put_all(bench, KEY, "value");
    for (node_id id = P; id <= Q; id++) {
        uint64_t read = bench_read(bench, id, KEY);
        assert_true(bench_gave(bench, read, "value"));
        assert_int_equal(stamp_compare(bench_answer(bench, read)->stamp, stamp), 0);
        // The record, and no mark.
        assert_int_equal(memory_store_kept(&bench->nodes[id]->memory), 1);
    }
    bench_free(bench);
}

static void test_strong_writes__delete_leaves_nothing(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t none = bench_delete(bench, P, KEY);
    assert_int_equal(bench_error(bench, none), ERR_NOT_FOUND);
    put_all(bench, KEY, "value");
    uint64_t deletion = bench_delete(bench, P, KEY);
    bench_run(bench);
    assert_int_equal(bench_error(bench, deletion), ERR_OK);
    assert_true(bench_answer(bench, deletion)->existed);
    for (node_id id = P; id <= Q; id++) {
        assert_int_equal(bench_error(bench, bench_read(bench, id, KEY)), ERR_NOT_FOUND);
        assert_int_equal(memory_store_kept(&bench->nodes[id]->memory), 0);
    }
    bench_free(bench);
}

static void test_strong_writes__compare_and_set(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    struct stamp zero = {0};
    assert_int_equal(bench_error(bench, put_if(bench, "x", CONDITION_PRESENT, zero)), ERR_MISMATCH);
    uint64_t made = put_if(bench, "one", CONDITION_ABSENT, zero);
    bench_run(bench);
    assert_int_equal(bench_error(bench, made), ERR_OK);
    struct stamp one = bench_answer(bench, made)->stamp;
    uint64_t again = put_if(bench, "x", CONDITION_ABSENT, zero);
    assert_int_equal(bench_error(bench, again), ERR_MISMATCH);
    assert_int_equal(stamp_compare(bench_answer(bench, again)->stamp, one), 0);
    uint64_t swap = put_if(bench, "two", CONDITION_STAMP, one);
    bench_run(bench);
    assert_int_equal(bench_error(bench, swap), ERR_OK);
    assert_true(bench_answer(bench, swap)->existed);
    assert_int_equal(bench_error(bench, put_if(bench, "x", CONDITION_STAMP, one)), ERR_MISMATCH);
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "two"));
    bench_free(bench);
}

static void test_strong_writes__commit_when_all_hold_them(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t put = bench_put(bench, P, KEY, "value");
    bench_deliver(bench, P, B);
    assert_int_equal(bench_count(bench, B, P, MESSAGE_ACK), 0);
    bench_durable(bench, B);
    bench_deliver(bench, B, P);
    bench_durable(bench, P);
    assert_int_equal(bench_error(bench, put), ERR_COUNT);
    acknowledge(bench, Q);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_int_equal(bench_count(bench, P, B, MESSAGE_VAL), 1);
    assert_int_equal(bench_count(bench, P, Q, MESSAGE_VAL), 1);
    bench_free(bench);
}

static void test_strong_writes__commit_when_the_primary_holds_them_too(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t put = bench_put(bench, P, KEY, "value");
    acknowledge(bench, B);
    acknowledge(bench, Q);
    assert_int_equal(bench_error(bench, put), ERR_COUNT);
    bench_durable(bench, P);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    bench_free(bench);
}

static void test_strong_writes__reads_wait_for_the_commit(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    put_all(bench, KEY, "old");
    bench_put(bench, P, KEY, "new");
    bench_deliver(bench, P, B);
    uint64_t at_primary = bench_read(bench, P, KEY);
    uint64_t at_backup = bench_read(bench, B, KEY);
    struct request local = {
        .kind = REQUEST_READ, .key = slice_of_text(KEY), .consistency = CONSISTENCY_LOCAL};
    assert_true(bench_gave(bench, bench_request(bench, B, &local), "old"));
    assert_true(bench_gave(bench, bench_read(bench, Q, KEY), "old"));
    bench_durable(bench, B);
    bench_durable(bench, P);
    bench_deliver(bench, B, P);
    assert_int_equal(bench_error(bench, at_primary), ERR_COUNT);
    assert_int_equal(bench_error(bench, at_backup), ERR_COUNT);
    bench_run(bench);
    assert_true(bench_gave(bench, at_primary, "new"));
    assert_true(bench_gave(bench, at_backup, "new"));
    bench_free(bench);
}

// Several writes of one key that wait for its flight become one record.
static void test_strong_writes__waiting_ones_become_one_record(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t a = bench_put(bench, P, KEY, "a");
    uint64_t b = bench_put(bench, P, KEY, "b");
    uint64_t mismatch = put_if(bench, "x", CONDITION_ABSENT, (struct stamp){0});
    uint64_t c = bench_put(bench, P, KEY, "c");
    acknowledge(bench, B);
    acknowledge(bench, Q);
    bench_durable(bench, P);
    assert_int_equal(bench_error(bench, a), ERR_OK);
    assert_int_equal(bench_error(bench, b), ERR_COUNT);
    // It rests on "b", which is not committed yet.
    assert_int_equal(bench_error(bench, mismatch), ERR_COUNT);
    assert_int_equal(bench_count(bench, P, B, MESSAGE_INV), 1);
    bench_run(bench);
    assert_int_equal(bench_error(bench, b), ERR_OK);
    assert_int_equal(bench_error(bench, mismatch), ERR_MISMATCH);
    assert_int_equal(bench_error(bench, c), ERR_OK);
    assert_true(stamp_compare(bench_answer(bench, b)->stamp, bench_answer(bench, a)->stamp) > 0);
    assert_true(stamp_compare(bench_answer(bench, c)->stamp, bench_answer(bench, b)->stamp) > 0);
    assert_int_equal(
        stamp_compare(bench_answer(bench, mismatch)->stamp, bench_answer(bench, b)->stamp), 0);
    for (node_id id = P; id <= Q; id++)
        assert_true(bench_gave(bench, bench_read(bench, id, KEY), "c"));
    bench_free(bench);
}

// The first of the queue is answered at once and is gone when the next one is ordered.
static void test_strong_writes__first_waiting_one_may_end_at_once(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    struct stamp none = {0};
    bench_put(bench, P, KEY, "a");
    uint64_t first = put_if(bench, "x", CONDITION_ABSENT, none);
    uint64_t second = put_if(bench, "y", CONDITION_STAMP, none);
    uint64_t third = bench_put(bench, P, KEY, "b");
    acknowledge(bench, B);
    acknowledge(bench, Q);
    bench_durable(bench, P);
    assert_int_equal(bench_error(bench, first), ERR_MISMATCH);
    assert_int_equal(bench_error(bench, second), ERR_MISMATCH);
    assert_int_equal(bench_error(bench, third), ERR_COUNT);
    uint64_t fourth = put_if(bench, "z", CONDITION_ABSENT, none);
    bench_run(bench);
    assert_int_equal(bench_error(bench, third), ERR_OK);
    assert_int_equal(bench_error(bench, fourth), ERR_MISMATCH);
    assert_true(bench_gave(bench, bench_read(bench, B, KEY), "b"));
    assert_null(bench_flight(bench, P, KEY));
    bench_free(bench);
}

static void test_strong_writes__repeated_operation_is_done_once(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    struct request request = {.kind = REQUEST_PUT,
                              .key = slice_of_text(KEY),
                              .value = slice_of_text("once"),
                              .condition = CONDITION_ABSENT,
                              .operation = {.high = 1, .low = 2}};
    uint64_t one = bench_request(bench, P, &request);
    uint64_t two = bench_request(bench, P, &request);
    bench_run(bench);
    uint64_t three_times = bench_request(bench, P, &request);
    assert_int_equal(bench_error(bench, one), ERR_OK);
    assert_int_equal(bench_error(bench, two), ERR_OK);
    assert_int_equal(bench_error(bench, three_times), ERR_OK);
    assert_int_equal(
        stamp_compare(bench_answer(bench, one)->stamp, bench_answer(bench, two)->stamp), 0);
    assert_int_equal(
        stamp_compare(bench_answer(bench, one)->stamp, bench_answer(bench, three_times)->stamp), 0);
    bench_free(bench);
}

static void lose_one_of(enum message_kind kind)
{
    struct strong_bench *bench = three();
    node_id from = kind == MESSAGE_ACK ? B : P;
    node_id to = kind == MESSAGE_ACK ? P : B;
    uint64_t put = bench_put(bench, P, KEY, "value");
    bench_run_until(bench, from, to, kind);
    assert_int_equal(bench_lose(bench, from, to, kind), 1);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), kind == MESSAGE_VAL ? ERR_OK : ERR_COUNT);
    uint64_t read = bench_read(bench, B, KEY);
    bench_live(bench, 1, SEND_AGAIN_US);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    if (kind == MESSAGE_INV)
        read = bench_read(bench, B, KEY);
    assert_true(bench_gave(bench, read, "value"));
    assert_null(bench_flight(bench, B, KEY));
    bench_free(bench);
}

static void test_strong_writes__outlive_lost_messages(void **state)
{
    (void)state;
    lose_one_of(MESSAGE_INV);
    lose_one_of(MESSAGE_ACK);
    lose_one_of(MESSAGE_VAL);
}

// Late words on "a" say nothing of "b".
static void test_strong_writes__late_val_ends_no_newer_record(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench_put(bench, P, KEY, "a");
    bench_run_until(bench, P, B, MESSAGE_VAL);
    struct bench_message *late = bench_take(bench, P, B, MESSAGE_VAL);
    uint64_t b = bench_put(bench, P, KEY, "b");
    bench_deliver_kind(bench, P, B, MESSAGE_INV);
    bench_hand(bench, P, B, late);
    uint64_t read = bench_read(bench, B, KEY);
    assert_int_equal(bench_error(bench, read), ERR_COUNT);
    bench_run(bench);
    assert_int_equal(bench_error(bench, b), ERR_OK);
    assert_true(bench_gave(bench, read, "b"));
    bench_free(bench);
}

static void test_strong_writes__late_ack_counts_for_no_newer_record(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench_put(bench, P, KEY, "a");
    bench_run_until(bench, B, P, MESSAGE_ACK);
    struct bench_message *late = bench_take(bench, B, P, MESSAGE_ACK);
    bench_live(bench, 1, SEND_AGAIN_US);
    assert_true(bench_gave(bench, bench_read(bench, B, KEY), "a"));
    uint64_t b = bench_put(bench, P, KEY, "b");
    bench_durable(bench, P);
    acknowledge(bench, Q);
    bench_hand(bench, B, P, late);
    assert_int_equal(bench_error(bench, b), ERR_COUNT);
    bench_run(bench);
    assert_int_equal(bench_error(bench, b), ERR_OK);
    bench_free(bench);
}

static void test_strong_writes__are_given_back_by_who_is_not_the_primary(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    assert_int_equal(bench_error(bench, bench_put(bench, B, KEY, "x")), ERR_RETRY);
    assert_int_equal(bench_error(bench, bench_put(bench, OUTSIDER, KEY, "x")), ERR_RETRY);
    assert_int_equal(bench_error(bench, bench_read(bench, OUTSIDER, KEY)), ERR_RETRY);
    bench_free(bench);
}

static void test_strong_writes__wait_for_the_takeover(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    struct replica_set set = bench_set(ALL, 0, 0, Q);
    bench_map(bench, ALL | node_bit(OUTSIDER), &set);
    uint64_t put = bench_put(bench, Q, KEY, "value");
    assert_int_equal(bench_count(bench, Q, B, MESSAGE_INV), 0);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_true(bench_gave(bench, bench_read(bench, P, KEY), "value"));
    bench_free(bench);
}

static void test_strong_writes__are_acknowledged_once_persisted(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    bench_put(bench, P, KEY, "value");
    bench_pass(bench, SEND_AGAIN_US);
    assert_int_equal(bench_count(bench, P, B, MESSAGE_INV), 2);
    bench_deliver(bench, P, B);
    assert_int_equal(bench_count(bench, B, P, MESSAGE_ACK), 0);
    bench_durable(bench, B);
    assert_int_equal(bench_count(bench, B, P, MESSAGE_ACK), 1);
    bench_free(bench);
}

// What waits behind a record in flight is given back when another node is to order it.
static void test_strong_writes__that_wait_are_given_back_with_the_primary(void **state)
{
    (void)state;
    struct strong_bench *bench = three();
    uint64_t put = bench_put(bench, P, KEY, "first");
    uint64_t queued = bench_put(bench, P, KEY, "second");
    uint64_t read = bench_read(bench, P, KEY);
    struct replica_set set = bench_set(ALL, 0, 0, Q);
    bench_map(bench, ALL | node_bit(OUTSIDER), &set);
    assert_int_equal(bench_error(bench, queued), ERR_RETRY);
    assert_int_equal(bench_error(bench, put), ERR_COUNT);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_true(bench_gave(bench, read, "first"));
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strong_writes__are_read_everywhere),
        cmocka_unit_test(test_strong_writes__delete_leaves_nothing),
        cmocka_unit_test(test_strong_writes__compare_and_set),
        cmocka_unit_test(test_strong_writes__commit_when_all_hold_them),
        cmocka_unit_test(test_strong_writes__commit_when_the_primary_holds_them_too),
        cmocka_unit_test(test_strong_writes__reads_wait_for_the_commit),
        cmocka_unit_test(test_strong_writes__waiting_ones_become_one_record),
        cmocka_unit_test(test_strong_writes__first_waiting_one_may_end_at_once),
        cmocka_unit_test(test_strong_writes__repeated_operation_is_done_once),
        cmocka_unit_test(test_strong_writes__outlive_lost_messages),
        cmocka_unit_test(test_strong_writes__late_val_ends_no_newer_record),
        cmocka_unit_test(test_strong_writes__late_ack_counts_for_no_newer_record),
        cmocka_unit_test(test_strong_writes__are_given_back_by_who_is_not_the_primary),
        cmocka_unit_test(test_strong_writes__wait_for_the_takeover),
        cmocka_unit_test(test_strong_writes__are_acknowledged_once_persisted),
        cmocka_unit_test(test_strong_writes__that_wait_are_given_back_with_the_primary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
