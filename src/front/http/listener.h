// A listening TCP socket from an address as people write it.
#ifndef BRUSIO_FRONT_HTTP_LISTENER_H
#define BRUSIO_FRONT_HTTP_LISTENER_H

#include "base/err.h"

#include <stdint.h>

// "host:port", "[IPv6 address]:port" or ":port" for all addresses; port 0 picks a free one. Gives a
// descriptor that does not block, to be closed by the caller, and its port. ERR_INVALID (the text)
// or ERR_NETWORK.
WARN_UNUSED enum err listener_open(const char *address, int *fd, uint16_t *port,
                                   struct errmsg *detail);

#endif
