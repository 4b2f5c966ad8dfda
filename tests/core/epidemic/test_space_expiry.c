// What readers see of what expires, and what the certificate over it removes (rule R16).

#include "core/epidemic/space_store.h"
#include "space_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

#define EXPIRY_MS UINT64_C(1700000000000)

static struct dot put_until(struct space_bench *bench, unsigned replica, const char *value,
                            uint64_t expiry_ms)
{
    const struct space_write write = {
        .key = slice_of_text("k"), .value = slice_of_text(value), .expiry_ms = expiry_ms};
    struct space_written written;
    assert_int_equal(bench_write(bench, replica, &write, &written), ERR_OK);
    return written.dot;
}

static void set_time(struct space_bench *bench, unsigned replica, uint64_t utc_ms)
{
    bench_space(bench, replica)->utc_ms = utc_ms;
}

static enum err expire(struct space_bench *bench, unsigned replica, uint64_t until_ms,
                       struct dot *out)
{
    enum err error = space_expire(bench_space(bench, replica), bench_effects(bench, replica),
                                  slice_of_text("k"), until_ms, NULL, out);
    bench_step(bench, replica);
    return error;
}

static unsigned count_listed(struct space_bench *bench, unsigned replica)
{
    struct list_cursor cursor = {0};
    struct list_entry entry;
    struct buf out;
    unsigned count = 0;
    buf_init(&out, 1 << 16);
    assert_int_equal(space_list(bench_space(bench, replica), slice_of(NULL, 0), &cursor, 10, &out),
                     ERR_OK);
    assert_int_equal(cursor.slot, SLOTS);
    struct cursor in = cursor_of(buf_slice(&out));
    while (list_entry_next(&in, &entry))
        count++;
    buf_release(&out);
    return count;
}

// Two versions in conflict at A and B, of which B's is the greater.
static void make_conflict(struct space_bench *bench, uint64_t a_expiry_ms, uint64_t b_expiry_ms)
{
    put_until(bench, A, "a", a_expiry_ms);
    bench_put(bench, B, "other", "raises the clock of B");
    put_until(bench, B, "b", b_expiry_ms);
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, A, "k"), "b|a");
}

static bool see_nothing(void *context, const struct space_version *version)
{
    (void)context;
    (void)version;
    return true;
}

// What a reader is told after a restart.
static enum err read_after_restart(struct space_bench *bench)
{
    bench_crash(bench, A, 0);
    assert_int_equal(bench_start(bench, A), ERR_OK);
    return space_read(bench_space(bench, A), slice_of_text("k"), SPACE_LATEST, see_nothing, NULL);
}

// --- reading

static void test_space_expiry__is_judged_by_the_clock_of_who_reads(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    put_until(bench, A, "v", EXPIRY_MS);
    bench_exchange(bench, A, B);
    bench_publish(bench, A, NULL);
    for (unsigned replica = A; replica <= B; replica++) {
        // Nobody has said what the time is.
        assert_string_equal(bench_read(bench, replica, "k"), "v");
        set_time(bench, replica, EXPIRY_MS - 1);
        assert_string_equal(bench_read(bench, replica, "k"), "v");
        assert_int_equal(count_listed(bench, replica), 1);
        set_time(bench, replica, EXPIRY_MS);
        assert_string_equal(bench_read(bench, replica, "k"), "-");
        assert_int_equal(count_listed(bench, replica), 0);
        set_time(bench, replica, EXPIRY_MS + 1);
        assert_string_equal(bench_read(bench, replica, "k"), "-");
        assert_string_equal(bench_read_stable(bench, replica, "k"), "-");
    }
    // A clock that was put back.
    set_time(bench, A, EXPIRY_MS - 1);
    assert_string_equal(bench_read(bench, A, "k"), "v");
    assert_string_equal(bench_read_stable(bench, A, "k"), "v");
    bench_free(bench);
}

static void test_space_expiry__shows_of_a_conflict_what_lives_on(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    make_conflict(bench, 0, EXPIRY_MS);
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "b");
    set_time(bench, A, EXPIRY_MS);
    assert_string_equal(bench_read(bench, A, "k"), "a");
    assert_string_equal(bench_read_stable(bench, A, "k"), "a");
    assert_int_equal(count_listed(bench, A), 2);
    assert_string_equal(bench_read(bench, B, "k"), "b|a");
    bench_free(bench);
    bench = bench_new(2, NULL);
    make_conflict(bench, EXPIRY_MS, 0);
    set_time(bench, A, EXPIRY_MS);
    assert_string_equal(bench_read(bench, A, "k"), "b");
    bench_free(bench);
}

// What was stable, was replaced before it came here, and has expired is nothing that others show.
static void test_space_expiry__is_known_of_what_is_not_held_here(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    put_until(bench, A, "v", EXPIRY_MS);
    bench_publish(bench, A, NULL);
    put_until(bench, A, "w", 0);
    bench_tell(bench, A, B); // so that its header stays at B
    bench_send(bench, A, B);
    assert_string_equal(bench_read_stable(bench, A, "k"), "v");
    assert_string_equal(bench_read_stable(bench, B, "k"), "?");
    set_time(bench, A, EXPIRY_MS);
    set_time(bench, B, EXPIRY_MS);
    assert_string_equal(bench_read_stable(bench, A, "k"), "-");
    assert_string_equal(bench_read_stable(bench, B, "k"), "-");
    bench_free(bench);
}

static void test_space_expiry__holds_for_the_conditions_of_writes(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space_written written;
    struct space_write write = {.key = slice_of_text("k"), .condition = CONDITION_PRESENT};
    put_until(bench, A, "v", EXPIRY_MS);
    set_time(bench, A, EXPIRY_MS);
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_MISMATCH);
    assert_true(stamp_is_zero(written.stamp));
    write.dead = true;
    write.condition = CONDITION_NONE;
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_NOT_FOUND);
    write = (struct space_write){
        .key = slice_of_text("k"), .value = slice_of_text("w"), .condition = CONDITION_ABSENT};
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
    assert_false(written.existed);
    set_time(bench, A, 0);
    assert_string_equal(bench_read(bench, A, "k"), "w");
    bench_free(bench);
}

// Whatever their clocks say, peers apply, drop and count alike.
static void test_space_expiry__changes_nothing_of_what_is_kept(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(3, NULL);
    set_time(bench, B, EXPIRY_MS + 1);
    put_until(bench, A, "old", 0);
    bench_exchange(bench, A, B);
    put_until(bench, A, "v", EXPIRY_MS);
    bench_exchange(bench, A, B);
    bench_exchange(bench, B, C);
    assert_true(bench_equal(bench, A, B) && bench_equal(bench, B, C));
    assert_string_equal(bench_read(bench, B, "k"), "-");
    assert_string_equal(bench_read(bench, C, "k"), "v");
    bench_restart(bench, B);
    assert_string_equal(bench_read(bench, B, "k"), "v");
    for (unsigned replica = A; replica <= C; replica++)
        bench_check(bench, replica);
    bench_free(bench);
}

// The sweep goes by the one, readers by the other.
static void test_space_expiry__must_be_told_alike_by_a_key_and_its_header(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space_disk *disk = &bench->replicas[A].disk;
    struct space_entry entry;
    struct buf key;
    struct buf value;
    buf_init(&key, STORE_KEY_BYTES_MAX);
    buf_init(&value, 256);
    put_until(bench, A, "v", EXPIRY_MS);
    bench_sync(bench, A);
    for (size_t i = 0; i < disk->pair_count; i++) {
        if (disk->pairs[i].table != STORE_VERSIONS)
            continue;
        struct cursor in = cursor_of(disk_pair_value(&disk->pairs[i]));
        assert_true(space_entry_next(&in, &entry) && entry.expires);
        buf_append_slice(&key, disk_pair_key(&disk->pairs[i]));
    }
    entry.expires = false;
    space_entry_append(&value, &entry);
    space_disk_put(disk, STORE_VERSIONS, buf_slice(&key), buf_slice(&value));
    assert_int_equal(read_after_restart(bench), ERR_CORRUPT);
    buf_release(&key);
    buf_release(&value);
    bench_free(bench);
}

// --- removing

static void test_space_expire__removes_what_had_expired(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct dot dot;
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_NOT_FOUND);
    put_until(bench, B, "v", EXPIRY_MS);
    bench_exchange(bench, A, B);
    assert_int_equal(expire(bench, A, EXPIRY_MS - 1, &dot), ERR_NOT_FOUND);
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_OK);
    assert_int_equal(bench_space(bench, A)->certificates, 1);
    // Its header says all that the bare one said.
    assert_int_equal(bench_space(bench, A)->covered, 0);
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_NOT_FOUND);
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, B, "k"), "-");
    assert_true(bench_equal(bench, A, B));
    bench_check(bench, A);
    bench_check(bench, B);
    bench_free(bench);
}

static void test_space_expire__leaves_what_lives_on(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct dot dot;
    make_conflict(bench, 0, EXPIRY_MS);
    assert_int_equal(expire(bench, B, EXPIRY_MS, &dot), ERR_OK);
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, A, "k"), "a");
    assert_string_equal(bench_read(bench, B, "k"), "a");
    bench_check(bench, A);
    bench_free(bench);
}

// What was written elsewhere meanwhile is not covered, though it replaces the same.
static void test_space_expire__loses_to_a_write_that_it_had_not_seen(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct dot dot;
    put_until(bench, B, "v", EXPIRY_MS);
    bench_exchange(bench, A, B);
    put_until(bench, B, "newer", 0);
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_OK);
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, A, "k"), "newer");
    assert_string_equal(bench_read(bench, B, "k"), "newer");
    assert_true(bench_equal(bench, A, B));
    bench_free(bench);
}

// C gets the certificate and not the version that lives on beside it, and writes: that version is
// one that C has not seen, and survives.
static void test_space_expire__lets_nobody_cover_what_was_not_seen(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(3, NULL);
    struct bench_parcels parcels = {0};
    struct dot dot;
    make_conflict(bench, 0, EXPIRY_MS);
    struct dot living = {.origin = bench_space(bench, A)->origin};
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_OK);
    assert_true(dot.origin != living.origin);
    assert_int_equal(bench_space(bench, A)->origin, dot.origin);
    bench_pack(bench, A, NULL, &parcels);
    for (uint32_t i = 0; i < parcels.count; i++)
        if (dot_equal(parcels.list[i].dot, dot))
            assert_int_equal(bench_deliver(bench, C, &parcels.list[i], SPACE_FROM_RUMOR),
                             SPACE_NEWS);
    put_until(bench, C, "c", 0);
    bench_exchange(bench, A, C);
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, A, "k"), bench_read(bench, C, "k"));
    assert_non_null(strchr(bench_read(bench, A, "k"), '|'));
    assert_true(bench_equal(bench, A, B) && bench_equal(bench, A, C));
    bench_parcels_release(&parcels);
    bench_free(bench);
}

// The run goes on under the origin that it had when nothing of it lives there.
static void test_space_expire__keeps_the_origin_otherwise(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct dot dot;
    struct dot put = put_until(bench, A, "v", EXPIRY_MS);
    assert_int_equal(expire(bench, A, EXPIRY_MS, &dot), ERR_OK);
    assert_int_equal(dot.origin, put.origin);
    assert_int_equal(dot.sequence, put.sequence + 1);
    bench_free(bench);
}

static void test_space_expire__takes_the_authors_hand_where_all_is_signed(void **state)
{
    (void)state;
    const struct space_setting setting = {.is_signed = true};
    struct signing_secret author = {.bytes = {1}};
    struct signing_secret other = {.bytes = {2}};
    struct signing_key key = signing_key_of(&author);
    uint8_t name[SPACE_FINGERPRINT_BYTES];
    struct space_bench *bench = bench_new(1, &setting);
    struct space_written written;
    struct dot dot;
    space_fingerprint(&key, name);
    struct space_write write = {.key = slice_of(name, sizeof name),
                                .value = slice_of_text("v"),
                                .expiry_ms = EXPIRY_MS,
                                .author = &author};
    struct space *space = bench_space(bench, A);
    struct effects *effects = bench_effects(bench, A);
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
    assert_int_equal(space_expire(space, effects, write.key, EXPIRY_MS, NULL, &dot), ERR_DENIED);
    assert_int_equal(space_expire(space, effects, write.key, EXPIRY_MS, &other, &dot), ERR_DENIED);
    assert_int_equal(space_expire(space, effects, write.key, EXPIRY_MS, &author, &dot), ERR_OK);
    bench_step(bench, A);
    assert_int_equal(space->digests.total.count, 0);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_expiry__is_judged_by_the_clock_of_who_reads),
        cmocka_unit_test(test_space_expiry__shows_of_a_conflict_what_lives_on),
        cmocka_unit_test(test_space_expiry__is_known_of_what_is_not_held_here),
        cmocka_unit_test(test_space_expiry__holds_for_the_conditions_of_writes),
        cmocka_unit_test(test_space_expiry__must_be_told_alike_by_a_key_and_its_header),
        cmocka_unit_test(test_space_expiry__changes_nothing_of_what_is_kept),
        cmocka_unit_test(test_space_expire__removes_what_had_expired),
        cmocka_unit_test(test_space_expire__leaves_what_lives_on),
        cmocka_unit_test(test_space_expire__loses_to_a_write_that_it_had_not_seen),
        cmocka_unit_test(test_space_expire__lets_nobody_cover_what_was_not_seen),
        cmocka_unit_test(test_space_expire__keeps_the_origin_otherwise),
        cmocka_unit_test(test_space_expire__takes_the_authors_hand_where_all_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
