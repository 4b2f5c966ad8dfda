// The judge of storms sees each kind of wrong answer, and nothing wrong in right ones.

#include "key_history.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct stamp at(uint64_t counter)
{
    return (struct stamp){.counter = counter, .id = 1};
}

static uint64_t begin(struct key_history *history, enum request_kind kind)
{
    return key_history_begin(history, &(struct request){.kind = kind});
}

static uint64_t begin_swap(struct key_history *history, uint64_t expected)
{
    return key_history_begin(history, &(struct request){.kind = REQUEST_PUT,
                                                        .condition = CONDITION_STAMP,
                                                        .expected = at(expected)});
}

// It is done, with a record of this counter.
static void wrote(struct key_history *history, uint64_t number, uint64_t counter, bool existed)
{
    bool dead = history->operations[number].kind == REQUEST_DELETE;
    key_history_ordered(history, at(counter), number, dead);
    key_history_done(history, number,
                     &(struct reply){.error = ERR_OK, .stamp = at(counter), .existed = existed});
}

static uint64_t put(struct key_history *history, uint64_t counter, bool existed)
{
    uint64_t number = begin(history, REQUEST_PUT);
    wrote(history, number, counter, existed);
    return number;
}

static void read_as(struct key_history *history, uint64_t number, uint64_t counter, uint64_t writer)
{
    uint8_t value[KEY_VALUE_BYTES];
    key_history_value(writer, value);
    key_history_done(history, number,
                     &(struct reply){.error = ERR_OK,
                                     .stamp = at(counter),
                                     .value = slice_of(value, sizeof value)});
}

static void read_now(struct key_history *history, uint64_t counter, uint64_t writer)
{
    read_as(history, begin(history, REQUEST_READ), counter, writer);
}

static void read_absence(struct key_history *history)
{
    key_history_done(history, begin(history, REQUEST_READ),
                     &(struct reply){.error = ERR_NOT_FOUND});
}

// --- right ones

static void right_run(struct key_history *history)
{
    read_absence(history);
    uint64_t early = begin(history, REQUEST_READ);
    uint64_t first = put(history, 1, false);
    uint64_t swap = begin_swap(history, 1);
    uint64_t late = begin(history, REQUEST_PUT);
    wrote(history, swap, 2, true);
    read_as(history, early, 1, first); // it began before
    read_now(history, 2, swap);
    key_history_ordered(history, at(3), late, false);
    key_history_lost(history, late);
    read_now(history, 3, late); // of unknown outcome, and done
    wrote(history, begin(history, REQUEST_DELETE), 4, true);
    read_absence(history);
    key_history_refused(history, begin(history, REQUEST_PUT));
}

// --- wrong ones

static void stale_read(struct key_history *history)
{
    uint64_t first = put(history, 1, false);
    put(history, 2, true);
    read_now(history, 1, first);
}

static void early_write(struct key_history *history)
{
    put(history, 2, false);
    put(history, 1, true);
}

static void vanished_value(struct key_history *history)
{
    put(history, 1, false);
    read_absence(history);
}

static void deleted_key_is_back(struct key_history *history)
{
    uint64_t first = put(history, 1, false);
    wrote(history, begin(history, REQUEST_DELETE), 2, true);
    read_now(history, 1, first);
}

static void unknown_version(struct key_history *history)
{
    read_now(history, 1, begin(history, REQUEST_PUT));
}

static void other_value(struct key_history *history)
{
    put(history, 1, false);
    read_now(history, 1, put(history, 2, true));
}

static void done_twice(struct key_history *history)
{
    uint64_t number = begin(history, REQUEST_PUT);
    key_history_ordered(history, at(1), number, false);
    read_now(history, 1, number);
    wrote(history, number, 2, true);
}

static void refused_and_done(struct key_history *history)
{
    uint64_t number = begin(history, REQUEST_PUT);
    key_history_ordered(history, at(1), number, false);
    key_history_refused(history, number);
    read_now(history, 1, number);
}

static void two_from_one(struct key_history *history)
{
    put(history, 1, false);
    uint64_t one = begin_swap(history, 1);
    uint64_t other = begin_swap(history, 1);
    wrote(history, one, 2, true);
    wrote(history, other, 3, true);
}

static void one_stamp_twice(struct key_history *history)
{
    key_history_ordered(history, at(1), begin(history, REQUEST_PUT), false);
    key_history_ordered(history, at(1), begin(history, REQUEST_PUT), false);
}

static void wrong_existence(struct key_history *history)
{
    put(history, 1, false);
    put(history, 2, false);
}

static void wrong_mismatch(struct key_history *history)
{
    put(history, 1, false);
    key_history_done(history, begin_swap(history, 1),
                     &(struct reply){.error = ERR_MISMATCH, .stamp = at(1)});
}

static const char *judged(void (*run)(struct key_history *history))
{
    struct key_history *history = memory_zeroed(1, sizeof *history);
    key_history_init(history);
    run(history);
    const char *violation = history->violation;
    free(history);
    return violation;
}

static void test_key_history__right_answers_pass(void **state)
{
    (void)state;
    assert_null(judged(right_run));
}

static void test_key_history__wrong_answers_are_seen(void **state)
{
    (void)state;
    static void (*const runs[])(struct key_history * history) = {
        stale_read,   early_write,     vanished_value,  deleted_key_is_back,
        other_value,  done_twice,      unknown_version, refused_and_done,
        two_from_one, one_stamp_twice, wrong_existence, wrong_mismatch};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (judged(runs[i]) == NULL)
            fail_msg("wrong answers %u pass", (unsigned)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_history__right_answers_pass),
        cmocka_unit_test(test_key_history__wrong_answers_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
