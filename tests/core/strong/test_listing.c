#include "strong_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { A = 1, B = 2, KEYS = 30, PAGES_MAX = 100, LIMIT = 100 };

#define BOTH (node_bit(A) | node_bit(B))

// Two nodes in sync in every slot, A the primary.
static struct strong_bench *two(void)
{
    struct strong_bench *bench = bench_new(2);
    struct replica_set set = bench_set(BOTH, 0, 0, A);
    bench_make_whole_map(bench, BOTH, &set);
    bench_tell(bench, A);
    bench_tell(bench, B);
    bench_run(bench);
    return bench;
}

static void put_all(struct strong_bench *bench, const char *key)
{
    uint64_t put = bench_put(bench, A, key, "value");
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
}

static uint64_t list_from(struct strong_bench *bench, node_id id, const char *prefix,
                          uint32_t limit, struct list_cursor cursor)
{
    struct request request = {
        .kind = REQUEST_LIST, .prefix = slice_of_text(prefix), .limit = limit, .cursor = cursor};
    return bench_request(bench, id, &request);
}

static uint64_t list_all(struct strong_bench *bench, node_id id)
{
    return list_from(bench, id, "", LIMIT, (struct list_cursor){0});
}

static unsigned entries_of(const struct bench_answer *answer)
{
    struct cursor in = cursor_of(buf_slice(&answer->entries));
    struct list_entry entry;
    unsigned count = 0;
    while (list_entry_next(&in, &entry))
        count++;
    assert_false(in.failed);
    return count;
}

static bool has_entry(const struct bench_answer *answer, const char *key)
{
    struct cursor in = cursor_of(buf_slice(&answer->entries));
    struct list_entry entry;
    while (list_entry_next(&in, &entry))
        if (slice_equal(entry.key, slice_of_text(key)))
            return true;
    return false;
}

// Gives how many entries all pages have together, from the beginning on; each holds `limit` at
// most.
static unsigned walk(struct strong_bench *bench, node_id id, const char *prefix, uint32_t limit)
{
    struct list_cursor cursor = {0};
    unsigned count = 0;
    for (unsigned page = 0; cursor.slot < SLOTS; page++) {
        assert_in_range(page, 0, PAGES_MAX);
        const struct bench_answer *answer =
            bench_answer(bench, list_from(bench, id, prefix, limit, cursor));
        assert_true(answer->given && answer->error == ERR_OK);
        assert_in_range(entries_of(answer), 0, limit);
        count += entries_of(answer);
        cursor = (struct list_cursor){.slot = answer->cursor_slot,
                                      .key = buf_slice(&answer->cursor_key)};
    }
    return count;
}

static void test_listing__pages_give_each_key_once(void **state)
{
    (void)state;
    struct strong_bench *bench = two();
    char key[32];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%s%u", i % 2 == 0 ? "even-" : BENCH_TAG, i);
        put_all(bench, key);
    }
    uint64_t deletion = bench_delete(bench, A, "even-0");
    bench_run(bench);
    assert_int_equal(bench_error(bench, deletion), ERR_OK);
    for (uint32_t limit = 1; limit <= 7; limit += 2)
        for (node_id id = A; id <= B; id++)
            assert_int_equal(walk(bench, id, "", limit), KEYS - 1);
    assert_int_equal(walk(bench, B, "even-", 3), KEYS / 2 - 1);
    assert_int_equal(walk(bench, B, "odd", 3), 0);
    bench_free(bench);
}

static void test_listing__goes_on_after_the_longest_key(void **state)
{
    (void)state;
    struct strong_bench *bench = two();
    char longest[KEY_BYTES_MAX + 1];
    memset(longest, 'x', KEY_BYTES_MAX);
    memcpy(longest, BENCH_TAG, strlen(BENCH_TAG));
    longest[KEY_BYTES_MAX] = '\0';
    put_all(bench, longest);
    put_all(bench, BENCH_TAG "y");
    uint16_t slot = slot_of_key(slice_of_text(BENCH_TAG));
    struct list_cursor cursor = {.slot = slot, .key = slice_of_text(longest)};
    const struct bench_answer *rest = bench_answer(bench, list_from(bench, A, "", LIMIT, cursor));
    assert_int_equal(entries_of(rest), 1);
    assert_true(has_entry(rest, BENCH_TAG "y"));
    assert_int_equal(walk(bench, A, "", 1), 2);
    bench_free(bench);
}

// Two keys, the first in the lower slot.
static void two_keys(char keys[2][8])
{
    snprintf(keys[0], sizeof keys[0], "a");
    snprintf(keys[1], sizeof keys[1], "b");
    if (slot_of_key(slice_of_text(keys[0])) > slot_of_key(slice_of_text(keys[1]))) {
        snprintf(keys[0], sizeof keys[0], "b");
        snprintf(keys[1], sizeof keys[1], "a");
    }
}

static void test_listing__ends_before_a_slot_in_flight_and_waits_there(void **state)
{
    (void)state;
    struct strong_bench *bench = two();
    char keys[2][8];
    two_keys(keys);
    put_all(bench, keys[0]);
    bench_put(bench, A, keys[1], "new");
    bench_deliver(bench, A, B);
    uint64_t waiting[2];
    for (node_id id = A; id <= B; id++) {
        const struct bench_answer *page = bench_answer(bench, list_all(bench, id));
        assert_true(page->given);
        assert_int_equal(entries_of(page), 1);
        assert_true(has_entry(page, keys[0]));
        assert_int_equal(page->cursor_slot, slot_of_key(slice_of_text(keys[1])));
        waiting[id - A] =
            list_from(bench, id, "", LIMIT, (struct list_cursor){.slot = page->cursor_slot});
        assert_int_equal(bench_error(bench, waiting[id - A]), ERR_COUNT);
        // Another prefix is not concerned.
        struct list_cursor there = {.slot = page->cursor_slot};
        assert_int_equal(bench_error(bench, list_from(bench, id, "none", LIMIT, there)), ERR_OK);
    }
    bench_run(bench);
    for (unsigned i = 0; i < 2; i++) {
        const struct bench_answer *page = bench_answer(bench, waiting[i]);
        assert_true(page->given && page->error == ERR_OK);
        assert_int_equal(entries_of(page), 1);
        assert_true(has_entry(page, keys[1]));
        assert_int_equal(page->cursor_slot, SLOTS);
    }
    bench_free(bench);
}

// Writes and a listing wait for one flight together: both go on.
static void test_listing__waits_beside_writes(void **state)
{
    (void)state;
    struct strong_bench *bench = two();
    uint16_t slot = slot_of_key(slice_of_text(BENCH_TAG));
    bench_put(bench, A, BENCH_TAG "k", "one");
    uint64_t put = bench_put(bench, A, BENCH_TAG "k", "two");
    uint64_t listing = list_from(bench, A, "", LIMIT, (struct list_cursor){.slot = slot});
    assert_int_equal(bench_error(bench, listing), ERR_COUNT);
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    assert_int_equal(bench_error(bench, listing), ERR_OK);
    assert_true(has_entry(bench_answer(bench, listing), BENCH_TAG "k"));
    bench_free(bench);
}

static void test_listing__ends_before_a_slot_that_is_not_served(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(2);
    struct replica_set set = bench_set(BOTH, 0, 0, A);
    bench_map(bench, BOTH, &set);
    bench_run(bench);
    put_all(bench, BENCH_TAG "k");
    uint16_t slot = slot_of_key(slice_of_text(BENCH_TAG));
    uint64_t listing = list_from(bench, B, "", LIMIT, (struct list_cursor){.slot = slot});
    assert_int_equal(bench_error(bench, listing), ERR_OK);
    assert_int_equal(entries_of(bench_answer(bench, listing)), 1);
    assert_int_equal(bench_answer(bench, listing)->cursor_slot, slot + 1);
    assert_int_equal(bench_error(bench, list_all(bench, B)), ERR_RETRY);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing__pages_give_each_key_once),
        cmocka_unit_test(test_listing__goes_on_after_the_longest_key),
        cmocka_unit_test(test_listing__ends_before_a_slot_in_flight_and_waits_there),
        cmocka_unit_test(test_listing__waits_beside_writes),
        cmocka_unit_test(test_listing__ends_before_a_slot_that_is_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
