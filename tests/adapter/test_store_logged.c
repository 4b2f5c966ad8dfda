#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/boot_id.h"
#include "adapter/log_mark.h"
#include "adapter/log_record.h"
#include "adapter/store_log.h"
#include "adapter/store_settle.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "scratch_directory.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch_directory scratch;
static struct store_fixture fixture;
static struct errmsg detail;

static int make_scratch(void **state)
{
    (void)state;
    scratch_directory_init(&scratch);
    detail.text[0] = '\0';
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    scratch_directory_release(&scratch);
    return 0;
}

static enum err open_logged(void)
{
    return store_fixture_open(&fixture, KIND_LOGGED, scratch.path, 0, &detail);
}

static void write_number(uint64_t number)
{
    char key[32];
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    store_fixture_put(&fixture, STORE_RECORDS, key, "kept");
    fixture.port.ops->put(fixture.port.self, STORE_META, slice_of_text("last"),
                          slice_of(&number, sizeof number));
    (void)store_fixture_commit(&fixture);
}

// The number that was written last; every one before it must be there, and none after it.
static uint64_t last_number(void)
{
    struct slice found;
    uint64_t last = 0;
    if (fixture.port.ops->get(fixture.port.self, STORE_META, slice_of_text("last"), &found) ==
        ERR_OK)
        memcpy(&last, found.bytes, sizeof last);
    for (uint64_t number = 1; number <= last + 1; number++) {
        char key[32];
        snprintf(key, sizeof key, "%llu", (unsigned long long)number);
        assert_true(
            store_fixture_holds(&fixture, STORE_RECORDS, key, number <= last ? "kept" : NULL));
    }
    return last;
}

static void path_of(const char *name, char *out)
{
    scratch_directory_path(&scratch, name, out);
}

static off_t length_of(const char *name)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    struct stat status;
    path_of(name, path);
    return stat(path, &status) == 0 ? status.st_size : -1;
}

static void change_byte(const char *name, off_t offset)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    uint8_t byte;
    path_of(name, path);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0 && pread(fd, &byte, 1, offset) == 1);
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, offset) == 1);
    close(fd);
}

// Runs `work` in a child process, which dies at once after it as by a signal; gives its exit code.
static int in_child(int (*work)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(work());
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum { CHILD_BATCHES = 3 };

// Dies without a poll, which alone would begin a flush here: only the log has what was written.
static int write_three_and_die(void)
{
    if (open_logged() != ERR_OK)
        return 1;
    uint64_t last = last_number();
    for (uint64_t number = last + 1; number <= last + CHILD_BATCHES; number++)
        write_number(number);
    return 0;
}

// The log that has records; the child's three are in one.
static const char *used_log(void)
{
    return length_of(STORE_LOG_FILE_0) > 0 ? STORE_LOG_FILE_0 : STORE_LOG_FILE_1;
}

static void check_last(uint64_t last)
{
    assert_int_equal(open_logged(), ERR_OK);
    assert_int_equal(last_number(), last);
    store_fixture_close(&fixture);
}

static void check_corrupt(const char *word)
{
    assert_int_equal(open_logged(), ERR_CORRUPT);
    assert_non_null(strstr(detail.text, scratch.path));
    assert_non_null(strstr(detail.text, word));
    store_fixture_close(&fixture);
}

static void test_store_logged__replays_what_a_dead_process_committed(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_three_and_die), 0);
    assert_true(length_of(used_log()) > 0);
    assert_int_equal(in_child(write_three_and_die), 0);
    check_last(2 * CHILD_BATCHES);
}

// The child tells each number that was reported to it; the parent kills it at a random moment.
static void report_until_killed(int pipe_end)
{
    CHECK(open_logged() == ERR_OK);
    for (uint64_t number = last_number() + 1;; number++) {
        fixture.report_count = 0;
        write_number(number);
        if (number % 7 == 0)
            store_logged_flush(fixture.logged);
        store_fixture_poll(&fixture);
        CHECK(fixture.report_count == 1 && fixture.reports[0].error == ERR_OK);
        CHECK(write(pipe_end, &number, sizeof number) == (ssize_t)sizeof number);
    }
}

static void test_store_logged__survives_a_kill_at_any_moment(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 11);
    uint64_t told = 0;
    for (int round = 0; round < 12; round++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            close(ends[0]);
            report_until_killed(ends[1]);
        }
        close(ends[1]);
        uint64_t wanted = told + 1 + rng_below(&rng, 60);
        while (told < wanted && read(ends[0], &told, sizeof told) == (ssize_t)sizeof told)
            continue;
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        while (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told)
            continue;
        close(ends[0]);
        assert_true(told >= wanted);
        assert_int_equal(open_logged(), ERR_OK);
        uint64_t last = last_number();
        assert_true(last == told || last == told + 1);
        store_fixture_close(&fixture);
        told = last;
    }
}

static void test_store_logged__passes_over_a_torn_record_at_every_byte(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_three_and_die), 0);
    off_t two_thirds = length_of(used_log()) / CHILD_BATCHES * 2;
    off_t record = length_of(used_log()) / CHILD_BATCHES;
    for (off_t torn = 0; torn < record; torn++) {
        struct scratch_directory former = scratch;
        scratch_directory_init(&scratch);
        assert_int_equal(in_child(write_three_and_die), 0);
        char path[SCRATCH_PATH_BYTES_MAX];
        path_of(used_log(), path);
        assert_int_equal(length_of(used_log()), record * CHILD_BATCHES);
        CHECK(truncate(path, two_thirds + torn) == 0);
        check_last(CHILD_BATCHES - 1);
        scratch_directory_release(&scratch);
        scratch = former;
    }
    check_last(CHILD_BATCHES);
}

static void test_store_logged__refuses_damage_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_three_and_die), 0);
    off_t record = length_of(used_log()) / CHILD_BATCHES;
    const char *log = used_log();
    change_byte(log, record + (off_t)sizeof(struct log_head) + 3);
    check_corrupt("damaged after record 1");
    check_corrupt("damaged after record 1"); // nothing was thrown away
    change_byte(log, record + (off_t)sizeof(struct log_head) + 3);
    check_last(CHILD_BATCHES);
}

static void test_store_logged__refuses_a_log_without_its_mark(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_BYTES_MAX];
    assert_int_equal(in_child(write_three_and_die), 0);
    change_byte(LOG_MARK_FILE, 20);
    check_corrupt(LOG_MARK_FILE);
    path_of(LOG_MARK_FILE, path);
    CHECK(unlink(path) == 0);
    check_corrupt(LOG_MARK_FILE);
}

// As if the machine had been restarted since: another boot's id in the mark.
static void restart_machine(void)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    uint8_t bytes[256];
    path_of(LOG_MARK_FILE, path);
    int fd = open(path, O_RDWR);
    ssize_t length = pread(fd, bytes, sizeof bytes, 0);
    CHECK(fd >= 0 && length > (ssize_t)(BOOT_ID_BYTES + 2 * sizeof(uint64_t)));
    struct buf marked;
    buf_init(&marked, sizeof bytes);
    buf_append(&marked, bytes, (size_t)length - sizeof(uint64_t));
    marked.bytes[strlen("brusio log 1\n")] ^= 1;
    buf_append_u64_be(&marked, hash64(buf_slice(&marked), 0));
    CHECK(pwrite(fd, marked.bytes, marked.length, 0) == length);
    buf_release(&marked);
    close(fd);
}

static void test_store_logged__goes_back_to_a_whole_state_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_three_and_die), 0);
    off_t record = length_of(used_log()) / CHILD_BATCHES;
    change_byte(used_log(), record + 1);
    restart_machine();
    assert_int_equal(open_logged(), ERR_OK);
    assert_true(store_logged_suspect(fixture.logged));
    assert_int_equal(last_number(), 1);
    write_number(2);
    store_fixture_close(&fixture);
    assert_int_equal(open_logged(), ERR_OK);
    assert_true(store_logged_suspect(fixture.logged)); // until it was brought in sync
    assert_int_equal(store_logged_trust(fixture.logged), ERR_OK);
    store_fixture_close(&fixture);
    assert_int_equal(open_logged(), ERR_OK);
    assert_false(store_logged_suspect(fixture.logged));
    assert_int_equal(last_number(), 2);
    store_fixture_close(&fixture);
}

static void read_file(const char *name, struct buf *out)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    uint8_t bytes[4096];
    path_of(name, path);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    for (ssize_t length; (length = read(fd, bytes, sizeof bytes)) > 0;)
        buf_append(out, bytes, (size_t)length);
    close(fd);
}

static void write_file(const char *name, struct slice bytes)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    path_of(name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, bytes.bytes, bytes.length) == (ssize_t)bytes.length);
    close(fd);
}

// A crash after LMDB had all and before the log was cut: the log, here even one with a hole, does
// not count a second time.
static void test_store_logged__replays_a_log_once(void **state)
{
    (void)state;
    struct buf log;
    struct buf mark;
    buf_init(&log, 1 << 20);
    buf_init(&mark, 1 << 20);
    assert_int_equal(in_child(write_three_and_die), 0);
    const char *name = used_log();
    read_file(name, &log);
    read_file(LOG_MARK_FILE, &mark);
    assert_int_equal(open_logged(), ERR_OK);
    assert_int_equal(last_number(), CHILD_BATCHES);
    fixture.port.ops->remove(fixture.port.self, STORE_RECORDS, slice_of_text("1"));
    (void)store_fixture_commit(&fixture);
    store_fixture_close(&fixture);
    for (int i = 0; i < 2; i++) {
        write_file(name, buf_slice(&log));
        write_file(LOG_MARK_FILE, buf_slice(&mark));
        change_byte(name, (off_t)log.length / 2);
        assert_int_equal(open_logged(), ERR_OK);
        assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "1", NULL));
        assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "3", "kept"));
        store_fixture_close(&fixture);
    }
    buf_release(&log);
    buf_release(&mark);
}

static void test_store_logged__a_clean_close_leaves_lmdb_alone(void **state)
{
    (void)state;
    assert_int_equal(open_logged(), ERR_OK);
    write_number(1);
    write_number(2);
    store_fixture_close(&fixture);
    assert_int_equal(length_of(STORE_LOG_FILE_0), -1);
    assert_int_equal(length_of(STORE_LOG_FILE_1), -1);
    assert_int_equal(length_of(LOG_MARK_FILE), -1);
    assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, scratch.path, 0, &detail),
                     ERR_OK);
    assert_int_equal(last_number(), 2);
    write_number(3);
    assert_int_equal(store_fixture_wait(&fixture, 1), ERR_OK);
    store_fixture_close(&fixture);
    check_last(3);
}

static void test_store_logged__settles_for_a_store_without_a_log(void **state)
{
    (void)state;
    assert_int_equal(store_settle(scratch.path, 0, &detail), ERR_OK);
    assert_int_equal(length_of("data.mdb"), -1);
    assert_int_equal(in_child(write_three_and_die), 0);
    assert_int_equal(store_settle(scratch.path, 0, &detail), ERR_OK);
    assert_int_equal(length_of(LOG_MARK_FILE), -1);
    assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, scratch.path, 0, &detail),
                     ERR_OK);
    assert_int_equal(last_number(), CHILD_BATCHES);
    store_fixture_close(&fixture);
}

// Polls, as an event loop would, until LMDB has all.
static void wait_until_flushed(void)
{
    while (store_logged_backlog_bytes(fixture.logged) > 0) {
        CHECK(sem_wait(&fixture.notified) == 0);
        store_fixture_poll(&fixture);
    }
}

static void test_store_logged__cuts_the_log_by_itself(void **state)
{
    (void)state;
    assert_int_equal(open_logged(), ERR_OK);
    for (uint64_t number = 1; number <= 3; number++) {
        write_number(number);
        assert_true(length_of(used_log()) > 0);
        wait_until_flushed();
        assert_int_equal(length_of(STORE_LOG_FILE_0), 0);
        assert_int_equal(length_of(STORE_LOG_FILE_1), 0);
        assert_int_equal(last_number(), number);
    }
    store_fixture_close(&fixture);
}

static int fill_disk(void)
{
    struct rlimit limit = {.rlim_cur = 200 << 10, .rlim_max = 200 << 10};
    static uint8_t value[20 << 10];
    if (open_logged() != ERR_OK || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    enum err error = ERR_OK;
    uint8_t key = 0;
    for (; error == ERR_OK && key < 20; key++) {
        fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of(&key, 1),
                              slice_of(value, sizeof value));
        error = store_fixture_wait(&fixture, store_fixture_commit(&fixture));
    }
    if (error != ERR_FULL || key < 5)
        return 2;
    store_fixture_put(&fixture, STORE_RECORDS, "small", "refused");
    if (store_fixture_wait(&fixture, store_fixture_commit(&fixture)) != ERR_FULL)
        return 3;
    if (!store_fixture_holds(&fixture, STORE_RECORDS, "small", NULL))
        return 4;
    return key;
}

static void test_store_logged__stays_failed_on_a_full_disk(void **state)
{
    (void)state;
    int tried = in_child(fill_disk);
    assert_true(tried >= 5);
    assert_int_equal(open_logged(), ERR_OK);
    for (uint8_t key = 0; key < tried; key++) {
        struct slice found;
        enum err error =
            fixture.port.ops->get(fixture.port.self, STORE_RECORDS, slice_of(&key, 1), &found);
        assert_int_equal(error, key < tried - 1 ? ERR_OK : ERR_NOT_FOUND);
    }
    store_fixture_close(&fixture);
}

// The naive twin: one value, or none, for each of a few keys.

enum { KEYS = 40 };

struct expectation {
    const uint8_t *values; // 0: absent
    unsigned next;
};

static bool compare_pair(void *context, struct slice key, struct slice value)
{
    struct expectation *expected = context;
    while (expected->next < KEYS && expected->values[expected->next] == 0)
        expected->next++;
    assert_true(expected->next < KEYS);
    assert_int_equal(key.bytes[0], expected->next);
    assert_int_equal(value.bytes[0], expected->values[expected->next]);
    expected->next++;
    return true;
}

static void check_twin(const uint8_t values[KEYS])
{
    struct slice nothing = slice_of(NULL, 0);
    struct expectation expected = {.values = values};
    assert_int_equal(fixture.port.ops->scan(fixture.port.self, STORE_META, nothing, nothing,
                                            compare_pair, &expected),
                     ERR_OK);
    for (unsigned i = expected.next; i < KEYS; i++)
        assert_int_equal(values[i], 0);
    for (uint8_t key = 0; key < KEYS; key++) {
        struct slice found;
        enum err error =
            fixture.port.ops->get(fixture.port.self, STORE_META, slice_of(&key, 1), &found);
        assert_int_equal(error, values[key] == 0 ? ERR_NOT_FOUND : ERR_OK);
        if (error == ERR_OK)
            assert_int_equal(found.bytes[0], values[key]);
    }
}

static void write_twin(struct rng *rng, uint8_t values[KEYS])
{
    uint8_t key = (uint8_t)rng_below(rng, KEYS);
    uint8_t value = rng_one_in(rng, 3) ? 0 : (uint8_t)(1 + rng_below(rng, 255));
    values[key] = value;
    if (value == 0)
        fixture.port.ops->remove(fixture.port.self, STORE_META, slice_of(&key, 1));
    else
        fixture.port.ops->put(fixture.port.self, STORE_META, slice_of(&key, 1),
                              slice_of(&value, 1));
}

static void test_store_logged__agrees_with_a_twin_whenever_it_flushes(void **state)
{
    (void)state;
    struct rng rng;
    uint8_t values[KEYS] = {0};
    rng_init(&rng, 3);
    assert_int_equal(open_logged(), ERR_OK);
    for (int round = 0; round < 1000; round++) {
        uint64_t writes = rng_below(&rng, 4);
        for (uint64_t i = 0; i < writes; i++)
            write_twin(&rng, values);
        (void)store_fixture_commit(&fixture);
        if (rng_one_in(&rng, 5))
            store_logged_flush(fixture.logged);
        check_twin(values);
        if (rng_one_in(&rng, 3))
            store_fixture_poll(&fixture);
        if (rng_one_in(&rng, 10))
            wait_until_flushed();
        if (rng_one_in(&rng, 500)) {
            store_fixture_close(&fixture);
            assert_int_equal(open_logged(), ERR_OK);
        }
        check_twin(values);
    }
    store_fixture_close(&fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_logged__replays_what_a_dead_process_committed),
        TEST(test_store_logged__survives_a_kill_at_any_moment),
        TEST(test_store_logged__passes_over_a_torn_record_at_every_byte),
        TEST(test_store_logged__refuses_damage_before_the_end),
        TEST(test_store_logged__refuses_a_log_without_its_mark),
        TEST(test_store_logged__goes_back_to_a_whole_state_after_a_restart),
        TEST(test_store_logged__replays_a_log_once),
        TEST(test_store_logged__a_clean_close_leaves_lmdb_alone),
        TEST(test_store_logged__settles_for_a_store_without_a_log),
        TEST(test_store_logged__cuts_the_log_by_itself),
        TEST(test_store_logged__stays_failed_on_a_full_disk),
        TEST(test_store_logged__agrees_with_a_twin_whenever_it_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
