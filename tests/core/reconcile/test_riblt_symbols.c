#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/reconcile/riblt.h"

#include "base/check.h"
#include "base/random.h"

#include <stdlib.h>

// The row of symbols that an encoder gives, and how it travels.

enum { ITEMS_MAX = 20000, BATCH_BYTES_MAX = 300000 };

static struct hash128 *random_items(struct rng *rng, uint32_t count)
{
    struct hash128 *items = memory_new(count * sizeof *items);
    for (uint32_t i = 0; i < count; i++)
        items[i] = riblt_item((struct hash128){.high = rng_u64(rng), .low = rng_u64(rng)});
    return items;
}

static void encoder_add_all(struct riblt_encoder *e, const struct hash128 *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(riblt_encoder_add(e, items[i]), ERR_OK);
}

// Symbol i should hold 2 / (i + 2) of the items.
static void test_riblt_symbols__hold_their_share_of_the_items(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    struct hash128 *items = random_items(&rng, ITEMS_MAX);
    struct riblt_encoder encoder;
    riblt_encoder_init(&encoder, 77);
    encoder_add_all(&encoder, items, ITEMS_MAX);
    assert_int_equal(riblt_encoder_symbol(&encoder, 0)->count, ITEMS_MAX);
    uint32_t first = 1;
    for (uint32_t end = 2; end <= 32768; end *= 2) {
        int64_t held = 0, wanted_scaled = 0;
        for (uint32_t i = first; i < end; i++) {
            int64_t count = riblt_encoder_symbol(&encoder, i)->count;
            assert_true(count >= 0 && count <= ITEMS_MAX);
            held += count;
            wanted_scaled += INT64_C(2) * ITEMS_MAX * 1000 / (i + 2);
        }
        // About 20,000 draws, whose deviation is about 1 %: 4 % is 4 of these.
        assert_true(llabs(held * 1000 - wanted_scaled) <= wanted_scaled / 25);
        first = end;
    }
    riblt_encoder_release(&encoder);
    free(items);
}

static void assert_symbols_equal(const struct riblt_symbol *a, const struct riblt_symbol *b)
{
    assert_true(a->item_xor.high == b->item_xor.high && a->item_xor.low == b->item_xor.low);
    assert_true(a->checksum_xor == b->checksum_xor);
    assert_true(a->count == b->count);
}

static void test_riblt_symbols__order_of_adding_and_asking_does_not_matter(void **state)
{
    (void)state;
    enum { COUNT = 700, SYMBOLS = 900 };
    struct rng rng;
    rng_init(&rng, 6);
    struct hash128 *items = random_items(&rng, COUNT);
    struct riblt_encoder forward, backward;
    riblt_encoder_init(&forward, 9);
    riblt_encoder_init(&backward, 9);
    encoder_add_all(&forward, items, COUNT);
    for (uint32_t i = COUNT; i > 0; i--)
        assert_int_equal(riblt_encoder_add(&backward, items[i - 1]), ERR_OK);
    (void)riblt_encoder_symbol(&backward, SYMBOLS - 1);
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        struct riblt_symbol symbol = *riblt_encoder_symbol(&forward, i);
        assert_symbols_equal(&symbol, riblt_encoder_symbol(&backward, i));
    }
    riblt_encoder_release(&forward);
    riblt_encoder_release(&backward);
    free(items);
}

static void test_riblt_symbols__refuses_a_set_over_its_maximum(void **state)
{
    (void)state;
    struct riblt_encoder encoder;
    riblt_encoder_init(&encoder, 3);
    for (uint32_t i = 0; i < RIBLT_ITEMS_MAX; i++)
        assert_int_equal(riblt_encoder_add(&encoder, (struct hash128){.low = i}), ERR_OK);
    struct hash128 known = {.low = 0}, unknown = {.low = RIBLT_ITEMS_MAX};
    assert_int_equal(riblt_encoder_add(&encoder, known), ERR_EXISTS);
    assert_int_equal(riblt_encoder_add(&encoder, unknown), ERR_TOO_LARGE);
    assert_int_equal(riblt_encoder_symbol(&encoder, 0)->count, RIBLT_ITEMS_MAX);
    riblt_encoder_release(&encoder);
}

// Nodes of different versions and machines must agree: these values may never change.
static void test_riblt_symbols__are_the_same_for_ever(void **state)
{
    (void)state;
    struct riblt_encoder encoder;
    struct buf buf;
    riblt_encoder_init(&encoder, UINT64_C(0x0123456789abcdef));
    buf_init(&buf, BATCH_BYTES_MAX);
    for (uint64_t i = 0; i < 1000; i++) {
        struct hash128 item = {.high = i, .low = ~i};
        assert_int_equal(riblt_encoder_add(&encoder, item), ERR_OK);
    }
    assert_int_equal(riblt_encoder_encode(&encoder, 0, 4096, &buf), ERR_OK);
    assert_int_equal(riblt_encoder_encode(&encoder, RIBLT_SYMBOLS_MAX - 4096, 4096, &buf), ERR_OK);
    assert_false(buf.overflown);
    assert_int_equal(hash64(buf_slice(&buf), 0), UINT64_C(0xf0515521194a7c8b));
    riblt_encoder_release(&encoder);
    buf_release(&buf);
}

static void test_riblt_symbols__encodes_and_decodes(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 8);
    struct hash128 *items = random_items(&rng, 300);
    struct riblt_encoder encoder;
    struct riblt_symbols symbols;
    struct buf buf;
    riblt_encoder_init(&encoder, 4);
    encoder_add_all(&encoder, items, 300);
    buf_init(&buf, BATCH_BYTES_MAX);
    assert_int_equal(riblt_encoder_encode(&encoder, 5, 20, &buf), ERR_OK);
    assert_true(buf.length <= RIBLT_BATCH_OVERHEAD_MAX + 20 * RIBLT_SYMBOL_BYTES_MAX);
    assert_int_equal(riblt_symbols_decode(buf_slice(&buf), &symbols), ERR_OK);
    assert_int_equal(symbols.start, 5);
    assert_int_equal(symbols.count, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_symbols_equal(&symbols.symbols[i], riblt_encoder_symbol(&encoder, 5 + i));
    riblt_symbols_release(&symbols);
    for (size_t cut = 0; cut < buf.length; cut++) {
        assert_int_equal(riblt_symbols_decode(slice_of(buf.bytes, cut), &symbols), ERR_INVALID);
        assert_null(symbols.symbols);
    }
    buf_append_u8(&buf, 0);
    assert_int_equal(riblt_symbols_decode(buf_slice(&buf), &symbols), ERR_INVALID);
    assert_null(symbols.symbols);
    riblt_encoder_release(&encoder);
    buf_release(&buf);
    free(items);
}

static void check_encode_range(uint32_t start, uint32_t count, enum err wanted)
{
    struct riblt_encoder encoder;
    struct buf buf;
    riblt_encoder_init(&encoder, 4);
    buf_init(&buf, BATCH_BYTES_MAX);
    assert_int_equal(riblt_encoder_encode(&encoder, start, count, &buf), wanted);
    assert_true((buf.length > 0) == (wanted == ERR_OK));
    riblt_encoder_release(&encoder);
    buf_release(&buf);
}

static void test_riblt_symbols__encodes_only_symbols_that_exist(void **state)
{
    (void)state;
    check_encode_range(0, 0, ERR_INVALID);
    check_encode_range(0, RIBLT_BATCH_SYMBOLS_MAX, ERR_OK);
    check_encode_range(0, RIBLT_BATCH_SYMBOLS_MAX + 1, ERR_INVALID);
    check_encode_range(0, UINT32_MAX, ERR_INVALID);
    check_encode_range(RIBLT_SYMBOLS_MAX - 2, 2, ERR_OK);
    check_encode_range(RIBLT_SYMBOLS_MAX - 1, 2, ERR_TOO_LARGE);
    check_encode_range(UINT32_MAX, 1, ERR_TOO_LARGE);
}

static void check_decode_head(uint64_t start, uint64_t count, uint64_t items, enum err wanted)
{
    struct buf buf;
    struct riblt_symbols symbols;
    buf_init(&buf, BATCH_BYTES_MAX);
    buf_append_varint(&buf, start);
    buf_append_varint(&buf, count);
    for (uint64_t i = 0; i < count && i <= RIBLT_BATCH_SYMBOLS_MAX; i++) {
        for (unsigned part = 0; part < RIBLT_SYMBOL_BYTES_MIN - 1; part++)
            buf_append_u8(&buf, (uint8_t)i);
        buf_append_varint(&buf, items);
    }
    assert_int_equal(riblt_symbols_decode(buf_slice(&buf), &symbols), wanted);
    assert_true((symbols.symbols != NULL) == (wanted == ERR_OK));
    riblt_symbols_release(&symbols);
    buf_release(&buf);
}

static void test_riblt_symbols__decodes_only_batches_within_bounds(void **state)
{
    (void)state;
    check_decode_head(0, 1, 0, ERR_OK);
    check_decode_head(0, 0, 0, ERR_INVALID);
    check_decode_head(0, RIBLT_BATCH_SYMBOLS_MAX, 1, ERR_OK);
    check_decode_head(0, RIBLT_BATCH_SYMBOLS_MAX + 1, 1, ERR_INVALID);
    check_decode_head(0, UINT64_MAX, 1, ERR_INVALID);
    check_decode_head(RIBLT_SYMBOLS_MAX - 1, 1, 1, ERR_OK);
    check_decode_head(RIBLT_SYMBOLS_MAX - 1, 2, 1, ERR_INVALID);
    check_decode_head(RIBLT_SYMBOLS_MAX, 1, 1, ERR_INVALID);
    check_decode_head(UINT64_MAX, 1, 1, ERR_INVALID);
    check_decode_head(0, 1, RIBLT_ITEMS_MAX, ERR_OK);
    check_decode_head(0, 1, RIBLT_ITEMS_MAX + 1, ERR_INVALID);
    check_decode_head(0, 1, UINT64_MAX, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_riblt_symbols__hold_their_share_of_the_items),
        cmocka_unit_test(test_riblt_symbols__order_of_adding_and_asking_does_not_matter),
        cmocka_unit_test(test_riblt_symbols__refuses_a_set_over_its_maximum),
        cmocka_unit_test(test_riblt_symbols__are_the_same_for_ever),
        cmocka_unit_test(test_riblt_symbols__encodes_and_decodes),
        cmocka_unit_test(test_riblt_symbols__encodes_only_symbols_that_exist),
        cmocka_unit_test(test_riblt_symbols__decodes_only_batches_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
