#include "core/reconcile/riblt.h"

#include "base/check.h"

#include <stdlib.h>

// One item, with its place in its own row of symbols. Weight 1: it counts in the symbols that are
// yet to be computed; weight 0: a decoder found that the remote set lacks it.
struct riblt_entry {
    struct hash128 item;
    uint64_t checksum;
    uint64_t draw_state;
    uint32_t index; // of the next symbol it takes part in, INDEX_NONE past the last
    uint32_t weight;
};

// A decoder's local set, and what it finds of the remote one.
#define ENTRIES_MAX (2 * RIBLT_ITEMS_MAX)
#define INDEX_NONE RIBLT_SYMBOLS_MAX

enum { ENTRIES_FIRST = 16, SYMBOLS_FIRST = 8, LIST_FIRST = 16, CHAIN_END = RIBLT_SYMBOLS_MAX };

_Static_assert((ENTRIES_MAX & (ENTRIES_MAX - 1)) == 0, "entries double up to their maximum");
_Static_assert((RIBLT_SYMBOLS_MAX & (RIBLT_SYMBOLS_MAX - 1)) == 0,
               "symbols double up to their maximum");

static struct riblt_entry entry_of(uint64_t salt, struct hash128 item)
{
    uint8_t bytes[16];
    CHECK(item.high <= UINT16_MAX);
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(item.high >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(item.low >> (56 - 8 * i));
    }
    struct hash128 hash = hash128(slice_of(bytes, sizeof bytes), salt);
    return (struct riblt_entry){.item = item,
                                .checksum = hash.high >> (64 - RIBLT_CHECKSUM_BITS),
                                .draw_state = hash.low,
                                .weight = 1};
}

// Uniform in 1 to 2^64 - 1 (splitmix64).
static uint64_t draw(struct riblt_entry *entry)
{
    entry->draw_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = entry->draw_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z > 0 ? z : 1;
}

// The greatest integer whose square is at most `value`, for 0 < value < 2^62: Newton's steps from
// above.
static uint64_t square_root(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value);
    uint64_t root = UINT64_C(1) << (bits + 1) / 2;
    for (;;) {
        uint64_t next = (root + value / root) / 2;
        if (next >= root)
            return root;
        root = next;
    }
}

// Moves to the next symbol that the item takes part in. With probability 2/(k + 2) for each
// symbol k, no symbol from i + 1 to n holds it with probability (i + 1)(i + 2) / ((n + 1)(n + 2))
// (the paper's section 4, which then approximates in floating point). A draw r / 2^64 is turned
// by that into the least n with r (n + 1)(n + 2) >= 2^64 (i + 1)(i + 2), exactly.
static void entry_advance(struct riblt_entry *entry)
{
    uint64_t i = entry->index;
    uint64_t r = draw(entry);
    __extension__ unsigned __int128 scaled = (i + 1) * (i + 2);
    scaled = ((scaled << 64) + (r - 1)) / r;
    if (scaled > (uint64_t)RIBLT_SYMBOLS_MAX * (RIBLT_SYMBOLS_MAX + 1)) {
        entry->index = INDEX_NONE;
        return;
    }
    // The least x = n + 1 with x (x + 1) >= product is its root, or one more.
    uint64_t product = (uint64_t)scaled;
    uint64_t root = square_root(product);
    uint64_t x = root * (root + 1) >= product ? root : root + 1;
    entry->index = (uint32_t)(x - 1);
}

static void symbol_change(struct riblt_symbol *symbol, const struct riblt_entry *entry,
                          int64_t weight)
{
    symbol->item_xor.high ^= entry->item.high;
    symbol->item_xor.low ^= entry->item.low;
    symbol->checksum_xor ^= entry->checksum;
    symbol->count += weight;
}

void riblt_encoder_init(struct riblt_encoder *encoder, uint64_t salt)
{
    *encoder = (struct riblt_encoder){.salt = salt};
}

void riblt_encoder_release(struct riblt_encoder *encoder)
{
    free(encoder->entries);
    free(encoder->buckets);
    free(encoder->symbols);
    riblt_encoder_init(encoder, encoder->salt);
}

// Twice as many buckets as entries: runs of full ones stay short.
static uint32_t *bucket_of(const struct riblt_encoder *encoder, const struct riblt_entry *wanted)
{
    uint32_t mask = encoder->entry_capacity * 2 - 1;
    uint32_t at = (uint32_t)wanted->checksum & mask;
    for (; encoder->buckets[at] != 0; at = (at + 1) & mask) {
        const struct riblt_entry *entry = &encoder->entries[encoder->buckets[at] - 1];
        if (entry->item.high == wanted->item.high && entry->item.low == wanted->item.low)
            break;
    }
    return &encoder->buckets[at];
}

static struct riblt_entry *entry_find(const struct riblt_encoder *encoder,
                                      const struct riblt_entry *wanted)
{
    uint32_t found = encoder->entry_capacity > 0 ? *bucket_of(encoder, wanted) : 0;
    return found != 0 ? &encoder->entries[found - 1] : NULL;
}

static void grow_entries(struct riblt_encoder *encoder)
{
    CHECK(encoder->entry_capacity < ENTRIES_MAX);
    uint32_t capacity = encoder->entry_capacity > 0 ? encoder->entry_capacity * 2 : ENTRIES_FIRST;
    encoder->entries = memory_resize(encoder->entries, capacity * sizeof *encoder->entries);
    encoder->entry_capacity = capacity;
    free(encoder->buckets);
    encoder->buckets = memory_zeroed((size_t)capacity * 2, sizeof *encoder->buckets);
    for (uint32_t i = 0; i < encoder->entry_count; i++)
        *bucket_of(encoder, &encoder->entries[i]) = i + 1;
}

// `entry` must not be in the set.
static void entry_append(struct riblt_encoder *encoder, const struct riblt_entry *entry)
{
    if (encoder->entry_count == encoder->entry_capacity)
        grow_entries(encoder);
    uint32_t *bucket = bucket_of(encoder, entry);
    CHECK(*bucket == 0);
    encoder->entries[encoder->entry_count++] = *entry;
    *bucket = encoder->entry_count;
}

void riblt_item_encode(struct buf *out, struct hash128 item)
{
    buf_append_u16_be(out, (uint16_t)item.high);
    buf_append_u64_be(out, item.low);
}

struct hash128 riblt_item_decode(struct cursor *in)
{
    struct hash128 item = {.high = cursor_u16_be(in)};
    item.low = cursor_u64_be(in);
    return item;
}

enum err riblt_encoder_add(struct riblt_encoder *encoder, struct hash128 item)
{
    CHECK(encoder->symbol_count == 0);
    struct riblt_entry entry = entry_of(encoder->salt, item);
    if (entry_find(encoder, &entry) != NULL)
        return ERR_EXISTS;
    if (encoder->entry_count >= RIBLT_ITEMS_MAX)
        return ERR_TOO_LARGE;
    entry_append(encoder, &entry);
    return ERR_OK;
}

// Doubles the symbols until there are `needed`. One sweep over the items per doubling does no
// more work than is in the symbols themselves: an item takes part in about 2 ln 2 symbols of each
// doubling.
static void compute_symbols(struct riblt_encoder *encoder, uint32_t needed)
{
    uint32_t old = encoder->symbol_count;
    uint32_t count = old > 0 ? old : SYMBOLS_FIRST;
    while (count < needed)
        count *= 2;
    if (count == old)
        return;
    encoder->symbols = memory_resize(encoder->symbols, count * sizeof *encoder->symbols);
    memset(encoder->symbols + old, 0, (count - old) * sizeof *encoder->symbols);
    encoder->symbol_count = count;
    for (uint32_t i = 0; i < encoder->entry_count; i++) {
        struct riblt_entry *entry = &encoder->entries[i];
        if (entry->weight == 0)
            continue;
        for (; entry->index < count; entry_advance(entry))
            symbol_change(&encoder->symbols[entry->index], entry, 1);
    }
}

const struct riblt_symbol *riblt_encoder_symbol(struct riblt_encoder *encoder, uint32_t index)
{
    CHECK(index < RIBLT_SYMBOLS_MAX);
    compute_symbols(encoder, index + 1);
    return &encoder->symbols[index];
}

enum err riblt_encoder_encode(struct riblt_encoder *encoder, uint32_t start, uint32_t count,
                              struct buf *out)
{
    if (count < 1 || count > RIBLT_BATCH_SYMBOLS_MAX)
        return ERR_INVALID;
    if (start > RIBLT_SYMBOLS_MAX - count)
        return ERR_TOO_LARGE;
    buf_append_varint(out, start);
    buf_append_varint(out, count);
    for (uint32_t i = start; i < start + count; i++) {
        const struct riblt_symbol *symbol = riblt_encoder_symbol(encoder, i);
        riblt_item_encode(out, symbol->item_xor);
        buf_append_u16_be(out, (uint16_t)(symbol->checksum_xor >> 32));
        buf_append_u32_be(out, (uint32_t)symbol->checksum_xor);
        buf_append_varint(out, (uint64_t)symbol->count);
    }
    return ERR_OK;
}

enum err riblt_symbols_decode(struct slice bytes, struct riblt_symbols *out)
{
    struct cursor in = cursor_of(bytes);
    *out = (struct riblt_symbols){0};
    uint32_t start = (uint32_t)cursor_varint_max(&in, RIBLT_SYMBOLS_MAX - 1);
    uint32_t count = (uint32_t)cursor_varint_max(&in, RIBLT_BATCH_SYMBOLS_MAX);
    // Before anything is allocated, the bytes must be there.
    if (in.failed || count == 0 || count > RIBLT_SYMBOLS_MAX - start ||
        count > cursor_left(&in) / RIBLT_SYMBOL_BYTES_MIN)
        return ERR_INVALID;
    *out = (struct riblt_symbols){.start = start, .count = count};
    out->symbols = memory_zeroed(count, sizeof *out->symbols);
    for (uint32_t i = 0; i < count; i++) {
        struct riblt_symbol *symbol = &out->symbols[i];
        symbol->item_xor = riblt_item_decode(&in);
        symbol->checksum_xor = (uint64_t)cursor_u16_be(&in) << 32;
        symbol->checksum_xor |= cursor_u32_be(&in);
        symbol->count = (int64_t)cursor_varint_max(&in, RIBLT_ITEMS_MAX);
    }
    enum err e = cursor_finish(&in);
    if (e != ERR_OK)
        riblt_symbols_release(out);
    return e;
}

void riblt_symbols_release(struct riblt_symbols *symbols)
{
    free(symbols->symbols);
    *symbols = (struct riblt_symbols){0};
}

void riblt_decoder_init(struct riblt_decoder *decoder, uint64_t salt)
{
    *decoder = (struct riblt_decoder){.chain_first = CHAIN_END};
    riblt_encoder_init(&decoder->cells, salt);
}

void riblt_decoder_release(struct riblt_decoder *decoder)
{
    free(decoder->remote_only.items);
    free(decoder->local_only.items);
    free(decoder->chain);
    riblt_encoder_release(&decoder->cells);
    riblt_decoder_init(decoder, decoder->cells.salt);
}

enum err riblt_decoder_add(struct riblt_decoder *decoder, struct hash128 item)
{
    enum err e = riblt_encoder_add(&decoder->cells, item);
    if (e == ERR_OK)
        decoder->local_count++;
    return e;
}

static void list_append_item(struct riblt_items *list, struct hash128 item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : LIST_FIRST;
        list->items = memory_resize(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = item;
}

static bool symbol_is_zero(const struct riblt_symbol *symbol)
{
    return symbol->count == 0 && symbol->item_xor.high == 0 && symbol->item_xor.low == 0 &&
           symbol->checksum_xor == 0;
}

// A cell that may hold one item alone is to be looked at; being in the chain once is enough.
static void chain_add(struct riblt_decoder *decoder, uint32_t index)
{
    int64_t count = decoder->cells.symbols[index].count;
    if ((count != 1 && count != -1) || decoder->chain[index] != 0)
        return;
    decoder->chain[index] = decoder->chain_first + 1;
    decoder->chain_first = index;
}

static uint32_t chain_take(struct riblt_decoder *decoder)
{
    uint32_t index = decoder->chain_first;
    decoder->chain_first = decoder->chain[index] - 1;
    decoder->chain[index] = 0;
    return index;
}

// Takes an item that lies `weight` times (1 or -1) in the cells out of all of them: those that
// were received, where it no longer hides others, and those already computed for symbols that are
// yet to come.
static void take_out(struct riblt_decoder *decoder, struct riblt_entry *entry, int64_t weight)
{
    for (; entry->index < decoder->cells.symbol_count; entry_advance(entry)) {
        struct riblt_symbol *cell = &decoder->cells.symbols[entry->index];
        bool received = entry->index < decoder->received;
        if (received)
            decoder->nonzero -= !symbol_is_zero(cell);
        symbol_change(cell, entry, -weight);
        if (!received)
            continue;
        decoder->nonzero += !symbol_is_zero(cell);
        chain_add(decoder, entry->index);
    }
}

// The local set less the remote one has `found` in it `weight` times: 1 is local only, -1 is
// remote only. What contradicts the local set, or was found before, comes from no honest encoder;
// this is what ends a cycle.
static enum err settle(struct riblt_decoder *decoder, struct riblt_entry *found, int64_t weight)
{
    struct riblt_encoder *cells = &decoder->cells;
    struct riblt_entry *known = entry_find(cells, found);
    if (decoder->remote_only.count + decoder->local_only.count >= decoder->received)
        return ERR_INVALID;
    if (weight > 0) {
        if (known == NULL || known->weight == 0 || known - cells->entries >= decoder->local_count)
            return ERR_INVALID;
        known->weight = 0;
        list_append_item(&decoder->local_only, found->item);
        take_out(decoder, found, weight);
        return ERR_OK;
    }
    if (known != NULL || decoder->remote_only.count >= RIBLT_ITEMS_MAX)
        return ERR_INVALID;
    list_append_item(&decoder->remote_only, found->item);
    take_out(decoder, found, weight);
    entry_append(cells, found);
    return ERR_OK;
}

// Looks at cells until no one holds an item alone. Each round shortens the chain by one or
// settles an item for ever, which can happen `received` times: it ends.
static enum err peel(struct riblt_decoder *decoder)
{
    enum err e = ERR_OK;
    while (decoder->chain_first != CHAIN_END && e == ERR_OK) {
        struct riblt_symbol cell = decoder->cells.symbols[chain_take(decoder)];
        if (cell.count != 1 && cell.count != -1)
            continue;
        struct riblt_entry entry = entry_of(decoder->cells.salt, cell.item_xor);
        if (entry.checksum == cell.checksum_xor)
            e = settle(decoder, &entry, cell.count);
    }
    return e;
}

static void grow_chain(struct riblt_decoder *decoder)
{
    uint32_t old = decoder->chain_capacity;
    uint32_t capacity = decoder->cells.symbol_count;
    if (capacity == old)
        return;
    decoder->chain = memory_resize(decoder->chain, capacity * sizeof *decoder->chain);
    memset(decoder->chain + old, 0, (capacity - old) * sizeof *decoder->chain);
    decoder->chain_capacity = capacity;
}

static enum err take_symbol(struct riblt_decoder *decoder, const struct riblt_symbol *symbol)
{
    uint32_t index = decoder->received;
    if (index >= RIBLT_SYMBOLS_MAX)
        return ERR_TOO_LARGE;
    if (symbol->count < 0 || symbol->count > (int64_t)RIBLT_ITEMS_MAX)
        return ERR_INVALID;
    compute_symbols(&decoder->cells, index + 1);
    grow_chain(decoder);
    struct riblt_symbol *cell = &decoder->cells.symbols[index];
    cell->item_xor.high ^= symbol->item_xor.high;
    cell->item_xor.low ^= symbol->item_xor.low;
    cell->checksum_xor ^= symbol->checksum_xor;
    cell->count -= symbol->count;
    decoder->received++;
    decoder->nonzero += !symbol_is_zero(cell);
    chain_add(decoder, index);
    return peel(decoder);
}

static void decoder_invariants(const struct riblt_decoder *decoder)
{
    uint32_t found = decoder->remote_only.count + decoder->local_only.count;
    CHECK(found <= decoder->received);
    CHECK(decoder->local_only.count <= decoder->local_count);
    CHECK(decoder->nonzero <= decoder->received);
    CHECK(decoder->received <= decoder->cells.symbol_count);
    CHECK(decoder->failure != ERR_OK || decoder->chain_first == CHAIN_END);
    CHECK(decoder->failure != ERR_OK ||
          decoder->cells.entry_count == decoder->local_count + decoder->remote_only.count);
}

enum err riblt_decoder_take(struct riblt_decoder *decoder, const struct riblt_symbols *batch)
{
    if (decoder->failure != ERR_OK)
        return decoder->failure;
    if (batch->start > decoder->received && !riblt_decoder_done(decoder))
        return ERR_MISMATCH;
    for (uint32_t i = 0; i < batch->count && !riblt_decoder_done(decoder); i++) {
        if (batch->start + i < decoder->received)
            continue;
        decoder->failure = take_symbol(decoder, &batch->symbols[i]);
        if (decoder->failure != ERR_OK)
            break;
    }
    decoder_invariants(decoder);
    return decoder->failure;
}

bool riblt_decoder_done(const struct riblt_decoder *decoder)
{
    return decoder->failure == ERR_OK && decoder->received > 0 && decoder->nonzero == 0;
}
