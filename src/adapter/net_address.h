// "host:port" texts.
//
// Promise: parsing is total over any text; an address has a host of 1 to NET_HOST_BYTES_MAX bytes
// and a port number. IPv6 literals stand in brackets. Does not resolve names.
#ifndef BRUSIO_ADAPTER_NET_ADDRESS_H
#define BRUSIO_ADAPTER_NET_ADDRESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_HOST_BYTES_MAX 255
// Longest text: a host, brackets, a colon, a port, the closing NUL.
#define NET_ADDRESS_TEXT_BYTES (NET_HOST_BYTES_MAX + 9)

struct net_address {
    char host[NET_HOST_BYTES_MAX + 1];
    uint16_t port;
};

// ERR_INVALID when `text` is not "host:port". Port 0 passes.
WARN_UNUSED enum err net_address_parse(const char *text, struct net_address *out);

// False when the host is a name, which has to be resolved.
bool net_address_is_literal(const struct net_address *address, struct sockaddr_storage *out);

// Whether the host stands for every address of a machine, so that it says nothing to others.
bool net_address_is_wildcard(const struct net_address *address);

// "host:port" of a socket address; brackets around IPv6.
void net_address_format(const struct sockaddr *from, char text[NET_ADDRESS_TEXT_BYTES]);

#endif
