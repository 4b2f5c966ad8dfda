#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/map/voter_store.h"
#include "map_fixture.h"
#include "small_disk.h"

struct bench {
    struct small_disk disk;
    struct store store;
    struct effects effects;
    struct cluster_map map;
};

static int open_bench(void **state)
{
    static struct bench bench;
    small_disk_init(&bench.disk);
    bench.store = small_disk_store(&bench.disk);
    effects_init(&bench.effects);
    cluster_map_init(&bench.map);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    small_disk_release(&bench->disk);
    effects_release(&bench->effects);
    cluster_map_release(&bench->map);
    return 0;
}

static void keep(struct bench *bench)
{
    small_disk_apply(&bench->disk, &bench->effects);
    effects_clear(&bench->effects);
}

static void put_acceptor(struct bench *bench, struct acceptor_state state)
{
    voter_store_put_acceptor(&bench->effects, &state);
    keep(bench);
}

static enum err read_identity(struct bench *bench)
{
    struct identity identity;
    return voter_store_identity(&bench->store, &identity);
}

static enum err read_map(struct bench *bench)
{
    cluster_map_release(&bench->map);
    return voter_store_map(&bench->store, &bench->map);
}

static enum err read_acceptor(struct bench *bench)
{
    struct acceptor_state state;
    return voter_store_acceptor(&bench->store, &state);
}

static void test_voter_store__begins_with_nothing(void **state)
{
    assert_int_equal(read_identity(*state), ERR_NOT_FOUND);
    assert_int_equal(read_map(*state), ERR_NOT_FOUND);
    assert_int_equal(read_acceptor(*state), ERR_NOT_FOUND);
}

static void test_voter_store__identity_comes_back(void **state)
{
    struct bench *bench = *state;
    const struct identity given = {
        .store_id = UINT64_MAX - 1, .incarnation = 300, .cluster = {.high = 5, .low = 6}};
    struct identity identity;
    voter_store_put_identity(&bench->effects, &given);
    keep(bench);
    assert_int_equal(voter_store_identity(&bench->store, &identity), ERR_OK);
    assert_true(identity.store_id == given.store_id);
    assert_int_equal(identity.incarnation, 300);
    assert_int_equal(identity.cluster.high, 5);
    assert_int_equal(identity.cluster.low, 6);
}

static void test_voter_store__map_comes_back(void **state)
{
    struct bench *bench = *state;
    struct replica_set set = fixture_settled(fixture_nodes(2));
    struct buf before;
    struct buf after;
    buf_init(&before, CLUSTER_MAP_BYTES_MAX);
    buf_init(&after, CLUSTER_MAP_BYTES_MAX);
    fixture_map(&bench->map, 3, 3);
    fixture_add_keyspace(&bench->map, &set);
    cluster_map_encode(&before, &bench->map);
    voter_store_put_map(&bench->effects, &bench->map);
    keep(bench);
    assert_int_equal(read_map(bench), ERR_OK);
    cluster_map_encode(&after, &bench->map);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_release(&before);
    buf_release(&after);
}

static void test_voter_store__acceptor_comes_back(void **state)
{
    struct bench *bench = *state;
    struct acceptor_state read;
    put_acceptor(bench, (struct acceptor_state){.base_epoch = 9,
                                                .promised = {5, UINT64_MAX, 7},
                                                .accepted = {4, 8, 9},
                                                .accepted_map = slice_of_text("map")});
    assert_int_equal(voter_store_acceptor(&bench->store, &read), ERR_OK);
    assert_int_equal(read.base_epoch, 9);
    assert_true(ballot_equal(&read.promised, &(struct ballot){5, UINT64_MAX, 7}));
    assert_true(ballot_equal(&read.accepted, &(struct ballot){4, 8, 9}));
    assert_true(slice_equal(read.accepted_map, slice_of_text("map")));

    put_acceptor(bench, (struct acceptor_state){.base_epoch = 10});
    assert_int_equal(voter_store_acceptor(&bench->store, &read), ERR_OK);
    assert_int_equal(read.base_epoch, 10);
    assert_int_equal(read.promised.counter, 0);
    assert_int_equal(read.accepted.counter, 0);
    assert_int_equal(read.accepted_map.length, 0);
}

static void put_all(struct bench *bench)
{
    fixture_map(&bench->map, 1, 1);
    voter_store_put_identity(&bench->effects, &(struct identity){.store_id = 1, .incarnation = 2});
    voter_store_put_map(&bench->effects, &bench->map);
    keep(bench);
    put_acceptor(bench, (struct acceptor_state){.base_epoch = 9,
                                                .promised = {5, 6, 7},
                                                .accepted = {4, 8, 9},
                                                .accepted_map = slice_of_text("map")});
}

typedef enum err reader(struct bench *bench);

static const struct {
    const char *name;
    reader *read;
} values[] = {{"identity", read_identity}, {"map", read_map}, {"acceptor", read_acceptor}};

static void test_voter_store__notices_every_damaged_bit(void **state)
{
    struct bench *bench = *state;
    put_all(bench);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf *bytes = small_disk_value(&bench->disk, values[i].name);
        assert_int_equal(values[i].read(bench), ERR_OK);
        for (size_t bit = 0; bit < 8 * bytes->length; bit++) {
            bytes->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum err error = values[i].read(bench);
            assert_true(error == ERR_CORRUPT || (error == ERR_VERSION && bit < 8));
            bytes->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void test_voter_store__notices_cut_values(void **state)
{
    struct bench *bench = *state;
    put_all(bench);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf *bytes = small_disk_value(&bench->disk, values[i].name);
        while (bytes->length > 0) {
            bytes->length--;
            assert_int_equal(values[i].read(bench), ERR_CORRUPT);
        }
    }
}

static void test_voter_store__knows_a_newer_format(void **state)
{
    struct bench *bench = *state;
    put_all(bench);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        small_disk_value(&bench->disk, values[i].name)->bytes[0]++;
        assert_int_equal(values[i].read(bench), ERR_VERSION);
    }
}

// No acceptor ever was in such a state: its checksum is good, and yet nothing may be built on it.
static void test_voter_store__refuses_an_impossible_acceptor(void **state)
{
    struct bench *bench = *state;
    put_acceptor(bench, (struct acceptor_state){.base_epoch = 1,
                                                .promised = {3, 1, 1},
                                                .accepted = {4, 1, 1},
                                                .accepted_map = slice_of_text("map")});
    assert_int_equal(read_acceptor(bench), ERR_CORRUPT);
    put_acceptor(bench, (struct acceptor_state){
                            .base_epoch = 1, .promised = {4, 1, 1}, .accepted = {4, 1, 1}});
    assert_int_equal(read_acceptor(bench), ERR_CORRUPT);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_voter_store__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begins_with_nothing),
        TEST(identity_comes_back),
        TEST(map_comes_back),
        TEST(acceptor_comes_back),
        TEST(notices_every_damaged_bit),
        TEST(notices_cut_values),
        TEST(knows_a_newer_format),
        TEST(refuses_an_impossible_acceptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
