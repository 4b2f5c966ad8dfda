// The causal context of an operation: for each origin, the greatest number of that origin *on the
// same key* that the operation replaces.
//
// Promise: an operation covers exactly the versions of its key that its writer had seen, however
// the operations arrive (the stamp of one replaced version could not say so much).
//
// Does not know its operation's key, nor which dots were ever written.
//
// Invariants (context_decode accepts nothing else)
//  1. Origins rise strictly and are not 0; numbers are at least 1.
//  2. At most CONTEXT_ENTRIES_MAX entries.
#ifndef BRUSIO_CORE_EPIDEMIC_CONTEXT_H
#define BRUSIO_CORE_EPIDEMIC_CONTEXT_H

#include "base/buf.h"
#include "core/epidemic/dot.h"

#define CONTEXT_ENTRIES_MAX 64u
// An encoded context: the count, and of each entry 8 bytes and a varint.
#define CONTEXT_BYTES_MAX (1u + CONTEXT_ENTRIES_MAX * 18u)

// All zero replaces nothing.
struct context {
    uint32_t count;
    struct dot entries[CONTEXT_ENTRIES_MAX];
};

// The greatest number of `origin` that is covered, 0 for none.
uint64_t context_get(const struct context *context, uint64_t origin);

static inline bool context_covers(const struct context *context, struct dot dot)
{
    return dot.sequence <= context_get(context, dot.origin);
}

// Whether `a` covers all that `b` does.
bool context_contains(const struct context *a, const struct context *b);

bool context_equal(const struct context *a, const struct context *b);

// Raises the entry of `dot`'s origin to its number, if it is not there already. Neither number of
// `dot` may be 0 (checked). ERR_TOO_LARGE when that would need one entry too many; then nothing has
// changed.
WARN_UNUSED enum err context_raise(struct context *context, struct dot dot);

// At most CONTEXT_BYTES_MAX bytes.
void context_encode(struct buf *out, const struct context *context);

// Total: bad bytes fail the cursor and give the empty context.
void context_decode(struct cursor *in, struct context *out);

// Aborts unless the invariants hold.
void context_invariants(const struct context *context);

#endif
