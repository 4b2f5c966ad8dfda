#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/reconcile/digest.h"

#include "base/random.h"

enum { ITEMS = 500, GARBAGE_ROUNDS = 20000 };

static struct hash128 random_item(struct rng *rng)
{
    return (struct hash128){.high = rng_u64(rng), .low = rng_u64(rng)};
}

static struct hash128 hash_of(uint64_t salt, const char *key, uint64_t counter, uint64_t id)
{
    return item_hash(salt, slice_of_text(key), (struct stamp){.counter = counter, .id = id});
}

static int same(struct hash128 a, struct hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static void assert_digest(const struct digest *d, uint64_t count, uint64_t high, uint64_t low)
{
    assert_int_equal(d->count, count);
    assert_int_equal(d->sum_high, high);
    assert_int_equal(d->sum_low, low);
}

static void test_digest__does_not_depend_on_order(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    struct hash128 items[ITEMS];
    struct digest forward = {0}, backward = {0};
    for (int i = 0; i < ITEMS; i++) {
        items[i] = random_item(&rng);
        digest_add(&forward, items[i]);
    }
    for (int i = ITEMS; i > 0; i--)
        digest_add(&backward, items[i - 1]);
    assert_true(digest_equal(&forward, &backward));
    assert_int_equal(forward.count, ITEMS);
}

static void test_digest__carries_and_borrows_across_its_halves(void **state)
{
    (void)state;
    struct digest d = {0};
    struct hash128 low_max = {.high = 0, .low = UINT64_MAX};
    struct hash128 one = {.high = 0, .low = 1};
    digest_add(&d, low_max);
    digest_add(&d, one);
    assert_digest(&d, 2, 1, 0);
    digest_remove(&d, one);
    assert_digest(&d, 1, 0, UINT64_MAX);
    digest_add(&d, (struct hash128){.high = UINT64_MAX, .low = 1});
    assert_digest(&d, 2, 0, 0);
    digest_remove(&d, low_max);
    assert_digest(&d, 1, UINT64_MAX, 1);
}

static void test_digest__adding_then_removing_changes_nothing(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    struct hash128 items[ITEMS];
    struct digest kept = {0}, d = {0};
    for (int i = 0; i < ITEMS; i++) {
        items[i] = random_item(&rng);
        digest_add(&d, items[i]);
        if (i % 3 == 0)
            digest_add(&kept, items[i]);
    }
    assert_false(digest_equal(&kept, &d));
    for (int i = ITEMS - 1; i >= 0; i--)
        if (i % 3 != 0)
            digest_remove(&d, items[i]);
    assert_true(digest_equal(&kept, &d));
    for (int i = 0; i < ITEMS; i += 3)
        digest_remove(&d, items[i]);
    assert_digest(&d, 0, 0, 0);
}

static void test_digest__equal_looks_at_every_field(void **state)
{
    (void)state;
    struct digest d = {.count = 1, .sum_high = 2, .sum_low = 3};
    struct digest same_digest = d, count = d, high = d, low = d;
    count.count++;
    high.sum_high++;
    low.sum_low++;
    assert_true(digest_equal(&d, &same_digest));
    assert_false(digest_equal(&d, &count));
    assert_false(digest_equal(&d, &high));
    assert_false(digest_equal(&d, &low));
    assert_true(digest_fold(&d, 7) == digest_fold(&same_digest, 7));
    assert_true(digest_fold(&d, 7) != digest_fold(&count, 7));
    assert_true(digest_fold(&d, 7) != digest_fold(&high, 7));
    assert_true(digest_fold(&d, 7) != digest_fold(&low, 7));
    assert_true(digest_fold(&d, 7) != digest_fold(&d, 8));
}

static void test_digest__merge_is_the_digest_of_both(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    struct digest whole = {0}, parts[3] = {{0}};
    for (int i = 0; i < ITEMS; i++) {
        struct hash128 item = random_item(&rng);
        digest_add(&whole, item);
        digest_add(&parts[i % 3], item);
    }
    digest_merge(&parts[0], &parts[1]);
    digest_merge(&parts[0], &parts[2]);
    assert_true(digest_equal(&whole, &parts[0]));
}

static void test_digest__item_hash_depends_on_key_stamp_and_salt(void **state)
{
    (void)state;
    struct hash128 item = hash_of(1, "key", 2, 3);
    assert_true(same(item, hash_of(1, "key", 2, 3)));
    assert_false(same(item, hash_of(9, "key", 2, 3)));
    assert_false(same(item, hash_of(1, "kez", 2, 3)));
    assert_false(same(item, hash_of(1, "ke", 2, 3)));
    assert_false(same(item, hash_of(1, "key", 3, 3)));
    assert_false(same(item, hash_of(1, "key", 2, 2)));
    assert_false(same(item, hash_of(1, "key", 3, 2)));
    // A stamp's last byte is not a key's first.
    assert_false(same(hash_of(1, "", 0, 'a'), hash_of(1, "a", 0, 0)));
}

static void test_digest__item_hash_takes_the_longest_key(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES_MAX] = {0};
    struct stamp stamp = {.counter = 1, .id = 1};
    struct hash128 whole = item_hash(5, slice_of(key, sizeof key), stamp);
    key[KEY_BYTES_MAX - 1] = 1;
    assert_false(same(whole, item_hash(5, slice_of(key, sizeof key), stamp)));
}

// Nodes of different versions and machines must agree: these values may never change.
static void test_digest__hashes_are_the_same_for_ever(void **state)
{
    (void)state;
    struct hash128 item = hash_of(UINT64_C(0x0123456789abcdef), "key", 2, 3);
    struct digest d = {0};
    digest_add(&d, item);
    assert_true(item.high == UINT64_C(0x7f8c4007c7c1b4f3));
    assert_true(item.low == UINT64_C(0x2865b5f3f5d39481));
    assert_true(digest_fold(&d, 42) == UINT64_C(0xdf42dbad10da8713));
}

static void check_round_trip(const struct digest *d, size_t bytes)
{
    struct buf buf;
    struct digest again;
    buf_init(&buf, DIGEST_BYTES_MAX);
    digest_encode(&buf, d);
    assert_false(buf.overflown);
    assert_int_equal(buf.length, bytes);
    struct cursor in = cursor_of(buf_slice(&buf));
    digest_decode(&in, &again);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_true(digest_equal(d, &again));
    for (size_t cut = 0; cut < buf.length; cut++) {
        in = cursor_of(slice_of(buf.bytes, cut));
        digest_decode(&in, &again);
        assert_int_equal(cursor_finish(&in), ERR_INVALID);
        assert_digest(&again, 0, 0, 0);
    }
    buf_release(&buf);
}

static void test_digest__encodes_and_decodes(void **state)
{
    (void)state;
    check_round_trip(&(struct digest){0}, 1);
    check_round_trip(&(struct digest){.count = 5}, 1);
    check_round_trip(&(struct digest){.sum_low = 1}, 17);
    check_round_trip(&(struct digest){.count = 63, .sum_high = 1}, 17);
    check_round_trip(&(struct digest){.count = 64, .sum_high = 1, .sum_low = 2}, 18);
    check_round_trip(&(struct digest){DIGEST_COUNT_MAX, UINT64_MAX, UINT64_MAX}, DIGEST_BYTES_MAX);
}

static void test_digest__decodes_any_bytes_and_only_the_shortest(void **state)
{
    (void)state;
    const uint8_t zero_sum[17] = {0x03};
    struct cursor in = cursor_of(slice_of(zero_sum, sizeof zero_sum));
    struct digest d;
    digest_decode(&in, &d);
    assert_true(in.failed);
    assert_digest(&d, 0, 0, 0);

    struct rng rng;
    rng_init(&rng, 4);
    for (int i = 0; i < GARBAGE_ROUNDS; i++) {
        uint8_t bytes[32];
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t)rng_u64(&rng);
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        in = cursor_of(slice_of(bytes, length));
        digest_decode(&in, &d);
        if (in.failed)
            continue;
        struct buf again;
        buf_init(&again, DIGEST_BYTES_MAX);
        digest_encode(&again, &d);
        assert_true(slice_equal(buf_slice(&again), slice_of(bytes, length - cursor_left(&in))));
        buf_release(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest__does_not_depend_on_order),
        cmocka_unit_test(test_digest__carries_and_borrows_across_its_halves),
        cmocka_unit_test(test_digest__adding_then_removing_changes_nothing),
        cmocka_unit_test(test_digest__equal_looks_at_every_field),
        cmocka_unit_test(test_digest__merge_is_the_digest_of_both),
        cmocka_unit_test(test_digest__item_hash_depends_on_key_stamp_and_salt),
        cmocka_unit_test(test_digest__item_hash_takes_the_longest_key),
        cmocka_unit_test(test_digest__hashes_are_the_same_for_ever),
        cmocka_unit_test(test_digest__encodes_and_decodes),
        cmocka_unit_test(test_digest__decodes_any_bytes_and_only_the_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
