// What a node keeps in its voter store, which is always synced: who it is, the newest decided map,
// and what it promised and accepted for the next one.
//
// Promise: decoders are total; ERR_VERSION for a newer format, ERR_CORRUPT for bytes that no
// version wrote (every value carries a checksum).
#ifndef BRUSIO_CORE_MAP_VOTER_STORE_H
#define BRUSIO_CORE_MAP_VOTER_STORE_H

#include "core/effect/effects.h"
#include "core/map/voter_state.h"

void voter_store_put_identity(struct effects *effects, const struct identity *identity);
void voter_store_put_map(struct effects *effects, const struct cluster_map *map);
void voter_store_put_acceptor(struct effects *effects, const struct acceptor_state *state);

// Each reads one value; ERR_NOT_FOUND when it was never written.
WARN_UNUSED enum err voter_store_identity(const struct store *store, struct identity *out);
// Into `out`, which must be empty.
WARN_UNUSED enum err voter_store_map(const struct store *store, struct cluster_map *out);
// `out->accepted_map` borrows from the store, as store_ops.get says.
WARN_UNUSED enum err voter_store_acceptor(const struct store *store, struct acceptor_state *out);

#endif
