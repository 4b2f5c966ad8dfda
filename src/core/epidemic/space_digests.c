#include "core/epidemic/space_digests.h"

#include "base/check.h"

#include <stdlib.h>

// Everything but the key, in front of it and of fixed size.
enum { HEAD_BYTES = 16 + SHA256_BYTES };

void space_digests_init(struct space_digests *digests)
{
    memset(digests, 0, sizeof *digests);
}

void space_digests_release(struct space_digests *digests)
{
    for (unsigned i = 0; i < DIGEST_GROUPS; i++)
        free(digests->groups[i]);
    space_digests_init(digests);
}

struct hash128 space_item_hash(uint64_t secret, struct slice key, struct dot dot,
                               const struct sha256 *id)
{
    uint8_t bytes[HEAD_BYTES + KEY_BYTES_MAX];
    CHECK(key.length <= KEY_BYTES_MAX);
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(dot.origin >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(dot.sequence >> (56 - 8 * i));
    }
    memcpy(bytes + 16, id->bytes, SHA256_BYTES);
    if (key.length > 0)
        memcpy(bytes + HEAD_BYTES, key.bytes, key.length);
    return hash128(slice_of(bytes, HEAD_BYTES + key.length), secret);
}

static struct digest *slot_at(struct space_digests *digests, uint16_t slot)
{
    CHECK(slot < SLOTS);
    struct digest **group = &digests->groups[slot / DIGEST_GROUP_SLOTS];
    if (*group == NULL)
        *group = memory_zeroed(DIGEST_GROUP_SLOTS, sizeof **group);
    return &(*group)[slot % DIGEST_GROUP_SLOTS];
}

void space_digests_add(struct space_digests *digests, uint16_t slot, struct hash128 item)
{
    digest_add(slot_at(digests, slot), item);
    digest_add(&digests->total, item);
}

void space_digests_remove(struct space_digests *digests, uint16_t slot, struct hash128 item)
{
    digest_remove(slot_at(digests, slot), item);
    digest_remove(&digests->total, item);
}

void space_digests_set(struct space_digests *digests, uint16_t slot, const struct digest *digest)
{
    struct digest *at = slot_at(digests, slot);
    CHECK(at->count == 0);
    *at = *digest;
    digest_merge(&digests->total, digest);
}

void space_digests_replace(struct space_digests *digests, uint16_t slot,
                           const struct digest *digest)
{
    *slot_at(digests, slot) = *digest;
    digests->total = (struct digest){0};
    for (unsigned group = 0; group < DIGEST_GROUPS; group++) {
        struct digest part = space_digests_group(digests, group);
        digest_merge(&digests->total, &part);
    }
}

struct digest space_digests_slot(const struct space_digests *digests, uint16_t slot)
{
    CHECK(slot < SLOTS);
    const struct digest *group = digests->groups[slot / DIGEST_GROUP_SLOTS];
    return group != NULL ? group[slot % DIGEST_GROUP_SLOTS] : (struct digest){0};
}

struct digest space_digests_group(const struct space_digests *digests, unsigned group)
{
    struct digest sum = {0};
    CHECK(group < DIGEST_GROUPS);
    for (unsigned i = 0; digests->groups[group] != NULL && i < DIGEST_GROUP_SLOTS; i++)
        digest_merge(&sum, &digests->groups[group][i]);
    return sum;
}

bool space_digests_equal(const struct space_digests *a, const struct space_digests *b)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct digest left = space_digests_slot(a, (uint16_t)slot);
        struct digest right = space_digests_slot(b, (uint16_t)slot);
        if (!digest_equal(&left, &right))
            return false;
    }
    return digest_equal(&a->total, &b->total);
}
