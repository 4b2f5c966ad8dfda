// Rateless invertible Bloom lookup tables: two nodes find what differs between their sets (Yang,
// Gilad and Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024).
//
// An encoder turns a set of 80-bit items into an endless row of coded symbols. A decoder that
// holds another set takes them in order, from the first, until it knows the difference: about
// 1.35 symbols for each item that differs (at most about 1.75 when few do), whatever the size of
// the sets; 1 symbol when the sets are equal.
//
// Promise: symbol i of a set under a salt is the same on every machine and for every order of
// adding. A decoder that is done knows the exact difference, but for chance (a false match of
// 48-bit checksums). Symbols that no honest encoder sends end in an error or in a decoder that is
// not done, with work and memory in proportion to the symbols taken; never in a loop, nor in a
// local_only item that is not in the local set.
//
// Invariants
//  1. Item x takes part in symbol 0 and in symbol i with probability 1/(1 + i/2), drawn from x
//     and the salt.
//  2. Every number that steers is an integer: no rounding differs between machines.
//  3. A set holds an item once: adding it again is refused with ERR_EXISTS and changes nothing.
//  4. In a decoder, no item is found twice, and at most one item is found for each symbol taken.
//  5. An encoder holds at most RIBLT_ITEMS_MAX items and gives at most RIBLT_SYMBOLS_MAX symbols.
//
// It does not carry keys or values (items are hashes), and does not say when to give up: a caller
// for whom sending the whole set is cheaper looks at `received`. It does not withstand a peer
// that searches for items whose draws fall together: such a peer makes itself undecodable, within
// the bounds above.
#ifndef BRUSIO_CORE_RECONCILE_RIBLT_H
#define BRUSIO_CORE_RECONCILE_RIBLT_H

#include "base/buf.h"
#include "base/hash.h"

// Of one set. Greater sets are reconciled in parts (slots).
#define RIBLT_ITEMS_MAX (1u << 18)
// Of one session: enough for two full sets that have nothing in common.
#define RIBLT_SYMBOLS_MAX (1u << 20)
// Of one message.
#define RIBLT_BATCH_SYMBOLS_MAX 4096u
// An encoded symbol has at least and at most so many bytes; a batch has its symbols and the
// overhead.
#define RIBLT_SYMBOL_BYTES_MIN 17u
#define RIBLT_SYMBOL_BYTES_MAX 19u
#define RIBLT_BATCH_OVERHEAD_MAX 5u

// What is carried of an item and of its checksum: enough that chance plays no part among the items
// of one session, and no more, for these bytes are most of what a reconciliation costs.
#define RIBLT_ITEM_BYTES 10u
#define RIBLT_CHECKSUM_BITS 48u

// The item of a hash: its low 80 bits.
static inline struct hash128 riblt_item(struct hash128 hash)
{
    return (struct hash128){.high = hash.high & UINT16_MAX, .low = hash.low};
}

void riblt_item_encode(struct buf *out, struct hash128 item);
struct hash128 riblt_item_decode(struct cursor *in);

struct riblt_symbol {
    struct hash128 item_xor;
    uint64_t checksum_xor; // of a salted hash of each item
    int64_t count;         // an encoder's: items in it; a decoder's: local less remote ones
};

// Everything in here is the module's own.
struct riblt_encoder {
    uint64_t salt;
    struct riblt_entry *entries;
    uint32_t entry_count;
    uint32_t entry_capacity;
    uint32_t *buckets; // finds entries by item: 0, or an entry's position and 1
    struct riblt_symbol *symbols;
    uint32_t symbol_count; // symbols that are computed
};

// Both sides of a session use the same `salt`. Owns memory once items are added, until
// riblt_encoder_release.
void riblt_encoder_init(struct riblt_encoder *encoder, uint64_t salt);
void riblt_encoder_release(struct riblt_encoder *encoder);

// `item` is riblt_item's (checked). ERR_EXISTS when it is in the set, ERR_TOO_LARGE when the set is
// full; then nothing has changed. Not to be called once a symbol was asked for (checked).
WARN_UNUSED enum err riblt_encoder_add(struct riblt_encoder *encoder, struct hash128 item);

// Symbol `index`, below RIBLT_SYMBOLS_MAX (checked). Borrowed until the next call. All symbols up
// to `index` together cost O(log(index)) for each item, in whatever portions they are asked for.
const struct riblt_symbol *riblt_encoder_symbol(struct riblt_encoder *encoder, uint32_t index);

// Appends the batch of `count` symbols from `start` on. ERR_INVALID when `count` is not 1 to
// RIBLT_BATCH_SYMBOLS_MAX, ERR_TOO_LARGE when the batch would pass RIBLT_SYMBOLS_MAX; then
// nothing is appended. A full `out` shows in out->overflown. Memory is 32 to 64 bytes for each
// symbol before the batch's end: whoever serves a peer sends batches in order, not what it names.
WARN_UNUSED enum err riblt_encoder_encode(struct riblt_encoder *encoder, uint32_t start,
                                          uint32_t count, struct buf *out);

// A batch of symbols as a message carries it.
struct riblt_symbols {
    uint32_t start; // the index of the first one
    uint32_t count; // 1 to RIBLT_BATCH_SYMBOLS_MAX; start + count is at most RIBLT_SYMBOLS_MAX
    struct riblt_symbol *symbols; // owned
};

// Total over any bytes. On success gives a batch into `out`, to be given to
// riblt_symbols_release; otherwise ERR_INVALID, and `out` is empty. Allocates less than twice the
// length of `bytes`.
WARN_UNUSED enum err riblt_symbols_decode(struct slice bytes, struct riblt_symbols *out);
void riblt_symbols_release(struct riblt_symbols *symbols);

struct riblt_items {
    struct hash128 *items; // owned by whoever owns the list
    uint32_t count;
    uint32_t capacity;
};

struct riblt_decoder {
    struct riblt_items remote_only; // found so far; to be read by the caller, in no promised order
    struct riblt_items local_only;  // found so far
    uint32_t received;              // symbols taken
    uint32_t nonzero;               // of these, symbols that still hold an item
    uint32_t local_count;
    enum err failure; // sticky
    struct riblt_encoder cells;
    uint32_t *chain; // of cells to look at: 0 when not in it, or the next cell and 1
    uint32_t chain_capacity;
    uint32_t chain_first;
};

void riblt_decoder_init(struct riblt_decoder *decoder, uint64_t salt);
void riblt_decoder_release(struct riblt_decoder *decoder);

// An item of the local set; errors as of riblt_encoder_add. Not to be called once symbols were
// taken (checked).
WARN_UNUSED enum err riblt_decoder_add(struct riblt_decoder *decoder, struct hash128 item);

// Takes the remote set's next symbols. Those that were taken before are skipped, so that a
// repeated batch is harmless, and so are those that come when the decoder is done. ERR_MISMATCH
// when the batch begins after a gap: nothing is taken. Any other error is sticky, and what was
// found until then must not be used: ERR_INVALID when no honest encoder sends this, ERR_TOO_LARGE
// when RIBLT_SYMBOLS_MAX symbols did not do.
WARN_UNUSED enum err riblt_decoder_take(struct riblt_decoder *decoder,
                                        const struct riblt_symbols *batch);

// True when remote_only and local_only are the whole difference. Never before the first symbol.
bool riblt_decoder_done(const struct riblt_decoder *decoder);

#endif
