// Any bytes decode to a set of slots or fail the cursor; every set has one encoding, and counting
// and walking agree with looking at each slot.
#include "base/check.h"
#include "wire/slot_set.h"

static void check_walk(const struct slot_set *set)
{
    unsigned count = 0;
    unsigned next = slot_set_next(set, 0);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!slot_set_has(set, slot))
            continue;
        CHECK(slot == next);
        next = slot_set_next(set, slot + 1);
        count++;
    }
    CHECK(next == SLOTS && count == slot_set_count(set));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct slot_set set;
    struct buf again;
    struct cursor in = cursor_of(slice_of(bytes, length));
    slot_set_decode(&in, &set);
    check_walk(&set);
    if (in.failed)
        return 0;
    buf_init(&again, length + 1);
    slot_set_encode(&again, &set);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes, length - cursor_left(&in))));
    buf_release(&again);
    return 0;
}
