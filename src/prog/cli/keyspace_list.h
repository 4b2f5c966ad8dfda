// The cluster's keyspaces, how each is placed or spread, and the calls that change that.
//
// Promise: what a server leaves out is zero or empty, what it adds is ignored.
#ifndef BRUSIO_PROG_CLI_KEYSPACE_LIST_H
#define BRUSIO_PROG_CLI_KEYSPACE_LIST_H

#include "cli/client.h"

enum { KEYSPACE_LIST_MAX = 1024, KEYSPACE_NAME_BYTES = 256, KEYSPACE_WORD_BYTES = 16 };

struct keyspace_entry {
    char name[KEYSPACE_NAME_BYTES];
    uint64_t id;
    char mode[KEYSPACE_WORD_BYTES]; // "strong", "optimistic"
    char strategy[KEYSPACE_WORD_BYTES];
    uint64_t replication_factor; // 0 when it does not apply
    uint64_t min_in_sync;
    // Of an optimistic one:
    bool is_family;
    bool is_signed;
    uint64_t primary; // 0: none
    uint64_t retention_ms;
};

struct keyspace_list {
    size_t count;
    struct keyspace_entry *entries; // owned
};

void keyspace_list_init(struct keyspace_list *list);
void keyspace_list_release(struct keyspace_list *list);

// Replaces what `list` held.
WARN_UNUSED enum err keyspace_list_fetch(struct keyspace_list *list, struct client *client,
                                         struct errmsg *detail);

// NULL when there is none.
const struct keyspace_entry *keyspace_list_find(const struct keyspace_list *list, const char *name);

// How the default keyspace is placed. `replication_factor` 0: left to the server.
WARN_UNUSED enum err strategy_set(struct client *client, const char *strategy,
                                  uint64_t replication_factor, struct errmsg *detail);

// What to create or change: NULL and 0 are left to the server, or as they are.
struct keyspace_settings {
    const char *strategy;
    uint64_t replication_factor;
    uint64_t min_in_sync;
    const char *mode;
    bool is_family;
    bool is_signed;
    uint64_t rumor_k;
    uint64_t rumor_ms;
    uint64_t anti_entropy_ms;
    uint64_t audit_ms;
    uint64_t retention_ms;
    uint64_t stability_ms;
};

WARN_UNUSED enum err keyspace_create(struct client *client, const char *name,
                                     const struct keyspace_settings *settings,
                                     struct errmsg *detail);
WARN_UNUSED enum err keyspace_change(struct client *client, const char *name,
                                     const struct keyspace_settings *settings,
                                     struct errmsg *detail);

#endif
