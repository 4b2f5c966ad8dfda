#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store_directory.h"
#include "adapter/store_steady.h"
#include "base/check.h"
#include "base/hash.h"
#include "scratch_directory.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

static enum err open_as(enum store_kind kind, uint64_t size_bytes_max)
{
    return store_fixture_open(&fixture, kind, scratch.path, size_bytes_max, &detail);
}

// Opens, writes one pair, waits, closes.
static void write_pair(enum store_kind kind, const char *key, const char *value)
{
    assert_int_equal(open_as(kind, 0), ERR_OK);
    store_fixture_put(&fixture, STORE_RECORDS, key, value);
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);
}

static void check_pair(enum store_kind kind, const char *key, const char *value)
{
    assert_int_equal(open_as(kind, 0), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, key, value));
    store_fixture_close(&fixture);
}

static void check_refused(enum err error, const char *name_in_message)
{
    enum err found = open_as(KIND_LMDB_COMMIT, 0);
    if (found == ERR_OK)
        store_fixture_close(&fixture);
    assert_int_equal(found, error);
    assert_non_null(strstr(detail.text, scratch.path));
    assert_non_null(strstr(detail.text, name_in_message));
}

static void overwrite(const char *name, const void *bytes, size_t length, off_t offset)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, name, path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && pwrite(fd, bytes, length, offset) == (ssize_t)length);
    close(fd);
}

static void cut(const char *name, off_t length)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, name, path);
    CHECK(truncate(path, length) == 0);
}

static off_t length_of(const char *name)
{
    char path[SCRATCH_PATH_BYTES_MAX];
    struct stat status;
    scratch_directory_path(&scratch, name, path);
    CHECK(stat(path, &status) == 0);
    return status.st_size;
}

static void test_store_lmdb__keeps_data_when_opened_again(void **state)
{
    (void)state;
    write_pair(KIND_LMDB_COMMIT, "a", "1");
    write_pair(KIND_LMDB_INTERVAL, "b", "2");
    check_pair(KIND_LMDB_COMMIT, "a", "1");
    check_pair(KIND_LMDB_INTERVAL, "b", "2");
}

static void test_store_lmdb__close_finishes_what_was_committed(void **state)
{
    (void)state;
    enum { BATCHES = 300 };
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    char key[16];
    for (int i = 0; i < BATCHES; i++) {
        snprintf(key, sizeof key, "%d", i);
        store_fixture_put(&fixture, STORE_RECORDS, key, "kept");
        (void)store_fixture_commit(&fixture);
    }
    store_fixture_put(&fixture, STORE_RECORDS, "in the open batch", "dropped");
    store_fixture_close(&fixture);
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    for (int i = 0; i < BATCHES; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_true(store_fixture_holds(&fixture, STORE_RECORDS, key, "kept"));
    }
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "in the open batch", NULL));
    store_fixture_close(&fixture);
}

static void test_store_lmdb__backlog_ends_at_zero(void **state)
{
    (void)state;
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    for (int i = 0; i < 50; i++) {
        store_fixture_put(&fixture, STORE_RECORDS, "k", "value");
        (void)store_fixture_commit(&fixture);
    }
    assert_int_equal(store_fixture_wait(&fixture, 50), ERR_OK);
    assert_int_equal(store_lmdb_backlog_bytes(fixture.lmdb), 0);
    store_fixture_close(&fixture);
}

// Runs `work` in a child process that ends at once after it; gives its exit code.
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

static int open_held_directory(void)
{
    static struct store_fixture second;
    char holder[32];
    snprintf(holder, sizeof holder, "process %ld", (long)getppid());
    if (store_fixture_open(&second, KIND_LMDB_COMMIT, scratch.path, 0, &detail) != ERR_LOCKED)
        return 1;
    return strstr(detail.text, scratch.path) != NULL && strstr(detail.text, holder) != NULL ? 0 : 2;
}

static void test_store_lmdb__lock_refuses_a_second_opener(void **state)
{
    (void)state;
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    assert_int_equal(in_child(open_held_directory), 0);

    static struct store_fixture second;
    assert_int_equal(store_fixture_open(&second, KIND_LMDB_COMMIT, scratch.path, 0, NULL),
                     ERR_LOCKED);
    store_fixture_put(&fixture, STORE_RECORDS, "still", "mine");
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);
    check_pair(KIND_LMDB_COMMIT, "still", "mine");
}

static void test_store_lmdb__another_format_is_refused(void **state)
{
    (void)state;
    write_pair(KIND_LMDB_COMMIT, "a", "1");
    overwrite(STORE_FORMAT_FILE, "brusio store format 3\n", 22, 0);
    check_refused(ERR_VERSION, "format 3");
    overwrite(STORE_FORMAT_FILE, "brusio store format 1\n", 22, 0);
    check_refused(ERR_VERSION, "format 1");
    check_refused(ERR_VERSION, "brusiod --rebuild");
    overwrite(STORE_FORMAT_FILE, "brusio store format 2\n", 22, 0);
    check_pair(KIND_LMDB_COMMIT, "a", "1");
}

static void test_store_lmdb__damaged_format_is_refused(void **state)
{
    (void)state;
    static const char *const damaged[] = {"",
                                          "x",
                                          "brusio store format \n",
                                          "brusio store format 1",
                                          "brusio store format 0\n",
                                          "brusio store format 1x\n",
                                          "Brusio store format 1\n"};
    write_pair(KIND_LMDB_COMMIT, "a", "1");
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        cut(STORE_FORMAT_FILE, 0);
        overwrite(STORE_FORMAT_FILE, damaged[i], strlen(damaged[i]), 0);
        check_refused(ERR_CORRUPT, STORE_FORMAT_FILE);
    }
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, STORE_FORMAT_FILE, path);
    CHECK(unlink(path) == 0);
    check_refused(ERR_CORRUPT, STORE_FORMAT_FILE);
}

static void test_store_lmdb__damaged_data_file_is_refused(void **state)
{
    (void)state;
    enum { ROOTS_BYTES = 8192 };
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    static uint8_t bytes[4 << 20];
    fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of_text("large"),
                          slice_of(bytes, sizeof bytes));
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);

    cut("data.mdb", length_of("data.mdb") / 2);
    check_refused(ERR_CORRUPT, "cut short");
    cut("data.mdb", ROOTS_BYTES / 2);
    check_refused(ERR_CORRUPT, "data.mdb");
    memset(bytes, 0x5a, ROOTS_BYTES);
    overwrite("data.mdb", bytes, ROOTS_BYTES, 0);
    check_refused(ERR_CORRUPT, "data.mdb");
    cut("data.mdb", 0);
    check_refused(ERR_CORRUPT, "data.mdb");
}

static void test_store_lmdb__impossible_places_and_sizes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(open_as(KIND_LMDB_COMMIT, STORE_LMDB_SIZE_BYTES_MIN - 1), ERR_INVALID);
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, "no parent/store", path);
    assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, path, 0, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, path));
    scratch_directory_path(&scratch, "file", path);
    overwrite("file", "x", 1, 0);
    assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, path, 0, &detail), ERR_IO);
}

static void test_store_lmdb__makes_its_directory(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, "store", path);
    assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, path, 0, &detail), ERR_OK);
    store_fixture_close(&fixture);
    assert_true(length_of("store/" STORE_FORMAT_FILE) > 0);
}

static void test_store_lmdb__a_first_opening_cut_short_is_begun_anew(void **state)
{
    (void)state;
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    store_fixture_close(&fixture);
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, STORE_FORMAT_FILE, path);
    CHECK(unlink(path) == 0);
    write_pair(KIND_LMDB_COMMIT, "a", "1");
    check_pair(KIND_LMDB_COMMIT, "a", "1");
}

static void test_store_lmdb__full_store_opened_larger_has_what_was_reported(void **state)
{
    (void)state;
    static uint8_t value[2000];
    assert_int_equal(open_as(KIND_LMDB_COMMIT, STORE_LMDB_SIZE_BYTES_MIN), ERR_OK);
    uint32_t reported = 0;
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        fixture.port.ops->put(fixture.port.self, STORE_RECORDS,
                              slice_of(&reported, sizeof reported), slice_of(value, sizeof value));
        error = store_fixture_wait(&fixture, store_fixture_commit(&fixture));
        reported += error == ERR_OK;
    }
    assert_int_equal(error, ERR_FULL);
    store_fixture_close(&fixture);

    assert_int_equal(open_as(KIND_LMDB_COMMIT, 4 * STORE_LMDB_SIZE_BYTES_MIN), ERR_OK);
    for (uint32_t i = 0; i <= reported; i++) {
        struct slice found;
        error =
            fixture.port.ops->get(fixture.port.self, STORE_RECORDS, slice_of(&i, sizeof i), &found);
        assert_int_equal(error, i < reported ? ERR_OK : ERR_NOT_FOUND);
    }
    fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of(&reported, sizeof reported),
                          slice_of(value, sizeof value));
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);
}

static int write_and_die(void)
{
    if (open_as(KIND_LMDB_INTERVAL, 0) != ERR_OK)
        return 1;
    store_fixture_put(&fixture, STORE_RECORDS, "last words", "heard");
    return store_fixture_wait(&fixture, store_fixture_commit(&fixture)) == ERR_OK ? 0 : 2;
}

static void test_store_lmdb__interval_survives_the_death_of_the_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_and_die), 0);
    assert_int_equal(open_as(KIND_LMDB_INTERVAL, 0), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "last words", "heard"));
    assert_false(store_lmdb_suspect(fixture.lmdb));
    store_fixture_close(&fixture);
}

// Makes the steady file look as if the machine had been restarted since.
static void restart_machine(void)
{
    struct store_directory directory;
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    CHECK(store_directory_open(scratch.path, &directory, &detail) == ERR_OK);
    CHECK(store_directory_read(&directory, STORE_STEADY_FILE, &bytes, &detail) == ERR_OK);
    bytes.bytes[STORE_STEADY_BOOT_OFFSET] ^= 1;
    bytes.length -= sizeof(uint64_t);
    buf_append_u64_be(&bytes, hash64(buf_slice(&bytes), 0));
    CHECK(store_directory_replace(&directory, STORE_STEADY_FILE, buf_slice(&bytes), &detail) ==
          ERR_OK);
    store_directory_close(&directory);
    buf_release(&bytes);
}

static void test_store_lmdb__says_when_power_was_lost(void **state)
{
    (void)state;
    write_pair(KIND_LMDB_INTERVAL, "a", "1");
    restart_machine();
    assert_int_equal(open_as(KIND_LMDB_INTERVAL, 0), ERR_OK);
    assert_false(store_lmdb_suspect(fixture.lmdb)); // it had been closed
    store_fixture_close(&fixture);

    assert_int_equal(in_child(write_and_die), 0);
    restart_machine();
    assert_int_equal(open_as(KIND_LMDB_INTERVAL, 0), ERR_OK);
    assert_true(store_lmdb_suspect(fixture.lmdb));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "a", "1"));
    store_fixture_close(&fixture);
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    assert_true(store_lmdb_suspect(fixture.lmdb));
    assert_int_equal(store_lmdb_trust(fixture.lmdb), ERR_OK);
    assert_false(store_lmdb_suspect(fixture.lmdb));
    store_fixture_close(&fixture);
    assert_int_equal(open_as(KIND_LMDB_COMMIT, 0), ERR_OK);
    assert_false(store_lmdb_suspect(fixture.lmdb));
    store_fixture_close(&fixture);
    write_pair(KIND_LMDB_INTERVAL, "b", "2");
    check_pair(KIND_LMDB_INTERVAL, "b", "2");
}

// Otherwise a later loss of power would go back to what the file names, although all was synced
// since.
static void test_store_lmdb__commit_mode_forgets_the_steady_state(void **state)
{
    (void)state;
    write_pair(KIND_LMDB_INTERVAL, "a", "1");
    write_pair(KIND_LMDB_COMMIT, "a", "2");
    char path[SCRATCH_PATH_BYTES_MAX];
    scratch_directory_path(&scratch, STORE_STEADY_FILE, path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_store_lmdb__damaged_steady_file_is_refused(void **state)
{
    (void)state;
    write_pair(KIND_LMDB_INTERVAL, "a", "1");
    overwrite(STORE_STEADY_FILE, "?", 1, 100);
    check_refused(ERR_CORRUPT, STORE_STEADY_FILE);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_store_lmdb__##name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_data_when_opened_again),
        TEST(close_finishes_what_was_committed),
        TEST(backlog_ends_at_zero),
        TEST(lock_refuses_a_second_opener),
        TEST(another_format_is_refused),
        TEST(damaged_format_is_refused),
        TEST(damaged_data_file_is_refused),
        TEST(impossible_places_and_sizes_are_refused),
        TEST(makes_its_directory),
        TEST(a_first_opening_cut_short_is_begun_anew),
        TEST(full_store_opened_larger_has_what_was_reported),
        TEST(interval_survives_the_death_of_the_process),
        TEST(says_when_power_was_lost),
        TEST(commit_mode_forgets_the_steady_state),
        TEST(damaged_steady_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
