// What the parts of net_connection share: its end, which reading and writing both come to.
//
// It holds no state; net_connection.h tells the invariants.
#ifndef BRUSIO_ADAPTER_NET_CONNECTION_PARTS_H
#define BRUSIO_ADAPTER_NET_CONNECTION_PARTS_H

#include "adapter/net_connection.h"

// Closes, and tells the owner why; does nothing once it is closing.
void net_connection_lose(struct net_connection *connection, enum err error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The same, with an error of libuv.
void net_connection_lose_by_status(struct net_connection *connection, int status);

// Counts what was not written as dropped. What is under way stays in its buffer, which the
// operating system may still read.
void net_connection_drop_queued(struct net_connection *connection);

#endif
