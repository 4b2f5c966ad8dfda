// Ed25519 signatures (RFC 8032). By nettle.
//
// Promise: a signature that verifies was made by who holds the secret, over these very bytes; keys
// that have no secret (points of small order) verify nothing. Verifying is total over any bytes.
// Does not say who the holder is. The secret is the caller's to keep, and to draw from the
// operating system's randomness.
#ifndef BRUSIO_BASE_SIGNING_H
#define BRUSIO_BASE_SIGNING_H

#include "base/slice.h"

#define SIGNING_SECRET_BYTES 32u
#define SIGNING_KEY_BYTES 32u
#define SIGNATURE_BYTES 64u

struct signing_secret {
    uint8_t bytes[SIGNING_SECRET_BYTES];
};

struct signing_key {
    uint8_t bytes[SIGNING_KEY_BYTES];
};

struct signature {
    uint8_t bytes[SIGNATURE_BYTES];
};

// The public key of a secret.
struct signing_key signing_key_of(const struct signing_secret *secret);

// The same each time: a signature needs no randomness.
struct signature signing_sign(const struct signing_secret *secret, struct slice message);
bool signing_verify(const struct signing_key *key, struct slice message,
                    const struct signature *signature);

#endif
