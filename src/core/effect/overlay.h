// What a core wrote to the data store by effects and the store does not show surely yet: a reader
// of the store that sees the core's own writes.
//
// The store port shows a batch surely only once it was reported durable, and effects reach the
// store only after the step. A core that reads back what it has just written does both, reads and
// writes, through one overlay.
//
// Promise: get and scan show the base store with all that was put and removed through this overlay,
// the newest of each key. What is remembered always wins, so that it does not matter how much more
// than it has reported the base shows already. A write is forgotten only when a token that names
// it, and that names nothing newer of the same key, is durable: then the base shows it (promise 3
// of port/store.h), and no older value comes to light.
//
// Invariants
//  1. One entry for each key of a table, however often it was written.
//  2. In the list by age, the tokens that entries are bound to never fall, and none is above the
//     last one taken here; those that are bound to none yet come last.
//  3. `bytes` is what all entries take.
//
// It does not see what is written around it: all writes to the keys that are read here go through
// one overlay. It does not undo: when effects are dropped because the data store has failed
// (effects_distrust), nothing becomes durable any more, and nothing is forgotten. It does not bound
// itself: OVERLAY_BYTES_MAX is the caller's to respect.
#ifndef BRUSIO_CORE_EFFECT_OVERLAY_H
#define BRUSIO_CORE_EFFECT_OVERLAY_H

#include "base/list.h"
#include "base/ordered.h"
#include "core/effect/effects.h"
#include "port/store.h"

// Who adds asks overlay_bytes() before, and takes nothing new that would lead past this.
#define OVERLAY_BYTES_MAX (64u << 20)

struct overlay {
    const struct store *base; // borrowed: only get and scan are called
    struct ordered tables[STORE_TABLE_COUNT];
    struct list by_age;
    uint64_t token;   // the last one taken here, 0 before the first
    uint64_t durable; // the greatest that was reported, of whoever took it
    size_t bytes;
    bool scanning;
};

// `base` must outlive the overlay. Its address may not change after this (it holds a list's head).
void overlay_init(struct overlay *overlay, const struct store *base);

// Frees what is remembered.
void overlay_release(struct overlay *overlay);

// Adds the write to `effects` (EFFECT_DATA) and remembers a copy. Key 1 to STORE_KEY_BYTES_MAX
// bytes, value up to STORE_VALUE_BYTES_MAX (checked). Both may borrow from the last overlay_get.
void overlay_put(struct overlay *overlay, struct effects *effects, enum store_table table,
                 struct slice key, struct slice value);

// Removing an absent key is fine.
void overlay_remove(struct overlay *overlay, struct effects *effects, enum store_table table,
                    struct slice key);

// ERR_NOT_FOUND when absent or removed, ERR_CORRUPT when the base's bytes are damaged. `out` is
// borrowed: valid until control returns to the event loop, or the next call of this overlay or of
// the store, whichever is first.
WARN_UNUSED enum err overlay_get(struct overlay *overlay, enum store_table table, struct slice key,
                                 struct slice *out);

// Visits the pairs with first <= key < end (an empty `end` means to the table's end) in byte order
// of keys, each once. Nothing of this overlay (checked) or of the store may be called from inside
// `visit`. ERR_CORRUPT at a damaged pair of the base, after which nothing is visited; a damaged
// pair that a write hides is an error too.
WARN_UNUSED enum err overlay_scan(struct overlay *overlay, enum store_table table,
                                  struct slice first, struct slice end, store_visit *visit,
                                  void *context);

// Takes a token of `effects` (EFFECT_DATA) and binds to it all that was written through this
// overlay since the last one. When nothing was, takes none and returns the last one (0 when there
// was none), which may have been reported already.
uint64_t overlay_token(struct overlay *overlay, struct effects *effects);

// Everything up to `token`, of whoever took it, is durable: forgets what is bound to it or to
// earlier ones. What was written again later stays.
void overlay_on_durable(struct overlay *overlay, uint64_t token);

static inline bool overlay_is_durable(const struct overlay *overlay, uint64_t token)
{
    return token <= overlay->durable;
}

// What is remembered takes so many bytes, with the frames of its entries.
static inline size_t overlay_bytes(const struct overlay *overlay)
{
    return overlay->bytes;
}

// Aborts unless the invariants hold; walks all that is remembered.
void overlay_invariants(const struct overlay *overlay);

#endif
