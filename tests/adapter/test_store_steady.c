// Loses power on purpose: of what was written since the last save, every page reaches the disk or
// not.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store_env.h"
#include "adapter/store_steady.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "scratch_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 2000, SIZE_BYTES = 64 << 20, PAGE_BYTES = 4096, ROOT_PAGES = 2 };

static struct scratch_directory scratch;
static struct store_directory directory;
static struct store_env env;
static struct store_steady steady;

static void open_env(bool fresh)
{
    struct errmsg detail = {0};
    assert_int_equal(store_env_open(&directory, fresh, SIZE_BYTES, &env, &detail), ERR_OK);
    assert_int_equal(mdb_env_set_flags(env.lmdb, MDB_NOSYNC, 1), 0);
}

static int set_up(void **state)
{
    (void)state;
    scratch_directory_init(&scratch);
    if (store_directory_open(scratch.path, &directory, NULL) != ERR_OK)
        return -1;
    open_env(true);
    store_steady_init(&steady, &directory, env.lmdb);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_steady_release(&steady);
    store_env_close(&env);
    store_directory_close(&directory);
    scratch_directory_release(&scratch);
    return 0;
}

// One transaction that gives every `stride`-th key the value `generation`.
static void write_generation(uint64_t generation, uint32_t stride)
{
    MDB_txn *txn;
    assert_int_equal(mdb_txn_begin(env.lmdb, NULL, 0, &txn), 0);
    for (uint32_t i = 0; i < KEYS; i += stride) {
        uint64_t spread = hash64(slice_of(&i, sizeof i), 0);
        MDB_val key = {.mv_size = sizeof spread, .mv_data = &spread};
        MDB_val value = {.mv_size = sizeof generation, .mv_data = &generation};
        assert_int_equal(mdb_put(txn, env.tables[STORE_RECORDS], &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static void check_generation(uint64_t generation)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    size_t count = 0;
    assert_int_equal(mdb_txn_begin(env.lmdb, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_cursor_open(txn, env.tables[STORE_RECORDS], &cursor), 0);
    int result = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; result == 0; result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        assert_true(slice_equal(slice_of(value.mv_data, value.mv_size),
                                slice_of(&generation, sizeof generation)));
        count++;
    }
    assert_int_equal(result, MDB_NOTFOUND);
    assert_int_equal(count, KEYS);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}

static void save(bool clean)
{
    struct errmsg detail = {0};
    assert_int_equal(mdb_env_sync(env.lmdb, 1), 0);
    assert_int_equal(store_steady_save(&steady, clean, &detail), ERR_OK);
}

static void read_image(struct buf *out)
{
    buf_init(out, SIZE_BYTES);
    assert_int_equal(store_directory_read(&directory, STORE_DATA_FILE, out, NULL), ERR_OK);
}

static void close_env(void)
{
    store_steady_release(&steady);
    store_env_close(&env);
}

// What a disk may hold after power was lost: the newest roots, and of each other page the new or
// the synced bytes.
static void write_torn_image(const struct buf *synced, const struct buf *newest, struct rng *rng)
{
    int fd = openat(directory.fd, STORE_DATA_FILE, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t page = 0; page * PAGE_BYTES < newest->length; page++) {
        size_t offset = page * PAGE_BYTES;
        bool lost =
            page >= ROOT_PAGES && !rng_one_in(rng, 2) && offset + PAGE_BYTES <= synced->length;
        const struct buf *image = lost ? synced : newest;
        assert_int_equal(pwrite(fd, image->bytes + offset, PAGE_BYTES, (off_t)offset), PAGE_BYTES);
    }
    close(fd);
}

static void edit_boot(void)
{
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    assert_int_equal(store_directory_read(&directory, STORE_STEADY_FILE, &bytes, NULL), ERR_OK);
    bytes.bytes[STORE_STEADY_BOOT_OFFSET] ^= 1;
    bytes.length -= sizeof(uint64_t);
    buf_append_u64_be(&bytes, hash64(buf_slice(&bytes), 0));
    assert_int_equal(
        store_directory_replace(&directory, STORE_STEADY_FILE, buf_slice(&bytes), NULL), ERR_OK);
    buf_release(&bytes);
}

static void test_store_steady__goes_back_to_the_saved_state(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (uint64_t round = 0; round < 10; round++) {
        struct buf synced;
        struct buf newest;
        bool rolled_back = false;
        for (uint64_t i = 0; i < 5; i++)
            write_generation(1000 * round + i, 1); // leaves free pages, which later writes take
        save(false);
        read_image(&synced);
        for (uint64_t i = 0; i < 20; i++)
            write_generation(1000 * round + 100 + i, 1 + (uint32_t)i % 3);
        read_image(&newest);
        close_env();
        write_torn_image(&synced, &newest, &rng);
        edit_boot();
        assert_int_equal(store_steady_recover(&directory, &rolled_back, NULL), ERR_OK);
        assert_true(rolled_back);
        open_env(false);
        store_steady_init(&steady, &directory, env.lmdb);
        check_generation(1000 * round + 4);
        save(false);
        buf_release(&synced);
        buf_release(&newest);
    }
}

static void test_store_steady__leaves_all_alone_after_the_death_of_the_process(void **state)
{
    (void)state;
    bool rolled_back = true;
    write_generation(1, 1);
    save(false);
    write_generation(2, 1);
    close_env();
    assert_int_equal(store_steady_recover(&directory, &rolled_back, NULL), ERR_OK);
    assert_false(rolled_back);
    open_env(false);
    check_generation(2);
}

static void test_store_steady__clean_end_loses_nothing(void **state)
{
    (void)state;
    bool rolled_back = true;
    write_generation(1, 1);
    save(false);
    write_generation(2, 1);
    save(true);
    close_env();
    edit_boot();
    assert_int_equal(store_steady_recover(&directory, &rolled_back, NULL), ERR_OK);
    assert_false(rolled_back);
    open_env(false);
    check_generation(2);
}

static void test_store_steady__forgotten_it_changes_nothing(void **state)
{
    (void)state;
    bool rolled_back = true;
    write_generation(1, 1);
    save(false);
    write_generation(2, 1);
    close_env();
    edit_boot();
    assert_int_equal(store_steady_forget(&directory, NULL), ERR_OK);
    assert_int_equal(store_steady_recover(&directory, &rolled_back, NULL), ERR_OK);
    assert_false(rolled_back);
    open_env(false);
    check_generation(2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_store_steady__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(goes_back_to_the_saved_state),
        TEST(leaves_all_alone_after_the_death_of_the_process),
        TEST(clean_end_loses_nothing),
        TEST(forgotten_it_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
