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
        buf_append_varint(out, slot - end);
        end = run_end(set, slot);
        buf_append_varint(out, end - slot);
    }
}

void slot_set_decode(struct cursor *in, struct slot_set *out)
{
    slot_set_clear(out);
    unsigned runs = (unsigned)cursor_varint_max(in, SLOTS / 2);
    unsigned slot = 0;
    for (unsigned run = 0; run < runs && !in->failed; run++) {
        unsigned gap = (unsigned)cursor_varint_max(in, SLOTS - slot);
        slot += gap;
        unsigned length = (unsigned)cursor_varint_max(in, SLOTS - slot);
        if (length == 0 || (run > 0 && gap == 0))
            in->failed = true;
        for (; length > 0 && !in->failed; length--)
            slot_set_add(out, slot++);
    }
}
