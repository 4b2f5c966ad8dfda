// One peer: what is asked of it, and when it answers.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>

enum { A, B, KEYS = 200, STEPS = 3000, LARGE = 8 << 20 };

static struct epidemic_bench *bench_that_holds(void)
{
    struct epidemic_bench *bench = epidemic_bench_new(2);
    bench->peers[A].holds = true;
    return bench;
}

// --- writes

static void test_epidemic__answers_a_write_once_it_is_durable(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_that_holds();
    size_t put = epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, 30 * SECOND);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_COUNT);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "v"); // its own reader sees it
    epidemic_bench_sync(bench, A);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_OK);
    size_t delete = epidemic_bench_delete(bench, A, "k");
    assert_int_equal(epidemic_bench_error(bench, delete), ERR_COUNT);
    epidemic_bench_sync(bench, A);
    assert_int_equal(epidemic_bench_error(bench, delete), ERR_OK);
    assert_true(bench->replies[delete].existed);
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "-");
    epidemic_bench_free(bench);
}

static void test_epidemic__answers_in_order_what_gets_durable_bit_by_bit(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    size_t puts[KEYS];
    bench->sync_us = 5 * MS;
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        puts[i] = epidemic_bench_put(bench, A, key, "v");
        epidemic_bench_run(bench, 1 * MS);
        for (unsigned j = 0; j <= i; j++)
            assert_int_equal(epidemic_bench_error(bench, puts[j]),
                             j + 5 <= i + 1 ? ERR_OK : ERR_COUNT);
    }
    epidemic_bench_free(bench);
}

static void test_epidemic__refuses_at_once(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_that_holds();
    struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text("k"), .condition = CONDITION_PRESENT};
    size_t mismatch = epidemic_bench_ask(bench, A, &request);
    assert_int_equal(epidemic_bench_error(bench, mismatch), ERR_MISMATCH);
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_delete(bench, A, "k")),
                     ERR_NOT_FOUND);
    request = (struct request){.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_FAIL}};
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &request)),
                     ERR_INVALID);
    request = (struct request){.kind = REQUEST_SUBSCRIBE};
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &request)),
                     ERR_INVALID);
    request = (struct request){.kind = REQUEST_READ};
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &request)),
                     ERR_INVALID);
    assert_int_equal(
        epidemic_bench_error(bench, epidemic_bench_put_bytes(bench, A, "k", VALUE_BYTES_MAX + 1)),
        ERR_TOO_LARGE);
    epidemic_bench_crash(bench, A, 0);
    epidemic_bench_start_bare(bench, A);
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_put(bench, A, "k", "v")),
                     ERR_NOT_FOUND);
    epidemic_bench_free(bench);
}

static void test_epidemic__is_busy_while_much_waits_for_the_store(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_that_holds();
    char key[16];
    unsigned count = 0;
    size_t put;
    do {
        snprintf(key, sizeof key, "k%u", count++);
        put = epidemic_bench_put_bytes(bench, A, key, LARGE);
        assert_in_range(count, 1, OVERLAY_BYTES_MAX / LARGE);
    } while (epidemic_bench_error(bench, put) == ERR_COUNT);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_BUSY);
    assert_string_equal(epidemic_bench_read(bench, A, "absent"), "-");
    const struct request keep = {
        .kind = REQUEST_KEEP, .key = slice_of_text("k"), .value = slice_of_text("v")};
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &keep)), ERR_BUSY);
    // And it does not look again and again whether it may go on.
    uint64_t ticks = bench->peers[A].ticks;
    epidemic_bench_run(bench, SECOND);
    assert_in_range(bench->peers[A].ticks - ticks, 0, 100);
    epidemic_bench_sync(bench, A);
    put = epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_sync(bench, A);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_OK);
    epidemic_bench_free(bench);
}

static void test_epidemic__takes_deletes_and_no_puts_without_room(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_core(bench, A)->room_low = true;
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_put(bench, A, "l", "v")), ERR_FULL);
    size_t delete = epidemic_bench_delete(bench, A, "k");
    epidemic_bench_core(bench, A)->room_low = false;
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, delete), ERR_OK);
    size_t put = epidemic_bench_put(bench, A, "l", "v");
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, put), ERR_OK);
    epidemic_bench_free(bench);
}

// --- crashes

static void test_epidemic__answers_nothing_that_a_crash_takes(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_that_holds();
    size_t first = epidemic_bench_put(bench, A, "first", "v");
    epidemic_bench_run(bench, SECOND);
    size_t kept = bench->peers[A].batch_count;
    size_t second = epidemic_bench_put(bench, A, "second", "v");
    epidemic_bench_crash(bench, A, kept);
    epidemic_bench_start(bench, A);
    epidemic_bench_run(bench, SECOND);
    // The first was on the disk, and nobody had been told so.
    assert_string_equal(epidemic_bench_read(bench, A, "first"), "v");
    assert_string_equal(epidemic_bench_read(bench, A, "second"), "-");
    assert_int_equal(epidemic_bench_error(bench, first), ERR_COUNT);
    assert_int_equal(epidemic_bench_error(bench, second), ERR_COUNT);
    epidemic_bench_free(bench);
}

// What a key was written with last, and what it surely has.
struct promise {
    unsigned written;
    unsigned answered;
    size_t handle; // of the last write
};

static void expect_promises(struct epidemic_bench *bench, const struct promise *promises)
{
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16];
        unsigned value = 0;
        snprintf(key, sizeof key, "k%u", i);
        const char *text = epidemic_bench_read(bench, A, key);
        assert_true(text[0] == '-' || sscanf(text, "%u", &value) == 1);
        assert_in_range(value, promises[i].answered, promises[i].written);
    }
}

static void note_answers(const struct epidemic_bench *bench, struct promise *promises)
{
    for (unsigned i = 0; i < KEYS; i++)
        if (promises[i].written > 0 && epidemic_bench_error(bench, promises[i].handle) == ERR_OK)
            promises[i].answered = promises[i].written;
}

static void test_epidemic__keeps_what_it_answered_in_any_order_of_crashes(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct promise promises[KEYS] = {0};
    struct rng rng;
    rng_init(&rng, 11);
    for (unsigned step = 0; step < STEPS; step++) {
        struct epidemic_bench_peer *peer = &bench->peers[A];
        unsigned at = (unsigned)rng_below(&rng, KEYS);
        char key[16];
        char value[16];
        bench->sync_us = rng_below(&rng, 3) * MS;
        switch (rng_below(&rng, 40)) {
        case 0:
            epidemic_bench_crash(bench, A, rng_below(&rng, peer->batch_count + 1));
            epidemic_bench_start(bench, A);
            expect_promises(bench, promises);
            break;
        case 1:
            epidemic_bench_run(bench, rng_below(&rng, 20) * MS);
            break;
        case 2:
            peer->holds = !peer->holds;
            break;
        case 3:
            epidemic_bench_sync(bench, A);
            break;
        default:
            snprintf(key, sizeof key, "k%u", at);
            snprintf(value, sizeof value, "%u", ++promises[at].written);
            promises[at].handle = epidemic_bench_put(bench, A, key, value);
        }
        note_answers(bench, promises);
    }
    epidemic_bench_sync(bench, A);
    note_answers(bench, promises);
    expect_promises(bench, promises);
    epidemic_bench_free(bench);
}

static void test_epidemic__tells_nobody_of_what_is_not_durable(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_that_holds();
    bench->setting.anti_entropy_ms = 3600 * 1000;
    epidemic_bench_crash(bench, A, 0);
    epidemic_bench_start(bench, A);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 5 * SECOND);
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, 5 * SECOND);
    assert_int_equal(bench->peers[A].sent[MESSAGE_RUMOR], 0);
    epidemic_bench_sync(bench, A);
    epidemic_bench_run(bench, 5 * SECOND);
    assert_true(bench->peers[A].sent[MESSAGE_RUMOR] > 0);
    epidemic_bench_free(bench);
}

// --- the feed

static void expect_next(const struct feed *feed, uint64_t after, const char *key)
{
    struct feed_change change;
    assert_int_equal(feed_after(feed, after, &change), ERR_OK);
    assert_int_equal(change.number, after + 1);
    assert_int_equal(change.space, EPIDEMIC_BENCH_SPACE);
    assert_true(slice_equal(change.key, slice_of_text(key)));
}

static void test_epidemic__feeds_readers_who_follow(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(2);
    struct epidemic *reader = epidemic_bench_core(bench, B);
    struct feed_change change;
    epidemic_bench_meet_all(bench);
    epidemic_bench_put(bench, A, "before", "v");
    epidemic_bench_run(bench, 5 * SECOND);
    assert_int_equal(reader->feed.last, 0); // nobody followed
    reader->is_followed = true;
    epidemic_bench_put(bench, A, "k", "v");
    epidemic_bench_run(bench, 5 * SECOND);
    epidemic_bench_put(bench, B, "own", "v");
    epidemic_bench_delete(bench, A, "k");
    epidemic_bench_run(bench, 5 * SECOND);
    expect_next(&reader->feed, 0, "k");
    expect_next(&reader->feed, 1, "own");
    expect_next(&reader->feed, 2, "k");
    assert_int_equal(feed_after(&reader->feed, 3, &change), ERR_NOT_FOUND);
    epidemic_bench_free(bench);
}

static void test_epidemic__tells_a_reader_that_lags(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct epidemic *core = epidemic_bench_core(bench, A);
    struct feed_change change;
    core->is_followed = true;
    for (unsigned i = 0; i <= FEED_CHANGES_MAX; i++) {
        char value[16];
        snprintf(value, sizeof value, "%u", i);
        epidemic_bench_put(bench, A, "k", value);
        if (i % 64 == 0)
            epidemic_bench_run(bench, 10 * MS);
    }
    assert_int_equal(feed_after(&core->feed, 0, &change), ERR_TOO_LARGE);
    assert_int_equal(feed_after(&core->feed, 1, &change), ERR_OK);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic__answers_a_write_once_it_is_durable),
        cmocka_unit_test(test_epidemic__answers_in_order_what_gets_durable_bit_by_bit),
        cmocka_unit_test(test_epidemic__refuses_at_once),
        cmocka_unit_test(test_epidemic__is_busy_while_much_waits_for_the_store),
        cmocka_unit_test(test_epidemic__takes_deletes_and_no_puts_without_room),
        cmocka_unit_test(test_epidemic__answers_nothing_that_a_crash_takes),
        cmocka_unit_test(test_epidemic__keeps_what_it_answered_in_any_order_of_crashes),
        cmocka_unit_test(test_epidemic__tells_nobody_of_what_is_not_durable),
        cmocka_unit_test(test_epidemic__feeds_readers_who_follow),
        cmocka_unit_test(test_epidemic__tells_a_reader_that_lags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
