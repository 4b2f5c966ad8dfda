#include "base/signing.h"

#include <nettle/eddsa.h>

enum { WEAK_KEYS = 5, SIGN_BIT = 0x80 };

// The eight points whose order divides 8, without the sign of x. As a key, each verifies signatures
// that anybody can find: all zero bytes, for a start, over a fourth of all messages. What encodes
// the same points in another way is refused as malformed.
static const uint8_t weak_keys[WEAK_KEYS][SIGNING_KEY_BYTES] = {
    {0x00},
    {0x01},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool is_weak(const struct signing_key *key)
{
    struct signing_key unsigned_key = *key;
    unsigned_key.bytes[SIGNING_KEY_BYTES - 1] &= (uint8_t)~SIGN_BIT;
    for (size_t i = 0; i < WEAK_KEYS; i++)
        if (memcmp(unsigned_key.bytes, weak_keys[i], SIGNING_KEY_BYTES) == 0)
            return true;
    return false;
}

struct signing_key signing_key_of(const struct signing_secret *secret)
{
    struct signing_key key;
    ed25519_sha512_public_key(key.bytes, secret->bytes);
    return key;
}

struct signature signing_sign(const struct signing_secret *secret, struct slice message)
{
    struct signature signature;
    struct signing_key key = signing_key_of(secret);
    ed25519_sha512_sign(key.bytes, secret->bytes, message.length, message.bytes, signature.bytes);
    return signature;
}

bool signing_verify(const struct signing_key *key, struct slice message,
                    const struct signature *signature)
{
    return !is_weak(key) &&
           ed25519_sha512_verify(key->bytes, message.length, message.bytes, signature->bytes) != 0;
}
