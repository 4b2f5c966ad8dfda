// The peers that a node exchanges optimistic keyspaces with, as it describes them.
//
// Promise: what a server leaves out is zero, empty or absent, what it adds is ignored; only an
// answer without a list of peers is an error.
#ifndef BRUSIO_PROG_CLI_PEER_LIST_H
#define BRUSIO_PROG_CLI_PEER_LIST_H

#include "cli/client.h"

enum { PEER_LIST_MAX = 16384, PEER_WORD_BYTES = 32, PEER_ADDRESS_BYTES = 256 };

struct peer_entry {
    char store_id[PEER_WORD_BYTES];
    char kind[PEER_WORD_BYTES]; // "member", "roaming"
    uint64_t node_id;           // 0: none
    char address[PEER_ADDRESS_BYTES];
    bool reachable;
    bool heard; // and then
    uint64_t heard_ms;
    uint64_t keyspace_count;
};

struct peer_list {
    size_t count;
    struct peer_entry *entries; // owned
    json_t *answer;             // owned: of the first page, its "peers" those of all pages
};

void peer_list_init(struct peer_list *list);
void peer_list_release(struct peer_list *list);

// Replaces what `list` held by all peers of one node, page by page.
WARN_UNUSED enum err peer_list_fetch(struct peer_list *list, struct client *client,
                                     struct errmsg *detail);

// Adds the peers of a page (borrowed). ERR_CORRUPT when it holds none, or too many come together.
WARN_UNUSED enum err peer_list_add(struct peer_list *list, const json_t *page,
                                   struct errmsg *detail);

// What the node itself keeps: an array of names; NULL without one. Borrowed.
const json_t *peer_list_kept(const struct peer_list *list);

#endif
