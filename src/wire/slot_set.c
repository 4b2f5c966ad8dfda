#include "wire/slot_set.h"

void slot_set_clear(struct slot_set *set)
{
    memset(set, 0, sizeof *set);
}

unsigned slot_set_count(const struct slot_set *set)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SLOTS / 64; i++)
        count += (unsigned)__builtin_popcountll(set->words[i]);
    return count;
}

unsigned slot_set_next(const struct slot_set *set, unsigned from)
{
    for (unsigned word = from / 64; word < SLOTS / 64; word++) {
        uint64_t bits = set->words[word];
        if (word == from / 64)
            bits &= ~UINT64_C(0) << (from % 64);
        if (bits != 0)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return SLOTS;
}

static unsigned run_end(const struct slot_set *set, unsigned slot)
{
    while (slot < SLOTS && slot_set_has(set, slot))
        slot++;
    return slot;
}

void slot_set_encode(struct buf *out, const struct slot_set *set)
{
    unsigned runs = 0;
    for (unsigned slot = slot_set_next(set, 0); slot < SLOTS;
         slot = slot_set_next(set, run_end(set, slot)))
        runs++;
    buf_append_varint(out, runs);
    unsigned end = 0;
    for (unsigned slot = slot_set_next(set, 0); slot < SLOTS; slot = slot_set_next(set, end)) {
        // Most runs are one slot long: their length takes no byte of its own.
        unsigned gap = slot - end;
        end = run_end(set, slot);
        bool is_long = end - slot > 1;
        buf_append_varint(out, gap << 1 | is_long);
        if (is_long)
            buf_append_varint(out, end - slot);
    }
}

void slot_set_decode(struct cursor *in, struct slot_set *out)
{
    slot_set_clear(out);
    unsigned runs = (unsigned)cursor_varint_max(in, SLOTS / 2);
    unsigned slot = 0;
    for (unsigned run = 0; run < runs && !in->failed; run++) {
        unsigned head = (unsigned)cursor_varint_max(in, 2 * SLOTS);
        bool is_long = (head & 1) != 0;
        unsigned gap = head >> 1;
        slot += gap;
        unsigned length = is_long ? (unsigned)cursor_varint_max(in, SLOTS) : 1;
        if ((is_long && length < 2) || slot > SLOTS || length > SLOTS - slot ||
            (run > 0 && gap == 0))
            in->failed = true;
        for (; length > 0 && !in->failed; length--)
            slot_set_add(out, slot++);
    }
}

void slot_set_encode_within(struct buf *out, const struct slot_set *set,
                            const struct slot_set *frame)
{
    uint8_t byte = 0;
    unsigned bits = 0;
    for (unsigned slot = slot_set_next(frame, 0); slot < SLOTS;
         slot = slot_set_next(frame, slot + 1)) {
        byte |= (uint8_t)(slot_set_has(set, slot) << bits);
        if (++bits < 8)
            continue;
        buf_append_u8(out, byte);
        byte = 0;
        bits = 0;
    }
    if (bits > 0)
        buf_append_u8(out, byte);
}

void slot_set_decode_within(struct cursor *in, const struct slot_set *frame, struct slot_set *out)
{
    uint8_t byte = 0;
    unsigned bits = 0;
    slot_set_clear(out);
    for (unsigned slot = slot_set_next(frame, 0); slot < SLOTS;
         slot = slot_set_next(frame, slot + 1)) {
        if (bits == 0) {
            byte = cursor_u8(in);
            bits = 8;
        }
        if ((byte & 1) != 0 && !in->failed)
            slot_set_add(out, slot);
        byte >>= 1;
        bits--;
    }
    in->failed |= byte != 0;
}
