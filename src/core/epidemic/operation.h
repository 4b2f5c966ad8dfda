// One write of an optimistic keyspace, for ever the same: a header and, of a put, a value.
//
// Promise: an operation is known everywhere by one id, the SHA-256 of its space and header, which
// covers all but the signature (two signatures of one header name the same operation). Nothing is
// ever stamped again. Decoding any bytes gives an operation or fails.
//
// Invariants (operation_decode and operation_check accept nothing else)
//  1. The origin is not 0; the sequence is 1 to KNOWLEDGE_SEQUENCE_MAX (knowledge.h: no set could
//     hold a greater one); the counter is 1 to OPERATION_COUNTER_MAX.
//  2. The context does not cover the operation itself.
//  3. A delete has no value, no value hash and no expiry.
//  4. The key has 1 to KEY_BYTES_MAX bytes, the value at most VALUE_BYTES_MAX.
//  5. What is carried of a value is the whole: `value` is empty or has `value_bytes` bytes.
//
// One operation in one form has one encoding. What its bytes mean to a key is the business of
// versions.h, whether its author may write it, of the keyspace.
#ifndef BRUSIO_CORE_EPIDEMIC_OPERATION_H
#define BRUSIO_CORE_EPIDEMIC_OPERATION_H

#include "base/sha256.h"
#include "base/signing.h"
#include "core/epidemic/context.h"
#include "model/record.h"

// A forged clock near 2^64 would be the last word for ever.
#define OPERATION_COUNTER_MAX (UINT64_MAX >> 1)
// An encoded header is at most this; with it goes the value.
#define OPERATION_HEADER_BYTES_MAX 2560u
#define OPERATION_BYTES_MAX (OPERATION_HEADER_BYTES_MAX + VALUE_BYTES_MAX + 16u)

// What travels of an operation, and what a store keeps of it.
enum operation_form {
    OPERATION_PUT,    // header and value
    OPERATION_DELETE, // the header of a delete: a death certificate
    OPERATION_BARE,   // the header of a put whose value is gone: it was covered
    OPERATION_FORM_COUNT
};

struct operation {
    uint64_t space; // the keyspace's id on disk and wire (space_id.h)
    struct dot dot;
    uint64_t counter; // of the stamp, whose id is the origin
    bool dead;        // a delete
    struct context context;
    struct sha256 value_hash; // of a put
    uint32_t value_bytes;     // of a put
    uint64_t expiry_ms;       // UTC, 0 for never
    bool is_signed;
    struct signing_key author;  // when signed
    struct signature signature; // when signed; over operation_sign's bytes
    struct slice key;           // borrowed
    struct slice value;         // borrowed; empty unless the form is OPERATION_PUT
};

static inline struct stamp operation_stamp(const struct operation *operation)
{
    return (struct stamp){.counter = operation->counter, .id = operation->dot.origin};
}

// Whether `by` covers `what`, both of one key.
static inline bool operation_covers(const struct operation *by, struct dot what)
{
    return context_covers(&by->context, what);
}

// The id: SHA-256 of the space and of the header without its signature.
struct sha256 operation_id_of(const struct operation *operation);

// Sets the author and the signature. The signed bytes are a domain name of our own, the space and
// the header without its signature, author included.
void operation_sign(struct operation *operation, const struct signing_secret *secret);

// Whether it is signed, and the signature its author's. Total over what operation_decode gives.
bool operation_signature_is_good(const struct operation *operation);

// Whether the value is the one that the header names. False of what carries no value but should:
// meant for the form OPERATION_PUT only.
bool operation_value_is_good(const struct operation *operation);

// Sets the value (borrowed), its hash and its length. A value of more than VALUE_BYTES_MAX is found
// by operation_check.
void operation_set_value(struct operation *operation, struct slice value);

// ERR_TOO_LARGE for too long a key or value, ERR_INVALID when another invariant does not hold. The
// context's own invariants are context.h's.
WARN_UNUSED enum err operation_check(const struct operation *operation);

// Appends form, header (without the space, which the caller knows), signature and value, if it has
// them, counted together so that several can follow each other: at most OPERATION_BYTES_MAX. The
// operation must be good and `form` suit it (both checked): OPERATION_DELETE a delete,
// OPERATION_PUT a put that carries its value, OPERATION_BARE any put, whose value stays behind.
void operation_encode(struct buf *out, const struct operation *operation, enum operation_form form);

// Total: bad bytes fail the cursor, and give an operation without key and OPERATION_FORM_COUNT.
// Slices borrow from the bytes. Neither value hash nor signature is verified.
void operation_decode(struct cursor *in, uint64_t space, struct operation *out,
                      enum operation_form *form);

#endif
