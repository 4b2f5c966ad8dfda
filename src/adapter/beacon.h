// Finding peers nearby: a small datagram, broadcast now and then, says where this node is, and
// those of others are heard.
//
// Promise
//  1. Every BEACON_INTERVAL_MS, between three and five quarters of it, one datagram
//     (beacon_datagram.h) goes to the broadcast address; the first one at once.
//  2. `heard` is called for datagrams that were made with this key by another node, at most
//     BEACON_HEARD_BURST at once and BEACON_HEARD_PER_S each second; everything else is dropped and
//     counted.
//  3. Where a node says that it listens on every address of its machine (0.0.0.0), the address that
//     its datagram came from stands for that.
//  4. Without a network nothing fails: it is said once in the log, and tried again.
//  5. Several nodes of one machine share a port.
//
// It listens on all addresses of the machine; on those of the loopback network only if the
// broadcast address is one of them. IPv4 only: IPv6 has no broadcast. A system sends to
// 255.255.255.255 through one of its networks; the broadcast address of another network names that
// one.
#ifndef BRUSIO_ADAPTER_BEACON_H
#define BRUSIO_ADAPTER_BEACON_H

#include "adapter/beacon_datagram.h"

#define BEACON_INTERVAL_MS 5000
#define BEACON_HEARD_BURST 64
#define BEACON_HEARD_PER_S 32
#define BEACON_PORT_DEFAULT 5099
#define BEACON_BROADCAST_DEFAULT "255.255.255.255"

struct uv_loop_s;
struct beacon;

// Another node is at `address` ("host:port", borrowed for the call), as it says itself. May call
// beacon_close.
typedef void beacon_heard(void *context, uint64_t store_id, const char *address);

// Text and key are copied.
struct beacon_config {
    struct uv_loop_s *loop;
    const char *broadcast; // an IPv4 address; NULL: BEACON_BROADCAST_DEFAULT
    uint16_t port;         // of UDP; not 0
    uint64_t interval_ms;  // 0: BEACON_INTERVAL_MS
    uint64_t store_id;     // of this node; not 0
    const char *address;   // where it is reached: "host:port"
    struct slice key;      // the cluster key, not empty
    beacon_heard *heard;
    void *context;
};

struct beacon_counters {
    uint64_t sent;
    uint64_t unsent;    // the system did not take it
    uint64_t heard;     // that `heard` was called for
    uint64_t own;       // this node's
    uint64_t malformed; // no beacons
    uint64_t denied;    // made with another key
    uint64_t excess;    // past the rate
};

// Begins to listen and to send, and gives a beacon to be ended by beacon_close. ERR_INVALID (one of
// the addresses) or ERR_NETWORK (the port), with detail.
WARN_UNUSED enum err beacon_open(const struct beacon_config *config, struct beacon **out,
                                 struct errmsg *detail);

// Stops now; when the loop has let go of it, frees it and calls `closed` (may be NULL). NULL may be
// closed.
typedef void beacon_closed(void *context);
void beacon_close(struct beacon *beacon, beacon_closed *closed, void *context);

struct beacon_counters beacon_counters(const struct beacon *beacon);

#endif
