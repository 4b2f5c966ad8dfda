#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/log_record.h"
#include "adapter/log_replay.h"
#include "base/buf.h"

enum { SEED = 77, RECORDS_MAX = 16 };

struct visits {
    uint64_t sequences[RECORDS_MAX];
    size_t count;
    enum err answer;
};

static struct buf logs[LOG_FILES];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_FILES; i++)
        buf_init(&logs[i], 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_FILES; i++)
        buf_release(&logs[i]);
    return 0;
}

static void append(int log, uint64_t sequence, const char *ops)
{
    struct log_head head = log_head_of(SEED, sequence, slice_of_text(ops));
    buf_append(&logs[log], &head, sizeof head);
    buf_append_slice(&logs[log], slice_of_text(ops));
}

static enum err remember(void *context, const struct log_record *record)
{
    struct visits *visits = context;
    assert_true(visits->count < RECORDS_MAX);
    visits->sequences[visits->count++] = record->sequence;
    return visits->answer;
}

static bool replay(uint64_t first, struct visits *visits)
{
    bool gap = false;
    struct slice slices[LOG_FILES] = {buf_slice(&logs[0]), buf_slice(&logs[1])};
    assert_int_equal(log_replay(slices, SEED, first, remember, visits, &gap), visits->answer);
    return gap;
}

// Replays from `first` on and expects the numbers from `first` to `last`.
static void check_run(uint64_t first, uint64_t last, bool gap)
{
    struct visits visits = {0};
    assert_int_equal(replay(first, &visits), gap);
    assert_int_equal(visits.count, last + 1 - first);
    for (size_t i = 0; i < visits.count; i++)
        assert_int_equal(visits.sequences[i], first + i);
}

static void test_log_record__no_changed_byte_passes(void **state)
{
    (void)state;
    append(0, 1, "some operations");
    for (size_t i = 0; i < logs[0].length; i++) {
        size_t position = 0;
        struct log_record record;
        logs[0].bytes[i] ^= 0x10;
        assert_false(log_record_find(buf_slice(&logs[0]), SEED, 1, &position, &record));
        logs[0].bytes[i] ^= 0x10;
        position = 0;
        assert_true(log_record_find(buf_slice(&logs[0]), SEED, 1, &position, &record));
        assert_true(slice_equal(record.ops, slice_of_text("some operations")));
        assert_int_equal(position, logs[0].length);
    }
}

static void test_log_record__another_seed_finds_nothing(void **state)
{
    (void)state;
    append(0, 1, "some operations");
    size_t position = 0;
    struct log_record record;
    assert_false(log_record_find(buf_slice(&logs[0]), SEED + 1, 1, &position, &record));
}

static void test_log_replay__takes_the_files_in_order(void **state)
{
    (void)state;
    append(1, 1, "a");
    append(1, 2, "");
    append(0, 3, "c");
    check_run(1, 3, false);
    check_run(2, 3, false);
    check_run(3, 3, false);
    check_run(4, 3, false);
}

static void test_log_replay__passes_over_a_torn_end(void **state)
{
    (void)state;
    append(0, 1, "a");
    size_t whole = logs[0].length;
    append(0, 2, "torn operations");
    while (--logs[0].length >= whole)
        check_run(1, 1, false);
    check_run(1, 0, false);
}

static void test_log_replay__tells_a_gap_within_a_file(void **state)
{
    (void)state;
    append(0, 1, "a");
    size_t second = logs[0].length;
    append(0, 2, "b");
    append(0, 3, "c");
    logs[0].bytes[second] ^= 1;
    check_run(1, 1, true);
    check_run(3, 3, false); // what the store beneath has may be damaged
}

static void test_log_replay__tells_a_gap_between_files(void **state)
{
    (void)state;
    append(0, 1, "a");
    append(0, 2, "b");
    logs[0].length--;
    append(1, 3, "c");
    check_run(1, 1, true);
    check_run(2, 1, true);
}

static void test_log_replay__ends_when_a_visit_fails(void **state)
{
    (void)state;
    append(0, 1, "a");
    append(0, 2, "b");
    struct visits visits = {.answer = ERR_FULL};
    (void)replay(1, &visits);
    assert_int_equal(visits.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_log_record__no_changed_byte_passes),
        TEST(test_log_record__another_seed_finds_nothing),
        TEST(test_log_replay__takes_the_files_in_order),
        TEST(test_log_replay__passes_over_a_torn_end),
        TEST(test_log_replay__tells_a_gap_within_a_file),
        TEST(test_log_replay__tells_a_gap_between_files),
        TEST(test_log_replay__ends_when_a_visit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
