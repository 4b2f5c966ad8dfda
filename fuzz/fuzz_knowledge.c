// Any bytes decode to a set of dots or fail the cursor and give the empty set; every set has one
// encoding, and memory grows with the bytes. Two sets obey the laws of sets. One origin's intervals
// are added as a whole or not at all.
#include "base/check.h"
#include "core/epidemic/knowledge.h"

// Length of an origin with one interval, at least.
enum { ORIGIN_BYTES_MIN = 4 };

static bool decode(struct cursor *in, struct knowledge *set)
{
    struct buf again;
    struct slice bytes = slice_of(in->next, cursor_left(in));
    knowledge_decode(in, set);
    knowledge_invariants(set);
    CHECK(set->capacity <= 1 + 2 * bytes.length / ORIGIN_BYTES_MIN);
    if (in->failed) {
        CHECK(knowledge_is_empty(set));
        return false;
    }
    buf_init(&again, bytes.length);
    knowledge_encode(&again, set);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes.bytes, bytes.length - cursor_left(in))));
    buf_release(&again);
    return true;
}

static bool same_hash(const struct knowledge *a, const struct knowledge *b)
{
    struct hash128 one = knowledge_hash(a, 5);
    struct hash128 other = knowledge_hash(b, 5);
    return one.high == other.high && one.low == other.low;
}

static void check_pair(const struct knowledge *a, const struct knowledge *b)
{
    struct knowledge both = {0};
    struct knowledge only_a = {0};
    struct knowledge only_b = {0};
    struct knowledge shared = {0};
    knowledge_copy(&both, a);
    CHECK(knowledge_merge(&both, b) == ERR_OK);
    knowledge_missing(a, b, &only_a);
    knowledge_missing(b, a, &only_b);
    knowledge_missing(a, &only_a, &shared);
    knowledge_invariants(&both);
    knowledge_invariants(&only_a);
    CHECK(knowledge_contains(&both, a) && knowledge_contains(&both, b));
    CHECK(knowledge_contains(a, b) == knowledge_is_empty(&only_b));
    CHECK(knowledge_contains(a, b) == knowledge_equal(&both, a));
    CHECK(knowledge_contains(a, &only_a) && knowledge_contains(b, &shared));
    CHECK(knowledge_equal(a, b) == same_hash(a, b));
    CHECK(knowledge_merge(&only_a, b) == ERR_OK && knowledge_equal(&only_a, &both));
    CHECK(knowledge_merge(&shared, &only_b) == ERR_OK && knowledge_equal(&shared, b));
    knowledge_release(&both);
    knowledge_release(&only_a);
    knowledge_release(&only_b);
    knowledge_release(&shared);
}

// Adds the intervals of one origin to the set.
static void check_intervals(struct cursor *in, struct knowledge *set)
{
    struct knowledge was = {0};
    struct knowledge read = {0};
    uint64_t origin = cursor_u8(in);
    struct cursor same = *in;
    knowledge_copy(&was, set);
    intervals_decode(&same, origin, &read);
    intervals_decode(in, origin, set);
    knowledge_invariants(set);
    CHECK(in->failed == same.failed && in->next == same.next);
    CHECK(!in->failed || knowledge_is_empty(&read));
    CHECK(knowledge_merge(&was, &read) == ERR_OK && knowledge_equal(&was, set));
    knowledge_release(&was);
    knowledge_release(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct knowledge a = {0};
    struct knowledge b = {0};
    struct cursor in = cursor_of(slice_of(bytes, length));
    if (decode(&in, &a)) {
        struct cursor intervals = in;
        if (decode(&in, &b))
            check_pair(&a, &b);
        check_intervals(&intervals, &a);
    }
    knowledge_release(&a);
    knowledge_release(&b);
    return 0;
}
