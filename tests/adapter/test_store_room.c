// What a store says of its room, and that it keeps to it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/random.h"
#include "scratch_directory.h"
#include "store_fixture.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS_MAX = 100000, VALUE_BYTES_MAX = 60000 };

static struct scratch_directory scratch;
static struct store_fixture fixture;
static struct errmsg detail;
static uint8_t value_bytes[VALUE_BYTES_MAX];

// How the values of a run are drawn.
struct values {
    size_t bytes_max;
    size_t large_one_in; // 0: never
};

static int make_scratch(void **state)
{
    (void)state;
    scratch_directory_init(&scratch);
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    scratch_directory_release(&scratch);
    return 0;
}

static enum store_room room(void)
{
    return fixture.port.ops->room(fixture.port.self);
}

static void put(uint32_t key, const struct values *values, struct rng *rng)
{
    bool large = rng_one_in(rng, values->large_one_in);
    size_t length = (size_t)rng_below(rng, large ? VALUE_BYTES_MAX : values->bytes_max);
    uint32_t spread = key * 2654435761u; // neighbours in time are none in the tree
    fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of(&spread, sizeof spread),
                          slice_of(value_bytes, length));
}

static void remove_key(uint32_t key)
{
    uint32_t spread = key * 2654435761u;
    fixture.port.ops->remove(fixture.port.self, STORE_RECORDS, slice_of(&spread, sizeof spread));
}

static enum err commit_and_wait(void)
{
    fixture.report_count = 0;
    return store_fixture_wait(&fixture, store_fixture_commit(&fixture));
}

// Room may be short only until what waits is written: polls until there is plenty, or nothing
// waits.
static bool has_plenty(void)
{
    for (;;) {
        if (room() == STORE_ROOM_PLENTY)
            return true;
        if (fixture.logged == NULL || store_logged_backlog_bytes(fixture.logged) == 0)
            return false;
        store_logged_flush(fixture.logged);
        CHECK(sem_wait(&fixture.notified) == 0);
        store_fixture_poll(&fixture);
    }
}

// As many writes as are admitted; gives the number of keys.
static uint32_t fill(const struct values *values, uint64_t writes_max, struct rng *rng)
{
    uint32_t keys = 0;
    while (has_plenty()) {
        for (uint64_t i = rng_below(rng, writes_max); i > 0 && room() == STORE_ROOM_PLENTY; i--)
            put(keys++, values, rng);
        assert_true(keys < KEYS_MAX);
        assert_int_equal(commit_and_wait(), ERR_OK);
    }
    assert_int_equal(room(), STORE_ROOM_LOW);
    return keys;
}

// Marks come and go while users are refused.
static void write_marks(struct rng *rng)
{
    for (int round = 0; round < 20; round++) {
        uint64_t key = rng_below(rng, 100);
        fixture.port.ops->put(fixture.port.self, STORE_MARKS, slice_of(&key, sizeof key),
                              slice_of(value_bytes, 20));
        assert_int_equal(commit_and_wait(), ERR_OK);
        fixture.port.ops->remove(fixture.port.self, STORE_MARKS, slice_of(&key, sizeof key));
        assert_int_equal(commit_and_wait(), ERR_OK);
        assert_int_not_equal(room(), STORE_ROOM_NONE);
    }
}

static void empty(uint32_t keys, uint64_t writes_max, struct rng *rng)
{
    for (uint32_t key = 0; key < keys;) {
        for (uint64_t i = 1 + rng_below(rng, writes_max); i > 0 && key < keys; i--)
            remove_key(key++);
        assert_int_equal(commit_and_wait(), ERR_OK);
    }
}

static void open_store(enum store_kind kind, uint64_t size)
{
    enum err error = store_fixture_open(&fixture, kind, scratch.path, size, &detail);
    if (error != ERR_OK)
        print_message("%s\n", detail.text);
    assert_int_equal(error, ERR_OK);
}

static void run(enum store_kind kind, uint64_t size, const struct values *values)
{
    struct rng rng;
    uint32_t first = 0;
    uint64_t writes_max = size >> 16; // a batch is small beside the store
    rng_init(&rng, size);
    open_store(kind, size);
    for (int round = 0; round < 2; round++) {
        uint32_t keys = fill(values, writes_max, &rng);
        first = round == 0 ? keys : first;
        assert_true(keys > 10);
        assert_true(keys * 2 > first); // the room came back
        write_marks(&rng);
        store_fixture_close(&fixture);
        open_store(kind, size);
        assert_int_not_equal(room(), STORE_ROOM_NONE);
        empty(keys, writes_max, &rng);
        assert_true(has_plenty());
    }
    store_fixture_close(&fixture);
}

static void run_all(enum store_kind kind)
{
    static const struct values small = {.bytes_max = 200};
    static const struct values middle = {.bytes_max = 3000};
    static const struct values mixed = {.bytes_max = 900, .large_one_in = 20};
    const struct values *const all[] = {&small, &middle, &mixed};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        run(kind, all[i] == &mixed ? 3 << 20 : 1 << 20, all[i]);
        scratch_directory_release(&scratch);
        scratch_directory_init(&scratch);
    }
}

static void test_store_room__lmdb_refuses_in_time_and_recovers(void **state)
{
    (void)state;
    run_all(KIND_LMDB_COMMIT);
}

static void test_store_room__logged_refuses_in_time_and_recovers(void **state)
{
    (void)state;
    run_all(KIND_LOGGED);
}

enum { SIZE_BYTES = 1 << 20 };

// Who does not ask for room, and writes on: every batch is taken or refused whole, and the same
// limit does to open the store again, with a log that had no time to get to LMDB.
static int overfill_and_die(void)
{
    struct values values = {.bytes_max = 3000, .large_one_in = 30};
    struct rng rng;
    rng_init(&rng, (uint64_t)getpid());
    if (store_fixture_open(&fixture, KIND_LOGGED, scratch.path, SIZE_BYTES, NULL) != ERR_OK)
        return 1;
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        put((uint32_t)rng_u64(&rng), &values, &rng);
        enum err error = commit_and_wait();
        if (error == ERR_FULL)
            return 0;
        if (error != ERR_OK)
            return 2;
    }
    return 3;
}

static void test_store_room__a_full_log_finds_its_place_in_the_same_limit(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(overfill_and_die());
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        open_store(KIND_LOGGED, SIZE_BYTES);
        assert_int_not_equal(room(), STORE_ROOM_PLENTY);
        remove_key(1);
        assert_int_equal(commit_and_wait(), ERR_OK);
        store_fixture_close(&fixture);
    }
}

static void test_store_room__memory_counts_its_bytes(void **state)
{
    (void)state;
    assert_int_equal(store_fixture_open(&fixture, KIND_MEMORY, NULL, 100000, NULL), ERR_OK);
    assert_int_equal(room(), STORE_ROOM_PLENTY);
    uint32_t keys = 0;
    static const enum store_room expected[] = {STORE_ROOM_PLENTY, STORE_ROOM_LOW, STORE_ROOM_NONE};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        while (room() == expected[i] && keys < 1000) {
            keys++;
            fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of(&keys, sizeof keys),
                                  slice_of(value_bytes, 900));
            if (expected[i] == STORE_ROOM_NONE)
                break;
            assert_int_equal(commit_and_wait(), ERR_OK);
        }
    }
    assert_true(keys > 90 && keys < 110);
    store_fixture_close(&fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_room__lmdb_refuses_in_time_and_recovers),
        TEST(test_store_room__logged_refuses_in_time_and_recovers),
        TEST(test_store_room__a_full_log_finds_its_place_in_the_same_limit),
        TEST(test_store_room__memory_counts_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
