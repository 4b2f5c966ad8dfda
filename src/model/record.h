// One version of one key: a value or a death certificate, with its stamp.
//
// Promise: decoding any bytes gives a record or ERR_INVALID; encode and decode are each other's
// inverse.
#ifndef BRUSIO_MODEL_RECORD_H
#define BRUSIO_MODEL_RECORD_H

#include "model/stamp.h"

#define KEY_BYTES_MAX 480
#define VALUE_BYTES_MAX (8u << 20)
// An encoded record is at most its value and this.
#define RECORD_OVERHEAD_MAX 64

// Chosen at random by whoever begins an operation; zero means none.
struct operation_id {
    uint64_t high;
    uint64_t low;
};

static inline bool operation_id_is_zero(struct operation_id id)
{
    return id.high == 0 && id.low == 0;
}

static inline bool operation_id_equal(struct operation_id a, struct operation_id b)
{
    return a.high == b.high && a.low == b.low;
}

struct record {
    struct stamp stamp;
    struct operation_id operation;
    uint64_t expiry_ms; // UTC, 0 for never
    bool replaced;      // there was a value before: what its writer is told if it asks again
    bool dead;          // a death certificate: `value` is empty
    struct slice value; // borrowed
};

void record_encode(struct buf *out, const struct record *record);

// `out->value` borrows from `bytes`.
WARN_UNUSED enum err record_decode(struct slice bytes, struct record *out);

// A key that may be stored: 1 to KEY_BYTES_MAX bytes, any bytes.
static inline bool key_is_valid(struct slice key)
{
    return key.length >= 1 && key.length <= KEY_BYTES_MAX;
}

#endif
