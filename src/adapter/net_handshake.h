// The mutual proof, before any message, that both sides of a connection know the cluster key.
//
// Promise: bytes in, bytes out, no I/O. After NET_HANDSHAKE_DONE the other side has computed, in
// this very connection, an HMAC-SHA256 under the cluster key over both nonces, both store ids and
// its own role.
//
//     initiator                                acceptor
//         | -- hello: version, id, lane, nonce --> |
//         | <-- hello: version, id, lane, nonce -- |
//         | --------------- proof ---------------> |   the one who comes proves first: a stranger
//         | <-------------- proof ---------------- |   gets no bytes made with the key to guess at
//
// Invariants
//  1. A nonce is fresh for each connection, so an old proof does not pass.
//  2. The two roles' proofs differ, so a proof that is sent back does not pass.
//  3. A side that has answered with an error is not to be stepped again.
//  4. The initiator says what lane the connection is for; the acceptor says the same one back.
//
// What it does not do: it makes no session key; what follows the handshake is not protected by it.
#ifndef BRUSIO_ADAPTER_NET_HANDSHAKE_H
#define BRUSIO_ADAPTER_NET_HANDSHAKE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "port/net.h"

#define NET_PROTOCOL_VERSION 2
#define NET_NONCE_BYTES 32
#define NET_PROOF_BYTES 32
#define NET_HELLO_BYTES (8 + 4 + 8 + 1 + NET_NONCE_BYTES)

enum net_role { NET_INITIATOR, NET_ACCEPTOR };

enum net_handshake_state { NET_HANDSHAKE_HELLO, NET_HANDSHAKE_PROOF, NET_HANDSHAKE_DONE };

struct net_hello {
    uint32_t version;
    uint64_t store_id;
    uint8_t lane; // enum net_lane, once it is checked
    uint8_t nonce[NET_NONCE_BYTES];
};

struct net_handshake {
    enum net_handshake_state state;
    enum net_role role;
    uint64_t expected; // the store id that the other side must have, 0 for any
    struct slice key;  // borrowed
    struct net_hello own;
    struct net_hello other; // from state NET_HANDSHAKE_PROOF on; proven once done
};

// Appends what has to be sent first to `out`. An acceptor's `lane` does not matter. `key` is
// borrowed until the end of the handshake. ERR_IO when the system gives no random bytes.
WARN_UNUSED enum err net_handshake_begin(struct net_handshake *handshake, enum net_role role,
                                         enum net_lane lane, uint64_t store_id, uint64_t expected,
                                         struct slice key, struct buf *out);

// What lane the connection is for; to be asked once it is done.
enum net_lane net_handshake_lane(const struct net_handshake *handshake);

// How many bytes the next step takes; 0 when done.
size_t net_handshake_wanted(const struct net_handshake *handshake);

// Takes exactly the wanted bytes; appends the answer to `out`, which is to be sent even when an
// error comes back (then the connection is to be closed): ERR_INVALID (not this protocol),
// ERR_VERSION (of the protocol), ERR_EXISTS (this node itself), ERR_FOREIGN (not the expected
// store), ERR_DENIED (no valid proof), ERR_IO.
WARN_UNUSED enum err net_handshake_step(struct net_handshake *handshake, struct slice input,
                                        struct buf *out, struct errmsg *detail);

// The hello as bytes.
void net_hello_encode(struct buf *out, const struct net_hello *hello);

// The proof of `role` for the connection of these two. ERR_IO when the library fails.
WARN_UNUSED enum err net_proof_make(struct slice key, enum net_role role,
                                    const struct net_hello *initiator,
                                    const struct net_hello *acceptor,
                                    uint8_t proof[NET_PROOF_BYTES]);

#endif
