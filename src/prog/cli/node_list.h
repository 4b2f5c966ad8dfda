// The cluster's nodes as one of them describes them.
//
// Promise: what a server leaves out is zero, empty or absent, what it adds is ignored; only a list
// without valid node ids is an error.
#ifndef BRUSIO_PROG_CLI_NODE_LIST_H
#define BRUSIO_PROG_CLI_NODE_LIST_H

#include "cli/client.h"

enum { NODE_LIST_MAX = 1024, NODE_WORD_BYTES = 16, NODE_ADDRESS_BYTES = 256 };

struct node_entry {
    uint64_t id;
    bool alive;
    char state[NODE_WORD_BYTES];           // "up", "down", "failed"
    char address[NODE_ADDRESS_BYTES];      // host:port of its HTTP server
    char peer_address[NODE_ADDRESS_BYTES]; // host:port for other nodes
    bool leaving;                          // it is being removed
    bool replaced;                         // others took its place
    bool voter;
    bool has_slots;
    uint64_t slots_in_sync;
    uint64_t slots_joining;
    uint64_t slots_target;  // that it should hold
    uint64_t slots_awaited; // of these, not in sync yet
};

struct node_list {
    uint64_t epoch;
    uint64_t answered_by; // 0 when not told
    size_t count;
    struct node_entry *entries; // owned
};

void node_list_init(struct node_list *list);
void node_list_release(struct node_list *list);

// Replaces what `list` held.
WARN_UNUSED enum err node_list_fetch(struct node_list *list, struct client *client,
                                     struct errmsg *detail);

// From the JSON of the answer.
WARN_UNUSED enum err node_list_decode(struct node_list *list, const json_t *answer,
                                      struct errmsg *detail);

// NULL when there is none.
const struct node_entry *node_list_find(const struct node_list *list, uint64_t id);
const struct node_entry *node_list_find_peer(const struct node_list *list,
                                             const char *peer_address);

bool node_entry_up(const struct node_entry *entry);

// Every node is up, and none has slots that are still being brought in sync.
bool node_list_all_up(const struct node_list *list);
bool node_list_settled(const struct node_list *list);

// Slots that nodes which are up have yet to be brought in sync with. Those of dead nodes do not
// count: they wait for the node, or for others to take its place.
uint64_t node_list_moves_left(const struct node_list *list);

// The operator's drill, and its end.
WARN_UNUSED enum err node_fail(struct client *client, uint64_t id, struct errmsg *detail);
WARN_UNUSED enum err node_recover(struct client *client, uint64_t id, struct errmsg *detail);

// Asks that a node be removed, which then goes on by itself. ERR_NOT_FOUND, ERR_ILLEGAL when nobody
// would be left.
WARN_UNUSED enum err node_remove(struct client *client, uint64_t id, struct errmsg *detail);

// Which nodes hold a key of the default keyspace. `answer`, given to the caller, has "nodes", an
// array of ids.
WARN_UNUSED enum err nodes_for_key(struct client *client, struct slice key, json_t **answer,
                                   struct errmsg *detail);

#endif
