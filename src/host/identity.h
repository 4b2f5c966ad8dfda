// Who the node is, read from its stores at the start and raised by one incarnation.
#ifndef BRUSIO_HOST_IDENTITY_H
#define BRUSIO_HOST_IDENTITY_H

#include "core/map/voter_store.h"
#include "core/node/node.h"

// Reads the identity, or makes one from config->seed on empty stores that may be initialised, and
// writes it raised into both stores (open batches). Errors as host_new.
WARN_UNUSED enum err identity_begin(const struct node_config *config, const struct store *data,
                                    const struct store *voter, struct effects *effects,
                                    struct identity *out, struct errmsg *detail);

#endif
