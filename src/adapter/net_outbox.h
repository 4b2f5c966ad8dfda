// Frames that wait to be written to one peer.
//
// Promise: appending copies a message once and allocates only when the buffer grows. The one who
// appends keeps the bound (NET_QUEUE_BYTES_MAX at most): appending past it is a mistake, not an
// error.
#ifndef BRUSIO_ADAPTER_NET_OUTBOX_H
#define BRUSIO_ADAPTER_NET_OUTBOX_H

#include "base/buf.h"
#include "base/slice.h"

struct net_outbox {
    struct buf bytes;
    uint64_t messages;
};

void net_outbox_init(struct net_outbox *outbox);
void net_outbox_release(struct net_outbox *outbox);

// The size of a message's frame, in bytes.
size_t net_outbox_cost(struct slice message);

void net_outbox_append(struct net_outbox *outbox, struct slice message);

// Empties; keeps a moderate amount of memory.
void net_outbox_clear(struct net_outbox *outbox);

#endif
