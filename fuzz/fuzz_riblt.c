// Set reconciliation, in two ways. Coded symbols of any bytes decode to what encodes to the same
// bytes or to an error, and leave a decoder sound, whatever it was told. Symbols of an honest
// encoder lead to the exact difference of two small sets.
#include "base/check.h"
#include "core/reconcile/riblt.h"
#include "input.h"

enum { UNIVERSE = 48, HONEST_SYMBOLS_MAX = 2000, BATCHES_MAX = 64 };

static struct hash128 item_of(unsigned number)
{
    uint8_t byte = (uint8_t)number;
    return riblt_item(hash128(slice_of(&byte, 1), 7));
}

static int number_of(struct hash128 item)
{
    for (unsigned i = 0; i < UNIVERSE; i++) {
        struct hash128 known = item_of(i);
        if (known.high == item.high && known.low == item.low)
            return (int)i;
    }
    return -1;
}

static void add_local(struct riblt_decoder *decoder, uint64_t set)
{
    for (unsigned i = 0; i < UNIVERSE; i++)
        if ((set >> i & 1) != 0)
            CHECK(riblt_decoder_add(decoder, item_of(i)) == ERR_OK);
}

static uint64_t set_of(const struct riblt_items *items)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        int number = number_of(items->items[i]);
        CHECK(number >= 0 && (set >> number & 1) == 0);
        set |= UINT64_C(1) << number;
    }
    return set;
}

// A batch's bytes: found where decoding them gives a batch.
static enum err take(struct riblt_decoder *decoder, struct slice bytes)
{
    struct riblt_symbols batch;
    if (riblt_symbols_decode(bytes, &batch) != ERR_OK) {
        CHECK(batch.symbols == NULL);
        return ERR_INVALID;
    }
    CHECK(batch.count >= 1 && batch.count <= RIBLT_BATCH_SYMBOLS_MAX);
    CHECK(batch.start <= RIBLT_SYMBOLS_MAX - batch.count);
    enum err error = riblt_decoder_take(decoder, &batch);
    riblt_symbols_release(&batch);
    return error;
}

// What a peer invents.
static void try_hostile(struct cursor *input)
{
    struct riblt_decoder decoder;
    uint64_t local = cursor_u32_be(input);
    riblt_decoder_init(&decoder, cursor_u8(input));
    add_local(&decoder, local);
    for (unsigned i = 0; i < BATCHES_MAX && input_more(input); i++) {
        struct slice batch = cursor_counted(input);
        (void)take(&decoder, batch);
        CHECK(decoder.remote_only.count + decoder.local_only.count <= decoder.received);
        CHECK((set_of(&decoder.local_only) & ~local) == 0 || decoder.failure != ERR_OK);
    }
    riblt_decoder_release(&decoder);
}

static void try_honest(struct cursor *input)
{
    struct riblt_encoder encoder;
    struct riblt_decoder decoder;
    struct buf bytes;
    uint64_t limit = (UINT64_C(1) << UNIVERSE) - 1;
    uint64_t remote = cursor_u64_be(input) & limit;
    uint64_t local = cursor_u64_be(input) & limit;
    uint64_t salt = cursor_u64_be(input);
    uint32_t start = 0;
    riblt_encoder_init(&encoder, salt);
    riblt_decoder_init(&decoder, salt);
    buf_init(&bytes, RIBLT_BATCH_OVERHEAD_MAX + 256 * RIBLT_SYMBOL_BYTES_MAX);
    for (unsigned i = 0; i < UNIVERSE; i++)
        if ((remote >> i & 1) != 0)
            CHECK(riblt_encoder_add(&encoder, item_of(i)) == ERR_OK);
    add_local(&decoder, local);
    while (!riblt_decoder_done(&decoder)) {
        uint32_t count = 1 + input_below(input, 256);
        CHECK(start < HONEST_SYMBOLS_MAX);
        buf_clear(&bytes);
        CHECK(riblt_encoder_encode(&encoder, start, count, &bytes) == ERR_OK && !bytes.overflown);
        CHECK(take(&decoder, buf_slice(&bytes)) == ERR_OK);
        start += count;
    }
    CHECK(set_of(&decoder.remote_only) == (remote & ~local));
    CHECK(set_of(&decoder.local_only) == (local & ~remote));
    buf_release(&bytes);
    riblt_decoder_release(&decoder);
    riblt_encoder_release(&encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    if (input_below(&input, 2) == 0)
        try_hostile(&input);
    else
        try_honest(&input);
    return 0;
}
