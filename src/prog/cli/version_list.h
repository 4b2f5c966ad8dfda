// The versions of a key in an optimistic keyspace: the winner, and those in conflict with it.
//
// Promise: what a server leaves out is empty, what it adds is ignored; only an answer that is no
// such object is an error.
#ifndef BRUSIO_PROG_CLI_VERSION_LIST_H
#define BRUSIO_PROG_CLI_VERSION_LIST_H

#include "cli/client.h"

enum { VERSION_LIST_MAX = 1024, EXPIRES_BYTES_MAX = 40 };

struct version_entry {
    char etag[ETAG_BYTES_MAX];
    char state[STATE_BYTES_MAX];     // "stable" or "tentative"
    char expires[EXPIRES_BYTES_MAX]; // date and time; "" for never
    struct buf value;                // owned
};

struct version_list {
    size_t count;                  // 1 or more
    struct version_entry *entries; // owned, the winner first
};

void version_list_init(struct version_list *list);
void version_list_release(struct version_list *list);

// From the body of an answer to a read with all versions; replaces what `list` held. ERR_CORRUPT
// when it is none.
WARN_UNUSED enum err version_list_decode(struct version_list *list, struct slice body,
                                         struct errmsg *detail);

#endif
