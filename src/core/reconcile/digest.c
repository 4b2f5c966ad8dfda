#include "core/reconcile/digest.h"

#include "base/check.h"

enum { STAMP_BYTES = 16, FOLD_BYTES = 24 };

// Byte order is fixed by hand, so that every machine hashes the same bytes.
static void put_u64_be(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

struct hash128 item_hash(uint64_t salt, struct slice key, struct stamp stamp)
{
    // The stamp comes first and has a fixed size: no two (key, stamp) pairs make the same bytes.
    uint8_t bytes[STAMP_BYTES + KEY_BYTES_MAX];
    CHECK(key.length <= KEY_BYTES_MAX);
    put_u64_be(bytes, stamp.counter);
    put_u64_be(bytes + 8, stamp.id);
    if (key.length > 0)
        memcpy(bytes + STAMP_BYTES, key.bytes, key.length);
    return hash128(slice_of(bytes, STAMP_BYTES + key.length), salt);
}

static void sum_add(struct digest *digest, uint64_t high, uint64_t low)
{
    digest->sum_low += low;
    digest->sum_high += high + (digest->sum_low < low);
}

void digest_add(struct digest *digest, struct hash128 item)
{
    CHECK(digest->count < DIGEST_COUNT_MAX);
    digest->count++;
    sum_add(digest, item.high, item.low);
}

void digest_remove(struct digest *digest, struct hash128 item)
{
    CHECK(digest->count > 0);
    digest->count--;
    digest->sum_high -= item.high + (digest->sum_low < item.low);
    digest->sum_low -= item.low;
}

void digest_merge(struct digest *digest, const struct digest *other)
{
    CHECK(other->count <= DIGEST_COUNT_MAX - digest->count);
    digest->count += other->count;
    sum_add(digest, other->sum_high, other->sum_low);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return a->count == b->count && a->sum_high == b->sum_high && a->sum_low == b->sum_low;
}

uint64_t digest_fold(const struct digest *digest, uint64_t salt)
{
    uint8_t bytes[FOLD_BYTES];
    put_u64_be(bytes, digest->count);
    put_u64_be(bytes + 8, digest->sum_high);
    put_u64_be(bytes + 16, digest->sum_low);
    return hash64(slice_of(bytes, sizeof bytes), salt);
}

static bool sum_is_zero(const struct digest *digest)
{
    return digest->sum_high == 0 && digest->sum_low == 0;
}

// The count's varint carries in its lowest bit whether a sum follows: most slots of a small store
// are empty.
void digest_encode(struct buf *out, const struct digest *digest)
{
    CHECK(digest->count <= DIGEST_COUNT_MAX);
    bool has_sum = !sum_is_zero(digest);
    buf_append_varint(out, digest->count << 1 | has_sum);
    if (!has_sum)
        return;
    buf_append_u64_be(out, digest->sum_high);
    buf_append_u64_be(out, digest->sum_low);
}

void digest_decode(struct cursor *in, struct digest *out)
{
    uint64_t head = cursor_varint(in);
    *out = (struct digest){.count = head >> 1};
    if ((head & 1) != 0) {
        out->sum_high = cursor_u64_be(in);
        out->sum_low = cursor_u64_be(in);
        if (sum_is_zero(out)) // there is a shorter encoding of this
            in->failed = true;
    }
    if (in->failed)
        *out = (struct digest){0};
}
