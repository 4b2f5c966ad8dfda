// Stores that have lost something, or have what was not written: found, and never believed.

#include "space_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A };

// --- what does not open

typedef void damage(struct space_disk *disk);

static void put_record(struct space_disk *disk, const char *rest, size_t rest_length,
                       struct slice value)
{
    uint8_t key[32] = {0x5a, 0xfe, 0x5a, 0xfe, 0, 0, 0, 1};
    memcpy(key + 8, rest, rest_length);
    space_disk_put(disk, STORE_SPACES, slice_of(key, 8 + rest_length), value);
}

static void unknown_kind(struct space_disk *disk)
{
    put_record(disk, "z", 1, slice_of_text("x"));
}

static void long_key(struct space_disk *disk)
{
    put_record(disk, "cc", 2, slice_of_text("x"));
}

static void bad_state(struct space_disk *disk)
{
    put_record(disk, "c", 1, slice_of_text("\x01\x04"));
}

static void bad_known(struct space_disk *disk)
{
    put_record(disk, "k\0\0\0\0\0\0\0\1", 9, slice_of_text("\x01"));
}

static void origin_zero(struct space_disk *disk)
{
    put_record(disk, "k\0\0\0\0\0\0\0\0", 9, slice_of("\x01\x00\x00", 3));
}

static void put_numbers(struct space_disk *disk, const char *rest)
{
    struct buf value;
    struct interval interval = {.first = 1, .last = 3};
    struct intervals one = {.origin = 9, .list = &interval, .count = 1, .capacity = 1};
    buf_init(&value, 64);
    intervals_encode(&value, &one);
    put_record(disk, rest, 9, buf_slice(&value));
    buf_release(&value);
}

static void horizon_unknown(struct space_disk *disk)
{
    put_numbers(disk, "h\0\0\0\0\0\0\0\x09");
    put_numbers(disk, "s\0\0\0\0\0\0\0\x09");
}

static void horizon_not_stable(struct space_disk *disk)
{
    put_numbers(disk, "h\0\0\0\0\0\0\0\x09");
    put_numbers(disk, "k\0\0\0\0\0\0\0\x09");
}

static void empty_digest(struct space_disk *disk)
{
    put_record(disk, "d\0\x07", 3, slice_of("\0", 1));
}

static void huge_digest(struct space_disk *disk)
{
    put_record(disk, "d\0\x07", 3, slice_of("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
}

static void slot_too_high(struct space_disk *disk)
{
    put_record(disk, "d\xff\xff", 3, slice_of("\x02", 1));
}

static void no_state(struct space_disk *disk)
{
    uint8_t key[9] = {0x5a, 0xfe, 0x5a, 0xfe, 0, 0, 0, 1, 'c'};
    space_disk_remove(disk, STORE_SPACES, slice_of(key, sizeof key));
}

static void test_space__does_not_open_on_what_it_did_not_write(void **state)
{
    (void)state;
    damage *damages[] = {unknown_kind,  long_key,           bad_state,    bad_known,
                         origin_zero,   horizon_unknown,    empty_digest, huge_digest,
                         slot_too_high, horizon_not_stable, no_state};
    for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct space_bench *bench = bench_new(1, NULL);
        bench_put(bench, A, "k", "v");
        bench_sync(bench, A);
        bench_crash(bench, A, 0);
        damages[i](&bench->replicas[A].disk);
        assert_int_equal(bench_start(bench, A), ERR_CORRUPT);
        bench_free(bench);
    }
}

static void test_space__does_not_open_what_a_newer_program_wrote(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    bench_put(bench, A, "k", "v");
    bench_sync(bench, A);
    bench_crash(bench, A, 0);
    put_record(&bench->replicas[A].disk, "c", 1, slice_of_text("\x02 anything"));
    assert_int_equal(bench_start(bench, A), ERR_VERSION);
    bench_free(bench);
}

static void test_space__answers_damaged_headers_with_an_error(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct bench_replica *it = &bench->replicas[A];
    bench_put(bench, A, "k", "v");
    bench_sync(bench, A);
    struct space_written out;
    struct space_write write = {.key = slice_of_text("k"), .value = slice_of_text("w")};
    for (size_t i = 0; i < it->disk.pair_count; i++) {
        struct disk_pair *pair = &it->disk.pairs[i];
        if (pair->table == STORE_SPACES)
            continue;
        for (size_t byte = 0; byte < pair->value_length; byte++) {
            uint8_t *at = &pair->bytes[pair->key_length + byte];
            *at ^= 0x41;
            // The last byte is the value's, which the store's own checksum guards.
            if (pair->table != STORE_OPERATIONS || byte + 1 < pair->value_length)
                assert_int_equal(bench_write(bench, A, &write, &out), ERR_CORRUPT);
            *at ^= 0x41;
        }
    }
    assert_string_equal(bench_read(bench, A, "k"), "v");
    // An entry that tells another state than the operation.
    for (size_t i = 0; i < it->disk.pair_count; i++)
        if (it->disk.pairs[i].table == STORE_VERSIONS)
            it->disk.pairs[i].bytes[it->disk.pairs[i].key_length] = VERSION_KEPT;
    assert_int_equal(bench_write(bench, A, &write, &out), ERR_CORRUPT);
    bench_free(bench);
}

// --- recount

static const struct disk_pair *first_of(struct space_disk *disk, enum store_table table, char kind)
{
    for (size_t i = 0; i < disk->pair_count; i++)
        if (disk->pairs[i].table == table &&
            (kind == 0 || disk->pairs[i].bytes[8] == (uint8_t)kind))
            return &disk->pairs[i];
    fail();
    return NULL;
}

static void lose_digest(struct space_disk *disk)
{
    struct disk_pair pair = *first_of(disk, STORE_SPACES, 'd');
    space_disk_remove(disk, pair.table, disk_pair_key(&pair));
}

static void lose_operation(struct space_disk *disk)
{
    struct disk_pair pair = *first_of(disk, STORE_OPERATIONS, 0);
    space_disk_remove(disk, pair.table, disk_pair_key(&pair));
}

static void lose_entries(struct space_disk *disk)
{
    struct disk_pair pair = *first_of(disk, STORE_VERSIONS, 0);
    space_disk_remove(disk, pair.table, disk_pair_key(&pair));
}

static void spoil_operation(struct space_disk *disk)
{
    const struct disk_pair *pair = first_of(disk, STORE_OPERATIONS, 0);
    pair->bytes[pair->key_length] ^= 0xff;
}

static void test_space_recount__finds_what_the_store_has_lost(void **state)
{
    (void)state;
    damage *damages[] = {lose_digest, lose_operation, lose_entries, spoil_operation};
    for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct space_bench *bench = bench_new(1, NULL);
        bool equal = true;
        bench_put(bench, A, "a", "v");
        bench_put(bench, A, "b", "v");
        bench_sync(bench, A);
        bench_crash(bench, A, 0);
        damages[i](&bench->replicas[A].disk);
        assert_int_equal(bench_start(bench, A), ERR_OK);
        struct space *space = bench_space(bench, A);
        assert_false(space->damaged);
        assert_int_equal(space_recount(space, bench_effects(bench, A), &equal), ERR_OK);
        assert_true(!equal && space->damaged);
        bench_step(bench, A);
        space_invariants(space);
        bench_restart(bench, A);
        assert_true(space->damaged);
        bench_free(bench);
    }
}

// How many slots are found to be wrong, in one round over all.
static unsigned check_all_slots(struct space_bench *bench)
{
    unsigned wrong = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        bool equal = false;
        assert_int_equal(space_check_slot(bench_space(bench, A), bench_effects(bench, A),
                                          (uint16_t)slot, &equal),
                         ERR_OK);
        wrong += !equal;
    }
    bench_step(bench, A);
    return wrong;
}

static void test_space_check_slot__finds_the_slot_that_has_lost_something(void **state)
{
    (void)state;
    damage *damages[] = {lose_digest, lose_operation, lose_entries, spoil_operation};
    for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct space_bench *bench = bench_new(1, NULL);
        bench_put(bench, A, "a", "v");
        bench_put(bench, A, "b", "v");
        bench_sync(bench, A);
        assert_int_equal(check_all_slots(bench), 0);
        assert_false(bench_space(bench, A)->damaged);
        bench_crash(bench, A, 0);
        damages[i](&bench->replicas[A].disk);
        assert_int_equal(bench_start(bench, A), ERR_OK);
        assert_int_equal(check_all_slots(bench), 1);
        assert_true(bench_space(bench, A)->damaged);
        assert_int_equal(check_all_slots(bench), 0);
        space_invariants(bench_space(bench, A));
        bench_restart(bench, A);
        assert_true(bench_space(bench, A)->damaged);
        assert_int_equal(check_all_slots(bench), 0);
        bench_free(bench);
    }
}

static void test_space_recount__survives_a_digest_that_was_lost(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    bench_put(bench, A, "a", "v");
    bench_sync(bench, A);
    bench_crash(bench, A, 0);
    lose_digest(&bench->replicas[A].disk);
    assert_int_equal(bench_start(bench, A), ERR_OK);
    bench_put(bench, A, "a", "w"); // takes away from a digest what is not in it
    assert_true(bench_space(bench, A)->damaged);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__does_not_open_on_what_it_did_not_write),
        cmocka_unit_test(test_space__does_not_open_what_a_newer_program_wrote),
        cmocka_unit_test(test_space__answers_damaged_headers_with_an_error),
        cmocka_unit_test(test_space_recount__finds_what_the_store_has_lost),
        cmocka_unit_test(test_space_check_slot__finds_the_slot_that_has_lost_something),
        cmocka_unit_test(test_space_recount__survives_a_digest_that_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
