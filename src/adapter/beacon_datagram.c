#include "adapter/beacon_datagram.h"

#include "adapter/net_address.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

enum { MAGIC_BYTES = 8, PROVEN_BYTES_MAX = 512 };

static const uint8_t magic[MAGIC_BYTES] = {'B', 'R', 'U', 'S', 'I', 'O', 'b', '1'};
// Says what the HMAC is for, so that it can pass as no other that is made with the same key.
static const char proof_purpose[] = "brusio beacon";

// A whole text that is an address, with a port that can be connected to.
static bool is_address(const char *text)
{
    struct net_address address;
    return net_address_parse(text, &address) == ERR_OK && address.port != 0;
}

static enum err make_proof(struct slice key, struct slice said, uint8_t proof[BEACON_PROOF_BYTES])
{
    struct buf text;
    buf_init(&text, PROVEN_BYTES_MAX);
    buf_append(&text, proof_purpose, sizeof proof_purpose);
    buf_append_slice(&text, said);
    int failed =
        gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.bytes, key.length, text.bytes, text.length, proof);
    buf_release(&text);
    return failed == 0 ? ERR_OK : ERR_IO;
}

enum err beacon_datagram_encode(struct buf *out, struct slice key,
                                const struct beacon_datagram *datagram)
{
    uint8_t proof[BEACON_PROOF_BYTES];
    struct slice address = slice_of_text(datagram->address);
    size_t begun = out->length;
    if (datagram->store_id == 0 || !is_address(datagram->address))
        return ERR_INVALID;
    buf_append(out, magic, sizeof magic);
    buf_append_u64_be(out, datagram->store_id);
    buf_append_u8(out, (uint8_t)address.length);
    buf_append_slice(out, address);
    if (out->overflown)
        return ERR_TOO_LARGE;
    enum err error = make_proof(key, slice_of(out->bytes + begun, out->length - begun), proof);
    if (error == ERR_OK)
        buf_append(out, proof, sizeof proof);
    return error;
}

// What is said, without the proof.
static enum err decode_said(struct slice said, struct beacon_datagram *out)
{
    struct cursor in = cursor_of(said);
    struct slice start = cursor_bytes(&in, MAGIC_BYTES);
    out->store_id = cursor_u64_be(&in);
    struct slice address = cursor_bytes(&in, cursor_u8(&in));
    if (cursor_finish(&in) != ERR_OK || !slice_equal(start, slice_of(magic, sizeof magic)) ||
        out->store_id == 0 || address.length == 0 ||
        memchr(address.bytes, 0, address.length) != NULL)
        return ERR_INVALID;
    memcpy(out->address, address.bytes, address.length);
    out->address[address.length] = '\0';
    return is_address(out->address) ? ERR_OK : ERR_INVALID;
}

enum err beacon_datagram_decode(struct slice bytes, struct slice key, struct beacon_datagram *out)
{
    uint8_t wanted[BEACON_PROOF_BYTES];
    if (bytes.length < BEACON_BYTES_MIN)
        return ERR_INVALID;
    struct slice said = slice_of(bytes.bytes, bytes.length - BEACON_PROOF_BYTES);
    enum err error = decode_said(said, out);
    if (error == ERR_OK)
        error = make_proof(key, said, wanted);
    if (error != ERR_OK)
        return error;
    return gnutls_memcmp(wanted, said.bytes + said.length, BEACON_PROOF_BYTES) == 0 ? ERR_OK
                                                                                    : ERR_DENIED;
}
