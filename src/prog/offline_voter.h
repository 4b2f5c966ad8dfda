// The voter store of a node that does not run: read, and given another map.
//
// Promise: while it is open the node cannot start, and one that runs is refused (ERR_LOCKED).
// Nothing is made where there is no store. A map is written whole, and synced, or not at all.
//
// It knows nothing of what a node may do with the map: core/map/recovery.h does.
#ifndef BRUSIO_PROG_OFFLINE_VOTER_H
#define BRUSIO_PROG_OFFLINE_VOTER_H

#include "core/map/recovery.h"

struct offline_voter;

// Opens the directory `voter` in a node's data directory. Gives a store, to be ended by
// offline_voter_close. ERR_NOT_FOUND when there is none, else as store_lmdb_open.
WARN_UNUSED enum err offline_voter_open(const char *data_directory, struct offline_voter **out,
                                        struct errmsg *detail);

// ERR_NOT_FOUND when no node began there, ERR_CORRUPT or ERR_VERSION.
WARN_UNUSED enum err offline_voter_identity(struct offline_voter *voter, struct identity *out,
                                            struct errmsg *detail);

// Identity, map and acceptor state, into `out`, whose map must be empty and is given. What was
// accepted is borrowed from the voter. ERR_NOT_FOUND when the node has no map, or as above.
WARN_UNUSED enum err offline_voter_read(struct offline_voter *voter, struct recovery_survivor *out,
                                        struct errmsg *detail);

// Replaces the map, and the acceptor state by an empty one. ERR_FULL or ERR_IO: it is as it was.
WARN_UNUSED enum err offline_voter_write(struct offline_voter *voter, const struct cluster_map *map,
                                         struct errmsg *detail);

// NULL is fine.
void offline_voter_close(struct offline_voter *voter);

#endif
