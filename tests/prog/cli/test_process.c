// Processes: known by more than their pid, started, signalled and seen to end.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "cli/file.h"
#include "cli/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static void test_process__parses_stat(void **state)
{
    (void)state;
    char letter = 0;
    uint64_t start_time = 0;
    assert_true(
        process_parse_stat("12 (a) b) c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2",
                           &letter, &start_time));
    assert_int_equal(letter, 'S');
    assert_int_equal(start_time, 98765);
    assert_false(process_parse_stat("", &letter, &start_time));
    assert_false(process_parse_stat("12 (a", &letter, &start_time));
    assert_false(process_parse_stat("12 (a)", &letter, &start_time));
    assert_false(process_parse_stat("12 (a) S 1 2 3", &letter, &start_time));
    assert_false(process_parse_stat("1 (a) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x 1",
                                    &letter, &start_time));
}

struct place {
    char directory[64];
    char log[FILE_PATH_BYTES_MAX];
};

static void make_place(struct place *place)
{
    snprintf(place->directory, sizeof place->directory, "/tmp/brusio-test-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_int_equal(file_path(place->log, NULL, "%s/log", place->directory), ERR_OK);
}

static void remove_place(struct place *place)
{
    assert_int_equal(file_remove_tree(place->directory, NULL), ERR_OK);
}

// A shell that runs `script`.
static void spawn(struct process *process, char *script, const struct place *place)
{
    struct errmsg detail = {0};
    char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    if (process_spawn(process, arguments, place->log, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

static void test_process__is_stopped_in_order(void **state)
{
    (void)state;
    struct place place;
    struct process process;
    bool forced = true;
    char how[32] = "";
    make_place(&place);
    spawn(&process, "exec sleep 1000", &place);
    assert_true(process_running(&process));
    assert_int_equal(process_stop(&process, PATIENCE_MS, &forced, NULL), ERR_OK);
    assert_false(forced);
    assert_false(process_running(&process));
    assert_true(process_reap(&process, how, sizeof how));
    assert_string_equal(how, "signal 15");
    assert_false(process_reap(&process, how, sizeof how));
    remove_place(&place);
}

static void test_process__is_killed_when_deaf(void **state)
{
    (void)state;
    struct place place;
    struct process process;
    bool forced = false;
    char how[32] = "";
    make_place(&place);
    spawn(&process, "trap '' TERM; echo deaf; exec sleep 1000", &place);
    for (int i = 0; i < 1000 && file_size(place.log) == 0; i++)
        usleep(10000);
    assert_int_equal(process_stop(&process, 50, &forced, NULL), ERR_OK);
    assert_true(forced);
    assert_true(process_reap(&process, how, sizeof how));
    assert_string_equal(how, "signal 9");
    remove_place(&place);
}

static void test_process__logs_and_tells_its_exit_code(void **state)
{
    (void)state;
    struct place place;
    struct process process;
    struct buf tail;
    char how[32] = "";
    make_place(&place);
    buf_init(&tail, 1024);
    spawn(&process, "echo one; echo two >&2; echo three; exit 3", &place);
    // Not reaped yet: a zombie counts as ended.
    assert_true(process_wait(&process, PATIENCE_MS));
    assert_true(process_reap(&process, how, sizeof how));
    assert_string_equal(how, "exit code 3");
    file_tail(&tail, place.log, 0, 2);
    assert_true(slice_equal(buf_slice(&tail), slice_of_text("two\nthree")));
    buf_clear(&tail);
    file_tail(&tail, place.log, 4, 5);
    assert_true(slice_equal(buf_slice(&tail), slice_of_text("two\nthree")));
    buf_release(&tail);
    remove_place(&place);
}

// A pid that was given to another process: ours is gone, and the other must not be hurt.
static void test_process__spares_a_stranger_with_its_pid(void **state)
{
    (void)state;
    struct place place;
    struct process process;
    make_place(&place);
    spawn(&process, "exec sleep 1000", &place);
    struct process older = process;
    older.start_time--;
    struct process other_boot = process;
    other_boot.boot_id[0] = other_boot.boot_id[0] == '0' ? '1' : '0';
    assert_false(process_running(&older));
    assert_false(process_running(&other_boot));
    process_signal(&older, SIGKILL);
    process_signal(&other_boot, SIGKILL);
    assert_int_equal(process_stop(&older, 0, NULL, NULL), ERR_OK);
    assert_true(process_running(&process));
    assert_int_equal(process_stop(&process, PATIENCE_MS, NULL, NULL), ERR_OK);
    char how[32];
    assert_true(process_reap(&process, how, sizeof how));
    assert_string_equal(how, "signal 15");
    remove_place(&place);
}

static void test_process__tells_why_it_cannot_run(void **state)
{
    (void)state;
    struct place place;
    struct process process;
    struct errmsg detail = {0};
    make_place(&place);
    char *const arguments[] = {"/nonexistent/program", NULL};
    assert_int_equal(process_spawn(&process, arguments, place.log, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, "/nonexistent/program"));
    assert_int_equal(process.pid, 0);
    assert_false(process_running(&process));
    remove_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process__parses_stat),
        cmocka_unit_test(test_process__is_stopped_in_order),
        cmocka_unit_test(test_process__is_killed_when_deaf),
        cmocka_unit_test(test_process__logs_and_tells_its_exit_code),
        cmocka_unit_test(test_process__spares_a_stranger_with_its_pid),
        cmocka_unit_test(test_process__tells_why_it_cannot_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
