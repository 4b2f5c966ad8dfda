// Waiting for what a join or a removal moves between nodes.
//
// Promise: ends when the goal is reached, when an interrupt was seen (ERR_RETRY; what was begun
// goes on without the waiting), or when no node has answered for MOVES_SILENCE_MS. While it waits
// it shows how many slots are left, and says so when nothing has moved for MOVES_STALL_MS.
#ifndef BRUSIO_PROG_CLI_MOVES_H
#define BRUSIO_PROG_CLI_MOVES_H

#include "cli/node_list.h"
#include "cli/session.h"

enum { MOVES_POLL_MS = 100, MOVES_SILENCE_MS = 15000, MOVES_STALL_MS = 30000 };

enum moves_goal_kind {
    MOVES_GONE,     // the node `id` is no member any more
    MOVES_MEMBER,   // a node with `peer_address` is one
    MOVES_BALANCED, // the node `id` is up, and every node that is up holds what it should
};

struct moves_goal {
    enum moves_goal_kind kind;
    uint64_t id;              // MOVES_MEMBER sets it
    const char *peer_address; // borrowed
};

bool moves_reached(struct moves_goal *goal, const struct node_list *list);

// `session` gives the output, `client` is asked; interrupt_init comes before.
WARN_UNUSED enum err moves_await(const struct session *session, struct client *client,
                                 struct moves_goal *goal, struct errmsg *detail);

#endif
