// Bars, and the plain lines that stand for them where no terminal is.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_progress__is_drawn(void **state)
{
    (void)state;
    static const struct {
        uint64_t left;
        uint64_t most;
        const char *text;
    } cases[] = {
        {0, 0, "[##############################] 100%  0 slots left"},
        {10, 10, "[..............................]   0%  10 slots left"},
        {5, 10, "[###############...............]  50%  5 slots left"},
        {1, 1000, "[#############################.]  99%  1 slots left"},
        {0, 1000, "[##############################] 100%  0 slots left"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PROGRESS_LINE_BYTES];
        progress_format(text, cases[i].left, cases[i].most, "slots");
        assert_string_equal(text, cases[i].text);
    }
}

// What `lefts` (to a number over `most`) print, to be freed.
static char *printed(struct output output, const uint64_t *lefts, size_t count)
{
    char path[] = "/tmp/brusio-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    struct progress progress;
    progress_init(&progress, &output, "slots");
    for (size_t i = 0; i < count; i++)
        progress_show(&progress, lefts[i]);
    progress_end(&progress);
    progress_end(&progress);
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    char *text = calloc(1, 4096);
    assert_true(pread(file, text, 4095, 0) >= 0);
    close(file);
    return text;
}

static void expect(struct output output, const uint64_t *lefts, size_t count, const char *wanted)
{
    char *text = printed(output, lefts, count);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_progress__is_plain_lines_elsewhere(void **state)
{
    (void)state;
    struct output output = {0};
    const uint64_t down[] = {100, 100, 99, 95, 90, 89, 0, 0};
    expect(output, down, 8, "100 of 100 slots left\n90 of 100 slots left\n0 of 100 slots left\n");
    // What is found to be more begins anew.
    const uint64_t more[] = {0, 0, 10, 5, 40};
    expect(output, more, 5, "10 of 10 slots left\n5 of 10 slots left\n40 of 40 slots left\n");
    const uint64_t none[] = {0, 0};
    expect(output, none, 2, "");
}

static void test_progress__stays_on_one_line_of_a_terminal(void **state)
{
    (void)state;
    struct output output = {.terminal = true};
    const uint64_t lefts[] = {2, 1};
    expect(output, lefts, 2,
           "\r[..............................]   0%  2 slots left\033[K"
           "\r[###############...............]  50%  1 slots left\033[K\n");
}

static void test_progress__is_silent_in_json(void **state)
{
    (void)state;
    struct output output = {.json = true, .terminal = true};
    const uint64_t lefts[] = {2, 1, 0};
    expect(output, lefts, 3, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress__is_drawn),
        cmocka_unit_test(test_progress__is_plain_lines_elsewhere),
        cmocka_unit_test(test_progress__stays_on_one_line_of_a_terminal),
        cmocka_unit_test(test_progress__is_silent_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
