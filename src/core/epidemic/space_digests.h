// The digests of one optimistic keyspace: of each slot, of groups of slots, of all.
//
// Promise: equal sets of live versions, equal digests. A space with few keys takes little room:
// groups in which nothing lives take none.
#ifndef BRUSIO_CORE_EPIDEMIC_SPACE_DIGESTS_H
#define BRUSIO_CORE_EPIDEMIC_SPACE_DIGESTS_H

#include "base/sha256.h"
#include "core/epidemic/dot.h"
#include "core/reconcile/digest.h"
#include "model/slot.h"

#define DIGEST_GROUPS 128u
#define DIGEST_GROUP_SLOTS (SLOTS / DIGEST_GROUPS)

struct space_digests {
    struct digest total;
    struct digest *groups[DIGEST_GROUPS]; // owned; DIGEST_GROUP_SLOTS each, or NULL: all empty
};

void space_digests_init(struct space_digests *digests);
void space_digests_release(struct space_digests *digests);

// The hash of a live version. `key` at most KEY_BYTES_MAX bytes (checked).
struct hash128 space_item_hash(uint64_t secret, struct slice key, struct dot dot,
                               const struct sha256 *id);

void space_digests_add(struct space_digests *digests, uint16_t slot, struct hash128 item);
void space_digests_remove(struct space_digests *digests, uint16_t slot, struct hash128 item);

// Makes it the digest of a slot, whatever that was.
void space_digests_replace(struct space_digests *digests, uint16_t slot,
                           const struct digest *digest);

// What the store had of a slot; the slot must be empty until then (checked).
void space_digests_set(struct space_digests *digests, uint16_t slot, const struct digest *digest);

struct digest space_digests_slot(const struct space_digests *digests, uint16_t slot);
struct digest space_digests_group(const struct space_digests *digests, unsigned group);

bool space_digests_equal(const struct space_digests *a, const struct space_digests *b);

#endif
