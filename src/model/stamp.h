// Version stamps: a clock value made total by the id of the writer (Lamport 1978).
//
// In strong keyspaces the counter is (epoch in which the write was ordered, sequence within it): a
// stamp of a later epoch is above every stamp of an earlier one, so that a returning node's
// leftover never outranks a committed write. In optimistic keyspaces the counter is a plain Lamport
// clock.
#ifndef BRUSIO_MODEL_STAMP_H
#define BRUSIO_MODEL_STAMP_H

#include "base/buf.h"

#define STAMP_SEQUENCE_BITS 36
#define STAMP_SEQUENCE_MAX ((UINT64_C(1) << STAMP_SEQUENCE_BITS) - 1)
#define STAMP_EPOCH_MAX ((UINT64_C(1) << (64 - STAMP_SEQUENCE_BITS)) - 1)

struct stamp {
    uint64_t counter;
    uint64_t id;
};

// `epoch` at most STAMP_EPOCH_MAX, `sequence` at most STAMP_SEQUENCE_MAX (checked).
struct stamp stamp_make(uint64_t epoch, uint64_t sequence, uint64_t id);
uint64_t stamp_epoch(struct stamp stamp);

// Less, equal or greater than 0. The zero stamp is below every stamp that was given out.
int stamp_compare(struct stamp a, struct stamp b);
bool stamp_is_zero(struct stamp stamp);

void stamp_encode(struct buf *out, struct stamp stamp);
struct stamp stamp_decode(struct cursor *in);

// "<counter hex>-<id hex>", the form of HTTP entity tags; at most STAMP_TEXT_BYTES with the closing
// NUL.
#define STAMP_TEXT_BYTES 34
void stamp_format(struct stamp stamp, char text[STAMP_TEXT_BYTES]);
WARN_UNUSED enum err stamp_parse(struct slice text, struct stamp *out);

#endif
