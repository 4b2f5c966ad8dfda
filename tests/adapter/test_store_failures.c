// A disk that fails, and bytes that change on it.
//
// A file of an open store is put out of order by a descriptor of /dev/full, which takes no write,
// or of /dev/null, which takes all and fails to sync, in place of its own.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store_env.h"
#include "adapter/store_log.h"
#include "adapter/store_sum.h"
#include "adapter/store_suspicion.h"
#include "base/check.h"
#include "base/random.h"
#include "scratch_directory.h"
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAIRS = 300, VALUE_BYTES = 3000 };

static struct scratch_directory scratch;
static struct store_fixture fixture;
static struct errmsg detail;
static char path[SCRATCH_PATH_BYTES_MAX];

static int make_scratch(void **state)
{
    (void)state;
    scratch_directory_init(&scratch);
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    (void)!umount2(scratch.path, MNT_DETACH); // of a test that failed
    scratch_directory_release(&scratch);
    return 0;
}

static void open_store(enum store_kind kind)
{
    assert_int_equal(store_fixture_open(&fixture, kind, scratch.path, 0, &detail), ERR_OK);
}

static enum err write_pair(const char *key, const char *value)
{
    store_fixture_put(&fixture, STORE_RECORDS, key, value);
    fixture.report_count = 0;
    return store_fixture_wait(&fixture, store_fixture_commit(&fixture));
}

enum { SAVED_MAX = 8, DESCRIPTORS_MAX = 64 };

struct saved {
    int fd;
    int copy;
};

static struct saved saved[SAVED_MAX];
static int saved_count;

// Every descriptor that this process has of the file `name` becomes one of `device`; gives their
// number.
static int replace_descriptors(const char *name, const char *device)
{
    int replaced = 0;
    scratch_directory_path(&scratch, name, path);
    int other = open(device, O_RDWR | O_CLOEXEC);
    CHECK(other >= 0);
    for (int fd = DESCRIPTORS_MAX; fd-- > 0;) { // downwards, for the copies come after
        char target[SCRATCH_PATH_BYTES_MAX] = {0};
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0 || strcmp(target, path) != 0)
            continue;
        CHECK(saved_count < SAVED_MAX);
        saved[saved_count++] = (struct saved){.fd = fd, .copy = dup(fd)};
        CHECK(dup2(other, fd) >= 0);
        replaced++;
    }
    close(other);
    return replaced;
}

// The disk is well again.
static void restore_descriptors(void)
{
    while (saved_count > 0) {
        saved_count--;
        CHECK(dup2(saved[saved_count].copy, saved[saved_count].fd) >= 0);
        close(saved[saved_count].copy);
    }
}

static void check_failed_lmdb(const char *device, enum err expected)
{
    open_store(KIND_LMDB_COMMIT);
    assert_int_equal(write_pair("before", "kept"), ERR_OK);
    assert_true(replace_descriptors(STORE_DATA_FILE, device) > 0);
    assert_int_equal(write_pair("failed", "gone"), expected);
    restore_descriptors();
    assert_int_equal(write_pair("after", "gone"), expected);
    assert_int_equal(fixture.port.ops->room(fixture.port.self), STORE_ROOM_NONE);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "before", "kept"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "after", NULL));
    store_fixture_close(&fixture);
    open_store(KIND_LMDB_COMMIT);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "before", "kept"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "failed", NULL));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "after", NULL));
    assert_int_equal(write_pair("again", "kept"), ERR_OK);
    store_fixture_close(&fixture);
}

static void test_store_failures__lmdb_stays_failed_on_a_full_disk(void **state)
{
    (void)state;
    check_failed_lmdb("/dev/full", ERR_FULL);
}

static void test_store_failures__lmdb_stays_failed_after_a_failed_sync(void **state)
{
    (void)state;
    check_failed_lmdb("/dev/null", ERR_IO);
}

static void test_store_failures__a_log_that_takes_no_write_fails_the_batch(void **state)
{
    (void)state;
    open_store(KIND_LOGGED);
    assert_int_equal(write_pair("before", "kept"), ERR_OK);
    assert_int_equal(replace_descriptors(STORE_LOG_FILE_0, "/dev/full"), 1);
    assert_int_equal(replace_descriptors(STORE_LOG_FILE_1, "/dev/full"), 1);
    assert_int_equal(write_pair("failed", "gone"), ERR_FULL);
    restore_descriptors();
    assert_int_equal(write_pair("after", "gone"), ERR_FULL);
    assert_int_equal(fixture.port.ops->room(fixture.port.self), STORE_ROOM_NONE);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "before", "kept"));
    store_fixture_close(&fixture);
    open_store(KIND_LOGGED);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "before", "kept"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "failed", NULL));
    assert_false(store_logged_suspect(fixture.logged));
    store_fixture_close(&fixture);
}

// Batches go on being reported until the sync that covers them fails; from then on none is, even
// when nobody writes.
static void test_store_failures__a_log_that_cannot_sync_is_suspect(void **state)
{
    (void)state;
    open_store(KIND_LOGGED);
    assert_int_equal(write_pair("before", "kept"), ERR_OK);
    assert_int_equal(replace_descriptors(STORE_LOG_FILE_0, "/dev/null"), 1);
    assert_int_equal(replace_descriptors(STORE_LOG_FILE_1, "/dev/null"), 1);
    // Of the batch, of the time to flush, which is not heard here, and of the failed sync.
    for (int notices = 0; notices < 3; notices++)
        CHECK(sem_wait(&fixture.notified) == 0);
    store_fixture_poll(&fixture);
    restore_descriptors();
    assert_int_equal(fixture.port.ops->room(fixture.port.self), STORE_ROOM_NONE);
    assert_int_equal(write_pair("after", "gone"), ERR_IO);
    store_fixture_close(&fixture);
    open_store(KIND_LOGGED);
    assert_true(store_logged_suspect(fixture.logged));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "before", "kept"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "after", NULL));
    store_fixture_close(&fixture);
    open_store(KIND_LMDB_COMMIT);
    assert_true(store_lmdb_suspect(fixture.lmdb));
    store_fixture_close(&fixture);
}

// --- a small file system of its own

enum {
    DISK_BYTES = 8 << 20,
    STORE_BYTES = 16 << 20,
    LOW_BYTES = 6 << 20,
    NONE_BYTES = 7700000,
    ROUNDS_MAX = 1000
};

static bool mount_small(void)
{
    char options[32];
    snprintf(options, sizeof options, "size=%d", DISK_BYTES);
    if (mount("none", scratch.path, "tmpfs", 0, options) == 0)
        return true;
    print_message("skipped: mounting a small file system takes more rights: %s\n", strerror(errno));
    return false;
}

static void fill_disk(size_t length)
{
    scratch_directory_path(&scratch, "filler", path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    (void)!posix_fallocate(fd, 0, (off_t)length);
    close(fd);
}

static enum store_room room(void)
{
    return fixture.port.ops->room(fixture.port.self);
}

// Small writes go on until `room` is what is expected; it may be stale for a second.
static void wait_for_room(enum store_room expected)
{
    for (int rounds = 0; room() != expected; rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        usleep(20000);
        assert_int_equal(write_pair("small", "text"), ERR_OK);
    }
}

static void check_small_disk(enum store_kind kind)
{
    assert_int_equal(store_fixture_open(&fixture, kind, scratch.path, STORE_BYTES, &detail),
                     ERR_OK);
    assert_int_equal(room(), STORE_ROOM_PLENTY);
    fill_disk(LOW_BYTES);
    wait_for_room(STORE_ROOM_LOW);
    fill_disk(NONE_BYTES);
    wait_for_room(STORE_ROOM_NONE);
    CHECK(unlink(path) == 0);
    wait_for_room(STORE_ROOM_PLENTY);
    store_fixture_close(&fixture);
}

static void test_store_failures__a_full_file_system_shows_and_passes(void **state)
{
    (void)state;
    static const enum store_kind kinds[] = {KIND_LMDB_COMMIT, KIND_LOGGED};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!mount_small())
            skip();
        check_small_disk(kinds[i]);
        CHECK(umount(scratch.path) == 0);
    }
}

// --- bytes that change

static struct slice value_of(uint32_t number, uint8_t bytes[VALUE_BYTES])
{
    struct rng rng;
    rng_init(&rng, number);
    for (size_t i = 0; i < VALUE_BYTES; i++)
        bytes[i] = (uint8_t)rng_u64(&rng);
    return slice_of(bytes, number % 3 == 0 ? 100 : VALUE_BYTES);
}

static void put_number(uint32_t number)
{
    uint8_t bytes[VALUE_BYTES];
    fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of(&number, sizeof number),
                          value_of(number, bytes));
}

static void commit(void)
{
    fixture.report_count = 0;
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
}

static enum err get_number(uint32_t number, struct slice *out)
{
    return fixture.port.ops->get(fixture.port.self, STORE_RECORDS, slice_of(&number, sizeof number),
                                 out);
}

static bool keep_going(void *context, struct slice key, struct slice value)
{
    uint8_t bytes[VALUE_BYTES];
    uint32_t number;
    assert_int_equal(key.length, sizeof number);
    memcpy(&number, key.bytes, sizeof number);
    assert_true(slice_equal(value, value_of(number, bytes)));
    ++*(unsigned *)context;
    return true;
}

static enum err scan(unsigned *out)
{
    struct slice nothing = slice_of(NULL, 0);
    *out = 0;
    return fixture.port.ops->scan(fixture.port.self, STORE_RECORDS, nothing, nothing, keep_going,
                                  out);
}

// The data file, read and written as a whole.
static struct buf data;

static void read_data(void)
{
    struct stat status;
    scratch_directory_path(&scratch, STORE_DATA_FILE, path);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    buf_init(&data, (size_t)1 << 30);
    uint8_t *bytes = buf_extend(&data, (size_t)status.st_size);
    CHECK(pread(fd, bytes, data.length, 0) == (ssize_t)data.length);
    close(fd);
}

static void write_data(size_t length)
{
    scratch_directory_path(&scratch, STORE_DATA_FILE, path);
    int fd = open(path, O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && pwrite(fd, data.bytes, length, 0) == (ssize_t)length);
    close(fd);
}

static void fill(void)
{
    open_store(KIND_LMDB_COMMIT);
    for (uint32_t number = 0; number < PAIRS; number++)
        put_number(number);
    commit();
    store_fixture_close(&fixture);
    read_data();
}

static size_t find(struct slice wanted, size_t from)
{
    const uint8_t *found =
        memmem(data.bytes + from, data.length - from, wanted.bytes, wanted.length);
    CHECK(found != NULL);
    return (size_t)(found - data.bytes);
}

static void test_store_failures__a_rotten_value_is_never_returned(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    fill();
    for (uint32_t number = 0; number < PAIRS; number += 7) {
        uint8_t bytes[VALUE_BYTES];
        struct slice value = value_of(number, bytes);
        size_t at = find(value, 0) + (size_t)rng_below(&rng, value.length + STORE_SUM_BYTES);
        unsigned visits;
        struct slice found;
        uint8_t former = data.bytes[at];
        data.bytes[at] ^= (uint8_t)(1u << rng_below(&rng, 8));
        write_data(data.length);
        open_store(KIND_LMDB_COMMIT);
        assert_int_equal(get_number(number, &found), ERR_CORRUPT);
        assert_int_equal(found.length, 0);
        assert_int_equal(get_number(number + 1, &found), ERR_OK);
        assert_int_equal(scan(&visits), ERR_CORRUPT);
        assert_true(visits < PAIRS);
        store_fixture_close(&fixture);
        data.bytes[at] = former;
    }
    buf_release(&data);
}

static void test_store_failures__a_rotten_key_shows_in_a_scan(void **state)
{
    (void)state;
    unsigned visits;
    uint8_t bytes[VALUE_BYTES];
    fill();
    uint32_t number = 30; // a short one, whose value follows the key
    size_t at = find(value_of(number, bytes), 0) - 1;
    data.bytes[at] ^= 1;
    write_data(data.length);
    open_store(KIND_LMDB_COMMIT);
    assert_int_equal(scan(&visits), ERR_CORRUPT);
    store_fixture_close(&fixture);
    buf_release(&data);
}

// A page that is cut away was free, or the store is refused; it never ends the process.
static void test_store_failures__every_cut_is_told(void **state)
{
    (void)state;
    enum { PAGE_BYTES = 4096, ROUNDS = 40 };
    unsigned refused = 0;
    fill();
    for (size_t pages = 1; pages <= ROUNDS; pages++) {
        write_data(data.length - pages * PAGE_BYTES);
        enum err error = store_fixture_open(&fixture, KIND_LMDB_COMMIT, scratch.path, 0, &detail);
        if (error != ERR_OK) {
            struct stat status;
            assert_int_equal(error, ERR_CORRUPT);
            assert_non_null(strstr(detail.text, "brusiod --rebuild"));
            CHECK(stat(path, &status) == 0);
            assert_int_equal(status.st_size, data.length - pages * PAGE_BYTES);
            refused++;
            continue;
        }
        unsigned visits;
        assert_int_equal(scan(&visits), ERR_OK);
        assert_int_equal(visits, PAIRS);
        store_fixture_close(&fixture);
    }
    assert_true(refused > ROUNDS / 2);
    buf_release(&data);
}

static void test_store_failures__rotten_roots_are_refused(void **state)
{
    (void)state;
    enum { ROOT_BYTES = 4096, MAGIC_OFFSET = 16, VERSION_OFFSET = 20 };
    static const size_t offsets[] = {MAGIC_OFFSET, VERSION_OFFSET};
    fill();
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        for (size_t root = 0; root < 2; root++)
            data.bytes[root * ROOT_BYTES + offsets[i]] ^= 4;
        write_data(data.length);
        assert_int_equal(store_fixture_open(&fixture, KIND_LMDB_COMMIT, scratch.path, 0, &detail),
                         ERR_CORRUPT);
        assert_non_null(strstr(detail.text, "brusiod --rebuild"));
        for (size_t root = 0; root < 2; root++)
            data.bytes[root * ROOT_BYTES + offsets[i]] ^= 4;
    }
    buf_release(&data);
}

static void test_store_failures__a_sum_is_of_its_own_table_and_key(void **state)
{
    (void)state;
    uint8_t sealed[4 + STORE_SUM_BYTES];
    struct slice found;
    struct slice all = slice_of(sealed, sizeof sealed);
    struct slice key = slice_of_text("key");
    store_sum_seal(STORE_MARKS, key, slice_of_text("text"), sealed);
    assert_int_equal(store_sum_open(STORE_MARKS, key, all, &found), ERR_OK);
    assert_true(slice_equal(found, slice_of_text("text")));
    assert_int_equal(store_sum_open(STORE_RECORDS, key, all, &found), ERR_CORRUPT);
    assert_int_equal(store_sum_open(STORE_MARKS, slice_of_text("ke"), all, &found), ERR_CORRUPT);
    for (size_t length = 0; length < sizeof sealed; length++)
        assert_int_equal(store_sum_open(STORE_MARKS, key, slice_of(sealed, length), &found),
                         ERR_CORRUPT);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_store_failures__##name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lmdb_stays_failed_on_a_full_disk),
        TEST(lmdb_stays_failed_after_a_failed_sync),
        TEST(a_log_that_takes_no_write_fails_the_batch),
        TEST(a_log_that_cannot_sync_is_suspect),
        TEST(a_full_file_system_shows_and_passes),
        TEST(a_rotten_value_is_never_returned),
        TEST(a_rotten_key_shows_in_a_scan),
        TEST(every_cut_is_told),
        TEST(rotten_roots_are_refused),
        TEST(a_sum_is_of_its_own_table_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
