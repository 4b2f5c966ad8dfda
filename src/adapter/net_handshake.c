#include "adapter/net_handshake.h"

#include "base/check.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>

enum { MAGIC_BYTES = 8, PROVEN_BYTES_MAX = 256 };

// With a line end inside, so that what mangles line ends or speaks lines is told apart at once.
static const uint8_t magic[MAGIC_BYTES] = {'B', 'R', 'U', 'S', 'I', 'O', '\r', '\n'};
// Says what the HMAC is for: the same key may come to sign other things.
static const char proof_purpose[] = "brusio connection proof";

void net_hello_encode(struct buf *out, const struct net_hello *hello)
{
    buf_append(out, magic, sizeof magic);
    buf_append_u32_be(out, hello->version);
    buf_append_u64_be(out, hello->store_id);
    buf_append_u8(out, hello->lane);
    buf_append(out, hello->nonce, sizeof hello->nonce);
}

static enum err decode_hello(struct slice bytes, struct net_hello *out)
{
    struct cursor in = cursor_of(bytes);
    struct slice start = cursor_bytes(&in, MAGIC_BYTES);
    out->version = cursor_u32_be(&in);
    out->store_id = cursor_u64_be(&in);
    out->lane = cursor_u8(&in);
    struct slice nonce = cursor_bytes(&in, NET_NONCE_BYTES);
    if (cursor_finish(&in) != ERR_OK || !slice_equal(start, slice_of(magic, sizeof magic)))
        return ERR_INVALID;
    memcpy(out->nonce, nonce.bytes, NET_NONCE_BYTES);
    return ERR_OK;
}

enum err net_proof_make(struct slice key, enum net_role role, const struct net_hello *initiator,
                        const struct net_hello *acceptor, uint8_t proof[NET_PROOF_BYTES])
{
    struct buf text;
    buf_init(&text, PROVEN_BYTES_MAX);
    buf_append(&text, proof_purpose, sizeof proof_purpose);
    buf_append_u8(&text, role == NET_INITIATOR ? 'i' : 'a');
    net_hello_encode(&text, initiator);
    net_hello_encode(&text, acceptor);
    CHECK(!text.overflown);
    int failed =
        gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.bytes, key.length, text.bytes, text.length, proof);
    buf_release(&text);
    return failed == 0 ? ERR_OK : ERR_IO;
}

static enum err proof_of(const struct net_handshake *handshake, enum net_role role,
                         uint8_t proof[NET_PROOF_BYTES])
{
    bool own_first = handshake->role == NET_INITIATOR;
    return net_proof_make(handshake->key, role, own_first ? &handshake->own : &handshake->other,
                          own_first ? &handshake->other : &handshake->own, proof);
}

static enum err append_own_proof(const struct net_handshake *handshake, struct buf *out)
{
    uint8_t proof[NET_PROOF_BYTES];
    enum err e = proof_of(handshake, handshake->role, proof);
    if (e == ERR_OK)
        buf_append(out, proof, sizeof proof);
    return e;
}

enum err net_handshake_begin(struct net_handshake *handshake, enum net_role role,
                             enum net_lane lane, uint64_t store_id, uint64_t expected,
                             struct slice key, struct buf *out)
{
    *handshake = (struct net_handshake){
        .state = NET_HANDSHAKE_HELLO,
        .role = role,
        .expected = expected,
        .key = key,
        .own = {.version = NET_PROTOCOL_VERSION, .store_id = store_id, .lane = (uint8_t)lane},
    };
    if (gnutls_rnd(GNUTLS_RND_NONCE, handshake->own.nonce, NET_NONCE_BYTES) != 0)
        return ERR_IO;
    if (role == NET_INITIATOR)
        net_hello_encode(out, &handshake->own);
    return ERR_OK;
}

enum net_lane net_handshake_lane(const struct net_handshake *handshake)
{
    CHECK(handshake->state == NET_HANDSHAKE_DONE);
    return (enum net_lane)handshake->own.lane;
}

size_t net_handshake_wanted(const struct net_handshake *handshake)
{
    switch (handshake->state) {
    case NET_HANDSHAKE_HELLO:
        return NET_HELLO_BYTES;
    case NET_HANDSHAKE_PROOF:
        return NET_PROOF_BYTES;
    case NET_HANDSHAKE_DONE:
        break;
    }
    return 0;
}

static enum err check_hello(const struct net_handshake *handshake, struct errmsg *detail)
{
    const struct net_hello *other = &handshake->other;
    if (other->version != NET_PROTOCOL_VERSION)
        return errmsg_set(detail, ERR_VERSION,
                          "it speaks protocol version %" PRIu32 ", this node version %d",
                          other->version, NET_PROTOCOL_VERSION);
    if (other->store_id == 0)
        return errmsg_set(detail, ERR_INVALID, "it named no store id");
    if (other->lane != handshake->own.lane || other->lane >= NET_LANE_COUNT)
        return errmsg_set(detail, ERR_INVALID, "it named a lane that is none, or another one");
    if (other->store_id == handshake->own.store_id)
        return errmsg_set(detail, ERR_EXISTS,
                          "that is this node itself, or one with a copy of its store");
    if (handshake->expected != 0 && handshake->expected != other->store_id)
        return errmsg_set(detail, ERR_FOREIGN, "store %016" PRIx64 " answers there instead",
                          other->store_id);
    return ERR_OK;
}

static enum err take_hello(struct net_handshake *handshake, struct slice input, struct buf *out,
                           struct errmsg *detail)
{
    if (decode_hello(input, &handshake->other) != ERR_OK)
        return errmsg_set(detail, ERR_INVALID, "it does not speak this protocol");
    // Before the checks: the initiator can then say for itself why the connection was refused.
    if (handshake->role == NET_ACCEPTOR) {
        handshake->own.lane = handshake->other.lane;
        net_hello_encode(out, &handshake->own);
    }
    enum err e = check_hello(handshake, detail);
    if (e != ERR_OK)
        return e;
    if (handshake->role == NET_INITIATOR && append_own_proof(handshake, out) != ERR_OK)
        return errmsg_set(detail, ERR_IO, "no proof could be computed");
    handshake->state = NET_HANDSHAKE_PROOF;
    return ERR_OK;
}

static enum err take_proof(struct net_handshake *handshake, struct slice input, struct buf *out,
                           struct errmsg *detail)
{
    uint8_t wanted[NET_PROOF_BYTES];
    enum net_role other = handshake->role == NET_INITIATOR ? NET_ACCEPTOR : NET_INITIATOR;
    if (proof_of(handshake, other, wanted) != ERR_OK)
        return errmsg_set(detail, ERR_IO, "no proof could be computed");
    if (gnutls_memcmp(wanted, input.bytes, NET_PROOF_BYTES) != 0)
        return errmsg_set(detail, ERR_DENIED, "it did not prove that it knows the cluster key");
    if (handshake->role == NET_ACCEPTOR && append_own_proof(handshake, out) != ERR_OK)
        return errmsg_set(detail, ERR_IO, "no proof could be computed");
    handshake->state = NET_HANDSHAKE_DONE;
    return ERR_OK;
}

enum err net_handshake_step(struct net_handshake *handshake, struct slice input, struct buf *out,
                            struct errmsg *detail)
{
    CHECK(handshake->state != NET_HANDSHAKE_DONE);
    CHECK(input.length == net_handshake_wanted(handshake));
    if (handshake->state == NET_HANDSHAKE_HELLO)
        return take_hello(handshake, input, out, detail);
    return take_proof(handshake, input, out, detail);
}
