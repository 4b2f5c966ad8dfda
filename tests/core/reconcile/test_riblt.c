#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/reconcile/riblt.h"

#include "base/check.h"
#include "base/random.h"

#include <stdlib.h>

enum { ITEMS_MAX = 20000, BATCH_BYTES_MAX = 300000, GARBAGE_ROUNDS = 300 };

// Two sets: `shared` items in both, then those that only one has. The naive twin of what a decoder
// must find is the two tails.
struct sets {
    struct hash128 *shared, *local, *remote;
    uint32_t shared_count, local_count, remote_count;
};

static struct hash128 *random_items(struct rng *rng, uint32_t count)
{
    struct hash128 *items = memory_new((count + 1) * sizeof *items);
    for (uint32_t i = 0; i < count; i++)
        items[i] = riblt_item((struct hash128){.high = rng_u64(rng), .low = rng_u64(rng)});
    return items;
}

static struct sets sets_of(struct rng *rng, uint32_t shared, uint32_t local, uint32_t remote)
{
    return (struct sets){random_items(rng, shared),
                         random_items(rng, local),
                         random_items(rng, remote),
                         shared,
                         local,
                         remote};
}

static void sets_release(struct sets *sets)
{
    free(sets->shared);
    free(sets->local);
    free(sets->remote);
}

static void encoder_add_all(struct riblt_encoder *e, const struct hash128 *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(riblt_encoder_add(e, items[i]), ERR_OK);
}

static void decoder_add_all(struct riblt_decoder *d, const struct hash128 *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(riblt_decoder_add(d, items[i]), ERR_OK);
}

static int item_order(const void *left, const void *right)
{
    const struct hash128 *a = left, *b = right;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

// The same items, in any order (sorts both).
static void assert_same_items(const struct riblt_items *found, struct hash128 *wanted,
                              uint32_t count)
{
    assert_int_equal(found->count, count);
    if (count == 0)
        return;
    qsort(found->items, count, sizeof *wanted, item_order);
    qsort(wanted, count, sizeof *wanted, item_order);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(item_order(&found->items[i], &wanted[i]), 0);
}

// Sends symbols from `encoder`, `batch` at a time and through their encoding, until `decoder` is
// done, has failed, or has had `symbols_max`.
static enum err run(struct riblt_encoder *encoder, struct riblt_decoder *decoder, uint32_t batch,
                    uint32_t symbols_max)
{
    struct buf buf;
    enum err e = ERR_OK;
    buf_init(&buf, BATCH_BYTES_MAX);
    while (e == ERR_OK && !riblt_decoder_done(decoder) && decoder->received < symbols_max) {
        struct riblt_symbols symbols;
        buf_clear(&buf);
        assert_int_equal(riblt_encoder_encode(encoder, decoder->received, batch, &buf), ERR_OK);
        assert_false(buf.overflown);
        assert_int_equal(riblt_symbols_decode(buf_slice(&buf), &symbols), ERR_OK);
        e = riblt_decoder_take(decoder, &symbols);
        riblt_symbols_release(&symbols);
    }
    buf_release(&buf);
    return e;
}

// Reconciles and compares with the twin; gives the number of symbols that it took.
static uint32_t reconcile(struct sets *sets, uint64_t salt, uint32_t batch)
{
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, salt);
    riblt_decoder_init(&decoder, salt);
    encoder_add_all(&encoder, sets->shared, sets->shared_count);
    encoder_add_all(&encoder, sets->remote, sets->remote_count);
    decoder_add_all(&decoder, sets->local, sets->local_count);
    decoder_add_all(&decoder, sets->shared, sets->shared_count);
    assert_false(riblt_decoder_done(&decoder));
    assert_int_equal(run(&encoder, &decoder, batch, 100000), ERR_OK);
    assert_true(riblt_decoder_done(&decoder));
    assert_same_items(&decoder.remote_only, sets->remote, sets->remote_count);
    assert_same_items(&decoder.local_only, sets->local, sets->local_count);
    uint32_t received = decoder.received;
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
    return received;
}

static void test_riblt__equal_sets_take_one_symbol(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 17, 1000, ITEMS_MAX};
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sets sets = sets_of(&rng, sizes[i], 0, 0);
        assert_int_equal(reconcile(&sets, rng_u64(&rng), 3), 1);
        sets_release(&sets);
    }
}

static void test_riblt__one_difference_takes_one_symbol(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    for (uint32_t round = 0; round < 20; round++) {
        struct sets sets = sets_of(&rng, (uint32_t)rng_below(&rng, 2000), round % 2, 1 - round % 2);
        assert_int_equal(reconcile(&sets, rng_u64(&rng), 1), 1);
        sets_release(&sets);
    }
}

static void test_riblt__finds_what_the_naive_difference_finds(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (uint32_t round = 0; round < 150; round++) {
        uint32_t differences_max = round % 10 == 0 ? 600 : 30;
        struct sets sets = sets_of(&rng, (uint32_t)rng_below(&rng, 3000),
                                   (uint32_t)rng_below(&rng, differences_max),
                                   (uint32_t)rng_below(&rng, differences_max));
        reconcile(&sets, rng_u64(&rng), 1 + (uint32_t)rng_below(&rng, 50));
        sets_release(&sets);
    }
}

static void check_overhead(uint32_t differences, uint32_t rounds, uint32_t set_items)
{
    struct rng rng;
    rng_init(&rng, differences);
    uint64_t taken = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t local = (uint32_t)rng_below(&rng, differences + 1);
        struct sets sets = sets_of(&rng, set_items - differences, local, differences - local);
        taken += reconcile(&sets, rng_u64(&rng), 1);
        sets_release(&sets);
    }
    // Averaged symbols at most 1.75 d + 8, in integers; and never fewer than the differences.
    print_message("d = %u: %u.%02u symbols each\n", differences,
                  (unsigned)(taken / rounds / differences),
                  (unsigned)(taken * 100 / rounds / differences % 100));
    assert_true(4 * taken <= rounds * (7 * (uint64_t)differences + 32));
    assert_true(taken >= (uint64_t)rounds * differences);
}

static void test_riblt__needs_few_symbols_for_each_difference(void **state)
{
    (void)state;
    check_overhead(10, 100, 100);
    check_overhead(10, 4, ITEMS_MAX);
    check_overhead(100, 20, 1000);
    check_overhead(100, 3, ITEMS_MAX);
    check_overhead(1000, 4, 1000);
    check_overhead(1000, 2, ITEMS_MAX);
}

static void test_riblt__salts_must_agree(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    struct hash128 *items = random_items(&rng, 100);
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, 1);
    riblt_decoder_init(&decoder, 2);
    encoder_add_all(&encoder, items, 100);
    decoder_add_all(&decoder, items, 100);
    (void)run(&encoder, &decoder, 10, 1000);
    assert_false(riblt_decoder_done(&decoder));
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
    free(items);
}

static void test_riblt__refuses_an_item_twice(void **state)
{
    (void)state;
    struct hash128 item = {.high = 1, .low = 2};
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, 3);
    riblt_decoder_init(&decoder, 3);
    assert_int_equal(riblt_encoder_add(&encoder, item), ERR_OK);
    assert_int_equal(riblt_encoder_add(&encoder, item), ERR_EXISTS);
    assert_int_equal(riblt_encoder_add(&encoder, (struct hash128){.high = 2, .low = 1}), ERR_OK);
    assert_int_equal(riblt_encoder_symbol(&encoder, 0)->count, 2);
    assert_int_equal(riblt_decoder_add(&decoder, item), ERR_OK);
    assert_int_equal(riblt_decoder_add(&decoder, item), ERR_EXISTS);
    assert_int_equal(run(&encoder, &decoder, 1, 100), ERR_OK);
    assert_int_equal(decoder.remote_only.count, 1);
    assert_int_equal(decoder.local_only.count, 0);
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
}

static void test_riblt__takes_batches_in_order_and_repeats_harmlessly(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 10);
    struct hash128 *items = random_items(&rng, 50);
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, 5);
    riblt_decoder_init(&decoder, 5);
    encoder_add_all(&encoder, items, 50);
    struct riblt_symbol row[200];
    for (uint32_t i = 0; i < 200; i++)
        row[i] = *riblt_encoder_symbol(&encoder, i);
    struct riblt_symbols gap = {1, 10, row + 1}, head = {0, 20, row}, overlap = {10, 190, row + 10};
    assert_int_equal(riblt_decoder_take(&decoder, &gap), ERR_MISMATCH);
    assert_int_equal(riblt_decoder_take(&decoder, &head), ERR_OK);
    assert_int_equal(riblt_decoder_take(&decoder, &head), ERR_OK);
    assert_int_equal(decoder.received, 20);
    assert_int_equal(riblt_decoder_take(&decoder, &overlap), ERR_OK);
    assert_true(riblt_decoder_done(&decoder));
    uint32_t received = decoder.received;
    assert_int_equal(riblt_decoder_take(&decoder, &overlap), ERR_OK);
    assert_int_equal(decoder.received, received);
    assert_same_items(&decoder.remote_only, items, 50);
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
    free(items);
}

// A remote set that holds what it must not: `symbols` are taken as a liar sends them.
static enum err take_forged(struct riblt_decoder *decoder, struct riblt_symbol *symbols,
                            uint32_t count)
{
    struct riblt_symbols batch = {.start = decoder->received, .count = count, .symbols = symbols};
    return riblt_decoder_take(decoder, &batch);
}

static struct riblt_symbol symbol_of(uint64_t salt, const struct hash128 *items, uint32_t count,
                                     uint32_t index)
{
    struct riblt_encoder encoder;
    riblt_encoder_init(&encoder, salt);
    encoder_add_all(&encoder, items, count);
    struct riblt_symbol symbol = *riblt_encoder_symbol(&encoder, index);
    riblt_encoder_release(&encoder);
    return symbol;
}

static void test_riblt__refuses_a_remote_only_item_that_is_local(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 11);
    struct hash128 *items = random_items(&rng, 2);
    struct riblt_decoder decoder;
    riblt_decoder_init(&decoder, 6);
    decoder_add_all(&decoder, items, 1);
    // Local less remote leaves -1 times items[0]: the liar has it twice.
    struct riblt_symbol twice = {.count = 2};
    assert_int_equal(take_forged(&decoder, &twice, 1), ERR_INVALID);
    assert_int_equal(take_forged(&decoder, &twice, 1), ERR_INVALID);
    assert_false(riblt_decoder_done(&decoder));
    riblt_decoder_release(&decoder);
    free(items);
}

static void test_riblt__refuses_a_local_only_item_that_is_not_local(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 12);
    struct hash128 *items = random_items(&rng, 3);
    struct riblt_decoder decoder;
    riblt_decoder_init(&decoder, 6);
    decoder_add_all(&decoder, items, 2);
    // Local is a and b, remote says a ^ b ^ c once: the difference is +1 times c.
    struct riblt_symbol forged = symbol_of(6, items, 3, 0);
    forged.count = 1;
    assert_int_equal(take_forged(&decoder, &forged, 1), ERR_INVALID);
    assert_int_equal(decoder.local_only.count, 0);
    riblt_decoder_release(&decoder);
    free(items);
}

// The next symbol, made such that local less remote holds `item` alone in it, `weight` times.
static struct riblt_symbol forge(struct riblt_decoder *decoder, struct hash128 item, int64_t weight)
{
    uint64_t salt = decoder->cells.salt;
    struct riblt_symbol symbol = *riblt_encoder_symbol(&decoder->cells, decoder->received);
    struct riblt_symbol alone = symbol_of(salt, &item, 1, 0);
    symbol.item_xor.high ^= item.high;
    symbol.item_xor.low ^= item.low;
    symbol.checksum_xor ^= alone.checksum_xor;
    symbol.count -= weight;
    return symbol;
}

// Decodes honest symbols until items of both sides are found and others are not, then finds
// one of the former again: as local only (`weight` 1) or as remote only (-1).
static void check_found_again(bool local_item, int64_t weight)
{
    struct rng rng;
    rng_init(&rng, 13);
    struct sets sets = sets_of(&rng, 200, 20, 20);
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, 6);
    riblt_decoder_init(&decoder, 6);
    encoder_add_all(&encoder, sets.shared, sets.shared_count);
    encoder_add_all(&encoder, sets.remote, sets.remote_count);
    decoder_add_all(&decoder, sets.shared, sets.shared_count);
    decoder_add_all(&decoder, sets.local, sets.local_count);
    while (decoder.local_only.count == 0 || decoder.remote_only.count == 0) {
        struct riblt_symbol symbol = *riblt_encoder_symbol(&encoder, decoder.received);
        assert_int_equal(take_forged(&decoder, &symbol, 1), ERR_OK);
        assert_false(riblt_decoder_done(&decoder));
    }
    struct hash128 item = local_item ? decoder.local_only.items[0] : decoder.remote_only.items[0];
    uint32_t found = decoder.local_only.count + decoder.remote_only.count;
    struct riblt_symbol forged = forge(&decoder, item, weight);
    assert_int_equal(take_forged(&decoder, &forged, 1), ERR_INVALID);
    assert_int_equal(decoder.local_only.count + decoder.remote_only.count, found);
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
    sets_release(&sets);
}

static void test_riblt__refuses_an_item_found_again(void **state)
{
    (void)state;
    check_found_again(true, 1);
    check_found_again(true, -1);
    check_found_again(false, 1);
    check_found_again(false, -1);
}

static void test_riblt__refuses_counts_outside_bounds(void **state)
{
    (void)state;
    static const int64_t counts[] = {-1, INT64_MIN, (int64_t)RIBLT_ITEMS_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct riblt_decoder decoder;
        riblt_decoder_init(&decoder, 6);
        struct riblt_symbol symbol = {.count = counts[i]};
        assert_int_equal(take_forged(&decoder, &symbol, 1), ERR_INVALID);
        assert_int_equal(decoder.received, 0);
        struct riblt_symbol honest = {.count = 0};
        assert_int_equal(take_forged(&decoder, &honest, 1), ERR_INVALID); // an error is for good
        assert_false(riblt_decoder_done(&decoder));
        riblt_decoder_release(&decoder);
    }
}

// Symbols that never resolve: the decoder gives up at its maximum, and not before.
static void test_riblt__gives_up_at_the_maximum(void **state)
{
    (void)state;
    struct riblt_decoder decoder;
    riblt_decoder_init(&decoder, 6);
    struct riblt_symbol *row = memory_zeroed(RIBLT_BATCH_SYMBOLS_MAX, sizeof *row);
    for (uint32_t i = 0; i < RIBLT_BATCH_SYMBOLS_MAX; i++)
        row[i].count = 1;
    while (decoder.received < RIBLT_SYMBOLS_MAX)
        assert_int_equal(take_forged(&decoder, row, RIBLT_BATCH_SYMBOLS_MAX), ERR_OK);
    assert_false(riblt_decoder_done(&decoder));
    assert_int_equal(take_forged(&decoder, row, 1), ERR_TOO_LARGE);
    free(row);
    riblt_decoder_release(&decoder);
}

// Damages some of an honest row's bits, or makes a row of noise: any end but a crash or a hang will
// do, and what is called local only must be local.
static void check_garbage(struct rng *rng, struct sets *sets, uint32_t noise_one_in)
{
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    riblt_encoder_init(&encoder, 5);
    riblt_decoder_init(&decoder, 5);
    encoder_add_all(&encoder, sets->shared, sets->shared_count);
    encoder_add_all(&encoder, sets->remote, sets->remote_count);
    decoder_add_all(&decoder, sets->shared, sets->shared_count);
    decoder_add_all(&decoder, sets->local, sets->local_count);
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < 300 && e == ERR_OK; i++) {
        struct riblt_symbol symbol = *riblt_encoder_symbol(&encoder, i);
        if (rng_one_in(rng, noise_one_in)) // a true symbol, of another place
            symbol = *riblt_encoder_symbol(&encoder, (uint32_t)rng_below(rng, 300));
        if (rng_one_in(rng, noise_one_in))
            symbol.item_xor.low ^= UINT64_C(1) << rng_below(rng, 64);
        if (rng_one_in(rng, noise_one_in))
            symbol.count = (int64_t)rng_below(rng, RIBLT_ITEMS_MAX + 2);
        e = take_forged(&decoder, &symbol, 1);
    }
    assert_true(e == ERR_OK || e == ERR_INVALID);
    assert_true(decoder.remote_only.count + decoder.local_only.count <= decoder.received);
    for (uint32_t i = 0; i < decoder.local_only.count; i++) {
        bool local = false;
        for (uint32_t j = 0; j < sets->shared_count; j++)
            local |= item_order(&decoder.local_only.items[i], &sets->shared[j]) == 0;
        for (uint32_t j = 0; j < sets->local_count; j++)
            local |= item_order(&decoder.local_only.items[i], &sets->local[j]) == 0;
        assert_true(local);
    }
    riblt_encoder_release(&encoder);
    riblt_decoder_release(&decoder);
}

static void test_riblt__garbage_symbols_never_crash_or_hang(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 14);
    for (uint32_t round = 0; round < GARBAGE_ROUNDS; round++) {
        struct sets sets = sets_of(&rng, (uint32_t)rng_below(&rng, 60),
                                   (uint32_t)rng_below(&rng, 60), (uint32_t)rng_below(&rng, 60));
        check_garbage(&rng, &sets, 1 + (uint32_t)rng_below(&rng, 100));
        sets_release(&sets);
    }
}

static void test_riblt__garbage_bytes_never_crash(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 15);
    uint32_t decoded = 0;
    for (uint32_t round = 0; round < 100 * GARBAGE_ROUNDS; round++) {
        uint8_t bytes[120];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)rng_u64(&rng);
        bytes[0] &= 3;
        bytes[1] &= 3;
        struct riblt_symbols symbols;
        struct slice all = slice_of(bytes, (size_t)rng_below(&rng, sizeof bytes + 1));
        if (riblt_symbols_decode(all, &symbols) != ERR_OK)
            continue;
        decoded++;
        struct riblt_decoder decoder;
        riblt_decoder_init(&decoder, 5);
        enum err e = riblt_decoder_take(&decoder, &symbols);
        assert_true(e == ERR_OK || e == ERR_INVALID || e == ERR_MISMATCH);
        riblt_decoder_release(&decoder);
        riblt_symbols_release(&symbols);
    }
    assert_true(decoded > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_riblt__equal_sets_take_one_symbol),
        cmocka_unit_test(test_riblt__one_difference_takes_one_symbol),
        cmocka_unit_test(test_riblt__finds_what_the_naive_difference_finds),
        cmocka_unit_test(test_riblt__needs_few_symbols_for_each_difference),
        cmocka_unit_test(test_riblt__salts_must_agree),
        cmocka_unit_test(test_riblt__refuses_an_item_twice),
        cmocka_unit_test(test_riblt__takes_batches_in_order_and_repeats_harmlessly),
        cmocka_unit_test(test_riblt__refuses_a_remote_only_item_that_is_local),
        cmocka_unit_test(test_riblt__refuses_a_local_only_item_that_is_not_local),
        cmocka_unit_test(test_riblt__refuses_an_item_found_again),
        cmocka_unit_test(test_riblt__refuses_counts_outside_bounds),
        cmocka_unit_test(test_riblt__gives_up_at_the_maximum),
        cmocka_unit_test(test_riblt__garbage_symbols_never_crash_or_hang),
        cmocka_unit_test(test_riblt__garbage_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
