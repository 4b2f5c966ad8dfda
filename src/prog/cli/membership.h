// Members that come and go: what `brusio nodes add` and `nodes remove`, and the menu, have in
// common.
//
// Promise: a removal is asked for once. Adding changes nothing by itself: the new node joins when
// somebody starts it, with the command that is printed.
#ifndef BRUSIO_PROG_CLI_MEMBERSHIP_H
#define BRUSIO_PROG_CLI_MEMBERSHIP_H

#include "cli/node_list.h"
#include "cli/session.h"

enum { MEMBERSHIP_WORDS_MAX = 16, MEMBERSHIP_WORD_BYTES = 4400 };

// The command line that starts a new node.
struct join_command {
    size_t count;
    char words[MEMBERSHIP_WORDS_MAX][MEMBERSHIP_WORD_BYTES];
};

// "host:port" with a port from 1 to 65535, and a host that others could connect to.
bool membership_is_address(const char *text);

// The command for a new node that listens at `peer_address`, to join the cluster of `list`. Files
// are named as the session's options name them, or "token" and "key". ERR_UNAVAILABLE when no
// member is up. Large: not for the stack.
WARN_UNUSED enum err membership_command(struct join_command *command, const struct session *session,
                                        const struct node_list *list, const char *peer_address,
                                        struct errmsg *detail);

// Appends `word` as a shell takes it.
void membership_quote(struct buf *out, const char *word);

// Prints the command, and waits (unless `no_wait`) until the node is a member and the slots are
// spread evenly. For people and, with --json, for programs.
WARN_UNUSED enum err membership_add(struct session *session, const char *peer_address, bool no_wait,
                                    struct errmsg *detail);

// Removes the node, and waits (unless `no_wait`) until it is gone; prints what it does.
WARN_UNUSED enum err membership_remove(struct session *session, uint64_t id, bool no_wait,
                                       struct errmsg *detail);

#endif
