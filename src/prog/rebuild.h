// `brusiod --rebuild`: a node whose stores are damaged begins anew, and fetches its data from the
// others.
//
// Promise: the old stores are set aside, never deleted; the node joins its cluster as a new one,
// and has the old one removed from it. Cut short anywhere, it goes on at the next start, asked to
// or not, and never sets the new stores aside.
//
// Invariants
//  1. The file `rebuild` in the data directory says how far it came. It is written before the first
//     store is renamed, and no new store is made before it says that both were.
//  2. The file stays when all is done: as long as it is there no other rebuild begins.
//
// It does not judge whether the stores are damaged: the operator did. What only they held is not
// brought back.
#ifndef BRUSIO_PROG_REBUILD_H
#define BRUSIO_PROG_REBUILD_H

#include "host/host.h"

enum rebuild_phase {
    REBUILD_NONE,
    REBUILD_SETTING_ASIDE,
    REBUILD_REPLACING, // this node joins, and the old one is to go
    REBUILD_DONE
};

struct rebuild {
    const char *directory; // borrowed
    enum rebuild_phase phase;
    unsigned number;       // in the names that the old stores got
    uint64_t old_store_id; // 0: it could not be read
    node_id old_node;      // of the old store, once a map named it
    bool asking;           // for its removal
    bool leaving_told;
    uint64_t ask_ms; // not before
};

// Before the stores of `directory` are opened: begins a rebuild when it is `asked` for and none is
// known, goes on with one that was begun, or does nothing. ERR_LOCKED (the node runs), ERR_ILLEGAL
// (it is the only voter), ERR_CORRUPT (the file), ERR_EXISTS (too many set aside), ERR_FULL or
// ERR_IO.
WARN_UNUSED enum err rebuild_begin(struct rebuild *rebuild, const char *directory, bool asked,
                                   struct errmsg *detail);

// In each turn of the loop: has the old node removed once this one is a member, and says so.
void rebuild_watch(struct rebuild *rebuild, struct host *host, uint64_t now_ms);

#endif
