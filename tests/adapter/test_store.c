// What port/store.h promises, asked of every adapter alike.
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

static struct scratch_directory scratch;
static struct store_fixture fixture;

static int open_kind(enum store_kind kind)
{
    struct errmsg detail = {0};
    scratch_directory_init(&scratch);
    return store_fixture_open(&fixture, kind, scratch.path, 0, &detail) == ERR_OK ? 0 : -1;
}

static int open_memory(void **state)
{
    (void)state;
    return open_kind(KIND_MEMORY);
}

static int open_lmdb_commit(void **state)
{
    (void)state;
    return open_kind(KIND_LMDB_COMMIT);
}

static int open_lmdb_interval(void **state)
{
    (void)state;
    return open_kind(KIND_LMDB_INTERVAL);
}

static int open_logged(void **state)
{
    (void)state;
    return open_kind(KIND_LOGGED);
}

static int close_store(void **state)
{
    (void)state;
    store_fixture_close(&fixture);
    scratch_directory_release(&scratch);
    return 0;
}

static void put(enum store_table table, struct slice key, struct slice value)
{
    fixture.port.ops->put(fixture.port.self, table, key, value);
}

static void remove_key(enum store_table table, struct slice key)
{
    fixture.port.ops->remove(fixture.port.self, table, key);
}

static enum err get(enum store_table table, struct slice key, struct slice *out)
{
    return fixture.port.ops->get(fixture.port.self, table, key, out);
}

static uint64_t commit(void)
{
    return store_fixture_commit(&fixture);
}

// The naive twin: a sorted array of pairs for each table.

enum { TWIN_PAIRS_MAX = 4096, TWIN_BYTES_MAX = 40 };

struct twin_pair {
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_length;
    uint8_t value[TWIN_BYTES_MAX];
    size_t value_length;
};

struct twin {
    struct twin_pair pairs[TWIN_PAIRS_MAX];
    size_t count;
};

static struct twin twins[STORE_TABLE_COUNT];

static struct slice twin_key(const struct twin_pair *pair)
{
    return slice_of(pair->key, pair->key_length);
}

// The place of `key`, or where it would go.
static size_t twin_find(const struct twin *twin, struct slice key)
{
    size_t i = 0;
    while (i < twin->count && slice_compare(twin_key(&twin->pairs[i]), key) < 0)
        i++;
    return i;
}

static bool twin_has(const struct twin *twin, size_t i, struct slice key)
{
    return i < twin->count && slice_equal(twin_key(&twin->pairs[i]), key);
}

static void twin_put(struct twin *twin, struct slice key, struct slice value)
{
    size_t i = twin_find(twin, key);
    if (!twin_has(twin, i, key)) {
        CHECK(twin->count < TWIN_PAIRS_MAX);
        memmove(&twin->pairs[i + 1], &twin->pairs[i], (twin->count - i) * sizeof twin->pairs[0]);
        twin->count++;
    }
    struct twin_pair *pair = &twin->pairs[i];
    memcpy(pair->key, key.bytes, key.length);
    pair->key_length = key.length;
    memcpy(pair->value, value.bytes, value.length);
    pair->value_length = value.length;
}

static void twin_remove(struct twin *twin, struct slice key)
{
    size_t i = twin_find(twin, key);
    if (!twin_has(twin, i, key))
        return;
    twin->count--;
    memmove(&twin->pairs[i], &twin->pairs[i + 1], (twin->count - i) * sizeof twin->pairs[0]);
}

// Few different bytes and lengths, so that keys repeat and are prefixes of one another; now and
// then the longest.
static struct slice random_key(struct rng *rng, uint8_t bytes[STORE_KEY_BYTES_MAX])
{
    static const uint8_t alphabet[] = {0x00, 0x01, 'a', 'b', 0x7f, 0x80, 0xff};
    size_t length = 1 + (size_t)rng_below(rng, 5);
    if (rng_one_in(rng, 20))
        length = STORE_KEY_BYTES_MAX;
    if (rng_one_in(rng, 10))
        length = 8 + (size_t)rng_below(rng, 3);
    memset(bytes, 0xff, STORE_KEY_BYTES_MAX);
    for (size_t i = 0; i < length && i < 4; i++)
        bytes[i] = alphabet[rng_below(rng, sizeof alphabet)];
    return slice_of(bytes, length);
}

struct expectation {
    const struct twin *twin;
    size_t next;
    size_t visits_left;
    bool wrong;
};

static bool compare_pair(void *context, struct slice key, struct slice value)
{
    struct expectation *expected = context;
    const struct twin_pair *pair = &expected->twin->pairs[expected->next];
    if (expected->next >= expected->twin->count || !slice_equal(key, twin_key(pair)) ||
        !slice_equal(value, slice_of(pair->value, pair->value_length)))
        expected->wrong = true;
    expected->next++;
    expected->visits_left--;
    return !expected->wrong && expected->visits_left > 0;
}

static void check_scan(const struct twin *twin, enum store_table table, struct slice first,
                       struct slice end, size_t visits_max)
{
    struct expectation expected = {
        .twin = twin, .next = twin_find(twin, first), .visits_left = visits_max};
    assert_int_equal(
        fixture.port.ops->scan(fixture.port.self, table, first, end, compare_pair, &expected),
        ERR_OK);
    assert_false(expected.wrong);
    size_t start = twin_find(twin, first);
    size_t last = end.length > 0 ? twin_find(twin, end) : twin->count;
    size_t visits = last > start ? last - start : 0;
    assert_int_equal(expected.next - start, visits < visits_max ? visits : visits_max);
}

static void check_all(void)
{
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        struct expectation expected = {.twin = &twins[table], .visits_left = SIZE_MAX};
        struct slice nothing = slice_of(NULL, 0);
        assert_int_equal(fixture.port.ops->scan(fixture.port.self, (enum store_table)table, nothing,
                                                nothing, compare_pair, &expected),
                         ERR_OK);
        assert_false(expected.wrong);
        assert_int_equal(expected.next, twins[table].count);
    }
}

static void random_write(struct rng *rng)
{
    uint8_t key_bytes[STORE_KEY_BYTES_MAX];
    uint8_t value_bytes[TWIN_BYTES_MAX];
    enum store_table table = (enum store_table)rng_below(rng, STORE_TABLE_COUNT);
    struct slice key = random_key(rng, key_bytes);
    if (rng_one_in(rng, 3)) {
        remove_key(table, key);
        twin_remove(&twins[table], key);
        return;
    }
    memset(value_bytes, (int)rng_below(rng, 256), sizeof value_bytes);
    struct slice value = slice_of(value_bytes, (size_t)rng_below(rng, sizeof value_bytes));
    put(table, key, value);
    twin_put(&twins[table], key, value);
    memset(key_bytes, 0xaa, sizeof key_bytes); // the store has copied
    memset(value_bytes, 0xaa, sizeof value_bytes);
}

static void random_read(struct rng *rng)
{
    uint8_t first_bytes[STORE_KEY_BYTES_MAX];
    uint8_t end_bytes[STORE_KEY_BYTES_MAX];
    enum store_table table = (enum store_table)rng_below(rng, STORE_TABLE_COUNT);
    const struct twin *twin = &twins[table];
    struct slice first = random_key(rng, first_bytes);
    struct slice end = random_key(rng, end_bytes);
    struct slice value;
    size_t i = twin_find(twin, first);
    if (twin_has(twin, i, first)) {
        assert_int_equal(get(table, first, &value), ERR_OK);
        assert_true(
            slice_equal(value, slice_of(twin->pairs[i].value, twin->pairs[i].value_length)));
    } else {
        assert_int_equal(get(table, first, &value), ERR_NOT_FOUND);
    }
    check_scan(twin, table, first, end, 1 + (size_t)rng_below(rng, 50));
}

static void test_store__agrees_with_a_naive_twin(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    memset(twins, 0, sizeof twins);
    uint64_t last = 0;
    for (int round = 0; round < 300; round++) {
        uint64_t batches = 1 + rng_below(&rng, 4);
        for (uint64_t i = 0; i < batches; i++) {
            uint64_t writes = rng_below(&rng, 30);
            for (uint64_t write = 0; write < writes; write++)
                random_write(&rng);
            assert_int_equal(commit(), ++last);
            if (rng_one_in(&rng, 3))
                store_fixture_poll(&fixture);
        }
        assert_int_equal(store_fixture_wait(&fixture, last), ERR_OK);
        for (int i = 0; i < 20; i++)
            random_read(&rng);
    }
    check_all();
}

static void test_store__reports_every_batch_in_order(void **state)
{
    (void)state;
    enum { BATCHES = 500 };
    for (uint64_t i = 1; i <= BATCHES; i++) {
        uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        put(STORE_RECORDS, slice_of(key, sizeof key), slice_of(&i, sizeof i));
        put(STORE_META, slice_of_text("last"), slice_of(&i, sizeof i));
        assert_int_equal(commit(), i);
    }
    assert_int_equal(store_fixture_wait(&fixture, BATCHES), ERR_OK);
    uint64_t before = 0;
    for (size_t i = 0; i < fixture.report_count; i++) {
        assert_true(fixture.reports[i].batch > before);
        assert_int_equal(fixture.reports[i].error, ERR_OK);
        before = fixture.reports[i].batch;
    }
    assert_int_equal(before, BATCHES);
    struct slice found;
    uint64_t last = BATCHES;
    assert_int_equal(get(STORE_META, slice_of_text("last"), &found), ERR_OK);
    assert_true(slice_equal(found, slice_of(&last, sizeof last)));
}

static void test_store__reports_nothing_before_the_poll(void **state)
{
    (void)state;
    store_fixture_put(&fixture, STORE_RECORDS, "a", "1");
    (void)commit();
    assert_int_equal(fixture.report_count, 0);
    assert_int_equal(store_fixture_wait(&fixture, 1), ERR_OK);
    assert_int_equal(fixture.report_count, 1);
    store_fixture_poll(&fixture);
    assert_int_equal(fixture.report_count, 1);
}

// A batch is one change: whoever reads between two polls sees all of it or nothing.
static void test_store__applies_a_batch_whole(void **state)
{
    (void)state;
    enum { BATCHES = 200, KEYS = 20 };
    for (uint64_t i = 1; i <= BATCHES; i++) {
        for (uint8_t key = 1; key <= KEYS; key++)
            put((enum store_table)(key % STORE_TABLE_COUNT), slice_of(&key, 1),
                slice_of(&i, sizeof i));
        (void)commit();
        store_fixture_poll(&fixture);
        uint64_t seen[KEYS + 1] = {0};
        for (uint8_t key = 1; key <= KEYS; key++) {
            struct slice found;
            if (get((enum store_table)(key % STORE_TABLE_COUNT), slice_of(&key, 1), &found) ==
                ERR_OK)
                memcpy(&seen[key], found.bytes, sizeof seen[key]);
            assert_int_equal(seen[key], seen[1]);
        }
        uint64_t reported =
            fixture.report_count > 0 ? fixture.reports[fixture.report_count - 1].batch : 0;
        assert_true(seen[1] >= reported && seen[1] <= i);
    }
    assert_int_equal(store_fixture_wait(&fixture, BATCHES), ERR_OK);
}

static void test_store__shows_nothing_of_the_open_batch(void **state)
{
    (void)state;
    store_fixture_put(&fixture, STORE_RECORDS, "a", "1");
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "a", NULL));
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "a", "1"));
    remove_key(STORE_RECORDS, slice_of_text("a"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "a", "1"));
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "a", NULL));
}

static void test_store__last_operation_on_a_key_wins(void **state)
{
    (void)state;
    store_fixture_put(&fixture, STORE_RECORDS, "put twice", "1");
    store_fixture_put(&fixture, STORE_RECORDS, "put twice", "2");
    store_fixture_put(&fixture, STORE_RECORDS, "removed", "1");
    remove_key(STORE_RECORDS, slice_of_text("removed"));
    remove_key(STORE_RECORDS, slice_of_text("put again"));
    store_fixture_put(&fixture, STORE_RECORDS, "put again", "3");
    (void)commit();
    store_fixture_put(&fixture, STORE_RECORDS, "put twice", "4");
    remove_key(STORE_RECORDS, slice_of_text("put again"));
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "put twice", "4"));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "removed", NULL));
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "put again", NULL));
}

static void test_store__keeps_tables_apart(void **state)
{
    (void)state;
    store_fixture_put(&fixture, STORE_RECORDS, "k", "record");
    store_fixture_put(&fixture, STORE_MARKS, "k", "mark");
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    remove_key(STORE_RECORDS, slice_of_text("k"));
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "k", NULL));
    assert_true(store_fixture_holds(&fixture, STORE_MARKS, "k", "mark"));
    assert_true(store_fixture_holds(&fixture, STORE_META, "k", NULL));
}

static void test_store__takes_empty_batches_and_absent_keys(void **state)
{
    (void)state;
    assert_int_equal(commit(), 1);
    assert_int_equal(commit(), 2);
    remove_key(STORE_RECORDS, slice_of_text("never there"));
    assert_int_equal(commit(), 3);
    assert_int_equal(store_fixture_wait(&fixture, 3), ERR_OK);
}

static void test_store__takes_the_longest_key_and_value(void **state)
{
    (void)state;
    uint8_t key[STORE_KEY_BYTES_MAX];
    uint8_t *value = memory_new(STORE_VALUE_BYTES_MAX);
    memset(key, 0xff, sizeof key);
    memset(value, 0x5a, STORE_VALUE_BYTES_MAX);
    put(STORE_RECORDS, slice_of(key, sizeof key), slice_of(value, STORE_VALUE_BYTES_MAX));
    put(STORE_RECORDS, slice_of("", 1), slice_of(NULL, 0));
    assert_int_equal(store_fixture_wait(&fixture, commit()), ERR_OK);
    struct slice found;
    assert_int_equal(get(STORE_RECORDS, slice_of(key, sizeof key), &found), ERR_OK);
    assert_true(slice_equal(found, slice_of(value, STORE_VALUE_BYTES_MAX)));
    assert_int_equal(get(STORE_RECORDS, slice_of("", 1), &found), ERR_OK);
    assert_int_equal(found.length, 0);
    free(value);
}

static void check_full(enum store_kind kind)
{
    enum { SIZE_BYTES = 1 << 20, VALUE_BYTES = 1000 };
    struct scratch_directory small;
    scratch_directory_init(&small);
    static struct store_fixture full;
    struct errmsg detail = {0};
    assert_int_equal(store_fixture_open(&full, kind, small.path, SIZE_BYTES, &detail), ERR_OK);
    uint8_t value[VALUE_BYTES] = {1};
    uint32_t written = 0;
    enum err error = ERR_OK;
    while (error == ERR_OK && written < 2 * SIZE_BYTES / VALUE_BYTES) {
        full.port.ops->put(full.port.self, STORE_RECORDS, slice_of(&written, sizeof written),
                           slice_of(value, sizeof value));
        error = store_fixture_wait(&full, store_fixture_commit(&full));
        written += error == ERR_OK;
    }
    assert_int_equal(error, ERR_FULL);
    assert_true(written > 10);

    // What would fit is refused too, and what was reported can be read.
    full.port.ops->remove(full.port.self, STORE_RECORDS, slice_of("\0\0\0\0", 4));
    assert_int_equal(store_fixture_wait(&full, store_fixture_commit(&full)), ERR_FULL);
    assert_int_equal(store_fixture_wait(&full, store_fixture_commit(&full)), ERR_FULL);
    for (uint32_t i = 0; i <= written; i++) {
        struct slice found;
        error = full.port.ops->get(full.port.self, STORE_RECORDS, slice_of(&i, sizeof i), &found);
        assert_int_equal(error, i < written ? ERR_OK : ERR_NOT_FOUND);
    }
    store_fixture_close(&full);
    scratch_directory_release(&small);
}

static void test_store__stays_failed_once_full(void **state)
{
    (void)state;
    check_full(fixture.kind);
}

#define SUITE(kind)                                                                                \
    cmocka_unit_test_setup_teardown(test_store__agrees_with_a_naive_twin, open_##kind,             \
                                    close_store),                                                  \
        cmocka_unit_test_setup_teardown(test_store__reports_every_batch_in_order, open_##kind,     \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__reports_nothing_before_the_poll, open_##kind,  \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__applies_a_batch_whole, open_##kind,            \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__shows_nothing_of_the_open_batch, open_##kind,  \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__last_operation_on_a_key_wins, open_##kind,     \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__keeps_tables_apart, open_##kind, close_store), \
        cmocka_unit_test_setup_teardown(test_store__takes_empty_batches_and_absent_keys,           \
                                        open_##kind, close_store),                                 \
        cmocka_unit_test_setup_teardown(test_store__takes_the_longest_key_and_value, open_##kind,  \
                                        close_store),                                              \
        cmocka_unit_test_setup_teardown(test_store__stays_failed_once_full, open_##kind,           \
                                        close_store)

int main(void)
{
    const struct CMUnitTest memory[] = {SUITE(memory)};
    const struct CMUnitTest lmdb_commit[] = {SUITE(lmdb_commit)};
    const struct CMUnitTest lmdb_interval[] = {SUITE(lmdb_interval)};
    const struct CMUnitTest logged[] = {SUITE(logged)};
    int failures = cmocka_run_group_tests_name("store_memory", memory, NULL, NULL);
    failures += cmocka_run_group_tests_name("store_lmdb, commit", lmdb_commit, NULL, NULL);
    failures += cmocka_run_group_tests_name("store_lmdb, interval", lmdb_interval, NULL, NULL);
    failures += cmocka_run_group_tests_name("store_logged", logged, NULL, NULL);
    return failures;
}
