// One TCP connection, from its beginning through the handshake to its end, in either role.
//
//     dialled or accepted --> handshake --> ready --> closed
//            \___________________\____________\______^   (lost is told, unless the owner closed it)
//
// Invariants
//  1. ready is told at most once; message only after ready; lost at most once and last. After lost,
//     and after net_connection_close, the owner must not touch the connection: it frees itself when
//     libuv has let go of it.
//  2. Before ready not a byte past the handshake is read, and at most NET_RESOLVE_MS_MAX,
//     NET_CONNECT_MS_MAX and NET_HANDSHAKE_MS_MAX pass, one after the other.
//  3. Once it is ready, both ends may send and both receive, whoever made it.
//  4. One write is under way at most; `sending` holds its bytes until it is done, and new messages
//     fill the other buffer (`filling`). While it is, the deadline demands progress.
//  5. `filling` and `sending` together are at most NET_QUEUE_BYTES_MAX (in the urgent lane
//     NET_QUEUE_URGENT_BYTES_MAX), or one message. What of them was not written when the connection
//     ends counts as dropped.
//  6. Of bulk an acceptor reads its share of NET_TURN_BYTES_MAX in one turn of the loop, or one
//     read's worth if that is more; an initiator, to which little comes, one read's worth.
#ifndef BRUSIO_ADAPTER_NET_CONNECTION_H
#define BRUSIO_ADAPTER_NET_CONNECTION_H

#include "adapter/net_address.h"
#include "adapter/net_context.h"
#include "adapter/net_frames.h"
#include "adapter/net_handshake.h"
#include "adapter/net_outbox.h"

struct net_connection_events {
    void (*ready)(void *owner);                         // handshake.other.store_id is proven
    void (*message)(void *owner, struct slice message); // borrowed for the call
    void (*lost)(void *owner, enum err error, const char *detail);
};

struct net_connection {
    struct net_context *context;
    const struct net_connection_events *events;
    void *owner;
    uv_tcp_t tcp;
    struct sockaddr_storage other_end; // once connected
    uv_timer_t deadline;
    unsigned deadline_ms;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_write_t write;
    unsigned held; // by handles and by a name being resolved
    unsigned attempt;
    enum net_lane lane; // an acceptor learns it in the handshake
    int dial_status;    // of libuv, when connecting failed on the spot
    bool resolving;
    bool writing;
    bool closing;
    struct net_handshake handshake;
    struct net_frames input;
    struct net_outbox filling;
    struct net_outbox sending;
    size_t unsent_bytes; // of `sending`, while writing
    size_t queued_bytes; // of `sending`, when its progress was last looked at
    uint64_t read_turn;  // of the loop, that `read_left` is about
    size_t read_left;
};

// Begins to connect. `attempt` chooses among the addresses of a host name, so that each has its
// turn. `expected` as in net_handshake_begin. Failures are told by `lost`, never from inside this
// call.
struct net_connection *net_connection_dial(struct net_context *context,
                                           const struct net_address *address, unsigned attempt,
                                           enum net_lane lane, uint64_t expected,
                                           const struct net_connection_events *events, void *owner);

// Takes the connection that waits at `listener`; NULL when there is none after all.
struct net_connection *net_connection_accept(struct net_context *context, uv_stream_t *listener,
                                             const struct net_connection_events *events,
                                             void *owner);

bool net_connection_ready(const struct net_connection *connection);

// The store id that the other end of a ready connection has proven.
uint64_t net_connection_peer(const struct net_connection *connection);

// The three below are for a ready connection only.

// Queues a copy of the message, or drops and counts it where invariant 5 leaves no room.
void net_connection_queue(struct net_connection *connection, struct slice message);

// Takes all of `outbox`, which is empty afterwards and was counted as queued already. Nothing may
// have been queued before.
void net_connection_adopt(struct net_connection *connection, struct net_outbox *outbox);

// Writes what is queued; what does not go at once follows by itself. May tell `lost` from inside.
void net_connection_flush(struct net_connection *connection);

// The other end, for people.
void net_connection_describe(const struct net_connection *connection,
                             char text[NET_ADDRESS_TEXT_BYTES]);

// Closes without telling.
void net_connection_close(struct net_connection *connection);

#endif
