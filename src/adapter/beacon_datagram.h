// What a beacon says, as one datagram: "a peer that knows the cluster key has this store id, and is
// reached there".
//
// Promise: decoding any bytes gives what somebody who knows the cluster key said, or an error; one
// saying has one encoding under one key.
//
//     magic 8 | store id 8 | bytes of the address 1 | address | HMAC-SHA256 of all before it 32
//
// A datagram carries neither time nor nonce, so whoever hears it can send it again, later and
// elsewhere. That does no harm: it names an address and nothing else. Who takes it may connect
// there for nothing; messages pass only once the handshake (net_handshake.h) has proven who
// answers, and a peer that is heard and says itself where it is is looked for nowhere else.
//
// What it does not do: it hides nothing, and, as it is made with the cluster key, whoever hears it
// can try guesses of the key against it: keys have to be random.
#ifndef BRUSIO_ADAPTER_BEACON_DATAGRAM_H
#define BRUSIO_ADAPTER_BEACON_DATAGRAM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define BEACON_ADDRESS_BYTES_MAX 255
#define BEACON_PROOF_BYTES 32
#define BEACON_BYTES_MIN (8 + 8 + 1 + BEACON_PROOF_BYTES)
#define BEACON_BYTES_MAX (BEACON_BYTES_MIN + BEACON_ADDRESS_BYTES_MAX)

struct beacon_datagram {
    uint64_t store_id;                          // not 0
    char address[BEACON_ADDRESS_BYTES_MAX + 1]; // "host:port"; the port is not 0
};

// Appends one datagram, at most BEACON_BYTES_MAX bytes. ERR_INVALID for what decoding refuses,
// ERR_IO when no proof could be computed.
WARN_UNUSED enum err beacon_datagram_encode(struct buf *out, struct slice key,
                                            const struct beacon_datagram *datagram);

// ERR_INVALID for what is no beacon, ERR_DENIED for one that was not made with this key, ERR_IO
// when no proof could be computed.
WARN_UNUSED enum err beacon_datagram_decode(struct slice bytes, struct slice key,
                                            struct beacon_datagram *out);

#endif
