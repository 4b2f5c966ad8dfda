// A set of slots, and its bytes: runs of (gap, length).
#ifndef BRUSIO_WIRE_SLOT_SET_H
#define BRUSIO_WIRE_SLOT_SET_H

#include "base/buf.h"
#include "model/slot.h"

struct slot_set {
    uint64_t words[SLOTS / 64];
};

static inline bool slot_set_has(const struct slot_set *set, unsigned slot)
{
    return (set->words[slot / 64] >> (slot % 64) & 1) != 0;
}

static inline void slot_set_add(struct slot_set *set, unsigned slot)
{
    set->words[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline void slot_set_remove(struct slot_set *set, unsigned slot)
{
    set->words[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

void slot_set_clear(struct slot_set *set);
unsigned slot_set_count(const struct slot_set *set);

// The lowest slot of the set that is at least `from`; SLOTS when there is none.
unsigned slot_set_next(const struct slot_set *set, unsigned from);

void slot_set_encode(struct buf *out, const struct slot_set *set);
// A bad encoding fails the cursor and leaves some set.
void slot_set_decode(struct cursor *in, struct slot_set *out);

// The same within a frame that both sides know: one bit for each slot of `frame`, in order. What is
// outside of the frame is left out.
void slot_set_encode_within(struct buf *out, const struct slot_set *set,
                            const struct slot_set *frame);
void slot_set_decode_within(struct cursor *in, const struct slot_set *frame, struct slot_set *out);

#endif
